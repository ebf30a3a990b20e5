//! Installing a bundle from a URL, or from a file that the host downloaded.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::capgo::SignedChecksum;
use capbundle_core::keys::VerifyingKeys;
use capbundle_core::store as core;

use super::Store;
use super::install::NewBundle;
use super::records::BundleRecord;
use crate::capgo::ChecksumForm;
use crate::download::{DownloadOptions, headers, size};
use crate::error::Result;
use crate::http::host::with_transport;
use crate::http::{HttpHeader, HttpTransport};
use crate::progress::{CancelToken, ProgressObserver, with_control};

/// How an archive is verified. Only this decides what is checked, never what a server sends or omits.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum ExpectedProof {
    /// By its SHA-256, 64 hexadecimal digits, which came over a trusted channel.
    Digest {
        /// The digest.
        digest: String,
    },
    /// By a signed checksum; the archive is not encrypted.
    CapgoSigned {
        /// The signed checksum.
        checksum: String,
        /// Its encoding.
        form: ChecksumForm,
        /// The key that must have signed it, as PEM text; or several, up to four, one PEM block after the other.
        public_key: String,
    },
    /// By a signed checksum; the archive is encrypted in Capgo's v2 format.
    CapgoEncrypted {
        /// The session key and IV of the archive.
        iv_session_key: String,
        /// The signed checksum of the plain archive.
        checksum: String,
        /// Its encoding.
        form: ChecksumForm,
        /// The key that must have signed both, as PEM text; or several, up to four, one PEM block after the other.
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
                keys: VerifyingKeys::from_pem(public_key)?,
            },
            Self::CapgoEncrypted {
                iv_session_key,
                checksum,
                form,
                public_key,
            } => core::ExpectedProof::CapgoSealed {
                iv_session_key: iv_session_key.parse()?,
                checksum: SignedChecksum::parse(checksum, (*form).into())?,
                keys: VerifyingKeys::from_pem(public_key)?,
            },
        })
    }
}

/// An archive to download.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RemoteArchive {
    /// Its URL: `https`, or `http` on this machine.
    pub url: String,
    /// How it is verified.
    pub proof: ExpectedProof,
    /// The metadata of its bundle.
    pub bundle: NewBundle,
    /// Header fields for the host of that URL, for example a token. They are not sent to another origin after a
    /// redirect.
    #[uniffi(default = [])]
    pub headers: Vec<HttpHeader>,
    /// Size of the file in bytes, if known.
    #[uniffi(default = None)]
    pub size: Option<i64>,
}

impl RemoteArchive {
    fn into_core(self) -> Result<core::RemoteArchive> {
        let (proof, bundle) = (self.proof.to_core()?, self.bundle.into_core()?);
        Ok(core::RemoteArchive::new(self.url.parse()?, proof, bundle)
            .with_headers(headers(self.headers)?)
            .with_size(size(self.size)?))
    }
}

#[uniffi::export]
impl Store {
    /// Downloads an archive, verifies it and installs it. It is served once it is set as next or current.
    /// Blocks until it is installed: call it from a background thread.
    ///
    /// Nothing is downloaded if the proof is weaker than the store requires, the bundle failed on this device
    /// before, or it is already installed; in the last case its record is returned. The next call for the same
    /// archive resumes a download that failed, was cancelled or ended with the process, even under another URL.
    /// A file that fails verification or is not a bundle is removed immediately.
    ///
    /// Throws as `download`, as the verification (`SignatureInvalid`, `DigestMismatch`, `DecryptionFailed`,
    /// `NotTrusted`) and as `install`.
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

    /// Verifies and installs an archive that the host downloaded itself, for example while the app was in the
    /// background. The file stays the host's. Blocks while it reads and writes: call it from a background
    /// thread.
    ///
    /// Throws as `installFrom`, except for network errors.
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
