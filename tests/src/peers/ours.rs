//! The core, used as a host app uses it, with nothing but defaults.

use std::path::Path;

use capbundle::bundle::{self, PackOptions, Packed, UnpackOptions};
use capbundle::digest::Sha256Digest;
use capbundle::progress::Control;
use capbundle::{Result, VerifiedArchive};

use super::Listing;

/// Packs `folder`, which must work.
///
/// # Panics
/// When it does not.
#[must_use]
pub fn pack(folder: &Path, archive: &Path) -> Packed {
    bundle::pack(folder, archive, &PackOptions::default(), &Control::new()).expect("the folder can be packed")
}

/// Verifies `archive` by its digest and unpacks it.
///
/// # Errors
/// Those of the core.
pub fn verify_and_unpack(archive: &Path, digest: &str) -> Result<Listing> {
    let control = Control::new();
    let digest: Sha256Digest = digest.parse()?;
    unpack(&VerifiedArchive::from_digest(archive, &digest, &control)?)
}

/// Unpacks a proved archive and looks at what came out.
///
/// # Errors
/// Those of the core.
///
/// # Panics
/// When there is no temporary folder to be had.
pub fn unpack(archive: &VerifiedArchive) -> Result<Listing> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let target = folder.path().join("bundle");
    bundle::unpack(archive, &target, &UnpackOptions::default(), &Control::new())?;
    Ok(Listing::of_folder(&target))
}
