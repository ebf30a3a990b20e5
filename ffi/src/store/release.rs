//! Signed releases, and the key rings that say who signs them.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::store as core;

use super::Store;
use super::records::BundleRecord;
use crate::convert::signed;
use crate::error::Result;
use crate::keys::ContentKey;
use crate::progress::{CancelToken, ProgressObserver, with_control};
use crate::release::Release;

/// What the app knows by itself, and what decides which releases it takes. Nothing of it comes from a server.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ReleaseOptions {
    /// The app's own id.
    pub app_id: String,
    /// The channel whose releases it takes.
    pub channel: String,
    /// The key ring that the app brings: the text of its envelope. Later ones are followed from it.
    pub first_ring: String,
    /// The version of the native app: `versionName` on Android, `CFBundleShortVersionString` on iOS.
    pub native_version: String,
    /// The keys that sealed archives are opened with.
    #[uniffi(default = [])]
    pub content_keys: Vec<Arc<ContentKey>>,
}

impl ReleaseOptions {
    pub(super) fn into_core(self) -> Result<core::ReleaseOptions> {
        let native = core::NativeVersion::new(self.native_version);
        let (app_id, channel) = (self.app_id.parse()?, self.channel.parse()?);
        let mut options = core::ReleaseOptions::new(app_id, channel, self.first_ring.into_bytes(), native);
        options.content_keys = self.content_keys.iter().map(|key| Arc::clone(&key.0)).collect();
        Ok(options)
    }
}

#[uniffi::export]
impl Store {
    /// Whether the release in this envelope would be accepted now, with what this device remembers. Changes nothing.
    ///
    /// For a host that downloads by itself: what is returned says where archive and file list are, or that there are none: see
    /// `acceptBuiltIn`.
    ///
    /// Throws, with the first check that fails in its message, `NotTrusted` (malformed, of another app or channel, replayed,
    /// expired, out of the native range, built-in is newer), `SignatureInvalid`, `Unsupported` or `KeyInvalid`; what
    /// `keyRing` throws; `Io`.
    pub fn check_release(&self, envelope: Vec<u8>, options: ReleaseOptions) -> Result<Release> {
        self.run("check release", |store| {
            let trusted = store.check_release(&envelope, &options.into_core()?)?;
            Ok((&trusted).into())
        })
    }

    /// Installs a release from its files: the envelope, the archive as it was published (sealed, where the release says so) and
    /// the file list. It is served once it is set as next or current. The archive stays the host's. Blocks while it reads and
    /// writes: for a background thread.
    ///
    /// The release is checked, then the archive opened and unpacked, and its files compared with the list; then the bundle gets
    /// its name and the release is remembered as accepted, in one change: after a crash both are done or neither is. A bundle
    /// with the same bytes that is installed already is not unpacked again, and takes over what the release says of it. Whatever
    /// is refused changes nothing.
    ///
    /// Throws what `checkRelease` throws; `DigestMismatch` and `DecryptionFailed` if archive or file list are not those of the
    /// release, or not of each other; `NotTrusted` if the bundle failed on this device before; `InvalidInput` for a release that
    /// goes to the built-in bundle; and as `install`.
    #[uniffi::method(default(cancel = None, progress = None))]
    pub fn install_release(
        &self,
        envelope: Vec<u8>,
        archive: &str,
        file_list: Vec<u8>,
        options: ReleaseOptions,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<BundleRecord> {
        self.installed("install release", |store| {
            let options = options.into_core()?;
            with_control(cancel, progress, |control| {
                Ok(store.install_release(&envelope, Path::new(archive), &file_list, &options, control)?)
            })
        })
    }

    /// Accepts a release that goes back to the built-in bundle: that comes next, and the release is remembered as accepted, in one
    /// change: after a crash both are done or neither is. A bundle that was to come next is dropped, with its conditions. Where
    /// built-in is current already, the release is only remembered. Returns whether built-in comes next and did not before.
    ///
    /// Throws what `checkRelease` throws; `InvalidInput` for a release of a bundle; `NoSpace`, `Busy`, `Io`.
    pub fn accept_built_in(&self, envelope: Vec<u8>, options: ReleaseOptions) -> Result<bool> {
        self.run("accept built-in", |store| {
            Ok(store.accept_built_in(&envelope, &options.into_core()?)?)
        })
    }

    /// The number of the key ring that counts: the one in `options`, or the last one that was followed from it.
    ///
    /// Throws `NotTrusted`, `SignatureInvalid` or `Unsupported` if the ring in `options` is none, `InvalidInput` if one of the
    /// other options makes no sense; `Io`.
    pub fn key_ring(&self, options: ReleaseOptions) -> Result<i64> {
        self.run("key ring", |store| {
            Ok(signed(store.key_ring(&options.into_core()?)?.number()))
        })
    }

    /// Follows the key ring in this envelope, which must be the one after `keyRing`, and returns its number. From now on it
    /// counts, also when the app is started again. `updateFromChannel` does this by itself.
    ///
    /// Throws `NotTrusted`, `SignatureInvalid` or `Unsupported` if it does not follow, and nothing changed then; `Busy`, `Io`,
    /// `NoSpace`.
    pub fn follow_ring(&self, envelope: Vec<u8>, options: ReleaseOptions) -> Result<i64> {
        self.run("follow ring", |store| {
            Ok(signed(store.follow_ring(&envelope, &options.into_core()?)?.number()))
        })
    }
}
