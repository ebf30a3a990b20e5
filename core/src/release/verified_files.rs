//! A verified file list.

use super::file_list::FileList;
use super::policy::TrustedRelease;
use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::verified::Proof;

/// The files that a bundle must have, with the proof that its publisher says so.
///
/// A store that has these files, from wherever, has the bundle: the list says for each file its path, size and digest,
/// and which files there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedFiles {
    list: FileList,
    content_digest: Sha256Digest,
    proof: Proof,
}

impl VerifiedFiles {
    /// A list for which `proof` holds.
    fn new(list: FileList, proof: Proof) -> Result<Self> {
        let content_digest = Sha256Digest::of(&list.to_bytes()?);
        Ok(Self {
            list,
            content_digest,
            proof,
        })
    }

    /// The files.
    #[must_use]
    pub fn list(&self) -> &FileList {
        &self.list
    }

    /// SHA-256 of the list as [`FileList::to_bytes`] writes it. It identifies the contents of a bundle, however they are
    /// packed.
    #[must_use]
    pub fn content_digest(&self) -> Sha256Digest {
        self.content_digest
    }

    /// How the list was verified.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

impl TrustedRelease {
    /// Verifies that these are the bytes of the file list of this release.
    ///
    /// # Errors
    /// As [`check_file_list`](Self::check_file_list).
    pub fn verify_files(&self, bytes: &[u8]) -> Result<VerifiedFiles> {
        VerifiedFiles::new(self.check_file_list(bytes)?, self.proof())
    }
}
