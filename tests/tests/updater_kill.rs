//! A process that finds, downloads, installs, applies and confirms an update is killed: at every step of the network,
//! at every call that changes files, and at random moments. The next start serves a whole bundle, the last proven one or the update on trial, and the
//! update completes without receiving a byte of the archive twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test fails"
)]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use capbundle::bundle::{PackOptions, pack};
use capbundle::http::{Head, Http, Receiver, Request, Transport, TransportError};
use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::store::{BundleRef, Store, StoreOptions};
use capbundle::update::protocol::Platform;
use capbundle::updater::{
    DeviceInfo, Host, Load, LogEvent, PolicyOptions, Ready, ServerSource, Source, UpdateMode, Updater, UpdaterOptions,
};
use capbundle_tests::scripted_server::{Reply, ScriptedServer};
use capbundle_tests::skip::tool;
use capbundle_tests::tree::Tree;
use serde_json::json;
use tempfile::TempDir;

/// The environment variables of the child process: its folder, its server, and the network step at which it ends.
const FOLDER: &str = "CAPBUNDLE_UPDATER_KILL_FOLDER";
const SERVER: &str = "CAPBUNDLE_UPDATER_KILL_SERVER";
const STEP: &str = "CAPBUNDLE_UPDATER_KILL_STEP";

/// An in-memory file system on most Linux systems.
const MEMORY: &str = "/dev/shm";
/// The system calls by which a program changes files on Linux. Opening one may create or empty it.
const FILE_CALLS: [&str; 14] = [
    "openat",
    "write",
    "pwrite64",
    "ftruncate",
    "mkdir",
    "rename",
    "unlink",
    "unlinkat",
    "rmdir",
    "fsync",
    "fdatasync",
    "syncfs",
    "flock",
    "fallocate",
];
const RANDOM_KILLS: u32 = 300;
const TEST_SEED: u64 = 0x5eed;
/// The body of a response arrives in pieces of this size, each of them a step.
const PIECE: usize = 8 << 10;
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;

/// The versions that are offered one after the other.
const PROVEN: &str = "1.0.0";
const FAILED: &str = "1.5.0";
const UPDATE: &str = "2.0.0";

#[test]
fn an_update_completes_after_a_kill_at_any_step_of_the_network() {
    let trial = Trial::new();
    let started = Instant::now();
    for step in 1.. {
        let root = trial.device();
        let ended = trial.child(&root, Some(step)).wait().unwrap();
        if ended.success() {
            assert!(step > 20, "only {step} steps");
            let kills = step - 1;
            eprintln!(
                "killed at {kills} network steps in {:.1} s",
                started.elapsed().as_secs_f64()
            );
            return;
        }
        trial.assert_killed(ended, SIGABRT);
        trial.recover(&root, &format!("after a kill at network step {step}"));
    }
}

#[test]
fn an_update_completes_after_a_kill_at_any_change_of_a_file() {
    let Some(strace) = tool("strace") else { return };
    let trial = Trial::new();
    let (started, mut kills) = (Instant::now(), 0);
    for call in FILE_CALLS {
        // The last life calls it less often, and ends by itself.
        for number in 1.. {
            let root = trial.device();
            let ended = trial.traced_child(&strace, &root, call, number).wait().unwrap();
            if ended.success() {
                fs::remove_dir_all(root).unwrap();
                break;
            }
            trial.assert_killed(ended, SIGKILL);
            kills += 1;
            trial.recover(&root, &format!("after a kill at {call} number {number}"));
        }
    }
    assert!(kills > 50, "only {kills} kills");
    eprintln!(
        "killed at {kills} changes of files in {:.1} s",
        started.elapsed().as_secs_f64()
    );
}

#[test]
fn an_update_completes_after_a_kill_at_any_moment() {
    let trial = Trial::new();
    let (started, mut random) = (Instant::now(), Random(TEST_SEED));
    let life = (0..5).map(|_| trial.whole_life()).max().unwrap();
    let (mut kills, mut survivors) = (0, 0);
    while kills < RANDOM_KILLS {
        let root = trial.device();
        let mut child = trial.child(&root, None);
        thread::sleep(life * random.below(1000) / 1000);
        // A child that has ended already is not killed.
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        if ended.success() {
            survivors += 1;
            assert!(survivors < 10 * RANDOM_KILLS, "nearly every child ends before its kill");
            continue;
        }
        trial.assert_killed(ended, SIGKILL);
        kills += 1;
        trial.recover(&root, &format!("after kill {kills}"));
    }
    eprintln!(
        "killed {kills} times at random in {:.1} s",
        started.elapsed().as_secs_f64()
    );
}

