//! An archive whose bytes were proved, and what comes of it.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use capbundle_core as core;
use capbundle_core::bundle;
use capbundle_core::capgo;
use capbundle_core::capgo::SignedChecksum;

use crate::catch_panic::catch_panic_core;
use crate::convert::{count, signed};
use crate::error::Result;
use crate::keys::VerifyingKey;
use crate::limits::Limits;
use crate::progress::{CancelToken, ProgressObserver, with_control};
use crate::capgo::ChecksumForm;

/// How an archive was proved.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Proof {
    /// The bytes have the digest that the caller gave.
    Digest,
    /// The digest was signed, in Capgo's v2 form.
    CapgoSigned {
        /// The id of the key, as `VerifyingKey.id` tells it.
        key_id: String,
    },
    /// A release that names it passed every check.
    Release {
        /// The channel it was taken from.
        channel: String,
        /// The sequence of the release.
        sequence: i64,
        /// The ids of the keys that signed the release.
        key_ids: Vec<String>,
    },
    /// In a way that this version of the bindings has no word for.
    Other,
}

impl From<&core::Proof> for Proof {
    fn from(proof: &core::Proof) -> Self {
        match proof {
            core::Proof::Digest => Self::Digest,
            core::Proof::CapgoSigned(key) => Self::CapgoSigned {
                key_id: key.to_string(),
            },
            core::Proof::Release {
                channel,
                sequence,
                keys,
            } => Self::Release {
                channel: channel.to_string(),
                sequence: signed(*sequence),
                key_ids: keys.iter().map(ToString::to_string).collect(),
            },
            _ => Self::Other,
        }
    }
}

/// What unpacking wrote.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Unpacked {
    /// Number of files.
    pub files: i64,
    /// Number of folders, the root not counted.
    pub folders: i64,
    /// Bytes of all files.
    pub bytes: i64,
    /// The single top folder that was stripped, as Capgo's devices do.
    pub flattened: Option<String>,
    /// Files beside that top folder (hidden ones and `__MACOSX`), which were left out.
    pub left_out: Vec<String>,
}

/// An archive that was read in full and proved: the only thing that can be unpacked or installed.
///
/// It holds the very file that was hashed open, and everything after reads through that: a file put under the same path
/// later is never looked at. Close it when done; a decrypted archive lives in a private temporary file that is removed then.
#[derive(Debug, uniffi::Object)]
pub struct VerifiedArchive(pub(crate) core::VerifiedArchive);

#[uniffi::export]
impl VerifiedArchive {
    /// Proves that the file at `path` has the SHA-256 `digest` (64 hexadecimal digits, either case), which came over a
    /// channel you trust. Blocks while it reads the file once.
    ///
    /// Throws `DigestMismatch` if it is another file, `InvalidInput` if `digest` is none; `NotFound`, `Io`, `Cancelled`.
    #[uniffi::constructor(default(cancel = None, progress = None))]
    pub fn from_digest(
        path: &str,
        digest: &str,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<Arc<Self>> {
        with_control(cancel, progress, |control| {
            let expected = digest.parse()?;
            let archive = core::VerifiedArchive::from_digest(Path::new(path), &expected, control)?;
            Ok(Arc::new(Self(archive)))
        })
    }

    /// Opens a sealed Capgo v2 archive: decrypts it and proves that the plain bytes are the ones that `checksum` names.
    ///
    /// One pass, constant memory. The plain bytes live in a private file in the folder `staging` (on the file system of the
    /// store, to be quick) and are removed unless the proof holds; nothing reads them as an archive before that. Blocks
    /// while it decrypts.
    ///
    /// Throws `NotTrusted` for a missing, plain or malformed `checksum` or `ivSessionKey`, `SignatureInvalid` if another key
    /// signed the checksum, `DecryptionFailed` for a foreign session key or wrong padding, `DigestMismatch` if the plain
    /// bytes are others than the signed ones; `NotFound`, `Io`, `NoSpace`, `Cancelled`.
    #[allow(clippy::too_many_arguments, reason = "named arguments in both languages")]
    #[uniffi::constructor(default(cancel = None, progress = None))]
    pub fn decrypt_capgo(
        encrypted: &str,
        staging: &str,
        iv_session_key: &str,
        checksum: &str,
        form: ChecksumForm,
        key: &VerifyingKey,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<Arc<Self>> {
        with_control(cancel, progress, |control| {
            let checksum = SignedChecksum::parse(checksum, form.into())?;
            let session = iv_session_key.parse()?;
            let (encrypted, staging) = (Path::new(encrypted), Path::new(staging));
            let archive = capgo::open(encrypted, staging, &session, &checksum, &key.0, control)?;
            Ok(Arc::new(Self(archive)))
        })
    }

    /// Proves an archive that was signed but not encrypted. Blocks while it reads the file once.
    ///
    /// Only for where local configuration says that a signature suffices: Capgo's own devices want both.
    ///
    /// Throws as `openCapgo`.
    #[uniffi::constructor(default(cancel = None, progress = None))]
    pub fn verify_signed_only(
        path: &str,
        checksum: &str,
        form: ChecksumForm,
        key: &VerifyingKey,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<Arc<Self>> {
        with_control(cancel, progress, |control| {
            let checksum = SignedChecksum::parse(checksum, form.into())?;
            let archive = capgo::verify_signed_only(Path::new(path), &checksum, &key.0, control)?;
            Ok(Arc::new(Self(archive)))
        })
    }

    /// SHA-256 of the plain archive, as 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        self.0.digest().to_string()
    }

    /// Bytes of the plain archive.
    #[must_use]
    pub fn size(&self) -> i64 {
        signed(self.0.size())
    }

    /// How it was proved.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.0.proof().into()
    }

    /// Unpacks into the new folder `to`, whose parent must exist. `Store.install` is what a device needs; this is for
    /// everything else. `threads` is one a core if left out, four at most. Blocks while it writes.
    ///
    /// On an error nothing is left. Throws `InvalidInput` if `to` exists, `UnsafeArchive` and `LimitExceeded` naming the
    /// entry, `NotABundle` without a root `index.html`; `NoSpace`, `Io`, `Cancelled`.
    #[uniffi::method(default(limits = None, threads = None, cancel = None, progress = None))]
    pub fn unpack(
        &self,
        to: &str,
        limits: Option<Limits>,
        threads: Option<i64>,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<Unpacked> {
        with_control(cancel, progress, |control| {
            let mut options = bundle::UnpackOptions::default();
            options.limits = Limits::to_core(limits.as_ref())?;
            options.threads = self::threads(threads)?;
            let unpacked = bundle::unpack(&self.0, Path::new(to), &options, control)?;
            Ok(Unpacked {
                files: signed(unpacked.files),
                folders: signed(unpacked.folders),
                bytes: signed(unpacked.bytes),
                flattened: unpacked.flattened,
                left_out: unpacked.left_out,
            })
        })
    }

    /// Writes the plain archive to the file `to`, which appears whole or not at all and replaces one that is there. Blocks
    /// while it copies.
    ///
    /// Throws `Io`, `NoSpace`, `DigestMismatch` if the file changed since it was proved.
    pub fn copy_to(&self, to: &str) -> Result<()> {
        catch_panic_core(|| self.0.copy_to(Path::new(to)))
    }
}

/// A number of threads that the other side gave; 0 is not one.
pub(crate) fn threads(number: Option<i64>) -> Result<Option<NonZeroUsize>> {
    let number = number.map(|number| count("threads", number)).transpose()?;
    Ok(number.and_then(NonZeroUsize::new))
}
