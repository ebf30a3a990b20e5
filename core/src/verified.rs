//! A verified archive, and the file handle that its bytes were verified through.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::{NamedTempFile, TempPath};

use crate::channel::ChannelName;
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::atomic_file;
use crate::io::hashing::HashingWriter;
use crate::io::positional_reader::PositionalReader;
use crate::io::regular_file;
use crate::keys::KeyId;
use crate::progress::Control;

/// How a [`VerifiedArchive`] was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// Not verified: the caller trusts the local file.
    Assumed,
    /// The caller did not know a digest; the bytes came from an `https` URL and were compared with nothing.
    UnverifiedHttps,
    /// The bytes have the digest that the caller passed.
    Digest,
    /// This key signed the digest in Capgo's v2 form.
    CapgoSigned(KeyId),
    /// A release of this archive passed every check.
    Release {
        /// The channel of the release.
        channel: ChannelName,
        /// The sequence of the release.
        sequence: u64,
        /// The keys of the ring that signed the release.
        keys: Vec<KeyId>,
    },
}

/// An archive that was read in full and verified; the only input of [`unpack`](crate::bundle::unpack).
///
/// It owns the file handle that was hashed, and later reads use that handle: a file moved to the same path later has no
/// effect. A process that already has the file open can still change it in place; keep downloads in a folder that only the
/// app writes to.
///
/// A decrypted archive is a private temporary file, removed when this is dropped.
#[derive(Debug)]
pub struct VerifiedArchive {
    file: Arc<File>,
    path: PathBuf,
    temporary: Option<TempPath>,
    size: u64,
    digest: Sha256Digest,
    proof: Proof,
}

impl VerifiedArchive {
    /// Verifies that the file at `path` has the digest `expected`: reads it once, in constant memory.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if the digest differs,
    /// [`NotFound`](crate::ErrorKind::NotFound) and [`Io`](crate::ErrorKind::Io) if the file cannot be read,
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn from_digest(path: &Path, expected: &Sha256Digest, control: &Control) -> Result<Self> {
        Self::hashed(path, Proof::Digest, control)?.require_digest(expected)
    }

    /// Trusts a local file: computes its digest, but compares it with nothing.
    ///
    /// For files that never left this machine. A store that requires a proof refuses such an archive.
    ///
    /// # Errors
    /// As [`from_digest`](Self::from_digest), except for the comparison.
    pub fn assume_trusted(path: &Path, control: &Control) -> Result<Self> {
        Self::hashed(path, Proof::Assumed, control)
    }

    /// The archive in a file whose digest was computed through this handle.
    pub(crate) fn already_hashed(
        file: Arc<File>,
        path: PathBuf,
        size: u64,
        digest: Sha256Digest,
        proof: Proof,
    ) -> Self {
        Self {
            file,
            path,
            temporary: None,
            size,
            digest,
            proof,
        }
    }

    pub(crate) fn hashed(path: &Path, proof: Proof, control: &Control) -> Result<Self> {
        let mut file = regular_file::open(path)?;
        let digest = Sha256Digest::of_open_file(&mut file, path, control)?;
        let size = file.stream_position().with_path("read", path)?;
        Ok(Self {
            file: Arc::new(file),
            path: path.to_path_buf(),
            temporary: None,
            size,
            digest,
            proof,
        })
    }

    /// An archive decrypted into `file`; messages name the file `sealed` that it was decrypted from.
    pub(crate) fn decrypted(file: NamedTempFile, sealed: &Path, size: u64, digest: Sha256Digest, proof: Proof) -> Self {
        let (file, temporary) = file.into_parts();
        Self {
            file: Arc::new(file),
            path: sealed.to_path_buf(),
            temporary: Some(temporary),
            size,
            digest,
            proof,
        }
    }

    pub(crate) fn require_digest(self, expected: &Sha256Digest) -> Result<Self> {
        if self.digest == *expected {
            Ok(self)
        } else {
            Err(Error::DigestMismatch {
                path: self.path,
                expected: *expected,
                found: self.digest,
            })
        }
    }

    /// SHA-256 of the plain archive.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Size of the plain archive in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How the archive was verified.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The source file of the archive, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the verified bytes from the start, independently of other readers.
    #[must_use]
    pub fn reader(&self) -> impl Read + Seek + Send + use<> {
        self.positional_reader()
    }

    pub(crate) fn positional_reader(&self) -> PositionalReader {
        PositionalReader::new(Arc::clone(&self.file), self.size)
    }

    /// Keeps the plain archive as the file `to`, atomically, replacing an existing file.
    ///
    /// Moves a decrypted archive (which stays readable by its owner only) if `to` is on the same file system. Otherwise copies
    /// the bytes and hashes them again.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if the file changed after verification.
    pub fn persist(mut self, to: &Path) -> Result<()> {
        if let Some(temporary) = self.temporary.take() {
            self.file.sync_all().with_path("write", to)?;
            match temporary.persist(to) {
                Ok(()) => return atomic_file::sync_folder(atomic_file::folder_of(to)),
                Err(error) if error.error.kind() == io::ErrorKind::CrossesDevices => self.temporary = Some(error.path),
                Err(error) => return Err(Error::io("write", to, error.error)),
            }
        }
        self.copy_to(to)
    }

    /// Copies the plain archive to the file `to`, atomically, replacing an existing file. Hashes the bytes again.
    ///
    /// # Errors
    /// As [`persist`](Self::persist).
    pub fn copy_to(&self, to: &Path) -> Result<()> {
        let copy = atomic_file::temporary_file(atomic_file::folder_of(to), atomic_file::SHARED_MODE)?;
        let mut writer = HashingWriter::new(copy);
        io::copy(&mut self.reader(), &mut writer).with_path("write", to)?;
        let (copy, found, _) = writer.finish();
        if found != self.digest {
            return Err(Error::DigestMismatch {
                path: self.path.clone(),
                expected: self.digest,
                found,
            });
        }
        atomic_file::persist(copy, to)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
