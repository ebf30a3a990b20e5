//! The bundle to publish: its archive, its file list, and the keys it is sealed for.

use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::Result;
use capbundle::Limits;
use capbundle::VerifiedArchive;
use capbundle::digest::Sha256Digest;
use capbundle::io::atomic_file;
use capbundle::keys::PublicContentKey;
use capbundle::progress::Control;
use capbundle::release::{ArchiveIdentity, BundleIdentity, FileList, SealedIdentity};
use capbundle::sealed;

/// More than the header of an archive sealed for 16 keys of 4096 bits.
pub(super) const MAX_HEADER_LEN: u64 = 16 << 10;

/// A bundle as devices receive it.
#[derive(Debug)]
pub struct Bundle {
    zip: PathBuf,
    pub(super) archive: ArchiveIdentity,
    pub(super) files: Vec<u8>,
    pub(super) files_digest: Sha256Digest,
    pub(super) recipients: Vec<PublicContentKey>,
    staging: PathBuf,
}

/// The file to upload.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) file: PathBuf,
    pub(super) sealed: Option<SealedIdentity>,
    /// Removes the sealed file when it is dropped.
    pub(super) temporary: Option<TempPath>,
}

impl Bundle {
    /// The archive at `zip`. Reads all of its files, to check that devices can unpack it.
    ///
    /// # Errors
    /// The errors of [`unpack`](capbundle::bundle::unpack), except those of writing.
    pub fn of_zip(zip: &Path, limits: &Limits, control: &Control) -> Result<Self> {
        let archive = VerifiedArchive::assume_trusted(zip, control)?;
        let files = FileList::of_archive(&archive, limits, control)?.to_bytes()?;
        Ok(Self {
            zip: zip.to_path_buf(),
            archive: ArchiveIdentity {
                size: archive.size(),
                digest: archive.digest(),
            },
            files_digest: Sha256Digest::of(&files),
            files,
            recipients: Vec::new(),
            staging: atomic_file::folder_of(zip).to_path_buf(),
        })
    }

    /// Seals the archive for these content keys, in a temporary file in `staging`.
    #[must_use]
    pub fn sealed_for(mut self, recipients: Vec<PublicContentKey>, staging: &Path) -> Self {
        self.recipients = recipients;
        staging.clone_into(&mut self.staging);
        self
    }

    /// The plain archive, by size and digest.
    #[must_use]
    pub fn archive(&self) -> ArchiveIdentity {
        self.archive
    }

    pub(super) fn zip(&self) -> &Path {
        &self.zip
    }

    /// Its identity in a release.
    pub(super) fn identity(&self, sealed: Option<SealedIdentity>) -> BundleIdentity {
        BundleIdentity {
            archive: self.archive,
            sealed,
            files_digest: self.files_digest,
        }
    }

    pub(super) fn is_sealed(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// Prepares the file to upload.
    pub(super) fn outgoing(&self, control: &Control) -> Result<Outgoing> {
        if !self.is_sealed() {
            return Ok(Outgoing {
                file: self.zip.clone(),
                sealed: None,
                temporary: None,
            });
        }
        // Reserves the name; sealing replaces the file.
        let to = atomic_file::temporary_file(&self.staging, atomic_file::PRIVATE_MODE)?.into_temp_path();
        let sealed = sealed::seal(
            &self.zip,
            &to,
            &sealed::Sealing {
                expected: &self.archive.digest,
                recipients: &self.recipients,
            },
            control,
        )?;
        Ok(Outgoing {
            file: to.to_path_buf(),
            sealed: Some(SealedIdentity {
                size: sealed.size,
                header_digest: sealed.header_digest,
            }),
            temporary: Some(to),
        })
    }
}
