//! Test vectors: a header of `key: value` lines, an empty line, and the bytes in base64.
//!
//! Each vector is one text file, which programs in any language can read. The keys:
//!
//! - `name`, `why`: the name, and the attack or defect that the vector represents.
//! - `expect`: the expected [`ErrorKind`](capbundle::ErrorKind), or `ok`.
//! - `limits`: limits that differ from the defaults, such as `entries=100 total_size=5000`.
//! - `needs`: the required property of the file system, `case_sensitive` or `any_name`.
//! - `inspect`: the result of inspecting the archive, if it differs from `expect`: `ok` if only the contents are invalid, or the
//!   code of a finding.
//! - `body`: `deflate` if the bytes are deflated before base64, for large archives of little content.
//! - `file`: for `ok`, the path of an expected file and the SHA-256 of its content; one line per file.
//! - `form`, `key`, `iv_session_key`, `checksum`: the other inputs of a Capgo v2 vector.
//! - `rings`, `app`, `channel`, `native`, `now` and others: the state of the device that verifies a release or a key ring; see
//!   [`releases`].
//! - `key`: for a sealed archive, the private content key that opens it.
//! - `old`: for a patch, the bytes of the old side.
//! - `plain`: for `ok`, the SHA-256 of the plain archive, or of what the patch writes.
//! - `released`: the number of plain bytes that may be released before a sealed archive is rejected, and their SHA-256.
//!
//! In values, `%41` stands for the byte `A`. This escapes significant spaces and bytes that are not text.

pub mod archives;
pub mod capgo;
pub mod patches;
pub mod releases;
pub mod sealed;

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use capbundle::Limits;
use sha2::{Digest as _, Sha256};

use crate::forge::capgo::hex;
use crate::forge::deflate;

/// All generated files, as paths relative to `root` (`tests/vectors`) and texts.
///
/// # Errors
/// If the keys in `root` cannot be read.
pub fn generated(root: &Path) -> Result<Vec<(String, String)>, String> {
    let keys = capgo::TestKeys::read(&root.join("keys"))?;
    let file = |folder: &str, vector: &Vector| (format!("{folder}/{}.txt", vector.field("name")), vector.to_text());
    let archives = archives::all();
    let capgo = capgo::all(&keys);
    let sealed = sealed::all(&sealed::ContentKeys::read(&root.join("keys"))?);
    let patches = patches::all()?;
    let forged = [capgo::forged_pems(&keys), releases::forged_pems(&keys)]
        .concat()
        .into_iter()
        .map(|(name, pem)| (format!("keys/{name}"), pem));
    let trusted = releases::trusted_rings(&keys)
        .into_iter()
        .map(|(name, ring)| (format!("trust/{name}"), ring));
    let of_releases = [
        ("releases", releases::releases(&keys)),
        ("rings", releases::rings(&keys)),
        ("file-lists", releases::file_lists()),
        ("json", releases::json()),
    ];
    let of_releases: Vec<_> = of_releases
        .iter()
        .flat_map(|(folder, vectors)| vectors.iter().map(|vector| file(folder, vector)))
        .collect();
    Ok(forged
        .chain(archives.iter().map(|vector| file("archives", vector)))
        .chain(capgo.iter().map(|vector| file("capgo-v2", vector)))
        .chain(sealed.iter().map(|vector| file("sealed", vector)))
        .chain(patches.iter().map(|vector| file("patches", vector)))
        .chain(trusted)
        .chain(of_releases)
        .collect())
}

/// The folders that contain only vectors.
pub const FOLDERS: [&str; 8] = [
    "archives",
    "capgo-v2",
    "sealed",
    "patches",
    "releases",
    "rings",
    "file-lists",
    "json",
];

/// The folder of the key rings that devices trust in the vectors.
pub const TRUSTED: &str = "trust";

/// Characters per line of base64.
const LINE: usize = 100;

/// A vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    fields: Vec<(String, String)>,
    /// The archive, or the sealed archive.
    pub body: Vec<u8>,
}

