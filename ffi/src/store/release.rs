//! Signed releases, and the key rings that name their signers.

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

/// What the app itself knows and uses to decide which releases it accepts. None of it comes from a server.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ReleaseOptions {
    /// The app's own id.
    pub app_id: String,
    /// The channel whose releases it accepts.
    pub channel: String,
    /// The key ring that ships in the app: the text of its envelope. Later rings are followed from it.
    pub first_ring: String,
    /// The version of the native app: `versionName` on Android, `CFBundleShortVersionString` on iOS.
    pub native_version: String,
    /// The keys that open sealed archives.
    #[uniffi(default = [])]
    pub content_keys: Vec<Arc<ContentKey>>,
}

impl ReleaseOptions {
    pub(super) fn into_core(self) -> Result<core::ReleaseOptions> {
        let native = core::NativeVersion::new(self.native_version);
        let (app_id, channel) = (self.app_id.parse()?, self.channel.parse()?);
        let content_keys = self.content_keys.iter().map(|key| Arc::clone(&key.0)).collect();
        let options = core::ReleaseOptions::new(app_id, channel, self.first_ring.into_bytes(), native);
        Ok(options.with_content_keys(content_keys))
    }
}

#[uniffi::export]
impl Store {
    /// Whether the release in this envelope would be accepted now, given what this device has recorded. Changes
    /// nothing.
    ///
    /// For a host that downloads by itself: the result says where archive and file list are, or that there are
    /// none (see `acceptBuiltIn`).
    ///
    /// Throws, naming the first failed check, `NotTrusted` (malformed, for another app or channel, replayed,
    /// expired, outside the native range, built-in is newer), `SignatureInvalid`, `Unsupported` or
    /// `KeyInvalid`; as `keyRing`; `Io`.
    pub fn check_release(&self, envelope: Vec<u8>, options: ReleaseOptions) -> Result<Release> {
        self.run("check release", |store| {
            let trusted = store.check_release(&envelope, &options.into_core()?)?;
            Ok((&trusted).into())
        })
    }

    /// Installs a release from its files: the envelope, the archive as published (sealed, if the release says
    /// so) and the file list. It is served once it is set as next or current. The archive stays the host's.
    /// Blocks while it reads and writes: call it from a background thread.
    ///
    /// The release is checked, the archive opened and unpacked, and its files compared with the list. Then one
    /// change adds the bundle and records the release as accepted: after a crash either both are done or
    /// neither is. A bundle with the same bytes that is already installed is not unpacked again, and takes the
    /// metadata of the release. A refused release changes nothing.
    ///
    /// Throws as `checkRelease`; `DigestMismatch` and `DecryptionFailed` if the archive or file list does not
    /// belong to the release or to each other; `NotTrusted` if the bundle failed on this device before;
    /// `InvalidInput` for a release of the built-in bundle; and as `install`.
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
            let files = core::ReleaseFiles {
                envelope: &envelope,
                archive: Path::new(archive),
                file_list: &file_list,
            };
            with_control(cancel, progress, |control| {
                Ok(store.install_release(&files, &options, control)?)
            })
        })
    }

    /// Accepts a release that returns to the built-in bundle. One change makes the built-in bundle next and
    /// records the release as accepted: after a crash either both are done or neither is. The previous next
    /// bundle is cleared, with its conditions. If the built-in bundle is already current, the release is only
    /// recorded. Returns whether the built-in bundle is next and was not before.
    ///
    /// Throws as `checkRelease`; `InvalidInput` for a release of a bundle; `NoSpace`, `Busy`, `Io`.
    pub fn accept_built_in(&self, envelope: Vec<u8>, options: ReleaseOptions) -> Result<bool> {
        self.run("accept built-in", |store| {
            Ok(store.accept_built_in(&envelope, &options.into_core()?)?)
        })
    }

    /// The number of the key ring in effect: the one in `options`, or the last one that was followed from it.
    ///
    /// Throws `NotTrusted`, `SignatureInvalid` or `Unsupported` if the ring in `options` is invalid,
    /// `InvalidInput` if another option is invalid; `Io`.
    pub fn key_ring(&self, options: ReleaseOptions) -> Result<i64> {
        self.run("key ring", |store| {
            Ok(signed(store.key_ring(&options.into_core()?)?.number()))
        })
    }

    /// Follows the key ring in this envelope, which must be the successor of `keyRing`, and returns its number.
    /// It stays in effect after a restart of the app. `updateFromChannel` does this by itself.
    ///
    /// Throws `NotTrusted`, `SignatureInvalid` or `Unsupported` if it is not the successor, and changes nothing
    /// then; `Busy`, `Io`, `NoSpace`.
    pub fn follow_ring(&self, envelope: Vec<u8>, options: ReleaseOptions) -> Result<i64> {
        self.run("follow ring", |store| {
            Ok(signed(store.follow_ring(&envelope, &options.into_core()?)?.number()))
        })
    }
}
