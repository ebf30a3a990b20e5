//! Installing bundles.

use std::path::PathBuf;
use std::sync::Arc;

use capbundle_core::store as core;

use super::Store;
use super::records::BundleRecord;
use super::types::NativeRange;
use crate::archive::VerifiedArchive;
use crate::convert::unsigned;
use crate::error::{Result, invalid_input};
use crate::progress::{CancelToken, ProgressObserver, with_control};

/// The metadata of a bundle to install.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NewBundle {
    /// Its version, as its publisher names it.
    pub version: String,
    /// Native versions it runs on. The default is all.
    #[uniffi(default = None)]
    pub native: Option<NativeRange>,
    /// Link set by the publisher.
    #[uniffi(default = None)]
    pub link: Option<String>,
    /// Comment set by the publisher.
    #[uniffi(default = None)]
    pub comment: Option<String>,
    /// Sequence of its release.
    #[uniffi(default = None)]
    pub sequence: Option<i64>,
}

impl NewBundle {
    pub(super) fn into_core(self) -> Result<core::NewBundle> {
        let sequence = self.sequence.map(|number| unsigned("sequence", number)).transpose()?;
        Ok(core::NewBundle::new(self.version)
            .with_native(self.native.unwrap_or_default().into())
            .with_link(self.link)
            .with_comment(self.comment)
            .with_sequence(sequence))
    }
}

/// An installed file that differs from what was installed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Damage {
    /// The file, inside the bundle.
    pub path: String,
    /// The problem.
    pub problem: String,
}

#[uniffi::export]
impl Store {
    /// Unpacks a verified archive into this store. It is served once it is set as next or current.
    ///
    /// Blocks while it unpacks and writes: call it from a background thread. After a crash the bundle is
    /// installed, or the next start removes the leftovers. An archive that is already installed is not unpacked
    /// again: its record is returned.
    ///
    /// Throws `NotTrusted` if the proof is weaker than required or the bundle failed on this device before;
    /// `NoSpace`, before anything is written if that is foreseeable; `UnsafeArchive`, `LimitExceeded`,
    /// `NotABundle`; `Busy`, `Io`, `Cancelled`.
    #[uniffi::method(default(cancel = None, progress = None))]
    pub fn install(
        &self,
        archive: &VerifiedArchive,
        bundle: NewBundle,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<BundleRecord> {
        self.installed("install", |store| {
            let new = bundle.into_core()?;
            with_control(
                cancel,
                progress,
                |control| Ok(store.install(&archive.0, &new, control)?),
            )
        })
    }

    /// Compares every file of an installed bundle with the digest recorded at installation. An empty result
    /// means that the bundle is intact. Blocks while it reads the bundle: call it from a background thread.
    ///
    /// Throws `NotFound` if the bundle is not installed, `Unsupported` if no digests were recorded (a bundle
    /// migrated from Capgo's plugin), `Corrupt` if they cannot be read back; `Io`, `Cancelled`.
    #[uniffi::method(default(cancel = None, progress = None))]
    pub fn verify_bundle(
        &self,
        id: &str,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<Vec<Damage>> {
        let damage = self.run("verify bundle", |store| {
            let id = id.parse()?;
            with_control(cancel, progress, |control| Ok(store.verify_bundle(&id, control)?))
        })?;
        let damage = damage.into_iter().map(|damage| Damage {
            path: damage.path,
            problem: damage.problem,
        });
        Ok(damage.collect())
    }

    /// The folder with the files of an installed bundle.
    ///
    /// Throws `InvalidInput` if `id` is malformed. Does not check whether the bundle is installed.
    pub fn folder(&self, id: &str) -> Result<String> {
        self.run("folder", |store| path_text(store.folder(&id.parse()?)))
    }
}

/// A path of ours as text. The root and everything below it came as text, so this fails only if a link
/// elsewhere was put in between.
pub(crate) fn path_text(path: PathBuf) -> Result<String> {
    path.into_os_string()
        .into_string()
        .map_err(|path| invalid_input(path.to_string_lossy(), "this path is not UTF-8"))
}