impl Vector {
    /// A vector that must be rejected with the error kind `expect`, or accepted (`ok`).
    #[must_use]
    pub fn new(name: &str, expect: &str, why: &str, body: Vec<u8>) -> Self {
        Self {
            fields: Vec::new(),
            body,
        }
        .with("name", name)
        .with("why", why)
        .with("expect", expect)
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.fields.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Replaces a field.
    #[must_use]
    pub fn replacing(mut self, key: &str, value: &str) -> Self {
        self.fields.retain(|(found, _)| found != key);
        self.with(key, value)
    }

    /// Expects this file among the unpacked ones.
    #[must_use]
    pub fn with_file(self, path: &str, content: &[u8]) -> Self {
        let line = format!("{} {}", escape(path.as_bytes()), hex(&Sha256::digest(content)));
        self.with("file", &line)
    }

    /// The first value of a field.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(found, _)| found == key)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a required field; empty if it is missing.
    #[must_use]
    pub fn field(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }

    /// The expected files with their digests in hexadecimal.
    #[must_use]
    pub fn files(&self) -> Vec<(String, String)> {
        let lines = self.fields.iter().filter(|(key, _)| key == "file");
        lines
            .filter_map(|(_, line)| line.split_once(' '))
            .map(|(path, digest)| (String::from_utf8_lossy(&unescape(path)).into_owned(), digest.to_owned()))
            .collect()
    }

    /// The limits to unpack with.
    ///
    /// # Errors
    /// If the `limits` line is malformed.
    pub fn limits(&self) -> Result<Limits, String> {
        let mut limits = Limits::default();
        for setting in self.field("limits").split_whitespace() {
            let (name, value) = setting.split_once('=').ok_or("a limit without `=`")?;
            let value = value.parse().map_err(|error| format!("{setting}: {error}"))?;
            match name {
                "entries" => limits.entries = value,
                "total_size" => limits.total_size = value,
                "file_size" => limits.file_size = value,
                "path_length" => limits.path_length = value,
                "component_length" => limits.component_length = value,
                "depth" => limits.depth = value,
                "expansion_ratio" => limits.expansion_ratio = value,
                "expansion_free" => limits.expansion_free = value,
                other => return Err(format!("unknown limit {other}")),
            }
        }
        Ok(limits)
    }

    /// The text of the vector's file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self
            .fields
            .iter()
            .flat_map(|(key, value)| [key.as_str(), ": ", value, "\n"]);
        let mut text: String = lines.collect();
        let body = if self.field("body") == "deflate" {
            STANDARD.encode(deflate::runs(&self.body))
        } else {
            STANDARD.encode(&self.body)
        };
        text.push('\n');
        for at in (0..body.len()).step_by(LINE) {
            text.push_str(&body[at..body.len().min(at + LINE)]);
            text.push('\n');
        }
        text
    }

    /// Parses the text of a vector's file.
    ///
    /// # Errors
    /// If the text is malformed.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let (header, body) = text.split_once("\n\n").ok_or("no empty line after the header")?;
        let fields = header
            .lines()
            .map(|line| line.split_once(": ").or(line.strip_suffix(':').map(|key| (key, ""))))
            .map(|field| field.map(|(key, value)| (key.to_owned(), value.to_owned())))
            .collect::<Option<Vec<_>>>()
            .ok_or("a header line without `: `")?;
        let body: String = body.lines().collect();
        let body = STANDARD.decode(body).map_err(|error| error.to_string())?;
        let vector = Self { fields, body };
        match vector.get("body") {
            None => Ok(vector),
            Some("deflate") => vector.inflated(),
            Some(other) => Err(format!("unknown form of the body: {other}")),
        }
    }

    fn inflated(mut self) -> Result<Self, String> {
        let packed = std::mem::take(&mut self.body);
        let mut stream = flate2::read::DeflateDecoder::new(packed.as_slice());
        stream.read_to_end(&mut self.body).map_err(|error| error.to_string())?;
        Ok(self)
    }

    /// Reads the vectors in a folder, ordered by name.
    ///
    /// # Errors
    /// If a file cannot be read or is malformed.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, String> {
        let listing = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut paths = listing
            .map(|entry| Ok(entry.map_err(|error| error.to_string())?.path()))
            .collect::<Result<Vec<_>, String>>()?;
        paths.sort();
        paths
            .iter()
            .map(|path| Self::read(path).map_err(|problem| format!("{}: {problem}", path.display())))
            .collect()
    }

    fn read(path: &Path) -> Result<Self, String> {
        Self::from_text(&std::fs::read_to_string(path).map_err(|error| error.to_string())?)
    }
}

/// Escapes all bytes except plain ASCII as `%41`.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    bytes
        .iter()
        .map(|&byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02x}")
            }
        })
        .collect()
}

/// Reverses [`escape`].
#[must_use]
pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    bytes
}
