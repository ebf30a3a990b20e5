//! A process that installs, launches and confirms in a loop is killed at random moments. After each kill the store
//! opens, serves complete bundles and has everything that was reported as done.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use capbundle::bundle::{PackOptions, pack};
use capbundle::digest::Sha256Digest;
use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::store::{BundleId, BundleRef, Confirmation, KeepRules, NewBundle, Status, Store, StoreOptions};
use capbundle::{ErrorKind, Result, VerifiedArchive};
use capbundle_tests::skip::skipped;
use capbundle_tests::tree::Tree;

/// The environment variables of the child process: its folders, its random seed and the file that fills the disk.
const FOLDER: &str = "CAPBUNDLE_KILL_FOLDER";
const STORE: &str = "CAPBUNDLE_KILL_STORE";
const SEED: &str = "CAPBUNDLE_KILL_SEED";
const BALLAST: &str = "CAPBUNDLE_KILL_BALLAST";

const KILLS: u64 = 500;
const KILLS_ON_DISK: u64 = 60;
const KILLS_ON_A_FULL_DISK: u64 = 200;
/// The maximum lifetime of a child: several rounds of its loop in memory, about one round on a disk.
const LIFE: Duration = Duration::from_millis(60);
const LIFE_ON_DISK: Duration = Duration::from_millis(300);
/// An in-memory file system on most Linux systems. A round takes milliseconds there, and a second on a disk.
const MEMORY: &str = "/dev/shm";
/// Versions with an odd number never confirm.
const VERSIONS: u64 = 6;
const TEST_SEED: u64 = 0x5eed;

#[test]
fn a_store_loses_nothing_when_its_process_is_killed() {
    let folder = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir()).unwrap();
    let test = KillTest::new(folder.path().join("store"), KILLS, LIFE);
    test.run(&Workspace::new());
}

#[test]
fn a_store_loses_nothing_when_its_process_is_killed_during_a_sync() {
    let workspace = Workspace::new();
    let test = KillTest::new(workspace.path("store"), KILLS_ON_DISK, LIFE_ON_DISK);
    test.run(&workspace);
}

#[test]
fn a_store_loses_nothing_when_its_process_is_killed_on_a_full_disk() {
    let workspace = Workspace::new();
    let Some(disk) = SmallDisk::mount(&workspace.path("disk")) else {
        return;
    };
    let test = KillTest {
        ballast: Some(disk.0.join("ballast")),
        ..KillTest::new(disk.0.join("store"), KILLS_ON_A_FULL_DISK, LIFE)
    };
    test.run(&workspace);
}

struct KillTest {
    store: PathBuf,
    /// A file that sometimes fills the disk.
    ballast: Option<PathBuf>,
    count: u64,
    life: Duration,
}

impl KillTest {
    fn new(store: PathBuf, count: u64, life: Duration) -> Self {
        Self {
            store,
            ballast: None,
            count,
            life,
        }
    }

    fn run(&self, workspace: &Workspace) {
        let (started, mut random, mut journal) = (Instant::now(), Random(TEST_SEED), Journal::default());
        for number in 0..self.count {
            let mut child = workspace.child(&self.store, random.number(), self.ballast.as_deref());
            thread::sleep(self.life * random.below(1000) / 1000);
            let ended = child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the child ended before it was killed: {}",
                workspace.stderr()
            );
            child.kill().unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(9));

            journal.read_new_lines(&workspace.path("journal"));
            check(&self.store, &mut journal, &format!("after kill {number}"));
        }
        let Journal {
            confirmations,
            failures,
            ..
        } = journal;
        eprintln!(
            "{}: killed {} times in {:.1} s, with {confirmations} confirmations and {failures} failures",
            thread::current().name().unwrap_or_default(),
            self.count,
            started.elapsed().as_secs_f64()
        );
        assert!(
            confirmations > self.count / 20,
            "too few confirmations: {confirmations}"
        );
    }
}

