//! Cost of a launch and of an installation.
//!
//! A launch without a change must stay under 1 ms with 50 bundles on a disk. One that begins a trial costs one durable
//! write, whose time is that of the disk (`store::crash_tests::launch_cost` shows that it is one). Each measured launch
//! is the first of its own session; opening the store is included only where the name says so. The same is measured in
//! memory, without the noise of a disk.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};

use capbundle::VerifiedArchive;
use capbundle::bundle::{PackOptions, pack};
use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::store::{BundleId, BundleRef, LaunchReason, NewBundle, Store, StoreOptions};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;

/// As many as an app accumulates in years without cleaning up.
const BUNDLES: [usize; 3] = [1, 50, 1000];
/// The maximum that is kept.
const FAILURES: usize = 64;
/// A medium-sized app.
const FILES: usize = 4000;
const FILE_SIZE: usize = 11 << 10;

/// A large app, which takes long to delete.
const LARGE_FILES: usize = 30_000;

/// The disk of the build.
const DISK: &str = env!("CARGO_TARGET_TMPDIR");
/// A file system in memory, on most Linux systems.
const MEMORY: &str = "/dev/shm";

struct Device {
    folder: TempDir,
}

impl Device {
    fn on(place: &str) -> Self {
        let folder = tempfile::tempdir_in(place).unwrap();
        Self { folder }
    }

    /// A device with this many small bundles, the last of which is proven.
    fn with_bundles(place: &str, count: usize) -> Self {
        let device = Self::on(place);
        let store = device.open();
        let mut last = None;
        for number in 0..count {
            last = Some(install(&store, &device.archive(&number.to_string(), 1, 100)));
        }
        let proven = BundleRef::Bundle(last.unwrap());
        store.set_current(&proven).unwrap();
        store.trial_started(proven.bundle().unwrap()).unwrap();
        store.confirm(&proven).unwrap();
        drop(store);
        // The first launch records the native build.
        device.open().launch(&native());
        device
    }

    /// As many failures as a store keeps.
    fn with_failures(self) -> Self {
        let store = self.open();
        for number in 0..FAILURES {
            let failed = install(&store, &self.archive(&format!("failed {number}"), 1, 100));
            store.mark_failed(&failed).unwrap();
        }
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self) -> Store {
        Store::open(&self.path("store"), StoreOptions::default()).unwrap()
    }

    fn archive(&self, version: &str, files: usize, size: usize) -> VerifiedArchive {
        let (web, zip) = (self.path("web"), self.path("bundle.zip"));
        let _ = fs::remove_dir_all(&web);
        fs::create_dir_all(&web).unwrap();
        let page = format!("<title>{version}</title><script>CapacitorUpdater.notifyAppReady()</script>");
        fs::write(web.join("index.html"), page).unwrap();
        write_files(&web, files, size);
        let packed = pack(&web, &zip, &PackOptions::default(), &Control::new()).unwrap();
        VerifiedArchive::from_digest(&zip, &packed.digest, &Control::new()).unwrap()
    }
}

fn install(store: &Store, archive: &VerifiedArchive) -> BundleId {
    let new = NewBundle::new("1.0.0");
    store.install(archive, &new, &Control::new()).unwrap().id
}

/// Half text, half incompressible bytes.
fn write_files(folder: &Path, files: usize, size: usize) {
    let mut state = 1_u64;
    for number in 0..files {
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if number % 2 == 0 {
                bytes.extend(format!("const item{} = render({});\n", state >> 58, state >> 50).into_bytes());
            } else {
                bytes.extend(state.to_be_bytes());
            }
        }
        fs::write(folder.join(format!("{number}.js")), bytes).unwrap();
    }
}

fn native() -> NativeApp {
    NativeApp::new("1.0", "1")
}

fn launches(criterion: &mut Criterion) {
    launches_on(criterion, DISK, "launch on a disk");
    if Path::new(MEMORY).is_dir() {
        launches_on(criterion, MEMORY, "launch in memory");
    }
}

fn launches_on(criterion: &mut Criterion, place: &str, name: &str) {
    let mut group = criterion.benchmark_group(name);
    for count in BUNDLES {
        let device = Device::with_bundles(place, count);
        group.bench_function(format!("without a change, {count} bundles"), |bencher| {
            bencher.iter_batched(
                || device.open(),
                |store| launch(store, &LaunchReason::Current),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("opened and without a change, {count} bundles"), |bencher| {
            bencher.iter_with_large_drop(|| launch(device.open(), &LaunchReason::Current));
        });

        let store = device.open();
        let next = install(&store, &device.archive("next", 1, 100));
        store.set_next(&BundleRef::Bundle(next)).unwrap();
        drop(store);
        let state = device.path("store/state.json");
        let before = fs::read(&state).unwrap();
        group.bench_function(format!("that begins a trial, {count} bundles"), |bencher| {
            bencher.iter_batched(
                || {
                    fs::write(&state, &before).unwrap();
                    device.open()
                },
                |store| launch(store, &LaunchReason::NextApplied),
                BatchSize::PerIteration,
            );
        });
    }
    let device = Device::with_bundles(place, 50).with_failures();
    group.bench_function(
        format!("without a change, 50 bundles and {FAILURES} failures"),
        |bencher| {
            bencher.iter_batched(
                || device.open(),
                |store| launch(store, &LaunchReason::Current),
                BatchSize::PerIteration,
            );
        },
    );
    group.finish();
}

/// The time that a host waits for a deletion, and that of the background thread afterwards.
fn deletions(criterion: &mut Criterion) {
    let device = Device::on(DISK);
    let store = device.open();
    let archive = device.archive("large", LARGE_FILES, 100);
    let mut group = criterion.benchmark_group("delete");
    group.sample_size(10);
    let installed = || {
        store.sweep().unwrap();
        install(&store, &archive)
    };
    group.bench_function(format!("{LARGE_FILES} files: delete, which renames"), |bencher| {
        bencher.iter_batched(installed, |id| store.delete(&id).unwrap(), BatchSize::PerIteration);
    });
    let confirming = || {
        let first = BundleRef::Bundle(installed());
        let second = BundleRef::Bundle(install(&store, &device.archive("small", 1, 100)));
        for slot in [&first, &second] {
            store.set_current(slot).unwrap();
            store.trial_started(slot.bundle().unwrap()).unwrap();
            if *slot == first {
                store.confirm(slot).unwrap();
            }
        }
        second
    };
    group.bench_function(format!("{LARGE_FILES} files: confirm, which replaces"), |bencher| {
        bencher.iter_batched(confirming, |id| store.confirm(&id).unwrap(), BatchSize::PerIteration);
    });
    group.bench_function(format!("{LARGE_FILES} files: the sweep"), |bencher| {
        bencher.iter_batched(
            || {
                let id = installed();
                store.delete(&id).unwrap();
            },
            |()| store.sweep().unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// The first launch of a session, which continues to run.
fn launch(store: Store, expected: &LaunchReason) -> Store {
    assert_eq!(store.launch(&native()).reason, *expected);
    store
}

fn installation(criterion: &mut Criterion) {
    let device = Device::on(DISK);
    let archive = device.archive("medium", FILES, FILE_SIZE);
    let store = device.open();
    let mut group = criterion.benchmark_group("install");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes((FILES * FILE_SIZE) as u64));
    group.bench_function(format!("{FILES} files"), |bencher| {
        bencher.iter_batched(
            || {
                for (record, _) in store.list().unwrap() {
                    store.delete(&record.id).unwrap();
                }
            },
            |()| install(&store, &archive),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, launches, installation, deletions);
criterion_main!(benches);