/// The process that is killed. An ordinary test run skips it.
#[test]
#[ignore = "started by the other tests of this file in a separate process"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let step = std::env::var(STEP).map_or(u64::MAX, |step| step.parse().unwrap());
    let life = Life {
        root: folder.join("store"),
        journal: Some(folder.join("journal")),
        server: std::env::var(SERVER).unwrap(),
        transport: Arc::new(EndingTransport::at(step)),
    };
    // Each of hundreds of children would leave a core file.
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0).unwrap();
    life.live();
}

/// A server with three bundles, and a device that has proven the first and failed the second.
struct Trial {
    folder: TempDir,
    /// What killed processes talk to. Their last requests may arrive late.
    killed: UpdateServer,
    /// What the processes after them talk to.
    next: UpdateServer,
    devices: AtomicU64,
}

impl Trial {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir()).unwrap();
        let trial = Self {
            killed: UpdateServer::start(UPDATE),
            next: UpdateServer::start(UPDATE),
            devices: AtomicU64::new(0),
            folder,
        };
        let before = |version: &str| {
            let server = UpdateServer::start(version);
            let life = Life {
                root: trial.folder.path().join("template/store"),
                journal: None,
                server: server.url(),
                transport: Arc::new(Http::new()),
            };
            (server, life)
        };
        fs::create_dir(trial.folder.path().join("template")).unwrap();
        let (_server, proves) = before(PROVEN);
        proves.live();
        let (_server, fails) = before(FAILED);
        let updater = fails.updater();
        assert_eq!(fails.show(&updater, &updater.start(&native(), false)), PROVEN);
        updater.run(&Control::new()).unwrap();
        for _ in 0..2 {
            let updater = fails.updater();
            let load = updater.start(&native(), false);
            assert_eq!(load.version.as_deref(), Some(FAILED));
            // Its page starts and never confirms.
            updater.page_started_from(&load);
        }
        let updater = fails.updater();
        assert_eq!(fails.show(&updater, &updater.start(&native(), false)), PROVEN);
        trial
    }

    /// A copy of the device.
    fn device(&self) -> PathBuf {
        let number = self.devices.fetch_add(1, Ordering::Relaxed);
        let root = self.folder.path().join(format!("device-{number}"));
        copy(&self.folder.path().join("template"), &root);
        File::create(root.join("journal")).unwrap();
        root
    }

    fn child(&self, device: &Path, step: Option<u64>) -> Child {
        let command = Command::new(std::env::current_exe().unwrap());
        self.spawn(command, device, step)
    }

    /// A child that is killed before its thread makes this system call for the `number`th time.
    fn traced_child(&self, strace: &Path, device: &Path, call: &str, number: u64) -> Child {
        let mut command = Command::new(strace);
        command
            .args(["--follow-forks", "--output=/dev/null", "--trace", call])
            .args(["--inject", &format!("{call}:signal=SIGKILL:when={number}")])
            .arg(std::env::current_exe().unwrap());
        self.spawn(command, device, None)
    }

    fn spawn(&self, mut command: Command, device: &Path, step: Option<u64>) -> Child {
        command
            .args(["--exact", "updater_kill::child", "--ignored", "--nocapture"])
            .env(FOLDER, device)
            .env(SERVER, self.killed.url())
            .stdout(Stdio::null())
            .stderr(File::create(self.folder.path().join("stderr")).unwrap());
        if let Some(step) = step {
            command.env(STEP, step.to_string());
        }
        command.spawn().unwrap()
    }

    fn assert_killed(&self, ended: ExitStatus, signal: i32) {
        let stderr = || fs::read_to_string(self.folder.path().join("stderr")).unwrap();
        assert_eq!(ended.signal(), Some(signal), "the child failed: {}", stderr());
    }

    /// How long a child lives that is not killed.
    fn whole_life(&self) -> Duration {
        let (root, started) = (self.device(), Instant::now());
        assert!(self.child(&root, None).wait().unwrap().success());
        let life = started.elapsed();
        assert_eq!(versions(&root.join("store")), (UPDATE.to_owned(), UPDATE.to_owned()));
        fs::remove_dir_all(root).unwrap();
        life
    }

    /// The processes after a kill.
    fn recover(&self, device: &Path, when: &str) {
        let root = device.join("store");
        let journal = Journal::read(&device.join("journal"), when);
        let (is_installed, partial) = (is_installed(&root, UPDATE), downloaded(&root));
        let before = self.next.archive_requests().len();

        for life in 1..=2 {
            let life_of = format!("{when}, life {life}");
            let served = Life {
                root: root.clone(),
                journal: None,
                server: self.next.url(),
                transport: Arc::new(Http::new()),
            }
            .live();
            if life == 1 && journal.has_confirmed {
                assert_eq!(served, UPDATE, "{life_of}: the confirmation was lost");
            }
            assert!(served == PROVEN || served == UPDATE, "{life_of}: serves {served}");
            assert!(life == 1 || served == UPDATE, "{life_of}: serves {served}");
        }
        let proven = (UPDATE.to_owned(), UPDATE.to_owned());
        assert_eq!(versions(&root), proven, "{when}: the update did not complete");
        self.assert_healthy(&root, when);

        let requested: u64 = self.next.archive_requests()[before..].iter().sum();
        let missing = if is_installed { 0 } else { self.next.size() - partial };
        assert!(
            requested <= missing,
            "{when}: requested {requested} bytes of {}, had {partial} (installed: {is_installed})",
            self.next.size()
        );
        fs::remove_dir_all(device).unwrap();
    }

    fn assert_healthy(&self, root: &Path, when: &str) {
        let store = Store::open(root, options()).unwrap();
        let failed: Vec<_> = store
            .failed()
            .unwrap()
            .into_iter()
            .map(|failed| failed.version)
            .collect();
        assert_eq!(failed, [FAILED], "{when}");
        let warnings = store.take_warnings();
        assert!(warnings.is_empty(), "{when}: {warnings:?}");
        store.sweep().unwrap();
        let staged = fs::read_dir(root.join("staging")).unwrap().count();
        assert_eq!((staged, downloaded(root)), (0, 0), "{when}: files are left");
        let life = Life {
            root: root.to_owned(),
            journal: None,
            server: self.next.url(),
            transport: Arc::new(Http::new()),
        };
        let log = life.updater().log().entries().unwrap();
        let is_damage = |event: &LogEvent| matches!(event, LogEvent::LogDamaged | LogEvent::SettingsDamaged);
        let damage: Vec<_> = log.iter().filter(|entry| is_damage(&entry.event)).collect();
        assert!(damage.is_empty(), "{when}: {damage:?}");
    }
}

