//! Chapter six: three devices follow a channel over a bad network, through versions 1 to 4. Version 3 crashes on two of
//! them. Each device has an [`Updater`], which decides everything; its log says why a device serves what it serves.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use capbundle::http::download::DownloadOptions;
use capbundle::native::NativeApp;
use capbundle::store::{ChannelSource, RequiredProof, Store, StoreOptions};
use capbundle::update::protocol::Platform;
use capbundle::updater::{
    DeviceInfo, DeviceLog, Host, Load, LogEntry, LogEvent, Page, PolicyOptions, Source, StaticSource, UpdateMode,
    Updater, UpdaterOptions,
};
use capbundle_publish::site::Audience;

use crate::bad_network::BadNetwork;
use crate::channel::{Ci, NATIVE, expect};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::output;
use crate::story::Story;
use crate::web::Web;
use crate::{app, new_folder};

const VERSIONS: [&str; 4] = ["1.0.0", "2.0.0", "3.0.0", "4.0.0"];
const BROKEN: &str = "3.0.0";
/// The devices, whether the broken version crashes there, and the seeds of their networks.
const DEVICES: [(&str, bool, u64); 3] = [("tablet", true, 11), ("old phone", true, 12), ("new phone", false, 13)];
/// The wait between two attempts of a download. A real device waits longer.
const FIRST_WAIT: Duration = Duration::from_millis(1);
/// How often a device tries to check before the demo gives up.
const MAX_CHECKS: usize = 20;

pub(crate) fn chapter(story: &mut Story<'_>, folder: &Path) -> Result<()> {
    story.chapter("Three devices follow a channel over a bad network")?;
    let ci = Ci::new(new_folder(folder.join("fleet"))?)?;
    story.step("Creates and publishes the key ring of the channel", || {
        ci.publish_first_ring()?;
        Ok(((), "one key, one signature required".to_owned()))
    })?;
    let web = Web::serving(&ci.site)?;
    let mut devices = Vec::new();
    for (name, crashes, seed) in DEVICES {
        let root = folder.join(format!("fleet-{}", name.replace(' ', "-")));
        devices.push(Device {
            name,
            crashes,
            root,
            source: ci.source(&web)?,
            network: Arc::new(BadNetwork::new(seed)),
            logged: 0,
        });
    }
    for version in VERSIONS {
        story.step(&format!("Publishes {version}"), || {
            ci.publish(version, Audience::Stable)?;
            let outcome = if version == BROKEN {
                "it crashes on two of the devices"
            } else {
                "it works"
            };
            Ok(((), outcome.to_owned()))
        })?;
        for device in &mut devices {
            let title = format!("The {} updates", device.name);
            let why = story.step(&title, || device.follows(version))?;
            story.detail(why)?;
        }
    }
    Ok(())
}

/// A device, whose store is all that is left between two processes of its app.
struct Device {
    name: &'static str,
    /// Whether the page of the broken version crashes here.
    crashes: bool,
    root: PathBuf,
    source: ChannelSource,
    network: Arc<BadNetwork>,
    /// The entries of its log that the story has shown.
    logged: usize,
}

/// The web view of a process: what it was asked to load by itself.
#[derive(Default)]
struct WebView(Mutex<Option<Load>>);

impl Host for WebView {
    fn load(&self, load: &Load) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(load.clone());
    }
}

impl Device {
    /// Lives until the version has arrived and worked, or has failed. Returns why it serves what it serves, and what
    /// that is.
    fn follows(&mut self, version: &str) -> Result<(String, String)> {
        let broken = self.network.broken();
        let mut served = self.process()?;
        if self.breaks(Some(version)) {
            // It fell back within its process. The next process is the second attempt, and its last.
            served = self.process()?;
        }
        let expected = if self.breaks(Some(version)) { "2.0.0" } else { version };
        expect(served.as_deref() == Some(expected), || {
            format!("the {} serves {served:?} instead of {expected}", self.name)
        })?;
        let broken = self.network.broken() - broken;
        let outcome = format!("serves {expected}; {} broke", output::counted(broken, "connection"));
        Ok((self.why()?, outcome))
    }

