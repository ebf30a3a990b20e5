//! Downloading, verifying and installing an archive in one call.

use std::cell::Cell;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::request::NewBundle;
use crate::capgo::{self, IvSessionKey, SignedChecksum};
use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, IoContext, Result};
use crate::http::download::{Download, DownloadOptions, Remote, download_unless};
use crate::http::{Headers, Transport, Url};
use crate::keys::VerifyingKey;
use crate::progress::Control;
use crate::setters::setters;
use crate::store::open::Store;
use crate::store::records::BundleRecord;
use crate::verified::{Proof, VerifiedArchive};

/// Interval between two checks whether another download has finished, which takes seconds.
const DOWNLOAD_POLL: Duration = Duration::from_millis(50);

/// How an archive is verified. This alone decides what is checked, never anything that a server sends or omits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ExpectedProof {
    /// By this digest, which the host received over a trusted channel.
    Digest(Sha256Digest),
    /// By a signed checksum; the archive is not encrypted.
    CapgoSigned {
        /// The signed checksum.
        checksum: SignedChecksum,
        /// The key that must have signed it.
        key: VerifyingKey,
    },
    /// By a signed checksum; the archive is encrypted in Capgo's v2 format.
    CapgoSealed {
        /// The IV and session key that decrypt the archive.
        iv_session_key: IvSessionKey,
        /// The signed checksum of the plain archive.
        checksum: SignedChecksum,
        /// The key that must have signed both.
        key: VerifyingKey,
    },
}

/// A remote archive.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RemoteArchive {
    /// Its URL.
    pub url: Url,
    /// Headers for the host of that URL, for example a token. Not sent after a redirect to another origin.
    pub headers: Headers,
    /// Size of the file in bytes, if known.
    pub size: Option<u64>,
    /// How it is verified.
    pub proof: ExpectedProof,
    /// Metadata of its bundle.
    pub bundle: NewBundle,
}

impl RemoteArchive {
    /// The archive at this URL.
    #[must_use]
    pub fn new(url: Url, proof: ExpectedProof, bundle: NewBundle) -> Self {
        Self {
            url,
            headers: Headers::new(),
            size: None,
            proof,
            bundle,
        }
    }

    setters! {
        with_headers(headers: Headers);
        with_size(size: impl Into<Option<u64>>);
    }
}

impl ExpectedProof {
    /// The digest of the plain archive, and the proof that it provides.
    fn promise(&self) -> Result<(Sha256Digest, Proof)> {
        match self {
            Self::Digest(digest) => Ok((*digest, Proof::Digest)),
            Self::CapgoSigned { checksum, key } | Self::CapgoSealed { checksum, key, .. } => {
                Ok((checksum.verify(key)?, Proof::CapgoSigned(key.id())))
            }
        }
    }

    fn open(&self, path: &Path, staging: &Path, control: &Control) -> Result<VerifiedArchive> {
        match self {
            Self::Digest(digest) => VerifiedArchive::from_digest(path, digest, control),
            Self::CapgoSigned { checksum, key } => capgo::verify_signed_only(path, checksum, key, control),
            Self::CapgoSealed {
                iv_session_key,
                checksum,
                key,
            } => capgo::decrypt(
                path,
                staging,
                &capgo::Decryption {
                    iv_session_key,
                    checksum,
                    key,
                },
                control,
            ),
        }
    }
}

impl Store {
    /// Downloads, verifies, decrypts and installs an archive. It is served only after [`set_next`](Self::set_next) or
    /// [`set_current`](Self::set_current).
    ///
    /// Nothing is downloaded if the proof is weaker than the store requires, if the bundle failed on this device
    /// before, or if it is installed already, in which case its record is returned. A download that failed, was
    /// cancelled or ended with the process is resumed by the next call for the same archive, even from another URL; a
    /// call for another archive removes it. A file that does not match its digest, or is not a bundle, is removed
    /// immediately.
    ///
    /// # Errors
    /// [`Busy`](ErrorKind::Busy) if another call downloads the same archive for longer than
    /// [`StoreOptions::lock_timeout`](crate::store::StoreOptions); the errors of
    /// [`download`](crate::http::download::download()), of verification
    /// ([`SignatureInvalid`](ErrorKind::SignatureInvalid), [`DigestMismatch`](ErrorKind::DigestMismatch),
    /// [`DecryptionFailed`](ErrorKind::DecryptionFailed)) and of [`install`](Self::install).
    pub fn install_from(
        &self,
        transport: &dyn Transport,
        from: &RemoteArchive,
        options: &DownloadOptions,
        control: &Control,
    ) -> Result<BundleRecord> {
        // Another call may download the same archive: it is installed when that has finished.
        let downloaded = self.retry_while_busy(control, || {
            let digest = match self.wanted(&from.proof, &from.bundle)? {
                InstallNeed::Installed(record) => return Ok(Err(*record)),
                InstallNeed::Digest(digest) => digest,
            };
            let remote = remote(from, &digest);
            let downloads = self.downloads(&[&remote.name()])?;
            let wanted = Download {
                remote: &remote,
                folder: &downloads,
                options,
            };
            let installed = Cell::new(None);
            let unless = || match self.known(&digest, &from.bundle)? {
                Some(record) => {
                    installed.set(Some(record));
                    Err(Error::Cancelled { operation: "download" })
                }
                None => Ok(()),
            };
            let downloaded = download_unless(transport, &wanted, control, None, &unless);
            match installed.take() {
                Some(record) => Ok(Err(record)),
                None => downloaded.map(Ok),
            }
        })?;
        // Kept locked until the end, so that a call for another archive does not remove it.
        let downloaded = match downloaded {
            Ok(downloaded) => downloaded,
            Err(installed) => return Ok(installed),
        };
        let (_, promised) = from.proof.promise()?;
        let installed = match downloaded.hashed_archive(promised) {
            Some(archive) => self.install(&archive, &from.bundle, control),
            None => self.open_and_install(&downloaded.file.path, &from.proof, &from.bundle, control),
        };
        match installed {
            // The file is valid: the next call may use it.
            Err(error) if !is_fault_of_file(&error) => Err(error),
            result => downloaded.file.remove().and(result),
        }
    }