/// One process of the app.
struct Life {
    root: PathBuf,
    journal: Option<PathBuf>,
    server: String,
    transport: Arc<dyn Transport>,
}

impl Life {
    /// Starts, updates, goes to the background and ends. Returns the version that was served first.
    fn live(&self) -> String {
        let updater = self.updater();
        let served = self.show(&updater, &updater.start(&native(), false));
        updater.run(&Control::new()).unwrap();
        if let Some(load) = updater.background() {
            self.show(&updater, &load);
        }
        updater.run(&Control::new()).unwrap();
        served
    }

    fn updater(&self) -> Arc<Updater> {
        let store = Arc::new(Store::open(&self.root, options()).unwrap());
        let url = |path: &str| format!("{}{path}", self.server).parse().unwrap();
        let mut options = UpdaterOptions::new(
            Source::Server(ServerSource::new(url("/updates"))),
            PolicyOptions::new(UpdateMode::AtBackground),
            DeviceInfo::new(Platform::Android, "com.example.app"),
        )
        .with_stats_url(Some(url("/stats")));
        options.download.space_margin = 0;
        Arc::new(Updater::new(store, Arc::clone(&self.transport), Arc::new(Silent), options).unwrap())
    }

    /// The web view loads this, and its page confirms. Returns its version.
    fn show(&self, updater: &Arc<Updater>, load: &Load) -> String {
        let version = load.version.clone().unwrap_or_else(|| "builtin".to_owned());
        if let Some(folder) = &load.folder {
            assert!(
                Tree::read_from(folder).unwrap() == tree(&version),
                "{version} is not whole"
            );
        }
        self.record("served", &version);
        let page = updater.page_started_from(load);
        assert!(matches!(page.ready(), Ready::Confirmed(_)), "{version} did not confirm");
        self.record("confirmed", &version);
        version
    }

    /// Appends with a single write, which a kill cannot split.
    fn record(&self, what: &str, version: &str) {
        let Some(journal) = &self.journal else { return };
        let mut journal = OpenOptions::new().append(true).open(journal).unwrap();
        journal.write_all(format!("{what} {version}\n").as_bytes()).unwrap();
    }
}

/// What the killed process reported.
struct Journal {
    has_confirmed: bool,
}

impl Journal {
    fn read(path: &Path, when: &str) -> Self {
        let text = fs::read_to_string(path).unwrap();
        for line in text.lines() {
            let (_, version) = line.split_once(' ').unwrap();
            assert!(version == PROVEN || version == UPDATE, "{when}: {text}");
        }
        Self {
            has_confirmed: text.contains(&format!("confirmed {UPDATE}")),
        }
    }
}

struct Silent;

impl Host for Silent {
    fn load(&self, _: &Load) {}
}

/// Ends the process at a step of the network: before a request, at the head of a response, after a piece of its body.
#[derive(Debug)]
struct EndingTransport {
    http: Http,
    at: u64,
    steps: AtomicU64,
}

