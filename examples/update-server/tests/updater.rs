//! The updater of the core against this server, and against the shortest answer that other servers give.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use capbundle::bundle::{PackOptions, pack};
use capbundle::http::Http;
use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::store::{Store, StoreOptions};
use capbundle::time::UtcOffset;
use capbundle::update::protocol::Platform;
use capbundle::updater::{
    BridgeCall, CallRejection, DeviceInfo, Host, Load, PluginEvent, PolicyOptions, ServerSource, Source, UpdateMode,
    Updater, UpdaterOptions,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::test_server::{APP, TestServer};

/// A device with the app.
struct Device {
    folder: TempDir,
    server: SocketAddr,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told(Mutex<Vec<(&'static str, Value)>>);

impl Host for Told {
    fn load(&self, _: &Load) {}

    fn event(&self, event: &PluginEvent) {
        self.0.lock().unwrap().push((event.name(), event.payload()));
    }
}

impl Device {
    fn new(server: SocketAddr) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            server,
            told: Arc::default(),
        }
    }

    /// A process of the app, from its start until it goes to the background. Returns the version that it served then.
    fn live(&self) -> String {
        let updater = self.updater();
        let load = updater.start(&NativeApp::new("1.0.0", "12"), false);
        updater.page_started_from(&load).ready();
        updater.run(&Control::new()).unwrap();
        let shown = updater.background().unwrap_or(load);
        updater.page_started_from(&shown).ready();
        updater.run(&Control::new()).unwrap();
        shown.version.unwrap_or_else(|| "builtin".to_owned())
    }

    fn updater(&self) -> Arc<Updater> {
        let url = |path: &str| format!("http://{}{path}", self.server).parse().unwrap();
        let source = ServerSource::new(url("/updates")).with_channel_url(Some(url("/channel_self")));
        let device = DeviceInfo::new(Platform::Android, APP)
            .with_os_version("16")
            .with_plugin_version("8.51.23");
        let mut options = UpdaterOptions::new(
            Source::Server(source),
            PolicyOptions::new(UpdateMode::AtBackground),
            device,
        )
        .with_stats_url(Some(url("/stats")));
        options.download.space_margin = 0;
        let mut store = StoreOptions::default();
        store.space_margin = 0;
        let store = Arc::new(Store::open(&self.folder.path().join("store"), store).unwrap());
        Arc::new(Updater::new(store, Arc::new(Http::new()), self.told.clone(), options).unwrap())
    }

    fn call(&self, method: &str, arguments: &Value) -> Result<Value, CallRejection> {
        let updater = self.updater();
        let _load = updater.start(&NativeApp::new("1.0.0", "12"), false);
        let call = BridgeCall {
            method,
            arguments: &arguments.to_string(),
            local: UtcOffset::UTC,
        };
        let answer = updater.call_bridge(call, None, &Control::new())?;
        Ok(serde_json::from_str(&answer).unwrap())
    }

    /// The payloads of the events of this name, since the last call.
    fn told(&self, name: &str) -> Vec<Value> {
        let events = std::mem::take(&mut *self.told.0.lock().unwrap());
        events
            .into_iter()
            .filter(|(event, _)| *event == name)
            .map(|(_, payload)| payload)
            .collect()
    }
}

/// Packs, uploads and registers a real bundle.
fn publish(server: &TestServer, version: &str) -> i64 {
    let (bytes, checksum) = archive(version);
    let url = server.upload(&bytes)["url"].clone();
    let body = json!({"app_id": APP, "version": version, "external_url": url, "checksum": checksum});
    let (status, answer) = server.api("POST", "/bundle", &body);
    assert_eq!(status, 200, "{answer}");
    answer["bundle"]["id"].as_i64().unwrap()
}

fn archive(version: &str) -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let (www, zip) = (folder.path().join("www"), folder.path().join("app.zip"));
    fs::create_dir(&www).unwrap();
    let page = format!("<title>{version}</title><script>CapacitorUpdater.notifyAppReady()</script>");
    fs::write(www.join("index.html"), page).unwrap();
    let packed = pack(&www, &zip, &PackOptions::default(), &Control::new()).unwrap();
    (fs::read(zip).unwrap(), packed.digest.to_string())
}

/// A server whose public channel has 2.0.0, whose channel `beta` has 3.0.0, and whose channel `staff` is private.
fn with_channels() -> TestServer {
    let server = TestServer::start();
    server.promote(publish(&server, "2.0.0"));
    publish(&server, "3.0.0");
    server.set_channel("beta", &json!({"version": "3.0.0", "allow_device_self_set": true}));
    server.set_channel("staff", &json!({"version": "3.0.0"}));
    server
}

/// The actions that the server counted, with the version of each.
fn counted(server: &TestServer) -> Vec<String> {
    let (status, rows) = server.api("GET", &format!("/statistics?app_id={APP}"), &Value::Null);
    assert_eq!(status, 200, "{rows}");
    let text = |row: &Value, member: &str| row[member].as_str().unwrap().to_owned();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| format!("{} {} {}", text(row, "version"), text(row, "action"), row["count"]))
        .collect()
}

