//! Migrating the bundles of an app that used Capgo's plugin, so that no user loses a version.
//!
//! Facts about the plugin (`@capgo/capacitor-updater` 5 to 8): each bundle has a JSON string under the key `<id>_info`,
//! in `SharedPreferences` or `UserDefaults`, with `id`, `version`, `checksum`, `status` and sometimes `link` and
//! `comment`. Its files are in `versions/<id>` (Android) or `ionic_built_snapshots/<id>` (iOS). The host reads the
//! strings and the three keys that name the active, the fallback and the next bundle; the store does the rest.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::bundle_id::{BundleId, BundleRef};
use super::open::Store;
use super::records::{BundleRecord, FailedBundle, FailureCause, Identity, RecordedProof};
use super::state::{StoreState, Trial};
use super::storage::json::{self, FromJson, Object};
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::Kind;
use crate::native::NativeRange;
use crate::setters::setters;

/// The data of the plugin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CapgoBundles {
    /// The folder that contains a folder for each bundle.
    pub folder: PathBuf,
    /// The strings under the keys `<id>_info`.
    pub infos: Vec<String>,
    /// The id of the active bundle: the last component of `CAP_SERVER_PATH` or `serverBasePath`.
    pub current: Option<String>,
    /// The id under `pastVersion`.
    pub fallback: Option<String>,
    /// The id under `nextVersion`.
    pub next: Option<String>,
    /// The native build that the plugin last ran with (`LatestNativeBuildVersion`).
    pub native_build: Option<String>,
}

impl CapgoBundles {
    /// The bundles whose files are in this folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            ..Self::default()
        }
    }

    setters! {
        with_infos(infos: Vec<String>);
        with_current(current: impl Into<Option<String>>);
        with_fallback(fallback: impl Into<Option<String>>);
        with_next(next: impl Into<Option<String>>);
        with_native_build(native_build: impl Into<Option<String>>);
    }
}

/// The result of [`Store::migrate_capgo`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CapgoMigration {
    /// Migrated bundles, which are installed now.
    pub bundles: Vec<BundleRecord>,
    /// Bundles that had failed, and stay failed.
    pub failed: Vec<FailedBundle>,
    /// Bundles that could not be migrated: the JSON string or id, and the reason.
    pub skipped: Vec<(String, String)>,
}

struct Info {
    id: String,
    version: String,
    checksum: String,
    status: String,
    link: Option<String>,
    comment: Option<String>,
}

impl FromJson for Info {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            id: object.get("id")?,
            version: object.get_or_default("version")?,
            checksum: object.get_or_default("checksum")?,
            status: object.get_or_default("status")?,
            link: object.get_or_default("link")?,
            comment: object.get_or_default("comment")?,
        })
    }
}

impl Store {
    /// Migrates the bundles of Capgo's plugin: downloaded ones are installed, failed ones stay failed, and the active
    /// one stays current.
    ///
    /// A bundle with status `success` counts as proven; an active one that never confirmed goes on trial. Nothing is
    /// verified, since the plugin kept no digests of files; a bundle is migrated only if its `index.html` exists.
    /// Folders outside this store's bundle folder are moved. Known bundles are unchanged, so a second call after a
    /// crash finishes the first.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace). A
    /// problem of a single bundle is not an error but part of [`CapgoMigration::skipped`].
    pub fn migrate_capgo(&self, capgo: &CapgoBundles) -> Result<CapgoMigration> {
        let mut migration = CapgoMigration::default();
        let before = self.state()?;
        for text in &capgo.infos {
            match self.migrate_one(text, capgo, &before) {
                Ok(Taken::Bundle(record)) => migration.bundles.push(*record),
                Ok(Taken::Failed(failed)) => migration.failed.push(failed),
                Ok(Taken::Nothing) => {}
                Err(MigrationError::Skipped(reason)) => migration.skipped.push((text.clone(), reason)),
                Err(MigrationError::Error(error)) => return Err(error),
            }
        }
        self.storage.sync_bundles()?;
        // The state first: the sweep goes by records, and would remove a folder whose record no state references.
        let records = self.change(|state| {
            migrate(state, capgo, &mut migration);
            Ok(state.bundles.clone())
        })?;
        for record in records.values() {
            // Also a record that an earlier call could not write because of a crash.
            if self.storage.kind(&self.storage.layout.record(&record.id))?.is_none() {
                self.storage.save_record(record)?;
            }
        }
        Ok(migration)
    }

    fn migrate_one(&self, text: &str, capgo: &CapgoBundles, before: &StoreState) -> Result<Taken, MigrationError> {
        let info: Info =
            json::read(text.as_bytes()).map_err(|error| skipped(format!("not the plugin's JSON: {error}")))?;
        if matches!(info.id.as_str(), "builtin" | "unknown") {
            return Ok(Taken::Nothing);
        }
        let id: BundleId = info.id.parse().map_err(|error: Error| skipped(error.to_string()))?;
        let now = (self.clock)();
        // A CRC-32 or an encrypted checksum is not a digest.
        let digest: Option<Sha256Digest> = info.checksum.parse().ok();
        if before.bundles.contains_key(&id) {
            return Ok(Taken::Nothing);
        }
        match info.status.as_str() {
            "success" | "pending" => {}
            "error" => {
                let native_build = capgo.native_build.clone();
                let cause = FailureCause::Adopted;
                return Ok(Taken::Failed(FailedBundle {
                    id,
                    version: info.version,
                    digest,
                    content_digest: None,
                    at: now,
                    native_build,
                    // The plugin recorded none, so any version matches.
                    native_version: None,
                    cause,
                    order: 0,
                }));
            }
            "deleted" | "deleting" | "downloading" => return Ok(Taken::Nothing),
            other => return Err(skipped(format!("unknown status \"{other}\""))),
        }
        if before
            .failure_of(Identity::by_either(&info.version, digest.as_ref()))
            .is_some()
        {
            return Err(skipped(format!(
                "version {} failed on this device before",
                info.version
            )));
        }
        let record = self
            .migrate_files(&id, capgo)
            .map(|(files, unpacked_size)| BundleRecord {
                id,
                version: info.version,
                digest,
                content_digest: None,
                proof: Some(RecordedProof::assumed()),
                archive_size: 0,
                unpacked_size,
                files,
                installed_at: now,
                proven_at: (info.status == "success").then_some(now),
                proven_build: capgo.native_build.clone(),
                proven_version: None,
                native: NativeRange::default(),
                link: info.link,
                comment: info.comment,
                sequence: None,
                release: None,
            })?;
        Ok(Taken::Bundle(Box::new(record)))
    }