    /// Verifies, decrypts and installs an archive that the host downloaded itself, for example in the background. The
    /// file is not removed.
    ///
    /// # Errors
    /// As [`install_from`](Self::install_from), except for those of the network.
    pub fn install_file(
        &self,
        file: &Path,
        proof: &ExpectedProof,
        bundle: &NewBundle,
        control: &Control,
    ) -> Result<BundleRecord> {
        match self.wanted(proof, bundle)? {
            InstallNeed::Installed(record) => Ok(*record),
            InstallNeed::Digest(_) => self.open_and_install(file, proof, bundle, control),
        }
    }

    /// Retries an attempt that finds a file in use by another call, for as long as a change waits for the lock.
    pub(in crate::store) fn retry_while_busy<T>(
        &self,
        control: &Control,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            let path = match attempt() {
                Err(Error::Busy { path, .. }) => path,
                result => return result,
            };
            let waited = start.elapsed();
            let left = self.options.lock_timeout.saturating_sub(waited);
            if left.is_zero() {
                return Err(Error::Busy { path, waited });
            }
            control.check("wait for another download")?;
            thread::sleep(left.min(DOWNLOAD_POLL));
        }
    }

    /// Whether the archive must be installed.
    fn wanted(&self, proof: &ExpectedProof, bundle: &NewBundle) -> Result<InstallNeed> {
        let (digest, promised) = proof.promise()?;
        self.options.required_proof.check(&promised)?;
        let installed = self.known(&digest, bundle)?;
        Ok(installed.map_or(InstallNeed::Digest(digest), |record| {
            InstallNeed::Installed(Box::new(record))
        }))
    }

    /// Stores the plain archive of a sealed one in the staging folder, which is swept after a crash.
    fn open_and_install(
        &self,
        file: &Path,
        proof: &ExpectedProof,
        bundle: &NewBundle,
        control: &Control,
    ) -> Result<BundleRecord> {
        let staged = self.storage.stage()?;
        let files = &self.storage.files;
        let made = files
            .create_folder(&staged.path)
            .with_path("create the folder", &staged.path);
        let opened = made.and_then(|()| proof.open(file, &staged.path, control));
        let installed = opened.and_then(|archive| self.install(&archive, bundle, control));
        self.storage.unstage(staged).and(installed)
    }

    /// The folder for downloads, after removing those that no call resumes. Also sweeps deleted bundles, since the
    /// download needs their space.
    pub(in crate::store) fn downloads(&self, wanted: &[&str]) -> Result<PathBuf> {
        self.sweep_for_space()?;
        let folder = self.storage.layout.downloads();
        match fs::create_dir(&folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.storage.move_away_from_folder_path(&folder)?;
                fs::create_dir_all(&folder).with_path("create the folder", &folder)?;
            }
            Err(error) => return Err(Error::io("create the folder", &folder, error)),
        }
        for name in self.storage.list(&folder)? {
            let path = folder.join(&name);
            let stem = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy();
            let stem = stem.trim_end_matches(".part");
            let in_use = |ending: &str| is_locked(&folder.join(format!("{stem}.{ending}")));
            if !wanted.contains(&stem) && !in_use("part")? && !in_use("download")? {
                self.storage.remove_file_if_there(&path)?;
            }
        }
        Ok(folder)
    }
}

enum InstallNeed {
    /// It is installed already.
    Installed(Box<BundleRecord>),
    /// The digest of the plain archive.
    Digest(Sha256Digest),
}

fn remote(from: &RemoteArchive, digest: &Sha256Digest) -> Remote {
    let mut remote = Remote::new(from.url.clone());
    remote.headers = from.headers.clone();
    remote.size = from.size;
    match &from.proof {
        // Sealing the same archive again changes its bytes; the session key identifies it.
        ExpectedProof::CapgoSealed { iv_session_key, .. } => remote.key = Some(iv_session_key.to_string()),
        ExpectedProof::Digest(_) | ExpectedProof::CapgoSigned { .. } => remote.digest = Some(*digest),
    }
    remote
}

fn is_locked(part: &Path) -> Result<bool> {
    // Opening a pipe would block.
    match fs::symlink_metadata(part) {
        Ok(found) if !found.is_file() => return Ok(false),
        _ => {}
    }
    let file = match File::open(part) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("open", part, error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", part, error)),
    }
}

/// Whether the file would fail on every attempt.
pub(in crate::store) fn is_fault_of_file(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DigestMismatch
            | ErrorKind::DecryptionFailed
            | ErrorKind::UnsafeArchive
            | ErrorKind::LimitExceeded
            | ErrorKind::NotABundle
    )
}