#[test]
fn a_device_updates_and_the_server_counts_its_actions() {
    let server = with_channels();
    let device = Device::new(server.address);
    assert_eq!(device.live(), "2.0.0");
    assert_eq!(device.live(), "2.0.0");
    let up_to_date = device.told("updateCheckResult");
    assert_eq!(up_to_date[0]["error"], "no_new_version_available", "{up_to_date:?}");
    let counted = counted(&server);
    for expected in [
        "2.0.0 download_0 1",
        "2.0.0 download_70 1",
        "2.0.0 download_complete 1",
        "2.0.0 set 1",
        "2.0.0 app_launch_ready 3",
    ] {
        assert!(
            counted.iter().any(|row| row == expected),
            "no {expected} in {counted:?}"
        );
    }
}

#[test]
fn a_device_chooses_a_channel_and_gets_its_bundle() {
    let server = with_channels();
    let device = Device::new(server.address);
    assert_eq!(device.live(), "2.0.0");
    assert_eq!(
        device.call("setChannel", &json!({"channel": "beta"})).unwrap(),
        json!({"status": "ok"})
    );
    let channel = device.call("getChannel", &json!({})).unwrap();
    assert_eq!(
        channel,
        json!({"channel": "beta", "status": "override", "allowSet": true})
    );
    assert_eq!(device.live(), "3.0.0");
    let listed = device.call("listChannels", &json!({})).unwrap();
    let names: Vec<_> = listed["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|channel| &channel["name"])
        .collect();
    assert_eq!(names, ["production", "beta"]);
}

#[test]
fn a_private_channel_is_refused_and_the_device_stays_where_it_is() {
    let server = with_channels();
    let device = Device::new(server.address);
    assert_eq!(device.live(), "2.0.0");
    device.told("");
    let refused = device.call("setChannel", &json!({"channel": "staff"})).unwrap_err();
    assert_eq!(refused.server_code.as_deref(), Some("channel_self_set_not_allowed"));
    assert_eq!(device.told("channelPrivate")[0]["channel"], "staff");
    let unknown = device.call("setChannel", &json!({"channel": "gone"})).unwrap_err();
    assert_eq!(unknown.server_code.as_deref(), Some("channel_not_found"));
    assert_eq!(device.live(), "2.0.0");
}

#[test]
fn a_rollout_reaches_a_device_when_it_includes_all() {
    let server = with_channels();
    let device = Device::new(server.address);
    let rollout = |percentage: u32| {
        server.set_channel(
            "production",
            &json!({"rollout_version": "3.0.0", "rollout_percentage": percentage}),
        );
    };
    rollout(0);
    assert_eq!(device.live(), "2.0.0");
    rollout(100);
    assert_eq!(device.live(), "3.0.0");
}

#[test]
fn a_rule_of_the_channel_withholds_a_bundle_with_its_code() {
    let server = with_channels();
    server.set_channel("production", &json!({"disableAutoUpdate": "major"}));
    let device = Device::new(server.address);
    assert_eq!(device.live(), "builtin");
    let blocked = &device.told("updateCheckResult")[0];
    assert_eq!(
        (&blocked["kind"], &blocked["error"]),
        (&json!("blocked"), &json!("disable_auto_update_to_major"))
    );
}

#[test]
fn a_channel_returns_its_devices_to_the_built_in_bundle() {
    let server = with_channels();
    let device = Device::new(server.address);
    assert_eq!(device.live(), "2.0.0");
    server.set_channel("production", &json!({"version": "builtin"}));
    assert_eq!(device.live(), "builtin");
    assert_eq!(device.live(), "builtin");
}

/// Offers 2.0.0 with the three members that an offer needs, and answers `{}` to everything else.
fn minimal_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (bytes, checksum) = archive("2.0.0");
    // Ends with the process of the tests.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_request(&mut stream);
            let offer = json!({"version": "2.0.0", "url": format!("http://{address}/app.zip"), "checksum": checksum});
            let body = match request.split(' ').nth(1).unwrap() {
                "/updates" if request.contains("\"version_name\":\"builtin\"") => offer.to_string().into_bytes(),
                "/app.zip" => bytes.clone(),
                _ => b"{}".to_vec(),
            };
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        }
    });
    address
}

fn read_request(stream: &mut impl std::io::Read) -> String {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut piece).unwrap();
        request.extend(&piece[..count]);
        let text = String::from_utf8_lossy(&request);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().unwrap())
        });
        if count == 0 || (text.contains("\r\n\r\n") && body.len() >= length.unwrap_or(0)) {
            return text.into_owned();
        }
    }
}

#[test]
fn a_server_that_sends_nothing_but_three_members_is_enough() {
    let device = Device::new(minimal_server());
    assert_eq!(device.live(), "2.0.0");
    assert_eq!(device.live(), "2.0.0");
    assert!(device.told("downloadFailed").is_empty());
}
