//! Two processes with eight threads each use one store concurrently. Nothing is lost, no call hangs, and every launch
//! returns in time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use capbundle::bundle::{PackOptions, pack};
use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::store::{BundleId, BundleRef, LaunchReason, NewBundle, NotDurable, Store, StoreOptions};
use capbundle::{ErrorKind, Result, VerifiedArchive};
use capbundle_tests::tree::Tree;
use serde_json::{Value, json};

/// The environment variables of a child process: its folder, its number and its duration.
const FOLDER: &str = "CAPBUNDLE_CONTENTION_FOLDER";
const PROCESS: &str = "CAPBUNDLE_CONTENTION_PROCESS";
const SECONDS: &str = "CAPBUNDLE_CONTENTION_SECONDS";

/// The number of failed bundles that a store remembers.
const MAX_FAILED: usize = 64;
const PROCESSES: usize = 2;
const THREADS: usize = 8;
/// A launch waits 200 ms for the lock. The rest allows for a machine with fewer cores than threads.
const LAUNCH_BOUND: Duration = Duration::from_secs(2);
/// Longer than the wait for the lock (10 s) plus unpacking.
const CALL_BOUND: Duration = Duration::from_secs(20);

#[test]
fn two_processes_with_eight_threads_each_lose_nothing_and_never_hang() {
    let seconds = if std::env::var("CI").as_deref() == Ok("true") {
        30
    } else {
        10
    };
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..PROCESSES)
        .map(|number| child_process(folder.path(), number, seconds))
        .collect();

    let mut reports = Vec::new();
    for mut child in children {
        let ended = wait(&mut child, Duration::from_secs(seconds) + 3 * CALL_BOUND);
        assert!(ended, "a process did not end: a call hangs");
    }
    for number in 0..PROCESSES {
        let stderr = fs::read_to_string(folder.path().join(format!("stderr-{number}"))).unwrap();
        let report = fs::read(folder.path().join(format!("report-{number}"))).unwrap_or_else(|_| panic!("{stderr}"));
        let threads: Vec<Value> = serde_json::from_slice(&report).unwrap();
        reports.extend(threads);
    }

    assert_eq!(reports.len(), PROCESSES * THREADS);
    let sum = |what: &str| reports.iter().map(|report| report[what].as_u64().unwrap()).sum::<u64>();
    let longest = reports
        .iter()
        .map(|report| report["longest_launch_ms"].as_u64().unwrap())
        .max()
        .unwrap();
    eprintln!(
        "{seconds} s: {} installed, {} deleted, {} marked, {} launches ({} without the lock, the longest {longest} ms), {} calls busy",
        sum("installs"),
        sum("deletes"),
        sum("marks"),
        sum("launches"),
        sum("launches_without_lock"),
        sum("busy"),
    );
    assert_nothing_lost(folder.path(), &reports);
    assert!(
        sum("launches") > sum("launches_without_lock"),
        "no launch acquired the lock"
    );
    assert!(
        reports.iter().all(|report| report["installs"].as_u64() > Some(0)),
        "a thread never installed a bundle"
    );
}

