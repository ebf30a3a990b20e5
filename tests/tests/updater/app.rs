//! A device with an app, and the server of its updates.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capbundle::bundle::{PackOptions, pack};
use capbundle::capgo::{self, ChecksumForm, Encryption};
use capbundle::http::download::DownloadOptions;
use capbundle::http::{Http, Transport};
use capbundle::keys::{KeyBits, SigningKey};
use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::store::{Store, StoreOptions};
use capbundle::time::UtcOffset;
use capbundle::update::protocol::Platform;
use capbundle::updater::{
    BridgeCall, CallRejection, DeviceInfo, Host, Load, PluginEvent, PolicyOptions, ServerSource, Source, UpdateMode,
    Updater, UpdaterOptions,
};
use capbundle_tests::scripted_server::{Received, Reply, ScriptedServer};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What the updater told the app.
#[derive(Default)]
pub(crate) struct Told {
    /// The next event panics.
    pub(crate) panics: AtomicBool,
    pub(crate) loads: Mutex<Vec<Load>>,
    pub(crate) events: Mutex<Vec<(&'static str, Value)>>,
}

impl Host for Told {
    fn load(&self, load: &Load) {
        self.loads.lock().unwrap().push(load.clone());
    }

    fn event(&self, event: &PluginEvent) {
        assert!(!self.panics.swap(false, Ordering::Relaxed), "a host that panics");
        self.events.lock().unwrap().push((event.name(), event.payload()));
    }
}

impl Told {
    /// The names of the events since the last call, without the progress of downloads.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        events
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| *name != "download")
            .collect()
    }

    /// The payload of the last event of this name.
    pub(crate) fn last(&self, name: &str) -> Value {
        let events = self.events.lock().unwrap();
        let found = events.iter().rfind(|(event, _)| *event == name);
        found
            .unwrap_or_else(|| panic!("no event {name} in {events:?}"))
            .1
            .clone()
    }
}

/// A bundle on a server.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) version: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) checksum: String,
    pub(crate) session_key: Option<String>,
}

impl Published {
    /// A bundle of this version, with `size` bytes that do not compress.
    pub(crate) fn plain(version: &str, size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (zip, checksum) = Self::archive(folder.path(), version, size);
        Self {
            version: version.to_owned(),
            bytes: fs::read(zip).unwrap(),
            checksum,
            session_key: None,
        }
    }

    /// The same, encrypted and signed.
    pub(crate) fn encrypted(version: &str, key: &SigningKey) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (zip, checksum) = Self::archive(folder.path(), version, 100);
        let sealed = folder.path().join("sealed");
        let encryption = Encryption {
            expected: &checksum.parse().unwrap(),
            key,
            form: ChecksumForm::V3,
        };
        let parts = capgo::encrypt(&zip, &sealed, &encryption, &Control::new()).unwrap();
        Self {
            version: version.to_owned(),
            bytes: fs::read(sealed).unwrap(),
            checksum: parts.checksum.to_string(),
            session_key: Some(parts.iv_session_key.to_string()),
        }
    }

    fn archive(folder: &Path, version: &str, size: usize) -> (PathBuf, String) {
        let (www, zip) = (folder.join("www"), folder.join("app.zip"));
        fs::create_dir(&www).unwrap();
        let page = format!("<title>{version}</title><script>CapacitorUpdater.notifyAppReady()</script>");
        fs::write(www.join("index.html"), page).unwrap();
        let mut state = 1_u64;
        let noise = (0..size).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        });
        fs::write(www.join("photo.bin"), noise.collect::<Vec<_>>()).unwrap();
        let packed = pack(&www, &zip, &PackOptions::default(), &Control::new()).unwrap();
        (zip, packed.digest.to_string())
    }

    /// The answer of an update server that offers it.
    pub(crate) fn offer(&self, url: &str) -> Reply {
        let mut offer = json!({ "version": self.version, "url": url, "checksum": self.checksum });
        if let Some(session_key) = &self.session_key {
            offer["session_key"] = Value::from(session_key.as_str());
        }
        Reply::json(&offer)
    }
}

/// The answers of a server, which a test may change at any time.
pub(crate) struct Behaviour {
    /// To `POST /updates`; the argument is the address of the archive.
    pub(crate) update: Box<dyn Fn(&str) -> Reply + Send>,
    /// To `GET /bundle.zip`.
    pub(crate) archive: Box<dyn Fn(&Received) -> Reply + Send>,
    /// To everything else.
    pub(crate) other: Box<dyn Fn(&Received) -> Reply + Send>,
}

impl Behaviour {
    /// Offers this bundle, as it should.
    pub(crate) fn offering(bundle: &Published) -> Self {
        let (offered, served) = (bundle.clone(), bundle.bytes.clone());
        Self {
            update: Box::new(move |url| offered.offer(url)),
            archive: Box::new(move |request| Reply::file(request, &served, "\"1\"")),
            other: Box::new(|_| Reply::json(&json!({ "status": "ok" }))),
        }
    }

