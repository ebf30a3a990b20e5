//! An archive whose bytes were proved, and the handle they were read through.

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

/// How a [`VerifiedArchive`] was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// Nobody proved anything: the caller said that the local file is to be trusted.
    Assumed,
    /// The bytes have the digest that the caller gave.
    Digest,
    /// The digest was signed, in Capgo's v2 form, by this key.
    CapgoSigned(KeyId),
    /// A release that names it passed every check.
    Release {
        /// The channel it was taken from.
        channel: ChannelName,
        /// The sequence of the release.
        sequence: u64,
        /// The keys of the ring that signed the release.
        keys: Vec<KeyId>,
    },
}

/// An archive that was read in full and proved; the only thing [`unpack`](crate::bundle::unpack) takes.
///
/// It owns the very file handle the bytes were hashed through, and everything after reads through that handle: a file
/// put under the same path later is never looked at. A writer that already held the same file open could still change
/// it in place; keep downloads in a folder that only the app writes to.
///
/// A decrypted archive lives in a private temporary file that is removed when this is dropped.
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
    /// Proves that the file at `path` has the digest `expected`: reads it once, in constant memory.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if it is another file,
    /// [`NotFound`](crate::ErrorKind::NotFound) and [`Io`](crate::ErrorKind::Io) if it cannot be read,
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn from_digest(path: &Path, expected: &Sha256Digest, control: &Control) -> Result<Self> {
        Self::hashed(path, Proof::Digest, control)?.require_digest(expected)
    }

    /// Takes a local file on trust: its digest is computed, but compared with nothing.
    ///
    /// For files that never left this machine. A store that asks for a proof refuses what comes from here.
    ///
    /// # Errors
    /// As [`from_digest`](Self::from_digest), but for the comparison.
    pub fn assume_trusted(path: &Path, control: &Control) -> Result<Self> {
        Self::hashed(path, Proof::Assumed, control)
    }

    /// The archive in a file that was hashed through this handle.
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

    /// An archive decrypted into `file`, whose name in messages is that of the sealed file it came from.
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

    /// Bytes of the plain archive.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How it was proved.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The file the archive came from, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the proved bytes from the start, independently of any other reader.
    #[must_use]
    pub fn reader(&self) -> impl Read + Seek + Send + use<> {
        self.positional_reader()
    }

    pub(crate) fn positional_reader(&self) -> PositionalReader {
        PositionalReader::new(Arc::clone(&self.file), self.size)
    }

    /// Keeps the plain archive as the file `to`, which appears whole or not at all and replaces one that is there.
    ///
    /// A decrypted archive is moved (and stays readable for its owner alone) when `to` is on the same file system; else
    /// the proved bytes are copied, and hashed once more on the way.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if the file changed since it was proved.
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

    /// Writes the plain archive to the file `to`, which appears whole or not at all and replaces one that is there. The
    /// proved bytes are hashed once more on the way.
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