/// Every bundle that a thread installed and did not delete is complete, every marked one is marked, and there are no
/// others.
fn assert_nothing_lost(folder: &Path, reports: &[Value]) {
    let store = Store::open(&folder.join("store"), options()).unwrap();
    let texts = |what: &str| -> BTreeSet<String> {
        let all = reports.iter().flat_map(|report| report[what].as_array().unwrap());
        all.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let installed = store.list().unwrap();
    let versions: BTreeSet<String> = installed.iter().map(|(record, _)| record.version.clone()).collect();
    assert_eq!(versions, texts("kept"));
    for (record, _) in &installed {
        let found = Tree::read_from(&store.folder(&record.id)).unwrap();
        assert!(found == tree(&record.version), "{} is damaged", record.version);
    }
    let failed: BTreeSet<String> = store
        .failed()
        .unwrap()
        .into_iter()
        .map(|failed| failed.version)
        .collect();
    // The store keeps the newest ones.
    let marked = texts("marked");
    assert!(failed.is_subset(&marked), "{failed:?} of {marked:?}");
    assert_eq!(failed.len(), marked.len().min(MAX_FAILED));
    let folders = fs::read_dir(folder.join("store/bundles")).unwrap().count();
    store.clean(&capbundle::store::KeepRules::default()).unwrap();
    assert!(folders >= installed.len());
    assert_eq!(
        fs::read_dir(folder.join("store/bundles")).unwrap().count(),
        installed.len()
    );
    assert_eq!(fs::read_dir(folder.join("store/staging")).unwrap().count(), 0);
}

fn wait(child: &mut Child, timeout: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < timeout {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

fn child_process(folder: &Path, number: usize, seconds: u64) -> Child {
    let stderr = fs::File::create(folder.join(format!("stderr-{number}"))).unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store_contention::child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(PROCESS, number.to_string())
        .env(SECONDS, seconds.to_string())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .unwrap()
}

/// The work of each process. An ordinary test run skips it.
#[test]
#[ignore = "started by the other test of this file in separate processes"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let process: usize = std::env::var(PROCESS).unwrap().parse().unwrap();
    let until = Instant::now() + Duration::from_secs(std::env::var(SECONDS).unwrap().parse().unwrap());
    let shared = Store::open(&folder.join("store"), options()).unwrap();
    let reports: Vec<Value> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let mut worker = Worker::new(&folder, &format!("{process}-{number}"), &shared);
                scope.spawn(move || {
                    while Instant::now() < until {
                        worker.work();
                    }
                    worker.report()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    fs::write(
        folder.join(format!("report-{process}")),
        serde_json::to_vec(&reports).unwrap(),
    )
    .unwrap();
}

fn native() -> NativeApp {
    NativeApp::new("1.0", "1")
}

/// Bundles are deleted only by the threads.
fn options() -> StoreOptions {
    let mut options = StoreOptions::default();
    options.auto_delete_previous = false;
    options.attempts = u32::MAX;
    options.space_margin = 0;
    options
}

fn tree(version: &str) -> Tree {
    (0..8).fold(Tree::bundle(), |tree, number| {
        let text = format!("export const value = '{version} {number}';\n").repeat(50);
        tree.with_file(&format!("assets/{number}.js"), text.as_bytes())
    })
}

/// One thread, whose versions no other thread uses.
struct Worker<'a> {
    folder: PathBuf,
    name: String,
    shared: &'a Store,
    rounds: usize,
    /// Version and id of each bundle that was installed and not deleted.
    kept: Vec<(String, BundleId)>,
    marked: Vec<String>,
    installs: u64,
    deletes: u64,
    launches: u64,
    launches_without_lock: u64,
    longest_launch: Duration,
    busy: u64,
}

impl<'a> Worker<'a> {
    fn new(folder: &Path, name: &str, shared: &'a Store) -> Self {
        Self {
            folder: folder.to_path_buf(),
            name: name.to_owned(),
            shared,
            rounds: 0,
            kept: Vec::new(),
            marked: Vec::new(),
            installs: 0,
            deletes: 0,
            launches: 0,
            launches_without_lock: 0,
            longest_launch: Duration::ZERO,
            busy: 0,
        }
    }

    /// Alternates between the shared store of the process and a session of its own.
    fn work(&mut self) {
        self.rounds += 1;
        if self.rounds.is_multiple_of(2) {
            self.use_store(self.shared);
        } else {
            let store = Store::open(&self.folder.join("store"), options()).unwrap();
            self.launch(&store);
            self.use_store(&store);
        }
    }

    fn launch(&mut self, store: &Store) {
        let start = Instant::now();
        let launch = store.launch(&native());
        let taken = start.elapsed();
        assert!(taken < LAUNCH_BOUND, "a launch took {taken:?}");
        self.longest_launch = self.longest_launch.max(taken);
        self.launches += 1;
        match &launch.reason {
            LaunchReason::NotDurable(NotDurable::Busy) => self.launches_without_lock += 1,
            LaunchReason::NotDurable(reason) => panic!("{reason:?}"),
            _ => {}
        }
        assert_eq!(launch.failed, None);
        if let (BundleRef::Bundle(id), Some(folder), Some(version)) = (&launch.bundle, &launch.folder, &launch.version)
        {
            assert!(
                Tree::read_from(folder).unwrap() == tree(version),
                "the served bundle {version} is damaged"
            );
            self.call(|| store.trial_started(id));
            self.call(|| store.confirm(&launch.bundle));
        }
    }

    fn use_store(&mut self, store: &Store) {
        let version = format!("{}-{}", self.name, self.rounds);
        let archive = self.archive(&version);
        let Some(record) = self.call(|| store.install(&archive, &NewBundle::new(&version), &Control::new())) else {
            return;
        };
        self.installs += 1;
        let id = record.id;
        self.kept.push((version.clone(), id.clone()));
        match self.rounds % 4 {
            0 => drop(self.call(|| store.set_next(&BundleRef::Bundle(id)))),
            1 => {
                if self.call(|| store.mark_failed(&id)).is_some() {
                    self.kept.pop();
                    self.marked.push(version);
                }
            }
            2 => self.delete_oldest(store),
            _ => drop(self.call(|| store.list())),
        }
    }

    fn delete_oldest(&mut self, store: &Store) {
        let (version, id) = self.kept[0].clone();
        let start = Instant::now();
        match store.delete(&id) {
            Ok(()) => {
                self.deletes += 1;
                self.kept.remove(0);
            }
            // The bundle is in use by the store or by a session.
            Err(error) if error.kind() == ErrorKind::InUse => {}
            Err(error) if error.kind() == ErrorKind::Busy => self.busy += 1,
            Err(error) => panic!("delete {version}: {error}"),
        }
        assert!(start.elapsed() < CALL_BOUND, "a deletion took {:?}", start.elapsed());
    }

    /// The result, or `None` if the call timed out waiting for the lock.
    fn call<T>(&mut self, call: impl FnOnce() -> Result<T>) -> Option<T> {
        let start = Instant::now();
        let result = call();
        assert!(start.elapsed() < CALL_BOUND, "a call took {:?}", start.elapsed());
        match result {
            Ok(done) => Some(done),
            Err(error) if error.kind() == ErrorKind::Busy => {
                self.busy += 1;
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn archive(&self, version: &str) -> VerifiedArchive {
        let (web, zip) = (
            self.folder.join(format!("web-{}", self.name)),
            self.folder.join(format!("{}.zip", self.name)),
        );
        let _ = fs::remove_dir_all(&web);
        fs::create_dir(&web).unwrap();
        tree(version).write_to(&web).unwrap();
        let packed = pack(&web, &zip, &PackOptions::default(), &Control::new()).unwrap();
        VerifiedArchive::from_digest(&zip, &packed.digest, &Control::new()).unwrap()
    }

    fn report(self) -> Value {
        json!({
            "kept": self.kept.iter().map(|(version, _)| version).collect::<Vec<_>>(),
            "marked": self.marked,
            "marks": self.marked.len(),
            "installs": self.installs,
            "deletes": self.deletes,
            "launches": self.launches,
            "launches_without_lock": self.launches_without_lock,
            "longest_launch_ms": u64::try_from(self.longest_launch.as_millis()).unwrap(),
            "busy": self.busy,
        })
    }
}