    /// Has nothing new.
    pub(crate) fn idle() -> Self {
        Self {
            update: Box::new(|_| Reply::json(&json!({}))),
            archive: Box::new(|_| Reply::new(404, "")),
            other: Box::new(|_| Reply::json(&json!({ "status": "ok" }))),
        }
    }
}

/// A device, and a server that it follows.
pub(crate) struct App {
    folder: TempDir,
    pub(crate) server: ScriptedServer,
    behaviour: Arc<Mutex<Behaviour>>,
    pub(crate) options: UpdaterOptions,
    pub(crate) store: StoreOptions,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) native: NativeApp,
    pub(crate) told: Arc<Told>,
}

impl App {
    pub(crate) fn new(mode: UpdateMode, behaviour: Behaviour) -> Self {
        let behaviour = Arc::new(Mutex::new(behaviour));
        let answers = Arc::clone(&behaviour);
        let server = ScriptedServer::start(move |request| {
            let behaviour = answers.lock().unwrap();
            let host = request.headers.get("host").cloned().unwrap_or_default();
            match request.path() {
                "/updates" => (behaviour.update)(&format!("http://{host}/bundle.zip")),
                "/bundle.zip" => (behaviour.archive)(request),
                _ => (behaviour.other)(request),
            }
        });
        let source = ServerSource::new(server.url("/updates").parse().unwrap())
            .with_channel_url(Some(server.url("/channel_self").parse().unwrap()));
        let device = DeviceInfo::new(Platform::Android, "com.example.app")
            .with_os_version("16")
            .with_plugin_version("8.51.23");
        let mut download = DownloadOptions::default();
        download.first_wait = Duration::from_millis(1);
        download.attempts = 2;
        download.stall_timeout = Duration::from_millis(400);
        download.space_margin = 0;
        let options = UpdaterOptions::new(Source::Server(source), PolicyOptions::new(mode), device)
            .with_stats_url(Some(server.url("/stats").parse().unwrap()))
            .with_download(download)
            .with_response_timeout(Duration::from_millis(400));
        Self {
            folder: tempfile::tempdir().unwrap(),
            server,
            behaviour,
            options,
            store: StoreOptions::default(),
            transport: Arc::new(Http::new()),
            native: NativeApp::new("1.0.0", "1"),
            told: Arc::default(),
        }
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// A new process of the app.
    pub(crate) fn process(&self) -> Process<'_> {
        let store = Store::open(&self.root(), self.store.clone()).unwrap();
        let transport = Arc::clone(&self.transport);
        let updater = Updater::new(Arc::new(store), transport, self.told.clone(), self.options.clone()).unwrap();
        let updater = Arc::new(updater);
        let load = updater.start(&self.native, false);
        Process {
            app: self,
            updater,
            shown: load,
        }
    }

    /// The requests of this path.
    pub(crate) fn requests(&self, path: &str) -> Vec<Received> {
        let mut received = self.server.received();
        received.retain(|request| request.path() == path);
        received
    }
}

/// A process of the app, whose page is in the web view.
pub(crate) struct Process<'a> {
    app: &'a App,
    pub(crate) updater: Arc<Updater>,
    pub(crate) shown: Load,
}

impl Process<'_> {
    /// Does what the background thread would do.
    pub(crate) fn work(&mut self) {
        self.updater.run(&Control::new()).unwrap();
        if let Some(load) = self.app.told.loads.lock().unwrap().pop() {
            self.shown = load;
        }
    }

    pub(crate) fn confirm(&self) {
        let page = self.updater.page_started();
        page.ready();
    }

    pub(crate) fn background(&mut self) {
        if let Some(load) = self.updater.background() {
            self.shown = load;
        }
    }

    pub(crate) fn foreground(&mut self) {
        if let Some(load) = self.updater.foreground() {
            self.shown = load;
        }
    }

    /// The version in the web view.
    pub(crate) fn version(&self) -> &str {
        self.shown.version.as_deref().unwrap_or("builtin")
    }

    /// What the folder in the web view shows.
    pub(crate) fn title(&self) -> String {
        let folder = self.shown.folder.as_ref().expect("a bundle is served");
        let page = fs::read_to_string(folder.join("index.html")).unwrap();
        page.split(['<', '>']).nth(2).unwrap().to_owned()
    }

    pub(crate) fn call(&self, method: &str, arguments: &Value) -> Result<Value, CallRejection> {
        let page = self.updater.page_started();
        let call = BridgeCall {
            method,
            arguments: &arguments.to_string(),
            local: UtcOffset::UTC,
        };
        let answer = self.updater.call_bridge(call, Some(&page), &Control::new())?;
        Ok(serde_json::from_str(&answer).unwrap())
    }
}

pub(crate) fn new_key() -> SigningKey {
    SigningKey::generate(KeyBits::B2048).unwrap()
}
