//! A device in a temporary folder, whose app is started and ended any number of times.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use super::faulty::Faulty;
use super::*;
use crate::bundle::{PackOptions, pack};
use crate::progress::Control;
use crate::verified::VerifiedArchive;

/// A file system in memory on most Linux systems: thirty times as fast as a shared disk. `tests/tests/store_kill.rs`
/// tests the store on real disks.
const MEMORY: &str = "/dev/shm";

/// The native app of most tests.
pub(super) fn native() -> NativeApp {
    NativeApp::new("1.0", "1")
}

pub(super) struct Device {
    folder: TempDir,
    clock: Arc<AtomicU64>,
    pub(super) options: StoreOptions,
    /// The file system, without faults until a test adds them.
    pub(super) files: Faulty,
}

impl Device {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir()).unwrap(),
            clock: Arc::new(AtomicU64::new(1_000_000)),
            options: StoreOptions {
                lock_timeout: Duration::from_millis(50),
                space_margin: 0,
                ..StoreOptions::default()
            },
            files: Faulty::default(),
        }
    }

    pub(super) fn with(change: impl FnOnce(&mut StoreOptions)) -> Self {
        let mut device = Self::new();
        change(&mut device.options);
        device
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// A folder beside the store.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn try_open(&self) -> Result<Store> {
        let clock = Arc::clone(&self.clock);
        let now = Arc::new(move || Timestamp(clock.load(Ordering::Relaxed)));
        Store::open_on(Arc::new(self.files.clone()), &self.root(), self.options.clone(), now)
    }

    /// Starts a process of the app; it ends when the store is dropped.
    pub(super) fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    pub(super) fn set_clock(&self, seconds: u64) {
        self.clock.store(seconds, Ordering::Relaxed);
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The archive of a version: a page, a script and a file that no other version has.
    pub(super) fn archive(&self, version: &str) -> VerifiedArchive {
        let (folder, zip) = (
            self.beside(&format!("www-{version}")),
            self.beside(&format!("{version}.zip")),
        );
        write_bundle(&folder, version);
        let packed = pack(&folder, &zip, &PackOptions::default(), &Control::new()).unwrap();
        VerifiedArchive::from_digest(&zip, &packed.digest, &Control::new()).unwrap()
    }

    pub(super) fn install(&self, store: &Store, version: &str) -> BundleId {
        let new = NewBundle::new(version);
        store.install(&self.archive(version), &new, &Control::new()).unwrap().id
    }

    /// Installs a bundle and makes it next.
    pub(super) fn install_next(&self, version: &str) -> BundleId {
        let store = self.open();
        let id = self.install(&store, version);
        store.set_next(&id.clone().into()).unwrap();
        id
    }

    /// Installs a bundle and starts the app with it until it is proven.
    pub(super) fn prove(&self, version: &str) -> BundleId {
        let id = self.install_next(version);
        let store = self.open();
        assert_eq!(store.launch(&native()).bundle, id.clone().into());
        store.trial_started(&id).unwrap();
        assert_eq!(store.confirm(&id.clone().into()).unwrap(), Confirmation::Proven);
        id
    }

    /// The app starts and its process ends before it confirms.
    pub(super) fn start_and_crash(&self) -> Launch {
        let store = self.open();
        let launch = store.launch(&native());
        if let BundleRef::Bundle(id) = &launch.bundle {
            store.trial_started(id).unwrap();
        }
        launch
    }

    /// The bundle that the next start serves.
    pub(super) fn launch(&self) -> Launch {
        self.open().launch(&native())
    }

    /// The names in a folder of the store.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.root().join(folder))
    }
}

pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A web folder that contains its version.
pub(super) fn write_bundle(folder: &Path, version: &str) {
    fs::create_dir_all(folder.join("assets")).unwrap();
    let page = format!("<title>{version}</title><script>CapacitorUpdater.notifyAppReady()</script>");
    fs::write(folder.join("index.html"), page).unwrap();
    fs::write(
        folder.join("assets/app.js"),
        format!("const version = '{version}';\n").repeat(100),
    )
    .unwrap();
}

/// The version of the files in a folder.
pub(super) fn version_in(folder: &Path) -> String {
    let page = fs::read_to_string(folder.join("index.html")).unwrap();
    let title = page.strip_prefix("<title>").unwrap();
    title.split('<').next().unwrap().to_owned()
}

/// An id that no store contains.
pub(super) fn unknown_id() -> BundleId {
    "0000000000".parse().unwrap()
}
