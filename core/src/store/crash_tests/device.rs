//! A device on a file system that loses unsynced data, and the bundles installed on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::releases::{SignedFiles, built_in, options, second_ring};
use crate::error::{Error, Result};
use crate::io::crash_fs::CrashFs;
use crate::io::vfs::{Files as _, Kind};
use crate::native::NativeApp;
use crate::progress::Control;
use crate::store::assemble::{Delivery, Way};
use crate::store::install::{Installing, acceptance_of};
use crate::store::state::Trial;
use crate::store::{BundleId, BundleRecord, BundleRef, Launch, NewBundle, ReleaseFiles, Store, StoreOptions};
use crate::time::Timestamp;
use crate::verified::VerifiedArchive;

pub(super) const ROOT: &str = "/app/store";

/// The files of a version, by path.
pub(super) type Contents = BTreeMap<String, Vec<u8>>;

/// Archives of tiny bundles, created once.
#[derive(Debug)]
pub(super) struct Archives {
    by_version: BTreeMap<String, VerifiedArchive>,
    releases: BTreeMap<(String, u64), SignedFiles>,
    built_in: BTreeMap<u64, Vec<u8>>,
    folder: TempDir,
}

impl Archives {
    pub(super) fn of(versions: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archives = versions
            .iter()
            .map(|version| (version.to_string(), archive(folder.path(), version, contents(version))))
            .collect();
        Self {
            by_version: archives,
            releases: BTreeMap::new(),
            built_in: BTreeMap::new(),
            folder,
        }
    }

    /// The same with this many additional files in each.
    pub(super) fn with_files(versions: &[&str], more: usize) -> Self {
        let mut archives = Self::of(&[]);
        for version in versions {
            let mut contents = contents(version);
            contents.extend((0..more).map(|number| (format!("more/{number}.js"), version.as_bytes().to_vec())));
            let archive = archive(archives.folder.path(), version, contents);
            archives.by_version.insert((*version).to_owned(), archive);
        }
        archives
    }

    /// The same, with signed releases of some of them.
    pub(super) fn released(mut self, releases: &[(&str, u64)]) -> Self {
        for (version, sequence) in releases {
            let release = SignedFiles::of(self.get(version), version, *sequence);
            self.releases.insert(((*version).to_owned(), *sequence), release);
        }
        self
    }

    /// The same, with signed releases that select the built-in bundle.
    pub(super) fn with_built_in(mut self, sequences: &[u64]) -> Self {
        self.built_in = sequences
            .iter()
            .map(|sequence| (*sequence, built_in(*sequence)))
            .collect();
        self
    }

    pub(super) fn get(&self, version: &str) -> &VerifiedArchive {
        &self.by_version[version]
    }
}

/// Versions that share files begin like this.
pub(super) const SHARING: &str = "sharing ";

/// The files of a bundle of this version. No two versions share a file, so a mixture is detected; but those that begin
/// with [`SHARING`] share some, at other paths too.
pub(super) fn contents(version: &str) -> Contents {
    let own = ["index.html", "app.js", "assets/style.css"];
    let mut contents: Contents = own
        .map(|path| (path.to_owned(), format!("{path} of version {version}").into_bytes()))
        .into();
    if version.starts_with(SHARING) {
        let shared = |path: &str, what: &str| (path.to_owned(), what.as_bytes().to_vec());
        contents.extend([
            shared("assets/shared.js", "shared"),
            shared("assets/twice.js", "shared"),
            shared("assets/deep/shared.css", "shared as well"),
            shared("empty.txt", ""),
            shared(&format!("moved/{version}.js"), "moved"),
            shared("own/twice.js", version),
            shared("own/twice again.js", version),
        ]);
    }
    contents
}

fn archive(folder: &Path, version: &str, contents: Contents) -> VerifiedArchive {
    let path = folder.join(version);
    let mut writer = zip::ZipWriter::new(File::create(&path).unwrap());
    for (name, bytes) in contents {
        writer
            .start_file(
                name,
                SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored),
            )
            .unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap();
    let digest = VerifiedArchive::assume_trusted(&path, &Control::new())
        .unwrap()
        .digest();
    VerifiedArchive::from_digest(&path, &digest, &Control::new()).unwrap()
}

