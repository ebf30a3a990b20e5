//! Verified archives, and unpacking them.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use capbundle_core as core;
use capbundle_core::bundle;
use capbundle_core::capgo;
use capbundle_core::capgo::SignedChecksum;

use crate::capgo::ChecksumForm;
use crate::catch_panic::catch_panic_core;
use crate::convert::{count, signed};
use crate::error::Result;
use crate::keys::VerifyingKey;
use crate::limits::Limits;
use crate::progress::{CancelToken, ProgressObserver, with_control};

/// How an archive was verified.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Proof {
    /// Its digest is the one that the caller gave.
    Digest,
    /// Its digest was signed, in Capgo's v2 form.
    CapgoSigned {
        /// The id of the key, as `VerifyingKey.id` returns it.
        key_id: String,
    },
    /// A release that names it passed every check.
    Release {
        /// The channel of the release.
        channel: String,
        /// The sequence of the release.
        sequence: i64,
        /// The ids of the keys that signed the release.
        key_ids: Vec<String>,
    },
    /// A proof that this version of the bindings does not know.
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

/// The result of unpacking.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Unpacked {
    /// Number of files.
    pub files: i64,
    /// Number of folders, without the root.
    pub folders: i64,
    /// Total bytes of all files.
    pub bytes: i64,
    /// The single top folder that was stripped, as Capgo's devices do.
    pub flattened: Option<String>,
    /// Files next to that top folder (hidden ones and `__MACOSX`), which were skipped.
    pub left_out: Vec<String>,
}

/// An archive that was read in full and verified: the only thing that can be unpacked or installed.
///
/// It keeps the file that was hashed open and reads only through that handle, so replacing the file at the same
/// path has no effect. Close it after use; the private temporary file of a decrypted archive is removed then.
#[derive(Debug, uniffi::Object)]
pub struct VerifiedArchive(pub(crate) core::VerifiedArchive);

#[uniffi::export]
impl VerifiedArchive {
    /// Verifies that the file at `path` has the SHA-256 `digest` (64 hexadecimal digits, either case), which
    /// came over a trusted channel. Blocks while it reads the file once.
    ///
    /// Throws `DigestMismatch` if the file differs, `InvalidInput` if `digest` is malformed; `NotFound`, `Io`,
    /// `Cancelled`.
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

    /// Decrypts an archive in Capgo's v2 format and verifies that the plain bytes match the signed `checksum`.
    ///
    /// One pass, constant memory. The plain bytes are written to a private file in the folder `staging`
    /// (fastest on the file system of the store), which is removed unless the verification succeeds; nothing
    /// parses them before that. Blocks while it decrypts.
    ///
    /// Throws `NotTrusted` for a missing, unsigned or malformed `checksum` or `ivSessionKey`,
    /// `SignatureInvalid` if another key signed the checksum, `DecryptionFailed` for the wrong session key or
    /// invalid padding, `DigestMismatch` if the plain bytes do not match the signed digest; `NotFound`, `Io`,
    /// `NoSpace`, `Cancelled`.
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
            let decryption = capgo::Decryption {
                iv_session_key: &iv_session_key.parse()?,
                checksum: &checksum,
                key: &key.0,
            };
            let archive = capgo::decrypt(Path::new(encrypted), Path::new(staging), &decryption, control)?;
            Ok(Arc::new(Self(archive)))
        })
    }

    /// Verifies an archive that is signed but not encrypted. Blocks while it reads the file once.
    ///
    /// Use it only if local configuration says that a signature is sufficient: Capgo's own devices require
    /// both.
    ///
    /// Throws as `decryptCapgo`.
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

    /// Size of the plain archive in bytes.
    #[must_use]
    pub fn size(&self) -> i64 {
        signed(self.0.size())
    }

    /// How it was verified.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.0.proof().into()
    }

    /// Unpacks into the new folder `to`, whose parent must exist. On a device use `Store.install`; this is for
    /// everything else. `threads` defaults to one per core, at most four. Blocks while it writes.
    ///
    /// On an error nothing is left behind. Throws `InvalidInput` if `to` exists, `UnsafeArchive` and
    /// `LimitExceeded` naming the entry, `NotABundle` without a root `index.html`; `NoSpace`, `Io`,
    /// `Cancelled`.
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
            let options = bundle::UnpackOptions::default()
                .with_limits(Limits::to_core(limits.as_ref())?)
                .with_threads(self::threads(threads)?);
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

    /// Writes the plain archive to the file `to`, atomically; an existing file is replaced. Blocks while it
    /// copies.
    ///
    /// Throws `Io`, `NoSpace`, `DigestMismatch` if the file changed since it was verified.
    pub fn copy_to(&self, to: &str) -> Result<()> {
        catch_panic_core(|| self.0.copy_to(Path::new(to)))
    }
}

/// A number of threads from the other side; 0 means the default.
pub(crate) fn threads(number: Option<i64>) -> Result<Option<NonZeroUsize>> {
    let number = number.map(|number| count("threads", number)).transpose()?;
    Ok(number.and_then(NonZeroUsize::new))
}
