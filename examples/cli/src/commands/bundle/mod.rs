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

/// Stops with Capgo's `zip_not_found`, or because it is no file, before anything else is looked at.
pub(in crate::commands) fn require_zip(zip: &Path) -> Result<()> {
    let found = fs::metadata(zip)
        .map_err(|source| Error::NotFound {
            operation: "open",
            path: zip.to_owned(),
            source,
        })
        .about(Subject::Archive)?;
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
