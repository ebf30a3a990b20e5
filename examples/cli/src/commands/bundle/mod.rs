//! `capbundle bundle …`

pub(crate) mod check;
pub(in crate::commands) mod content;
pub(crate) mod decrypt;
pub(crate) mod encrypt;
pub(in crate::commands) mod identity;
pub(crate) mod inspect;
mod native_packages;
pub(crate) mod open;
pub(in crate::commands) mod packing;
pub(crate) mod seal;
mod sealed_header;
mod suggested_command;
pub(crate) mod unpack;
pub(crate) mod upload;
pub(crate) mod verify;
pub(crate) mod zip;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use capbundle::capgo::SignedChecksum;
use capbundle::{Error, ErrorKind};

use crate::args::Form;
use crate::error::{About, Failure, Result, Subject};
use crate::output::Output;

/// Maximum number of file names in a hint.
const MAX_HINTS: usize = 5;
/// The extensions of the files written by `bundle zip` and `bundle encrypt`.
const ZIP_END: &str = ".zip";
const ENCRYPTED_END: &str = ".zip_encrypted.zip";

/// Fails with Capgo's `zip_not_found`, or because the path is not a regular file, before any other check.
pub(in crate::commands) fn require_zip(zip: &Path) -> Result<()> {
    let found = fs::metadata(zip)
        .map_err(|source| Error::NotFound {
            operation: "open",
            path: zip.to_owned(),
            source,
        })
        .about(Subject::Archive)
        .map_err(|failure| match (written_beside(zip), others_beside(zip).as_str()) {
            (Some(written), _) => failure.adding(&format!(
                "`bundle zip` and `bundle encrypt` named the file {}: run `{}`",
                written.display(),
                suggested_command::with_file(zip, &written)
            )),
            (None, "") => failure,
            (None, others) => failure.adding(&format!("the folder contains: {others}")),
        })?;
    if found.is_file() {
        return Ok(());
    }
    // Opening a pipe would block, and a pipe cannot be read twice.
    let problem = if found.is_dir() {
        "is a folder; pack it with `capbundle bundle zip --path`"
    } else {
        "is not a regular file: a zip is read from its end and more than once, which is not possible with a pipe"
    };
    Err(Failure::refused(
        ErrorKind::InvalidInput.as_str(),
        format!("{}: {problem}", zip.display()),
    ))
}

/// The archive that a file name from Capgo's documentation refers to. It calls `com.example.app_1.2.3.zip` also
/// `com.example.app-1.2.3.zip` and `com.example.app.zip`. `None` if no file or more than one matches.
fn written_beside(zip: &Path) -> Option<PathBuf> {
    let name = zip.file_name()?.to_str()?;
    let end = [ENCRYPTED_END, ZIP_END].into_iter().find(|end| name.ends_with(end))?;
    let wanted = name.strip_suffix(end)?;
    let is_meant = |other: &String| {
        // Encrypted archives end with `.zip` too.
        let Some(stem) = other.strip_suffix(end).filter(|stem| !stem.contains(ZIP_END)) else {
            return false;
        };
        let split = stem.rsplit_once('_');
        split.is_some_and(|(id, version)| {
            semver::Version::parse(version).is_ok() && (wanted == id || wanted == format!("{id}-{version}"))
        })
    };
    let mut meant = archives_beside(zip).into_iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(only), None) => Some(zip.with_file_name(only)),
        _ => None,
    }
}

/// The archives in the folder of a missing one.
fn others_beside(zip: &Path) -> String {
    let mut names = archives_beside(zip);
    names.truncate(MAX_HINTS);
    names.join(", ")
}

fn archives_beside(zip: &Path) -> Vec<String> {
    // If the folder is missing too, the error itself says so.
    let entries = fs::read_dir(folder_of(zip)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(ZIP_END))
        .collect();
    names.sort();
    names
}

/// Parses a signed checksum in the stated encoding. The other encoding is never accepted, only suggested.
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
                "the value has the other encoding: pass --checksum-form {name} to use it"
            ))
        })
}

/// Capgo's name for a result: a suffix after the full file name, including its extension.
fn beside(zip: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(zip);
    name.push(suffix);
    PathBuf::from(name)
}

/// Reports a replaced file, because the name of the result was derived and not chosen by the user.
fn say_if_replaced(existed: bool, path: &Path, output: &Output) {
    if existed {
        output.say(format!("Replaced the existing {}", path.display()));
    }
}

/// The folder of a file; `.` for a bare file name.
pub(in crate::commands) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
