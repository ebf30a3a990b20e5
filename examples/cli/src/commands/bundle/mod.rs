//! `capbundle bundle …`

pub(crate) mod check;
pub(in crate::commands) mod content;
pub(crate) mod decrypt;
pub(crate) mod encrypt;
pub(in crate::commands) mod identity;
pub(crate) mod inspect;
pub(crate) mod open;
pub(in crate::commands) mod packing;
pub(crate) mod seal;
mod sealed_header;
pub(crate) mod unpack;
pub(crate) mod upload;
pub(crate) mod verify;
pub(crate) mod zip;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use capbundle::seal::SignedChecksum;
use capbundle::{Error, ErrorKind};

use crate::args::Form;
use crate::codes::{About, Failure, Result, Subject};
use crate::output::Output;

/// A hint is no list.
const MOST_NAMED: usize = 5;

/// Stops with Capgo's `zip_not_found`, or because it is no file, before anything else is looked at.
pub(in crate::commands) fn require_zip(zip: &Path) -> Result<()> {
    let found = fs::metadata(zip)
        .map_err(|source| Error::NotFound {
            operation: "open",
            path: zip.to_owned(),
            source,
        })
        .about(Subject::Archive)
        .map_err(|failure| match others_beside(zip).as_str() {
            "" => failure,
            others => failure.adding(&format!("in that folder there are: {others}")),
        })?;
    if found.is_file() {
        return Ok(());
    }
    // A pipe would block when it is opened, and none can be read twice.
    let problem = if found.is_dir() {
        "is a folder; `capbundle bundle zip --path` packs one"
    } else {
        "is no regular file: a zip is read from its end and more than once, which a pipe does not allow"
    };
    Err(Failure::refused(
        ErrorKind::InvalidInput.as_str(),
        format!("{}: {problem}", zip.display()),
    ))
}

/// Archives in the folder of one that is not there: Capgo's documentation calls what it packs by other names than its command.
fn others_beside(zip: &Path) -> String {
    let folder = zip
        .parent()
        .filter(|parent| *parent != Path::new(""))
        .unwrap_or(Path::new("."));
    // A folder that is not there either is told by the error itself.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "zip"))
        .collect();
    names.sort();
    names.truncate(MOST_NAMED);
    names.join(", ")
}

/// The signed checksum in the stated form. Another form is never taken, only pointed out.
pub(in crate::commands) fn signed_checksum(text: &str, form: Form) -> Result<SignedChecksum> {
    SignedChecksum::parse(text, form.into())
        .about(Subject::Checksum)
        .map_err(|failure| {
            let (other, name) = match form {
                Form::V2 => (Form::V3, "v3"),
                Form::V3 => (Form::V2, "v2"),
            };
            if SignedChecksum::parse(text, other.into()).is_err() {
                return failure;
            }
            failure.adding(&format!(
                "it looks like the other form: if that is meant, pass --checksum-form {name}"
            ))
        })
}

/// Capgo's name for a result: what was done is put behind the whole name, extension included.
fn beside(zip: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(zip);
    name.push(suffix);
    PathBuf::from(name)
}

/// Says that a file was replaced: the name of a result is derived, so nobody confirmed it.
fn say_if_replaced(existed: bool, path: &Path, output: &Output) {
    if existed {
        output.say(format!("Replaced {}, which existed", path.display()));
    }
}

/// The folder a file is in; the current one for a bare name.
fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
