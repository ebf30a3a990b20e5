#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::Mutex;

use super::events::UpdaterEvent;
use super::options::{DeviceInfo, Platform, ServerSource, UpdateMode, UpdateSource};
use super::*;
use crate::error::{CallbackError, ErrorKind};
use crate::http::{HttpRequest, ResponseSink, TransportError};
use crate::log::{LogLevel, LogObserver};
use crate::store::options::{RequiredProof, StoreOptions};

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl LogObserver for Lines {
    fn on_log(&self, _: LogLevel, message: String) -> Result<(), CallbackError> {
        self.0.lock().unwrap().push(message);
        Ok(())
    }
}

/// A host that does not even answer.
struct Broken {
    panics: bool,
}

impl Broken {
    fn fail(&self) -> Result<(), CallbackError> {
        assert!(!self.panics, "a burst pipe");
        let reason = "no web view".to_owned();
        Err(CallbackError::Failed { reason })
    }
}

impl UpdaterHost for Broken {
    fn load(&self, _: Load) -> Result<(), CallbackError> {
        self.fail()
    }

    fn event(&self, _: UpdaterEvent) -> Result<(), CallbackError> {
        self.fail()
    }

    fn show_splash(&self, _: bool) -> Result<(), CallbackError> {
        self.fail()
    }

    fn wake(&self) -> Result<(), CallbackError> {
        self.fail()
    }
}

struct NoNetwork;

impl HttpTransport for NoNetwork {
    fn send(&self, _: HttpRequest, _: Arc<dyn ResponseSink>) -> std::result::Result<(), TransportError> {
        let reason = "no network".to_owned();
        Err(TransportError::Offline { reason })
    }
}

struct App {
    _folder: tempfile::TempDir,
    lines: Arc<Lines>,
    store: Arc<Store>,
}

impl App {
    fn new(required_proof: RequiredProof) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines = Arc::new(Lines::default());
        let options = StoreOptions {
            required_proof,
            bundles: None,
            attempts: 2,
            silent_starts: 3,
            app_ready_timeout_ms: 10_000,
            reset_when_native_changes: true,
            auto_delete_failed: true,
            auto_delete_previous: true,
            limits: None,
            unpack_threads: None,
            lock_timeout_ms: 10_000,
            space_margin: 0,
            verify_at_launch_ms: None,
            built_in_sequence: None,
            built_in_folder: None,
        };
        let store = Store::open(folder.path().to_str().unwrap(), options, Some(Arc::clone(&lines) as _)).unwrap();
        Self {
            _folder: folder,
            lines,
            store,
        }
    }

    fn updater(&self, host: Broken, change: impl FnOnce(&mut UpdaterOptions)) -> Result<Arc<BlockingUpdater>> {
        let server = ServerSource {
            url: "https://updates.example/updates".to_owned(),
            channel_url: None,
            public_key: None,
            form: None,
            allow_unencrypted: false,
            allow_unverified_https: false,
        };
        let device = DeviceInfo {
            platform: Platform::Android,
            app_id: "com.example.app".to_owned(),
            os_version: String::new(),
            plugin_version: None,
            is_emulator: false,
            is_production: true,
            install_source: None,
        };
        let mut options = UpdaterOptions {
            source: UpdateSource::Server { server },
            device,
            mode: UpdateMode::Off,
            check_period_seconds: 0,
            splash_timeout_ms: None,
            stats_url: None,
            default_channel: None,
            permissions: None,
            download: None,
            response_timeout_ms: 20_000,
        };
        change(&mut options);
        BlockingUpdater::new(Arc::clone(&self.store), Arc::new(NoNetwork), Arc::new(host), options)
    }

    fn has_line(&self, part: &str) -> bool {
        self.lines.0.lock().unwrap().iter().any(|line| line.contains(part))
    }
}

fn native() -> NativeApp {
    NativeApp {
        version: "1.0.0".to_owned(),
        build: "1".to_owned(),
    }
}

fn reload(updater: &BlockingUpdater) {
    let call = call::BridgeCall {
        method: "reload".to_owned(),
        arguments: String::new(),
        utc_offset_seconds: 0,
    };
    let result = updater.call(call, None).unwrap();
    assert!(matches!(result, call::CallResult::Resolved { .. }), "{result:?}");
}

#[test]
fn a_host_that_throws_is_logged_and_stops_nothing() {
    let app = App::new(RequiredProof::Digest);
    let updater = app.updater(Broken { panics: false }, |_| {}).unwrap();
    assert_eq!(updater.start(native(), false).unwrap().folder, None);
    updater.page_started(None).unwrap();
    reload(&updater);
    assert!(app.has_line("the host of the updater threw in load: no web view"));
    updater.page_started(None).unwrap();
    assert!(matches!(updater.page_ready().unwrap(), PageReady::Confirmed { .. }));
}

#[test]
fn a_panic_in_the_bindings_does_not_reach_the_core() {
    let app = App::new(RequiredProof::Digest);
    let updater = app.updater(Broken { panics: true }, |_| {}).unwrap();
    drop(updater.start(native(), false).unwrap());
    reload(&updater);
    assert!(app.has_line("panic in the bindings, in load of the host"));
    assert!(updater.shown().unwrap().is_some());
}

#[test]
fn a_store_that_requires_more_than_the_source_proves_is_refused() {
    let app = App::new(RequiredProof::Release);
    let error = app.updater(Broken { panics: false }, |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(app.has_line("the store requires signed releases"));
}

#[test]
fn an_option_that_is_invalid_is_named() {
    let app = App::new(RequiredProof::Digest);
    let error = app
        .updater(Broken { panics: false }, |options| options.response_timeout_ms = -1)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("responseTimeoutMs"), "{error}");
}

#[test]
fn a_page_that_never_started_confirms_nothing() {
    let app = App::new(RequiredProof::Digest);
    let updater = app.updater(Broken { panics: false }, |_| {}).unwrap();
    assert_eq!(updater.page_ready().unwrap(), PageReady::Replaced);
    assert_eq!(updater.page_deadline_ms().unwrap(), None);
    assert_eq!(updater.page_crashed().unwrap(), None);
}

#[test]
fn a_page_that_confirms_has_its_answer_while_the_thread_for_updates_runs() {
    let app = App::new(RequiredProof::Digest);
    let updater = app.updater(Broken { panics: false }, |_| {}).unwrap();
    drop(updater.start(native(), false).unwrap());
    let (runner, cancel) = (Arc::clone(&updater), CancelToken::new());
    let stop = Arc::clone(&cancel);
    // Looks for work all the time, as it does now and then in an app.
    let thread = std::thread::spawn(move || while runner.run(Some(Arc::clone(&stop))).is_ok() {});
    for round in 0..300 {
        updater.page_started(None).unwrap();
        let ready = updater.page_ready().unwrap();
        assert!(matches!(ready, PageReady::Confirmed { .. }), "round {round}: {ready:?}");
    }
    cancel.cancel();
    thread.join().unwrap();
}