/// A device with one app. [`start`](Device::start) starts its process, any number of times.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) files: CrashFs,
    store: Option<Store>,
    clock: Arc<AtomicU64>,
    /// The bundle folder of the host, if it has one.
    bundles: Option<PathBuf>,
    silent_starts: u32,
}

/// The state that a store reports, by versions, since ids are random.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Snapshot {
    pub(super) current: String,
    pub(super) next: Option<String>,
    pub(super) fallback: String,
    /// Failed starts, launches that never started, and whether the running attempt started.
    pub(super) trial: Option<(u32, u32, Option<bool>)>,
    pub(super) failed: BTreeSet<String>,
    /// Whether each installed bundle is proven.
    pub(super) bundles: BTreeMap<String, bool>,
    /// The last accepted sequence, the latest time seen and the number of the trusted key ring.
    pub(super) trust: (Option<u64>, u64, u64),
}

impl Snapshot {
    /// Whether this equals `wanted` except for what a retry may change: one more launch that never started, and a
    /// bundle that could not be removed yet.
    pub(super) fn is_as_good_as(&self, wanted: &Self) -> bool {
        let but_for_launches = |snapshot: &Self| snapshot.trial.map(|(failed, _, started)| (failed, started));
        let but_for_rest = |snapshot: &Self| Self {
            trial: None,
            bundles: BTreeMap::new(),
            ..snapshot.clone()
        };
        but_for_launches(self) == but_for_launches(wanted)
            && but_for_rest(self) == but_for_rest(wanted)
            && wanted
                .bundles
                .iter()
                .all(|(version, proven)| self.bundles.get(version) == Some(proven))
    }
}

impl Device {
    pub(super) fn new() -> Self {
        Self::on(CrashFs::with_folder(Path::new("/app")))
    }

    pub(super) fn on(files: CrashFs) -> Self {
        Self {
            files,
            store: None,
            clock: Arc::default(),
            bundles: None,
            // One confirmed later start, to keep the story short.
            silent_starts: 1,
        }
    }

    /// From the next start on a confirmation removes the predecessor.
    pub(super) fn keep_no_predecessor(&mut self) {
        self.silent_starts = 0;
    }

    /// From the next start on the host serves from this folder.
    pub(super) fn serve_from(&mut self, folder: &Path) {
        self.bundles = Some(folder.to_owned());
    }

    /// Ends the process, if one runs, and starts the next.
    pub(super) fn start(&mut self) -> Result<()> {
        self.files = self.files.process_killed();
        self.store = None;
        let clock = Arc::clone(&self.clock);
        let options = StoreOptions {
            bundles: self.bundles.clone(),
            unpack_threads: NonZeroUsize::new(1),
            // More than enough to check every file.
            verify_at_launch: Some(Duration::from_secs(60)),
            silent_starts: self.silent_starts,
            // No other process runs, so there is nothing to wait for.
            lock_timeout: Duration::from_millis(20),
            ..StoreOptions::default()
        };
        let now = move || Timestamp(clock.fetch_add(1, Ordering::Relaxed));
        self.store = Some(Store::open_on(
            Arc::new(self.files.clone()),
            Path::new(ROOT),
            options,
            Arc::new(now),
        )?);
        Ok(())
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().expect("the process was started")
    }

    pub(super) fn launch(&self) -> Launch {
        self.store().launch(&NativeApp::new("1.0", "1"))
    }

    pub(super) fn install(&self, archives: &Archives, version: &str) -> Result<BundleRecord> {
        self.store()
            .install(archives.get(version), &NewBundle::new(version), &Control::new())
    }

    pub(super) fn accept(&self, archives: &Archives, version: &str, sequence: u64) -> Result<BundleRecord> {
        let release = &archives.releases[&(version.to_owned(), sequence)];
        let archive = archives.get(version).path();
        let files = ReleaseFiles {
            envelope: &release.envelope,
            archive,
            file_list: &release.files,
        };
        self.store().install_release(&files, &options(), &Control::new())
    }

    pub(super) fn accept_built_in(&self, archives: &Archives, sequence: u64) -> Result<bool> {
        self.store().accept_built_in(&archives.built_in[&sequence], &options())
    }

