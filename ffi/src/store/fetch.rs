//! From a URL, or from a file that the platform downloaded, to an installed bundle.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::capgo::SignedChecksum;
use capbundle_core::keys::VerifyingKey;
use capbundle_core::store as core;

use super::Store;
use super::install::NewBundle;
use super::records::BundleRecord;
use crate::download::{DownloadOptions, headers, size};
use crate::error::Result;
use crate::http::host::with_transport;
use crate::http::{HttpHeader, HttpTransport};
use crate::progress::{CancelToken, ProgressObserver, with_control};
use crate::capgo::ChecksumForm;

/// How an archive is to be proved. What is checked follows from this alone, never from what a server sends or leaves out.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum ExpectedProof {
    /// By its SHA-256, 64 hexadecimal digits, which came over a channel you trust.
    Digest {
        /// The digest.
        digest: String,
    },
    /// By a checksum that was signed; the archive is not encrypted.
    CapgoSigned {
        /// The signed checksum.
        checksum: String,
        /// Its spelling.
        form: ChecksumForm,
        /// The key that must have signed it, as PEM text.
        public_key: String,
    },
    /// By a checksum that was signed; the archive is encrypted in Capgo's v2 form.
    CapgoEncrypted {
        /// What it takes to decrypt the archive.
        iv_session_key: String,
        /// The signed checksum of the plain archive.
        checksum: String,
        /// Its spelling.
        form: ChecksumForm,
        /// The key that must have signed both, as PEM text.
        public_key: String,
    },
}

impl ExpectedProof {
    fn to_core(&self) -> Result<core::ExpectedProof> {
        Ok(match self {
            Self::Digest { digest } => core::ExpectedProof::Digest(digest.parse()?),
            Self::CapgoSigned {
                checksum,
                form,
                public_key,
            } => core::ExpectedProof::CapgoSigned {
                checksum: SignedChecksum::parse(checksum, (*form).into())?,
                key: VerifyingKey::from_pem(public_key)?,
            },
            Self::CapgoEncrypted {
                iv_session_key,
                checksum,
                form,
                public_key,
            } => core::ExpectedProof::CapgoSealed {
                iv_session_key: iv_session_key.parse()?,
                checksum: SignedChecksum::parse(checksum, (*form).into())?,
                key: VerifyingKey::from_pem(public_key)?,
            },
        })
    }
}

/// An archive that is somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RemoteArchive {
    /// Where it is: `https`, or `http` on this very machine.
    pub url: String,
    /// How it is proved.
    pub proof: ExpectedProof,
    /// What is said of the bundle in it.
    pub bundle: NewBundle,
    /// What the host of that URL is to be told, for example a token. Not sent on when it redirects to another origin.
    #[uniffi(default = [])]
    pub headers: Vec<HttpHeader>,
    /// Bytes of the file, where known.
    #[uniffi(default = None)]
    pub size: Option<i64>,
}

impl RemoteArchive {
    fn into_core(self) -> Result<core::RemoteArchive> {
        let (proof, bundle) = (self.proof.to_core()?, self.bundle.into_core()?);
        let mut archive = core::RemoteArchive::new(self.url.parse()?, proof, bundle);
        archive.headers = headers(self.headers)?;
        archive.size = size(self.size)?;
        Ok(archive)
    }
}

#[uniffi::export]
impl Store {
    /// Downloads an archive, proves it, opens it and installs it. It is served once it is set as next or current. Blocks
    /// until it is there: for a background thread.
    ///
    /// Nothing is downloaded if the proof is less than what the store asks for, if the bundle failed on this device before,
    /// or if it is installed already: its record is returned then. What came of a download that failed, was cancelled or
    /// ended with the process is gone on with by the next call for the same archive, whatever its URL is by then. A file that
    /// is not what was promised, or no bundle, is removed at once.
    ///
    /// Throws what `download`, the proof (`SignatureInvalid`, `DigestMismatch`, `DecryptionFailed`, `NotTrusted`) and `install`
    /// throw.
    #[uniffi::method(default(options = None, cancel = None, progress = None))]
    pub fn install_from(
        &self,
        transport: Arc<dyn HttpTransport>,
        archive: RemoteArchive,
        options: Option<DownloadOptions>,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<BundleRecord> {
        self.installed("install from", |store| {
            with_control(cancel, progress, |control| {
                let (archive, options) = (archive.into_core()?, DownloadOptions::to_core(options.as_ref())?);
                with_transport(transport, |host| {
                    Ok(store.install_from(host, &archive, &options, control)?)
                })
            })
        })
    }

    /// Proves, opens and installs an archive that the host downloaded itself, for example while the app was in the
    /// background. The file stays the host's. Blocks while it reads and writes: for a background thread.
    ///
    /// Throws as `installFrom`, but nothing of the network.
    #[uniffi::method(default(cancel = None, progress = None))]
    pub fn install_file(
        &self,
        file: &str,
        proof: ExpectedProof,
        bundle: NewBundle,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<BundleRecord> {
        self.installed("install file", |store| {
            let (proof, bundle) = (proof.to_core()?, bundle.into_core()?);
            with_control(cancel, progress, |control| {
                Ok(store.install_file(Path::new(file), &proof, &bundle, control)?)
            })
        })
    }
}

impl Store {
    pub(super) fn installed(
        &self,
        operation: &'static str,
        work: impl FnOnce(&core::Store) -> Result<core::BundleRecord>,
    ) -> Result<BundleRecord> {
        let record = self.run(operation, work)?;
        self.log
            .info(|| format!("installed {} as {}", record.version, record.id));
        Ok(record.into())
    }
}
