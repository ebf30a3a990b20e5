//! The core with default options, as an app uses it.

use std::path::Path;

use capbundle::bundle::{self, PackOptions, Packed, UnpackOptions};
use capbundle::digest::Sha256Digest;
use capbundle::progress::Control;
use capbundle::{Result, VerifiedArchive};

use super::Listing;

/// Packs `folder`, which must succeed.
///
/// # Panics
/// If it fails.
#[must_use]
pub fn pack(folder: &Path, archive: &Path) -> Packed {
    bundle::pack(folder, archive, &PackOptions::default(), &Control::new()).expect("the folder can be packed")
}

/// Verifies `archive` by its digest and unpacks it.
///
/// # Errors
/// Errors of the core.
pub fn verify_and_unpack(archive: &Path, digest: &str) -> Result<Listing> {
    let control = Control::new();
    let digest: Sha256Digest = digest.parse()?;
    unpack(&VerifiedArchive::from_digest(archive, &digest, &control)?)
}

/// Unpacks a verified archive and lists the result.
///
/// # Errors
/// Errors of the core.
///
/// # Panics
/// If no temporary folder can be created.
pub fn unpack(archive: &VerifiedArchive) -> Result<Listing> {
    let folder = tempfile::tempdir().expect("a temporary folder can be created");
    let target = folder.path().join("bundle");
    bundle::unpack(archive, &target, &UnpackOptions::default(), &Control::new())?;
    Ok(Listing::of_folder(&target))
}
