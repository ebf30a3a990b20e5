#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::Path;

use crate::native::NativeApp;
use crate::store::{BundleRef, CapgoBundles, LaunchReason, Store, StoreOptions};

const ID: &str = "abcdefghij";

fn capgo(folder: &Path, status: &str) -> CapgoBundles {
    let bundle = folder.join(ID);
    fs::create_dir_all(&bundle).unwrap();
    fs::write(bundle.join("index.html"), "page").unwrap();
    CapgoBundles {
        folder: folder.to_owned(),
        infos: vec![format!(
            r#"{{"id":"{ID}","version":"2.0.0","checksum":"","status":"{status}"}}"#
        )],
        current: Some(ID.to_owned()),
        ..CapgoBundles::default()
    }
}

fn lose_the_state(root: &Path) {
    for name in ["state.json", "state.prev.json"] {
        fs::remove_file(root.join(name)).unwrap();
    }
}

#[test]
fn migrating_again_keeps_later_confirmations() {
    let folder = tempfile::tempdir().unwrap();
    let (root, versions) = (folder.path().join("store"), folder.path().join("versions"));
    let options = StoreOptions {
        bundles: Some(versions.clone()),
        ..StoreOptions::default()
    };
    let pending = capgo(&versions, "pending");
    let store = Store::open(&root, options.clone()).unwrap();
    store.migrate_capgo(&pending).unwrap();
    let launch = store.launch(&NativeApp::new("1.0.0", "1"));
    assert!(launch.on_trial);
    store.trial_started(launch.bundle.bundle().unwrap()).unwrap();
    store.confirm(&launch.bundle).unwrap();
    store.migrate_capgo(&pending).unwrap();
    drop(store);

    lose_the_state(&root);
    let recovered = Store::open(&root, options)
        .unwrap()
        .launch(&NativeApp::new("1.0.0", "1"));
    assert_eq!(
        (recovered.bundle, recovered.reason),
        (launch.bundle, LaunchReason::Current)
    );
}

#[test]
fn a_reset_to_a_bundle_with_missing_files_serves_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let (root, versions) = (folder.path().join("store"), folder.path().join("versions"));
    let options = StoreOptions {
        bundles: Some(versions.clone()),
        ..StoreOptions::default()
    };
    let store = Store::open(&root, options).unwrap();
    store.migrate_capgo(&capgo(&versions, "success")).unwrap();
    store.launch(&NativeApp::new("1.0.0", "1"));
    store.set_current(&BundleRef::BuiltIn).unwrap();
    fs::remove_dir_all(versions.join(ID)).unwrap();

    let reset = store.reset(true).unwrap();
    assert_eq!((reset.bundle, reset.folder), (BundleRef::BuiltIn, None));
}