    fn breaks(&self, version: Option<&str>) -> bool {
        self.crashes && version == Some(BROKEN)
    }

    /// A process of the app: it starts, checks, and goes to the background and back, where an update is applied. Returns
    /// the version that is served in the end.
    fn process(&self) -> Result<Option<String>> {
        let view = Arc::new(WebView::default());
        let updater = Arc::new(self.updater(Arc::<WebView>::clone(&view))?);
        let load = updater.start(&NativeApp::new(NATIVE, "1"), false);
        self.show(&updater, load);
        self.check(&updater)?;
        if let Some(load) = updater.background() {
            // A page in the background counts for nothing, so the user is back before it runs.
            expect(updater.foreground().is_none(), || {
                "the foreground replaces a page".to_owned()
            })?;
            self.show(&updater, load);
        }
        let unexpected = view.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        expect(unexpected.is_none(), || format!("loaded by itself: {unexpected:?}"))?;
        Ok(updater.shown().and_then(|load| load.version))
    }

    fn updater(&self, view: Arc<WebView>) -> Result<Updater> {
        let mut store = StoreOptions::default();
        store.required_proof = RequiredProof::Release;
        let store = Arc::new(Store::open(&self.root, store)?);
        let mut download = DownloadOptions::default();
        download.first_wait = FIRST_WAIT;
        let options = UpdaterOptions::new(
            Source::Channel(StaticSource::new(self.source.clone())),
            PolicyOptions::new(UpdateMode::AtBackground),
            DeviceInfo::new(Platform::Android, app::APP_ID),
        );
        let network: Arc<BadNetwork> = Arc::clone(&self.network);
        Ok(Updater::new(store, network, view, options.with_download(download))?)
    }

    /// Loads it. Its page confirms, or crashes, and then what takes its place is loaded.
    fn show(&self, updater: &Arc<Updater>, load: Load) {
        let mut load = Some(load);
        while let Some(shown) = load {
            let page: Page = updater.page_started_from(&shown);
            load = if self.breaks(shown.version.as_deref()) {
                page.crashed()
            } else {
                page.ready();
                None
            };
        }
    }

    /// Checks the channel until there is an answer. On a device, the next attempt is at the next start, after some
    /// minutes, or when the network returns.
    fn check(&self, updater: &Arc<Updater>) -> Result<()> {
        let before = updater.log().entries()?.len();
        for _ in 0..MAX_CHECKS {
            updater.run(&interrupt::control())?;
            let entries = updater.log().entries()?;
            let answered =
                |entry: &LogEntry| entry.event == LogEvent::Check && entry.reason.as_deref() != Some("unreachable");
            if entries[before..].iter().any(answered) {
                return Ok(());
            }
            updater.connectivity_returned();
        }
        Err(Failure::unexpected(format!(
            "no check of the {} was answered",
            self.name
        )))
    }

    /// What its log says since the last call.
    fn why(&mut self) -> Result<String> {
        let store = Store::open(&self.root, StoreOptions::default())?;
        let entries = DeviceLog::of(&store).entries()?;
        let told: Vec<String> = entries[self.logged..].iter().filter_map(told).collect();
        self.logged = entries.len();
        Ok(told.join("; "))
    }
}

/// An entry that says why another bundle is served than before.
fn told(entry: &LogEntry) -> Option<String> {
    let version = entry.version.as_deref().unwrap_or("the built-in bundle");
    let reason = entry
        .reason
        .as_deref()
        .map(|reason| format!(" ({})", reason.replace('_', " ")));
    let reason = reason.unwrap_or_default();
    match entry.event {
        LogEvent::Installed => Some(format!("{version} installed")),
        LogEvent::Applied => Some(format!("{version} applied{reason}")),
        LogEvent::Confirmed => Some(format!("{version} confirmed")),
        LogEvent::Failed => Some(format!("{version} failed{reason}")),
        LogEvent::FellBack => Some(format!("fell back to {version}{reason}")),
        _ => None,
    }
}
