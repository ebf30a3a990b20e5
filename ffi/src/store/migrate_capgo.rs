//! Taking over what an app that used Capgo's plugin already has.

use std::path::PathBuf;

use capbundle_core::store as core;

use super::Store;
use super::records::{BundleRecord, FailedBundle};
use crate::error::Result;

/// What Capgo's plugin left: the host reads it from `SharedPreferences` (`CapWebViewSettings`) or `UserDefaults`.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CapgoBundles {
    /// The folder that holds a folder for each bundle: `versions` on Android, `ionic_built_snapshots` on iOS.
    pub folder: String,
    /// The JSON texts under the keys `<id>_info`.
    pub infos: Vec<String>,
    /// The id of the active bundle: the last component of `CAP_SERVER_PATH` or `serverBasePath`.
    #[uniffi(default = None)]
    pub current: Option<String>,
    /// The id under `pastVersion`.
    #[uniffi(default = None)]
    pub fallback: Option<String>,
    /// The id under `nextVersion`.
    #[uniffi(default = None)]
    pub next: Option<String>,
    /// The native build that the plugin last ran with (`LatestNativeBuildVersion`).
    #[uniffi(default = None)]
    pub native_build: Option<String>,
}

/// Something that could not be taken over.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SkippedBundle {
    /// Its text or id.
    pub what: String,
    /// Why not.
    pub reason: String,
}

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CapgoMigration {
    /// Bundles that are installed now.
    pub bundles: Vec<BundleRecord>,
    /// Bundles that had failed, and stay so.
    pub failed: Vec<FailedBundle>,
    /// What could not be taken over.
    pub skipped: Vec<SkippedBundle>,
}

#[uniffi::export]
impl Store {
    /// Takes over the bundles of Capgo's plugin: those that were downloaded are installed, those that failed stay failed, and
    /// the active one stays what is served. Call it once, before the first `launch`; a second call after a crash finishes
    /// the first. Blocks while it looks through the folders, and moves them if they lie elsewhere.
    ///
    /// Nothing is verified, since the plugin kept no digests of files. Throws `Busy`, `Io`, `NoSpace`; what concerns one
    /// bundle alone is no error but in `skipped`.
    pub fn migrate_capgo(&self, bundles: CapgoBundles) -> Result<CapgoMigration> {
        let adopted = self.run_core("migrate Capgo", |store| {
            store.adopt(&core::CapgoBundles {
                folder: PathBuf::from(bundles.folder),
                infos: bundles.infos,
                current: bundles.current,
                fallback: bundles.fallback,
                next: bundles.next,
                native_build: bundles.native_build,
            })
        })?;
        self.log.info(|| {
            let (bundles, skipped) = (adopted.bundles.len(), adopted.skipped.len());
            format!("adopt: {bundles} bundles taken over, {skipped} skipped")
        });
        let skipped = adopted
            .skipped
            .into_iter()
            .map(|(what, reason)| SkippedBundle { what, reason });
        Ok(CapgoMigration {
            bundles: adopted.bundles.into_iter().map(BundleRecord::from).collect(),
            failed: adopted.failed.into_iter().map(FailedBundle::from).collect(),
            skipped: skipped.collect(),
        })
    }
}
