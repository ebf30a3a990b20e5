//! An app that follows a static channel of signed releases.

use std::fs;
use std::sync::Arc;

use capbundle::ChannelName;
use capbundle::http::Http;
use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::release::{ChannelFile, Release, ReleaseTarget, sign};
use capbundle::time::UtcOffset;
use capbundle::update::protocol::Platform;
use capbundle::updater::{
    BridgeCall, CallRejection, DeviceInfo, Load, LogEntry, LogEvent, PolicyOptions, Source, StaticSource, UpdateMode,
    Updater, UpdaterOptions,
};
use serde_json::{Value, json};

use super::app::Told;
use crate::channel::{APP, KEYS, TestSite, fast_retries};

/// A device, with an app that may also choose the channel `beta`.
struct Device<'a> {
    site: &'a TestSite,
    name: &'static str,
    mode: UpdateMode,
    allowed: Vec<ChannelName>,
    told: Arc<Told>,
}

impl<'a> Device<'a> {
    fn new(site: &'a TestSite, mode: UpdateMode) -> Self {
        Self {
            site,
            name: "phone",
            mode,
            allowed: vec!["beta".parse().unwrap()],
            told: Arc::default(),
        }
    }

    /// A new process, whose first page confirms.
    fn process(&self) -> Process<'_> {
        let source = StaticSource::new(self.site.source(self.name)).with_allowed(self.allowed.clone());
        let mut download = fast_retries();
        download.attempts = 1;
        let options = UpdaterOptions::new(
            Source::Channel(source),
            PolicyOptions::new(self.mode),
            DeviceInfo::new(Platform::Android, APP),
        )
        .with_download(download);
        let store = Arc::new(self.site.store(self.name));
        let updater = Updater::new(store, Arc::new(Http::new()), self.told.clone(), options).unwrap();
        let updater = Arc::new(updater);
        let shown = updater.start(&NativeApp::new("1.0", "1"), false);
        let mut process = Process {
            device: self,
            updater,
            shown: shown.clone(),
        };
        process.show(Some(shown));
        process
    }
}

struct Process<'a> {
    device: &'a Device<'a>,
    updater: Arc<Updater>,
    shown: Load,
}

impl Process<'_> {
    fn show(&mut self, load: Option<Load>) {
        let Some(load) = load else { return };
        self.updater.page_started_from(&load).ready();
        self.shown = load;
    }

    fn work(&mut self) {
        self.updater.run(&Control::new()).unwrap();
        let load = self.device.told.loads.lock().unwrap().pop();
        self.show(load);
    }

    /// To the background and back, with the check that follows.
    fn return_to_app(&mut self) {
        let load = self.updater.background();
        self.show(load);
        let load = self.updater.foreground();
        self.show(load);
        self.work();
    }

    fn version(&self) -> &str {
        self.shown.version.as_deref().unwrap_or("builtin")
    }

    fn call(&self, method: &str, arguments: &Value) -> Result<Value, CallRejection> {
        let call = BridgeCall {
            method,
            arguments: &arguments.to_string(),
            local: UtcOffset::UTC,
        };
        let answer = self.updater.call_bridge(call, None, &Control::new())?;
        Ok(serde_json::from_str(&answer).unwrap())
    }
}

/// A site with release 1, and a device that runs it.
fn with_release_1(site: &TestSite, mode: UpdateMode) -> Device<'_> {
    site.publish("1.0", 1, 0);
    site.offer(Some(1), None);
    let device = Device::new(site, UpdateMode::AtBackground);
    let mut process = device.process();
    process.work();
    process.return_to_app();
    assert_eq!(process.version(), "1.0");
    device.told.names();
    drop(process);
    Device { mode, ..device }
}

fn archives_requested(site: &TestSite) -> usize {
    let requests = site.server.take_requests();
    requests.iter().filter(|request| request.contains("archives/")).count()
}

/// Publishes release 2 of the channel `beta`, with the content of a release of `production`.
fn publish_to_beta(site: &TestSite, release: &Release) {
    let mut beta = release.clone();
    beta.channel = "beta".parse().unwrap();
    let releases = site.folder.path().join("site/releases/beta");
    fs::create_dir_all(releases).unwrap();
    let envelope = sign(&beta, &[&KEYS[0]], &[]).unwrap();
    site.put(
        &format!("releases/beta/{}.json", beta.sequence),
        envelope.to_json().unwrap(),
    );
    let file = ChannelFile::empty(APP.parse().unwrap(), "beta".parse().unwrap()).with_stable(beta.sequence);
    site.put("channels/beta.json", file.to_json().unwrap());
}