/// Checks a store whose process was killed.
fn check(root: &Path, journal: &mut Journal, when: &str) {
    let store = Store::open(root, options()).unwrap_or_else(|error| panic!("{when}: {error}"));
    let (current, fallback) = (store.current().unwrap(), store.fallback().unwrap());
    let all = store.list().unwrap();
    let status = |slot: &BundleRef| {
        all.iter()
            .find(|(record, _)| Some(&record.id) == slot.bundle())
            .map(|(_, status)| *status)
    };

    for (record, _) in &all {
        Workspace::assert_whole(&store.folder(&record.id), &record.version, when);
        assert_eq!(store.verify_bundle(&record.id, &Control::new()).unwrap(), [], "{when}");
        assert_eq!(
            store.failure_of(&record.version, record.digest.as_ref()).unwrap(),
            None,
            "{when}"
        );
    }
    assert!(
        current == BundleRef::BuiltIn || current == fallback || status(&current) == Some(Status::Trial),
        "{when}: current {current}, fallback {fallback}"
    );
    for slot in [Some(current), store.next().unwrap(), Some(fallback.clone())]
        .into_iter()
        .flatten()
    {
        assert!(
            slot == BundleRef::BuiltIn || status(&slot).is_some(),
            "{when}: {slot} is not installed"
        );
    }
    journal.check(
        &fallback,
        &store
            .failed()
            .unwrap()
            .iter()
            .map(|failed| failed.version.clone())
            .collect(),
        when,
    );

    let launch = store.launch(&native());
    match (&launch.bundle, &launch.folder) {
        (BundleRef::BuiltIn, None) => {}
        (BundleRef::Bundle(_), Some(folder)) => {
            Workspace::assert_whole(folder, launch.version.as_deref().unwrap(), when);
        }
        other => panic!("{when}: {other:?}"),
    }
    journal.failed.extend(launch.failed.map(|failed| failed.version));
    match store.sweep() {
        // Without space to rename a folder, the next sweep removes the rest.
        Err(error) if error.kind() == ErrorKind::NoSpace => {}
        swept => swept.unwrap_or_else(|error| panic!("{when}: {error}")),
    }
    assert_eq!(
        fs::read_dir(root.join("staging")).unwrap().count(),
        0,
        "{when}: staging is not empty"
    );
}

/// The process that is killed. An ordinary test run skips it.
#[test]
#[ignore = "started by the other tests of this file in a separate process"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let workspace = Workspace::at(folder.into());
    let root = PathBuf::from(std::env::var_os(STORE).unwrap());
    let ballast = std::env::var_os(BALLAST).map(PathBuf::from);
    let mut random = Random(std::env::var(SEED).unwrap().parse().unwrap());
    loop {
        if let Some(ballast) = &ballast {
            fill_or_free(ballast, &mut random);
        }
        workspace.run_app(&root, &mut random);
    }
}

/// Fills the disk completely, or frees part of it.
fn fill_or_free(ballast: &Path, random: &mut Random) {
    if random.one_in(2) {
        let mut file = OpenOptions::new().append(true).create(true).open(ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    } else if let Ok(file) = OpenOptions::new().write(true).open(ballast) {
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(random.number() % (1 << 20)))
            .unwrap();
    }
}

/// The result, or `None` if the disk is full in the test that fills it.
fn unless_full<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(error) if error.kind() == ErrorKind::NoSpace && std::env::var_os(BALLAST).is_some() => None,
        Err(error) => panic!("{error}"),
    }
}

fn native() -> NativeApp {
    NativeApp::new("1.0", "1")
}

fn options() -> StoreOptions {
    let mut options = StoreOptions::default();
    options.space_margin = 0;
    // The store would count the kills as silent starts.
    options.silent_starts = 0;
    options
}

fn never_confirms(version: &str) -> bool {
    version.parse::<u64>().unwrap() % 2 == 1
}

