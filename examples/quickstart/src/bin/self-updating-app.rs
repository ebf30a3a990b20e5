//! An app that keeps itself up to date: `self-updating-app FOLDER UPDATE_URL PUBLIC_KEY.pem`.
//!
//! The "web view" is the terminal: it prints what it would load. Press Enter to send the app to the background and back.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::{env, io, thread};

use capbundle::http::Http;
use capbundle::native::NativeApp;
use capbundle::store::{RequiredProof, Store, StoreOptions};
use capbundle::update::protocol::Platform;
use capbundle::updater::{DeviceInfo, Host, Load, PluginEvent, PolicyOptions, ServerSource, Source, UpdateMode};
use capbundle::updater::{Updater, UpdaterOptions};
use capbundle::{Control, VerifyingKeys};

/// What this app does when something happens by itself.
struct Terminal;

impl Host for Terminal {
    fn load(&self, load: &Load) {
        println!("load {:?} because {}", load.folder, load.reason.as_str());
    }

    fn event(&self, event: &PluginEvent) {
        println!("{} {}", event.name(), event.payload());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, folder, url, key] = &arguments[..] else {
        return Err("expected FOLDER UPDATE_URL PUBLIC_KEY.pem".into());
    };
    let keys = VerifyingKeys::read(Path::new(key))?;
    let store = StoreOptions::default().with_required_proof(RequiredProof::capgo_signed(&keys));
    let store = Arc::new(Store::open(Path::new(folder), store)?);
    let source = Source::Server(ServerSource::new(url.parse()?).with_keys(keys));
    let device = DeviceInfo::new(Platform::Electron, "com.example.app");
    let options = UpdaterOptions::new(source, PolicyOptions::new(UpdateMode::AtBackground), device);
    let updater = Arc::new(Updater::new(store, Arc::new(Http::new()), Arc::new(Terminal), options)?);

    let mut shown = updater.start(&NativeApp::new("1.0.0", "1"), false);
    let background = Arc::clone(&updater);
    thread::spawn(move || background.run_until_cancelled(&Control::new()));
    loop {
        Terminal.load(&shown);
        let page = updater.page_started();
        println!("the page says that it is ready: {:?}", page.ready());
        if io::stdin().read_line(&mut String::new())? == 0 {
            return Ok(());
        }
        shown = updater.background().unwrap_or(shown);
        updater.foreground();
    }
}
