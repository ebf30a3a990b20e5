//! Keys of objects.

use crate::error::{Error, Result};
use capbundle::digest::Sha256Digest;

/// Amazon's limit, in bytes of UTF-8.
const MAX_LENGTH: usize = 1024;
/// The digest makes a key unguessable and unique for its bytes.
const DEFAULT: &str = "{app}/{version}-{digest}.zip";
/// One object for each version of each app.
const FIXED: &str = "{app}/{version}.zip";

/// The parts of a key.
#[derive(Debug, Clone, Copy)]
pub struct KeyParts<'a> {
    /// The id of the app, such as `com.example.app`.
    pub app: &'a str,
    /// The version of the bundle.
    pub version: &'a str,
    /// The SHA-256 of the file, if known. A key with it cannot be guessed and never names another file.
    pub digest: Option<Sha256Digest>,
}

/// A template of bundle keys with the placeholders `{app}`, `{version}` and `{digest}`, see [`KeyParts`]. The default is `{app}/{version}-{digest}.zip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTemplate(String);

impl KeyTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for an unknown placeholder, and for a template of invalid keys.
    pub fn new(template: &str) -> Result<Self> {
        let probe = KeyParts {
            app: "app",
            version: "1.0.0",
            digest: Some(Sha256Digest::from_bytes([0; 32])),
        };
        let template = Self(template.to_owned());
        template.key(&probe)?;
        Ok(template)
    }

    /// `{app}/{version}.zip`, for URLs that must be known before the file exists. Anyone who knows app and version can guess it.
    #[must_use]
    pub fn fixed() -> Self {
        Self(FIXED.to_owned())
    }

    /// The same below a prefix, a folder with or without a trailing `/`. A leading `/` is removed.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn under(&self, prefix: &str) -> Result<Self> {
        match prefix.trim_matches('/') {
            "" => Ok(self.clone()),
            prefix => Self::new(&format!("{prefix}/{}", self.0)),
        }
    }

    /// The key of one bundle.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if a part is missing or is not a single safe name.
    pub fn key(&self, parts: &KeyParts<'_>) -> Result<String> {
        let mut key = String::new();
        let mut rest = self.0.as_str();
        while let Some(start) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(start);
            key.push_str(before);
            let end = from.find('}').filter(|_| from.starts_with('{'));
            let Some(end) = end else {
                return Err(self.refuse("unbalanced brace"));
            };
            match &from[1..end] {
                "app" => key.push_str(self.part("app", parts.app)?),
                "version" => key.push_str(self.part("version", parts.version)?),
                "digest" => match parts.digest {
                    Some(digest) => key.push_str(&digest.to_string()),
                    None => return Err(self.refuse("the digest for {digest} is not known")),
                },
                other => {
                    let problem =
                        format!("unknown placeholder {{{other}}}: expected {{app}}, {{version}} or {{digest}}");
                    return Err(self.refuse(&problem));
                }
            }
            rest = &from[end + 1..];
        }
        key.push_str(rest);
        check(&key)?;
        Ok(key)
    }

    /// A slash in a version would create another folder, and the same key for two bundles.
    fn part<'a>(&self, name: &str, value: &'a str) -> Result<&'a str> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
        if value.is_empty() || !value.bytes().all(allowed) {
            let problem = format!("invalid {name} {value:?}: expected letters, digits and -_.+ only");
            return Err(self.refuse(&problem));
        }
        Ok(value)
    }

    fn refuse(&self, problem: &str) -> Error {
        Error::invalid_input(format!("S3 key template {:?}", self.0), problem)
    }
}

impl Default for KeyTemplate {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

/// Refuses an invalid key, and one that a URL cannot contain: clients would resolve `.` and `..` to another object or bucket.
pub(super) fn check(key: &str) -> Result<()> {
    let refuse = |problem: &str| Err(Error::invalid_input("S3 key", format!("{key:?}: {problem}")));
    if key.is_empty() {
        return Err(Error::invalid_input("S3 key", "the key is empty"));
    }
    if key.len() > MAX_LENGTH {
        let problem = format!("expected at most {MAX_LENGTH} bytes, found {}", key.len());
        return Err(Error::invalid_input("S3 key", problem));
    }
    if key.chars().any(char::is_control) || key.contains('\\') {
        return refuse("contains a control character or a backslash");
    }
    if key
        .split('/')
        .any(|name| name.is_empty() || name == "." || name == "..")
    {
        return refuse("contains an empty segment, . or .., or starts or ends with a slash");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
