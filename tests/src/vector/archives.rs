//! Archives that must be rejected, by kind of attack, and similar ones that must be accepted.

mod benign;
mod bombs;
mod bundles;
mod contradictions;
mod directory;
mod duplicates;
mod entry_kinds;
mod inspected;
mod names;
mod overlaps;
mod truncated;
mod zip64;

use super::Vector;
use crate::forge::{Archive, Entry};

/// All archive vectors.
#[must_use]
pub fn all() -> Vec<Vector> {
    [
        names::hostile(),
        names::harmless(),
        entry_kinds::all(),
        bombs::all(),
        overlaps::all(),
        contradictions::all(),
        duplicates::all(),
        directory::all(),
        zip64::all(),
        truncated::all(),
        bundles::all(),
        benign::all(),
    ]
    .concat()
    .into_iter()
    .map(inspected::marked)
    .collect()
}

/// The content of files where it does not matter.
const CONTENT: &[u8] = b"content\n";

fn unsafe_archive(name: &str, why: &str, archive: &Archive) -> Vector {
    Vector::new(name, "unsafe_archive", why, archive.bytes())
}

fn limit_exceeded(name: &str, limits: &str, why: &str, archive: &Archive) -> Vector {
    Vector::new(name, "limit_exceeded", why, archive.bytes()).with("limits", limits)
}

/// A bundle of an `index.html` and `entries`; `files` are the expected files besides the index.
fn accepted(name: &str, why: &str, archive: &Archive, files: &[(&str, &[u8])]) -> Vector {
    let vector = Vector::new(name, "ok", why, archive.bytes()).with_file("index.html", crate::forge::INDEX_HTML);
    files
        .iter()
        .fold(vector, |vector, (path, content)| vector.with_file(path, content))
}

fn bundle_with(entry: Entry) -> Archive {
    Archive::bundle([entry])
}