    /// Moves the files into this store's bundle folder and makes them durable, which the plugin did not.
    fn migrate_files(&self, id: &BundleId, capgo: &CapgoBundles) -> Result<(u64, u64), MigrationError> {
        let (storage, target) = (&self.storage, self.folder(id));
        let source = capgo.folder.join(id.as_str());
        let place = if storage.is_there(id) { &target } else { &source };
        if storage.kind(&place.join("index.html"))? != Some(Kind::File) {
            return Err(skipped(format!("{}: index.html is missing", place.display())));
        }
        let size = self.tree_size(place)?;
        storage.files.sync_tree(place).with_path("make durable", place)?;
        if *place == source && source != target {
            if storage.kind(&target)?.is_some() {
                storage.move_away_from_folder_path(&target)?;
            }
            storage.files.rename(&source, &target).with_path("move", &source)?;
        }
        Ok(size)
    }

    /// Number of files in a folder, and their size in bytes.
    fn tree_size(&self, folder: &Path) -> Result<(u64, u64)> {
        let (mut files, mut bytes) = (0, 0);
        for name in self.storage.files.list(folder).with_path("list", folder)? {
            let path = folder.join(name);
            let (more, size) = match self.storage.kind(&path)? {
                Some(Kind::Folder) => self.tree_size(&path)?,
                Some(_) => (1, self.storage.files.size(&path).with_path("inspect", &path)?),
                None => (0, 0),
            };
            files += more;
            bytes += size;
        }
        Ok((files, bytes))
    }
}

enum Taken {
    Bundle(Box<BundleRecord>),
    Failed(FailedBundle),
    Nothing,
}

enum MigrationError {
    Skipped(String),
    Error(Error),
}

impl From<Error> for MigrationError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn skipped(reason: String) -> MigrationError {
    MigrationError::Skipped(reason)
}

fn migrate(state: &mut StoreState, capgo: &CapgoBundles, migration: &mut CapgoMigration) {
    // A store that already serves a bundle of its own keeps it.
    let is_new = state.current == BundleRef::BuiltIn && state.fallback == BundleRef::BuiltIn && state.next.is_none();
    // A version that failed under one id and works under another has not failed; one that was only never tried has.
    let works = |failed: &FailedBundle| {
        let mut proven = state
            .bundles
            .values()
            .chain(&migration.bundles)
            .filter(|record| record.proven_at.is_some());
        proven.any(|record| failed.identity().is_same_as(&record.identity()))
    };
    migration.failed.retain(|failed| !works(failed));
    migration.bundles.retain(|record| {
        let is_forbidden = migration
            .failed
            .iter()
            .any(|failed| failed.identity().is_same_as(&record.identity()));
        if is_forbidden {
            let reason = format!("version {} failed under another id", record.version);
            migration.skipped.push((record.id.to_string(), reason));
        }
        !is_forbidden
    });
    for record in &migration.bundles {
        state.add(record.clone());
    }
    for failed in &mut migration.failed {
        if state.failure_of(failed.identity()).is_none() {
            state.remember_failure(failed);
        }
    }
    if state.native_build.is_none() {
        state.native_build.clone_from(&capgo.native_build);
    }
    if is_new && !migration.bundles.is_empty() {
        migrate_roles(state, capgo, &mut migration.skipped);
    }
}

/// The roles that the plugin assigned, as far as their bundles were migrated.
fn migrate_roles(state: &mut StoreState, capgo: &CapgoBundles, skipped: &mut Vec<(String, String)>) {
    let mut known = |id: &Option<String>| {
        let id: BundleId = id.as_deref().filter(|id| *id != BundleRef::BUILT_IN)?.parse().ok()?;
        let is_known = state.bundles.contains_key(&id);
        if !is_known {
            let reason = "the plugin references it, but it could not be migrated".to_owned();
            skipped.push((id.to_string(), reason));
        }
        is_known.then_some(id)
    };
    let (current, fallback, next) = (known(&capgo.current), known(&capgo.fallback), known(&capgo.next));
    let is_proven = |id: &BundleId| state.bundles.get(id).is_some_and(|record| record.proven_at.is_some());
    let current_is_proven = current.as_ref().is_some_and(is_proven);
    let fallback = if current_is_proven {
        current.clone()
    } else {
        fallback.filter(is_proven)
    };
    state.fallback = fallback.map_or(BundleRef::BuiltIn, BundleRef::Bundle);
    state.next = next.map(BundleRef::Bundle);
    state.trial = (current.is_some() && !current_is_proven).then(Trial::default);
    state.current = current.map_or(BundleRef::BuiltIn, BundleRef::Bundle);
}

#[cfg(test)]
mod tests;
