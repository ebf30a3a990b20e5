//! Previews, called for by JavaScript, with a real store.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::bundle::{PackOptions, pack};
use crate::http::mock_transport::MockTransport;
use crate::native::NativeApp;
use crate::store::{Store, StoreOptions};
use crate::update::protocol::Platform;
use crate::updater::{DeviceInfo, Host, Load, PolicyOptions, ServerSource, UpdateMode, UpdaterOptions};
use crate::verified::VerifiedArchive;

#[derive(Default)]
struct Loaded(Mutex<Vec<Option<String>>>);

impl Host for Loaded {
    fn load(&self, load: &Load) {
        self.0.lock().unwrap().push(load.version.clone());
    }
}

struct App {
    updater: Arc<Updater>,
    loaded: Arc<Loaded>,
}

impl App {
    fn new(root: &Path, allows_preview: bool) -> Self {
        let store = Arc::new(Store::open(&root.join("store"), StoreOptions::default()).unwrap());
        let source = Source::Server(ServerSource::new("https://updates.example.com".parse().unwrap()));
        let policy = PolicyOptions::new(UpdateMode::AtBackground).with_preview(allows_preview);
        let options = UpdaterOptions::new(source, policy, DeviceInfo::new(Platform::Android, "com.example.app"));
        let (loaded, transport) = (Arc::<Loaded>::default(), Arc::<MockTransport>::default());
        let host = Arc::clone(&loaded) as Arc<dyn Host>;
        let updater = Arc::new(Updater::new(store, transport, host, options).unwrap());
        Self { updater, loaded }
    }

    fn start(&self) -> Option<String> {
        self.updater.start(&NativeApp::new("1.0.0", "1"), false).version
    }

    fn call(&self, method: &str, arguments: &str) -> Result<String, CallRejection> {
        let local = UtcOffset::UTC;
        let call = BridgeCall {
            method,
            arguments,
            local,
        };
        self.updater.call_bridge(call, None, &Control::new())
    }

    fn call_with(&self, method: &str, id: &str) -> Result<String, CallRejection> {
        self.call(method, &format!(r#"{{"id":"{id}"}}"#))
    }

    fn install(&self, root: &Path, version: &str) -> String {
        let (folder, zip) = (root.join(version), root.join(format!("{version}.zip")));
        std::fs::create_dir(&folder).unwrap();
        let page = format!("<script>CapacitorUpdater.notifyAppReady()</script>{version}");
        std::fs::write(folder.join("index.html"), page).unwrap();
        let packed = pack(&folder, &zip, &PackOptions::default(), &Control::new()).unwrap();
        let archive = VerifiedArchive::from_digest(&zip, &packed.digest, &Control::new()).unwrap();
        let installed = self
            .updater
            .store()
            .install(&archive, &NewBundle::new(version), &Control::new());
        installed.unwrap().id.to_string()
    }

    fn last_loaded(&self) -> Option<String> {
        self.loaded.0.lock().unwrap().last().cloned().flatten()
    }

    fn events(&self) -> Vec<String> {
        let entries = self.updater.log().entries().unwrap().into_iter();
        let entries = entries.filter(|entry| entry.event.as_str().starts_with("preview"));
        let words = entries.map(|entry| (entry.event.as_str().to_owned(), entry.reason.unwrap_or_default()));
        words.map(|(event, reason)| format!("{event} {reason}")).collect()
    }
}

#[test]
fn a_preview_is_loaded_is_current_for_the_page_and_is_gone_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::new(folder.path(), true);
    app.start();
    let (live, other) = (app.install(folder.path(), "1.1.0"), app.install(folder.path(), "1.2.0"));
    app.call_with("set", &live).unwrap();
    app.updater.page_started().ready();

    app.call_with("setPreview", &other).unwrap();

    assert_eq!(app.last_loaded().as_deref(), Some("1.2.0"));
    let page = app.updater.page_started();
    assert!(page.deadline().is_some());
    assert!(app.call("current", "").unwrap().contains(&other));
    assert_eq!(page.ready(), Ready::Confirmed(other.parse().unwrap()));
    assert_eq!(app.updater.live().unwrap().version.as_deref(), Some("1.1.0"));
    assert_eq!(
        app.updater
            .device_request(&app.updater.identity().unwrap())
            .unwrap()
            .version_name,
        "1.1.0"
    );
    app.call_with("next", &other).unwrap();
    assert!(app.updater.background().is_none(), "nothing is applied");
    app.updater.foreground();
    assert_eq!(page.crashed().unwrap().version.as_deref(), Some("1.1.0"));
    assert_eq!(app.updater.store().failed().unwrap(), []);
    app.updater.store().clear_next().unwrap();

    app.call_with("setPreview", &other).unwrap();
    app.call("resetPreview", "").unwrap();
    assert_eq!(app.last_loaded().as_deref(), Some("1.1.0"));
    app.call_with("setPreview", &other).unwrap();
    app.call("reset", r#"{"toLastSuccessful":true}"#).unwrap();
    assert_eq!(app.last_loaded().as_deref(), Some("1.1.0"));
    app.call_with("setPreview", &other).unwrap();
    assert!(app.updater.page_started().timed_out().is_some());
    app.call_with("setPreview", &other).unwrap();

    let started = "preview_started preview";
    assert_eq!(
        app.events(),
        [
            started,
            "preview_ended page_crashed",
            started,
            "preview_ended requested",
            started,
            "preview_ended replaced",
            started,
            "preview_ended page_timed_out",
            started,
        ]
    );
    drop(app);
    assert_eq!(App::new(folder.path(), true).start().as_deref(), Some("1.1.0"));
}

#[test]
fn a_preview_that_is_not_allowed_or_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::new(folder.path(), false);
    app.start();
    let id = app.install(folder.path(), "1.1.0");
    let refused = app.call_with("setPreview", &id).unwrap_err();
    assert!(refused.message.contains("allowPreview"), "{}", refused.message);
    drop(app);

    let app = App::new(folder.path(), true);
    app.start();
    assert_eq!(app.call("resetPreview", "").unwrap_err().code, "invalid_input");
    assert_eq!(app.call_with("setPreview", "0000000000").unwrap_err().code, "not_found");
    app.call_with("setBundleError", &id).unwrap_err();
    app.updater.store().mark_failed(&id.parse().unwrap()).unwrap();
    app.call_with("setPreview", &id).unwrap_err();
    assert_eq!(app.start(), None);
}