/// The folder with the archives, the child's journal and its standard error.
struct Workspace {
    folder: PathBuf,
    _removed_on_drop: Option<tempfile::TempDir>,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Self::at(folder.path().to_path_buf());
        for version in 0..VERSIONS {
            let (web, zip) = (
                workspace.path(&format!("web-{version}")),
                workspace.path(&format!("{version}.zip")),
            );
            fs::create_dir(&web).unwrap();
            tree(&version.to_string()).write_to(&web).unwrap();
            pack(&web, &zip, &PackOptions::default(), &Control::new()).unwrap();
        }
        File::create(workspace.path("journal")).unwrap();
        Self {
            _removed_on_drop: Some(folder),
            ..workspace
        }
    }

    fn at(folder: PathBuf) -> Self {
        Self {
            folder,
            _removed_on_drop: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn child(&self, store: &Path, seed: u64, ballast: Option<&Path>) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "store_kill::child", "--ignored", "--nocapture"])
            .env(FOLDER, &self.folder)
            .env(STORE, store)
            .env(SEED, seed.to_string())
            .stdout(Stdio::null())
            .stderr(File::create(self.path("stderr")).unwrap());
        if let Some(ballast) = ballast {
            command.env(BALLAST, ballast);
        }
        command.spawn().unwrap()
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap()
    }

    fn assert_whole(folder: &Path, version: &str, when: &str) {
        let found = Tree::read_from(folder).unwrap();
        assert!(
            found == tree(version),
            "{when}: {} is not version {version}",
            folder.display()
        );
    }

    /// One run of the app, with an update.
    fn run_app(&self, root: &Path, random: &mut Random) {
        let Some(store) = unless_full(Store::open(root, options())) else {
            return;
        };
        let launch = store.launch(&native());
        if let Some(failed) = &launch.failed {
            self.record("failed", &failed.version);
        }
        if let (BundleRef::Bundle(id), Some(version)) = (&launch.bundle, &launch.version) {
            unless_full(store.trial_started(id));
            if launch.on_trial && !never_confirms(version) {
                self.confirm(&store, id);
            }
        }
        self.update(&store, random);
        if random.one_in(4) {
            unless_full(store.clean(&KeepRules::default().with_newest(2)));
        }
    }

    fn confirm(&self, store: &Store, id: &BundleId) {
        self.record("confirming", id.as_str());
        let confirmed = unless_full(store.confirm(&BundleRef::Bundle(id.clone())));
        if confirmed == Some(Confirmation::Proven) {
            self.record("confirmed", id.as_str());
        }
    }

    fn update(&self, store: &Store, random: &mut Random) {
        let version = (random.number() % VERSIONS).to_string();
        let path = self.path(&format!("{version}.zip"));
        let digest = Sha256Digest::of_file(&path, &Control::new()).unwrap();
        let archive = VerifiedArchive::from_digest(&path, &digest, &Control::new()).unwrap();
        match store.install(&archive, &NewBundle::new(&version), &Control::new()) {
            Err(error) if error.kind() == ErrorKind::NotTrusted => {
                if random.one_in(3) {
                    self.record("forgetting", &version);
                    unless_full(store.forget_failure(&version));
                }
            }
            installed => {
                if let Some(record) = unless_full(installed) {
                    unless_full(store.set_next(&BundleRef::Bundle(record.id)));
                }
            }
        }
    }

    /// Appends with a single write, which a kill cannot split.
    fn record(&self, what: &str, of: &str) {
        let mut journal = OpenOptions::new().append(true).open(self.path("journal")).unwrap();
        journal.write_all(format!("{what} {of}\n").as_bytes()).unwrap();
    }
}

/// The operations that were reported as done, and the one that may have completed before the kill.
#[derive(Default)]
struct Journal {
    read: u64,
    confirmed: Option<String>,
    confirming: Option<String>,
    failed: BTreeSet<String>,
    confirmations: u64,
    failures: u64,
}

impl Journal {
    fn read_new_lines(&mut self, path: &Path) {
        let mut file = File::open(path).unwrap();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        let mut text = String::new();
        self.read += file.read_to_string(&mut text).unwrap() as u64;
        for line in text.lines() {
            match line.split_once(' ').unwrap() {
                ("confirming", id) => self.confirming = Some(id.to_owned()),
                ("confirmed", id) => {
                    self.confirmations += 1;
                    self.confirmed = Some(id.to_owned());
                }
                ("failed", version) => {
                    self.failures += 1;
                    self.failed.insert(version.to_owned());
                }
                ("forgetting", version) => drop(self.failed.remove(version)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn check(&mut self, fallback: &BundleRef, failed: &BTreeSet<String>, when: &str) {
        let fallback = fallback.bundle().map(ToString::to_string);
        if fallback.is_some() && fallback == self.confirming {
            self.confirmed.clone_from(&fallback);
        }
        assert_eq!(fallback, self.confirmed, "{when}: a confirmation was lost");
        assert!(
            self.failed.is_subset(failed),
            "{when}: {:?} failed, but the store lists {failed:?}",
            self.failed
        );
    }
}

/// A tmpfs of two megabytes, unmounted on drop.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir(folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(folder)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.to_path_buf())),
            Ok(output) => {
                skipped(&format!(
                    "mounting a small tmpfs: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                ));
                None
            }
            Err(error) => {
                skipped(&format!("mounting a small tmpfs: {error}"));
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, since files may still be open.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.0.display());
        }
    }
}

/// About 250 KB in 17 files, all of which differ between versions.
fn tree(version: &str) -> Tree {
    (0..16).fold(
        Tree::bundle().with_file("version.txt", version.as_bytes()),
        |tree, number: usize| {
            let line = format!("export const value = '{version} {number}';\n");
            tree.with_file(
                &format!("assets/{number}.js"),
                line.repeat(30 * (number + 1)).as_bytes(),
            )
        },
    )
}

/// The generator splitmix64.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.number() % u64::from(bound)).unwrap()
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.number().is_multiple_of(times)
    }
}