#[test]
fn an_app_follows_the_releases_of_its_channel() {
    let site = TestSite::new();
    let device = with_release_1(&site, UpdateMode::AtBackground);
    site.publish("2.0", 2, 0);
    site.offer(Some(2), None);
    let mut process = device.process();
    process.work();
    assert_eq!(process.version(), "1.0");
    let progress = device.told.last("download");
    assert_eq!(
        (&progress["percent"], &progress["bundle"]["version"]),
        (&json!(100), &json!("2.0"))
    );
    assert_eq!(device.told.last("setNext")["bundle"]["version"], "2.0");
    assert_eq!(
        device.told.names(),
        ["downloadComplete", "updateAvailable", "setNext", "appReady"]
    );
    process.return_to_app();
    assert_eq!(process.version(), "2.0");
    assert_eq!(device.told.names(), ["set", "noNeedUpdate", "appReady"]);
    drop(process);
    let _ = site.server.take_requests();
    let mut process = device.process();
    process.work();
    assert_eq!((process.version(), archives_requested(&site)), ("2.0", 0));
}

#[test]
fn a_release_that_is_next_already_is_announced_once() {
    let site = TestSite::new();
    let device = with_release_1(&site, UpdateMode::AtBackground);
    site.publish("2.0", 2, 0);
    site.offer(Some(2), None);
    let mut process = device.process();
    process.work();
    assert!(device.told.names().contains(&"setNext"));
    process.call("triggerUpdateCheck", &json!({})).unwrap();
    process.work();
    assert_eq!(
        device.told.last("appReady")["status"],
        "update downloaded, applied next"
    );
    assert_eq!(device.told.names(), ["noNeedUpdate", "appReady"]);
    let log = process.updater.log().entries().unwrap();
    let version_2 = |event: &str| {
        let about = |entry: &&LogEntry| entry.event.as_str() == event && entry.version.as_deref() == Some("2.0");
        log.iter().filter(about).count()
    };
    assert_eq!((version_2("installed"), version_2("next_set")), (1, 1));
    process.return_to_app();
    assert_eq!(process.version(), "2.0");
}

#[test]
fn a_device_outside_the_rollout_downloads_nothing_and_is_told() {
    let site = TestSite::new();
    let device = with_release_1(&site, UpdateMode::AtBackground);
    site.publish("2.0", 2, 0);
    site.offer(None, Some((2, 0)));
    let _ = site.server.take_requests();
    let mut process = device.process();
    process.work();
    let told = device.told.last("updateCheckResult");
    assert_eq!(
        (&told["kind"], &told["error"]),
        (&json!("blocked"), &json!("outside_rollout"))
    );
    assert_eq!(device.told.names(), ["updateCheckResult", "noNeedUpdate", "appReady"]);
    process.return_to_app();
    assert_eq!((process.version(), archives_requested(&site)), ("1.0", 0));
    site.offer(None, Some((2, 10_000)));
    process.return_to_app();
    process.return_to_app();
    assert_eq!(process.version(), "2.0");
}

/// Release 2 selects the built-in bundle.
fn select_built_in(site: &TestSite) {
    let published = site.publish("2.0", 2, 0);
    let release = Release::new(
        published.release.app_id.clone(),
        published.release.channel.clone(),
        2,
        ReleaseTarget::BuiltIn,
    )
    .with_version("2.0")
    .with_validity(published.release.created_at, published.release.expires_at);
    site.sign(&release, 0);
    site.offer(Some(2), None);
}

#[test]
fn a_release_that_selects_the_built_in_bundle_is_applied_in_the_background() {
    let site = TestSite::new();
    let device = with_release_1(&site, UpdateMode::AtBackground);
    select_built_in(&site);
    let mut process = device.process();
    process.work();
    assert_eq!(process.version(), "1.0");
    assert_eq!(device.told.last("setNext")["bundle"]["id"], "builtin");
    process.return_to_app();
    assert_eq!(process.version(), "builtin");
    device.told.names();
    process.return_to_app();
    assert_eq!(device.told.names(), ["noNeedUpdate", "appReady"], "once is enough");
    drop(process);
    assert_eq!(device.process().version(), "builtin");
}

#[test]
fn a_release_that_selects_the_built_in_bundle_is_applied_at_once_in_the_mode_always() {
    let site = TestSite::new();
    let device = with_release_1(&site, UpdateMode::Always);
    select_built_in(&site);
    let mut process = device.process();
    process.work();
    assert_eq!(process.version(), "builtin");
    drop(process);
    assert_eq!(device.process().version(), "builtin");
}

#[test]
fn a_release_that_selects_the_built_in_bundle_waits_for_the_app_in_the_mode_only_download() {
    let site = TestSite::new();
    let device = with_release_1(&site, UpdateMode::OnlyDownload);
    select_built_in(&site);
    let mut process = device.process();
    process.work();
    assert_eq!(device.told.last("updateAvailable")["bundle"]["id"], "builtin");
    process.return_to_app();
    assert_eq!(process.version(), "1.0");
    process.call("next", &json!({ "id": "builtin" })).unwrap();
    process.return_to_app();
    assert_eq!(process.version(), "builtin");
}

