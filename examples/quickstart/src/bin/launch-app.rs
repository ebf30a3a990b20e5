//! Launches an app on a device: selects the bundle to serve, and confirms a bundle that works.
//!
//! `launch-app STORE works|crashes`

use std::error::Error;
use std::path::Path;

use capbundle::native::NativeApp;
use capbundle::store::{Store, StoreOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [store, page] = arguments.as_slice() else {
        return Err("expected STORE works|crashes".into());
    };
    let store = Store::open(Path::new(store), StoreOptions::default())?;

    // Never fails: the last resort is the built-in bundle, which is part of the native app and has no folder.
    let launch = store.launch(&NativeApp::new("1.0.0", "1"));
    let version = match launch.bundle.bundle() {
        None => "the built-in bundle".to_owned(),
        Some(id) => {
            // Called when the web view starts.
            store.trial_started(id)?;
            let installed = store.list()?;
            let served = installed.into_iter().find(|(record, _)| record.id == *id);
            served.map(|(record, _)| record.version).unwrap_or_default()
        }
    };
    println!("serves {version} because: {}", launch.reason.as_str());

    if page == "works" {
        // Called when the page calls notifyAppReady(). A bundle that never does is rolled back after two starts.
        store.confirm(&launch.bundle)?;
    }
    Ok(())
}