    /// Installs the version of a release from what is on the device and what `way` fetches.
    pub(super) fn assemble(
        &self,
        archives: &Archives,
        (version, sequence): (&str, u64),
        ways: &[&dyn Way],
    ) -> Result<Option<Delivery>> {
        let (release, store) = (&archives.releases[&(version.to_owned(), sequence)], self.store());
        let trusted = store.check_release(&release.envelope, &options())?;
        let files = trusted.verify_files(&release.files)?;
        let (new, acceptance) = acceptance_of(&trusted, &files);
        if store.accept_installed(&trusted, &new, &acceptance)?.is_some() {
            store.remove_downloads(&[])?;
            return Ok(None);
        }
        store.downloads(&[&files.content_digest().to_string()])?;
        let installing = Installing {
            new: &new,
            acceptance: Some(&acceptance),
            archive: trusted.require_bundle()?.archive,
            proof: files.proof(),
        };
        let ways = (ways, u64::MAX);
        let installed = store.install_assembled(&installing, &files, ways, &mut 0, &Control::new())?;
        // An installation from the whole archive would follow.
        installed.map(|(_, delivery)| Some(delivery)).ok_or(Error::Cancelled {
            operation: "download the archive",
        })
    }

    /// Follows the second ring, unless that was done.
    pub(super) fn follow(&self) -> Result<()> {
        if self.store().key_ring(&options())?.number() == 1 {
            self.store().follow_ring(second_ring(), &options())?;
        }
        Ok(())
    }

    pub(super) fn set_next(&self, version: &str) -> Result<()> {
        self.store().set_next(&BundleRef::Bundle(self.id_of(version)?))
    }

    pub(super) fn id_of(&self, version: &str) -> Result<BundleId> {
        let all = self.store().list()?;
        let found = all.into_iter().find(|(record, _)| record.version == version);
        Ok(found.expect("the bundle was installed").0.id)
    }

    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        let state = self.store().state()?;
        let version = |slot: &BundleRef| match slot {
            BundleRef::BuiltIn => BundleRef::BUILT_IN.to_owned(),
            BundleRef::Bundle(id) => state
                .bundles
                .get(id)
                .map_or_else(|| format!("unknown {id}"), |of| of.version.clone()),
        };
        let trial = |trial: &Trial| {
            (
                trial.failed_starts,
                trial.unstarted,
                trial.attempt.as_ref().map(|attempt| attempt.started),
            )
        };
        let (options, memory) = (options(), &state.trust);
        let accepted = memory.last_accepted(&options.app_id, &options.channel);
        // By reading alone: a method of the store would make durable what is not yet.
        let ring = self.store().storage.followed_ring()?.map_or(1, |ring| ring.length());
        Ok(Snapshot {
            trust: (accepted.map(|last| last.sequence), memory.latest_time().0, ring),
            current: version(&state.current),
            next: state.next.as_ref().map(version),
            fallback: version(&state.fallback),
            trial: state.trial.as_ref().map(trial),
            failed: state.failed.iter().map(|failed| failed.version.clone()).collect(),
            bundles: state
                .bundles
                .values()
                .map(|of| (of.version.clone(), of.proven_at.is_some()))
                .collect(),
        })
    }

    /// All files below a folder, by path.
    pub(super) fn contents(&self, folder: &Path) -> Contents {
        let mut contents = Contents::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(inner) = folders.pop() {
            for name in self.files.list(&folder.join(&inner)).unwrap_or_default() {
                let path = inner.join(name);
                match self.files.kind(&folder.join(&path)) {
                    Ok(Some(Kind::Folder)) => folders.push(path),
                    _ => drop(contents.insert(
                        path.to_str().unwrap().to_owned(),
                        self.files.read(&folder.join(&path), 1 << 20).unwrap(),
                    )),
                }
            }
        }
        contents
    }

    pub(super) fn names(&self, folder: &str) -> BTreeSet<String> {
        let names = self.files.list(&Path::new(ROOT).join(folder)).unwrap();
        names.into_iter().map(|name| name.into_string().unwrap()).collect()
    }
}
