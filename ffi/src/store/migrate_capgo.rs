//! Migration from Capgo's plugin.

use capbundle_core::store as core;

use super::Store;
use super::records::{BundleRecord, FailedBundle};
use crate::error::Result;

/// The state of Capgo's plugin, which the host reads from `SharedPreferences` (`CapWebViewSettings`) or
/// `UserDefaults`.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CapgoBundles {
    /// The folder with one folder per bundle: `versions` on Android, `ionic_built_snapshots` on iOS.
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

/// A bundle that could not be migrated.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SkippedBundle {
    /// Its JSON text or id.
    pub what: String,
    /// The reason.
    pub reason: String,
}

/// The result of a migration.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct CapgoMigration {
    /// Bundles that are installed now.
    pub bundles: Vec<BundleRecord>,
    /// Bundles that had failed; they remain failed.
    pub failed: Vec<FailedBundle>,
    /// Bundles that could not be migrated.
    pub skipped: Vec<SkippedBundle>,
}

#[uniffi::export]
impl Store {
    /// Migrates the bundles of Capgo's plugin: downloaded bundles are installed, failed ones remain failed, and
    /// the active one is still served. Call it once, before the first `launch`; a second call after a crash
    /// completes the first. Blocks while it reads the folders, and moves them if they are elsewhere.
    ///
    /// Nothing is verified, because the plugin recorded no digests of files. Throws `Busy`, `Io`, `NoSpace`; a
    /// problem with a single bundle is not an error but listed in `skipped`.
    pub fn migrate_capgo(&self, bundles: CapgoBundles) -> Result<CapgoMigration> {
        let migration = self.run_core("migrate Capgo", |store| {
            let capgo = core::CapgoBundles::new(bundles.folder)
                .with_infos(bundles.infos)
                .with_current(bundles.current)
                .with_fallback(bundles.fallback)
                .with_next(bundles.next)
                .with_native_build(bundles.native_build);
            store.migrate_capgo(&capgo)
        })?;
        self.log.info(|| {
            let (bundles, skipped) = (migration.bundles.len(), migration.skipped.len());
            format!("migrate Capgo: {bundles} bundles migrated, {skipped} skipped")
        });
        let skipped = migration
            .skipped
            .into_iter()
            .map(|(what, reason)| SkippedBundle { what, reason });
        Ok(CapgoMigration {
            bundles: migration.bundles.into_iter().map(BundleRecord::from).collect(),
            failed: migration.failed.into_iter().map(FailedBundle::from).collect(),
            skipped: skipped.collect(),
        })
    }
}