impl EndingTransport {
    fn at(step: u64) -> Self {
        Self {
            http: Http::new(),
            at: step,
            steps: AtomicU64::new(0),
        }
    }

    fn step(&self) {
        if self.steps.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            // Nothing is dropped or flushed.
            std::process::abort();
        }
    }
}

impl Transport for EndingTransport {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        self.step();
        let mut steps = Steps {
            transport: self,
            receiver,
        };
        self.http.send(request, &mut steps)?;
        self.step();
        Ok(())
    }
}

struct Steps<'a> {
    transport: &'a EndingTransport,
    receiver: &'a mut dyn Receiver,
}

impl Receiver for Steps<'_> {
    fn sent(&mut self, count: u64) -> capbundle::Result<()> {
        self.receiver.sent(count)
    }

    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.transport.step();
        self.receiver.begin(head)?;
        self.transport.step();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> capbundle::Result<()> {
        for piece in bytes.chunks(PIECE) {
            self.receiver.write(piece)?;
            self.transport.step();
        }
        Ok(())
    }
}

/// A server that offers one version.
struct UpdateServer {
    server: ScriptedServer,
    size: u64,
    /// How many bytes each request for the archive was for.
    archive_requests: Arc<Mutex<Vec<u64>>>,
}

impl UpdateServer {
    fn start(version: &str) -> Self {
        let (version, (archive, checksum)) = (version.to_owned(), archive(version));
        let size = archive.len() as u64;
        let archive_requests = Arc::new(Mutex::new(Vec::new()));
        let requested = Arc::clone(&archive_requests);
        let server = ScriptedServer::start(move |request| match request.path() {
            "/updates" => {
                let url = format!("http://{}/bundle.zip", request.headers["host"]);
                Reply::json(&json!({ "version": version, "url": url, "checksum": checksum }))
            }
            "/bundle.zip" => {
                let range = request
                    .headers
                    .get("range")
                    .and_then(|range| range.strip_prefix("bytes="));
                let from = range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
                requested.lock().unwrap().push(size - from);
                Reply::file(request, &archive, "\"1\"")
            }
            _ => Reply::json(&json!({ "status": "ok" })),
        });
        Self {
            server,
            size,
            archive_requests,
        }
    }

    fn url(&self) -> String {
        self.server.url("")
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn archive_requests(&self) -> Vec<u64> {
        self.archive_requests.lock().unwrap().clone()
    }
}

fn native() -> NativeApp {
    NativeApp::new("1.0.0", "1")
}

fn options() -> StoreOptions {
    let mut options = StoreOptions::default();
    options.space_margin = 0;
    options
}

/// The versions of the current bundle and of the last that confirmed.
fn versions(root: &Path) -> (String, String) {
    let store = Store::open(root, options()).unwrap();
    let version = |bundle: BundleRef| match bundle.bundle() {
        Some(id) => store.get(id).unwrap().version,
        None => "builtin".to_owned(),
    };
    (version(store.current().unwrap()), version(store.fallback().unwrap()))
}

fn is_installed(root: &Path, version: &str) -> bool {
    let store = Store::open(root, options()).unwrap();
    store
        .list()
        .unwrap()
        .iter()
        .any(|(record, _)| record.version == version)
}

/// The bytes of archives that were received and are not installed yet.
fn downloaded(root: &Path) -> u64 {
    let Ok(downloads) = fs::read_dir(root.join("downloads")) else {
        return 0;
    };
    let paths = downloads.map(|entry| entry.unwrap().path());
    let archives = paths.filter(|path| path.extension().is_some_and(|ending| ending != "json"));
    archives.map(|path| fs::metadata(path).unwrap().len()).sum()
}

/// 120 KB that do not compress, in four files.
fn tree(version: &str) -> Tree {
    let mut random = Random(version.bytes().map(u64::from).sum());
    (0..3).fold(
        Tree::bundle().with_file("version.txt", version.as_bytes()),
        |tree, number| {
            let noise: Vec<u8> = (0..5000).flat_map(|_| random.number().to_le_bytes()).collect();
            tree.with_file(&format!("assets/{number}.bin"), &noise)
        },
    )
}

/// An archive of this version, and its checksum.
fn archive(version: &str) -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let (web, zip) = (folder.path().join("web"), folder.path().join("app.zip"));
    fs::create_dir(&web).unwrap();
    tree(version).write_to(&web).unwrap();
    let packed = pack(&web, &zip, &PackOptions::default(), &Control::new()).unwrap();
    (fs::read(zip).unwrap(), packed.digest.to_string())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
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

    fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.number() % u64::from(limit)).unwrap()
    }
}
