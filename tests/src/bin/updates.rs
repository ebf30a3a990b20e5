//! One life of an app that updates from a server: `updates STORE SERVER`. Prints the version that it serves at its end.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a tool for tests")]

use std::path::Path;
use std::sync::Arc;

use capbundle::http::Http;
use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::store::{Store, StoreOptions};
use capbundle::update::protocol::Platform;
use capbundle::updater::{
    DeviceInfo, Host, Load, PolicyOptions, ServerSource, Source, UpdateMode, Updater, UpdaterOptions,
};

struct Silent;

impl Host for Silent {
    fn load(&self, _: &Load) {}
}

fn main() {
    let arguments: [String; 2] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .expect("two arguments");
    let [store, server] = arguments;
    let store = Store::open(Path::new(&store), StoreOptions::default()).expect("the store opens");
    let source = ServerSource::new(
        format!("{server}/updates")
            .parse()
            .expect("the second argument is a URL"),
    );
    let options = UpdaterOptions::new(
        Source::Server(source),
        PolicyOptions::new(UpdateMode::AtBackground),
        DeviceInfo::new(Platform::Android, "com.example.app"),
    );
    let updater = Updater::new(Arc::new(store), Arc::new(Http::new()), Arc::new(Silent), options);
    let updater = Arc::new(updater.expect("the options are valid"));
    let load = updater.start(&NativeApp::new("1.0.0", "1"), false);
    updater.page_started_from(&load).ready();
    updater.run(&Control::new()).expect("nothing cancels it");
    let shown = updater.background().unwrap_or(load);
    updater.page_started_from(&shown).ready();
    updater.run(&Control::new()).expect("nothing cancels it");
    println!("{}", shown.version.as_deref().unwrap_or("builtin"));
}
