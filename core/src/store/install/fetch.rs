//! Downloading, verifying and installing an archive in one call.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::request::NewBundle;
use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, IoContext, Result};
use crate::expected_proof::{ExpectedProof, Promise};
use crate::http::download::{Download, DownloadOptions, Remote, download_unless};
use crate::http::{Headers, Transport, Url};
use crate::progress::Control;
use crate::setters::setters;
use crate::store::open::Store;
use crate::store::records::BundleRecord;

/// Interval between two checks whether another download has finished, which takes seconds.
const DOWNLOAD_POLL: Duration = Duration::from_millis(50);

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
    /// With [`ExpectedProof::UnverifiedHttps`] no digest is known before the download: it is refused before if a bundle
    /// of the same version failed, but an installed archive is downloaded again. Compare the versions first.
    ///
    /// # Errors
    /// [`Busy`](ErrorKind::Busy) if another call downloads the same archive for longer than
    /// [`StoreOptions::lock_timeout`](crate::store::StoreOptions); the errors of
    /// [`download`](crate::http::download::download()), of verification
    /// ([`SignatureInvalid`](ErrorKind::SignatureInvalid), before the download,
    /// [`DigestMismatch`](ErrorKind::DigestMismatch), [`DecryptionFailed`](ErrorKind::DecryptionFailed)) and of
    /// [`install`](Self::install); [`NotTrusted`](ErrorKind::NotTrusted) for [`ExpectedProof::UnverifiedHttps`] with
    /// another URL than `https`.
    pub fn install_from(
        &self,
        transport: &dyn Transport,
        from: &RemoteArchive,
        options: &DownloadOptions,
        control: &Control,
    ) -> Result<BundleRecord> {
        if matches!(from.proof, ExpectedProof::UnverifiedHttps) && !from.url.is_secure() {
            let problem = "no digest is known, and the URL is not https; send the SHA-256 of the archive";
            return Err(Error::not_trusted(from.url.to_string(), problem));
        }
        // Another call may download the same archive: it is installed when that has finished.
        let downloaded = self.retry_while_busy(control, || {
            let digest = match self.wanted(&from.proof, &from.bundle)? {
                InstallNeed::Installed(record) => {
                    // Of a process that ended between the installation and the removal of the archive.
                    self.warn_of(self.remove_downloads(&[]));
                    return Ok(Err(*record));
                }
                InstallNeed::Archive(promise) => promise.digest,
            };
            let remote = remote(from, digest);
            let downloads = self.downloads(&[&remote.name()])?;
            let wanted = Download {
                remote: &remote,
                folder: &downloads,
                options,
            };
            let installed = Cell::new(None);
            let unless = || match self.known(digest.as_ref(), &from.bundle)? {
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
        let installed = match downloaded.hashed_archive(from.proof.promise()?.proof) {
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
    /// As [`install_from`](Self::install_from), except for those of the network; [`NotTrusted`](ErrorKind::NotTrusted)
    /// for [`ExpectedProof::UnverifiedHttps`], since this crate did not see where the file came from.
    pub fn install_file(
        &self,
        file: &Path,
        proof: &ExpectedProof,
        bundle: &NewBundle,
        control: &Control,
    ) -> Result<BundleRecord> {
        if matches!(proof, ExpectedProof::UnverifiedHttps) {
            let problem = "no digest is known, and the file may have come from anywhere; use install_from";
            return Err(Error::not_trusted(file.display().to_string(), problem));
        }
        match self.wanted(proof, bundle)? {
            InstallNeed::Installed(record) => Ok(*record),
            InstallNeed::Archive(_) => self.open_and_install(file, proof, bundle, control),
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
        let promise = proof.promise()?;
        self.options.required_proof.check(&promise.proof)?;
        let installed = self.known(promise.digest.as_ref(), bundle)?;
        Ok(installed.map_or(InstallNeed::Archive(promise), |record| {
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
        let folder = self.storage.layout.downloads();
        self.storage.move_away_from_folder_path(&folder)?;
        match self.storage.files.create_folder(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create the folder", &folder, error));
            }
            _ => {}
        }
        self.warn_of(self.take_back_trees(wanted));
        self.sweep_for_space()?;
        self.remove_downloads(wanted)?;
        Ok(folder)
    }

    /// Removes the downloads that no call uses, but for the wanted ones.
    pub(in crate::store) fn remove_downloads(&self, wanted: &[&str]) -> Result<()> {
        let folder = self.storage.layout.downloads();
        let names = match self.storage.list(&folder) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
            names => names?,
        };
        for name in names {
            let path = folder.join(&name);
            let stem = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy();
            let stem = stem.trim_end_matches(".part");
            let in_use = |ending: &str| self.storage.is_locked(&folder.join(format!("{stem}.{ending}")));
            if !wanted.contains(&stem) && !in_use("part")? && !in_use("download")? && !in_use("lock")? {
                self.storage.remove_if_there(&path)?;
            }
        }
        Ok(())
    }
}

enum InstallNeed {
    /// It is installed already.
    Installed(Box<BundleRecord>),
    /// The archive, which is promised to be this.
    Archive(Promise),
}

fn remote(from: &RemoteArchive, digest: Option<Sha256Digest>) -> Remote {
    let mut remote = Remote::new(from.url.clone());
    remote.headers = from.headers.clone();
    remote.size = from.size;
    match &from.proof {
        // Sealing the same archive again changes its bytes; the session key identifies it.
        ExpectedProof::CapgoSealed { iv_session_key, .. } => remote.key = Some(iv_session_key.to_string()),
        // A server may offer every version under one URL.
        ExpectedProof::UnverifiedHttps => {
            remote.key = Some(format!("{} {}", from.url.without_query(), from.bundle.version));
        }
        ExpectedProof::Digest(_) | ExpectedProof::CapgoSigned { .. } => remote.digest = digest,
    }
    remote
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