#[test]
fn a_channel_is_chosen_from_those_that_the_app_allows_and_kept() {
    let site = TestSite::new();
    let device = with_release_1(&site, UpdateMode::AtBackground);
    let beta = site.publish("2.0-beta", 2, 0);
    publish_to_beta(&site, &beta.release);
    site.offer(Some(1), None);
    let mut process = device.process();
    process.work();
    let channel = process.call("getChannel", &json!({})).unwrap();
    assert_eq!(
        (&channel["channel"], &channel["status"]),
        (&json!("production"), &json!("default"))
    );
    let listed = process.call("listChannels", &json!({})).unwrap();
    let names: Vec<_> = listed["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|channel| &channel["name"])
        .collect();
    assert_eq!(names, ["production", "beta"]);

    let refused = process.call("setChannel", &json!({ "channel": "staff" })).unwrap_err();
    assert_eq!(refused.server_code.as_deref(), Some("channel_not_found"));
    assert!(refused.message.contains("production, beta"), "{}", refused.message);
    assert_eq!(process.call("getChannel", &json!({})).unwrap()["channel"], "production");

    process
        .call("setChannel", &json!({ "channel": "beta", "triggerAutoUpdate": true }))
        .unwrap();
    process.work();
    process.return_to_app();
    assert_eq!(process.version(), "2.0-beta");
    drop(process);
    let mut process = device.process();
    process.work();
    let channel = process.call("getChannel", &json!({})).unwrap();
    assert_eq!(
        (&channel["channel"], &channel["status"]),
        (&json!("beta"), &json!("override"))
    );
    process.call("unsetChannel", &json!({})).unwrap();
    assert_eq!(process.call("getChannel", &json!({})).unwrap()["channel"], "production");
}

#[test]
fn a_broken_download_of_a_release_is_resumed_by_the_next_process() {
    let site = TestSite::new();
    let device = with_release_1(&site, UpdateMode::AtBackground);
    let published = site.publish("2.0", 2, 0);
    site.offer(Some(2), None);
    site.server.cut(&published.archive, 400);
    let mut process = device.process();
    process.work();
    assert!(device.told.names().contains(&"downloadFailed"));
    drop(process);
    let _ = site.server.take_requests();
    let mut process = device.process();
    process.work();
    let requests = site.server.take_requests();
    assert!(
        requests.contains(&format!("{} from 400", published.archive)),
        "{requests:?}"
    );
    process.return_to_app();
    assert_eq!(process.version(), "2.0");
}

#[test]
fn a_chosen_channel_that_the_app_no_longer_allows_is_told_once_and_followed_again_when_it_does() {
    let site = TestSite::new();
    let mut device = with_release_1(&site, UpdateMode::AtBackground);
    let beta = site.publish("2.0-beta", 2, 0);
    publish_to_beta(&site, &beta.release);
    site.offer(Some(1), None);
    let process = device.process();
    process.call("setChannel", &json!({ "channel": "beta" })).unwrap();
    drop(process);

    device.allowed.clear();
    device.told.names();
    for expected in [1, 0] {
        let mut process = device.process();
        process.work();
        process.return_to_app();
        assert_eq!(process.version(), "1.0");
        let names = device.told.names();
        let refusals = names.iter().filter(|name| **name == "channelPrivate").count();
        assert_eq!(refusals, expected, "{names:?}");
        let log = process.updater.log().entries().unwrap();
        let mut refused = log.iter().filter(|entry| entry.event == LogEvent::ChannelRefused);
        let entry = refused.next().unwrap();
        assert_eq!(entry.channel.as_deref(), Some("beta"));
        assert!(
            entry.text.as_deref().unwrap().ends_with("it follows production"),
            "{entry:?}"
        );
        assert_eq!(refused.next(), None);
    }

    device.allowed.push("beta".parse().unwrap());
    let mut process = device.process();
    process.work();
    process.return_to_app();
    assert_eq!(process.version(), "2.0-beta");
}

#[test]
fn an_archive_that_a_killed_process_left_after_its_installation_is_removed_by_the_next_check() {
    let site = TestSite::new();
    let device = with_release_1(&site, UpdateMode::AtBackground);
    let downloads = site.folder.path().join(device.name).join("downloads");
    let left = downloads.join("0123456789abcdef0123456789abcdef.download");
    fs::create_dir_all(&downloads).unwrap();
    fs::write(&left, "left").unwrap();
    device.process().work();
    assert!(!left.exists());
}
