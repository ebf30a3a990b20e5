#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::bundle::{self, PackOptions};
use crate::native::NativeApp;
use crate::progress::Control;
use crate::store::{BundleId, BundleRef, Launch, LaunchReason, NewBundle, Store, StoreOptions};
use crate::{ErrorKind, VerifiedArchive};

/// A folder with a store in it, and no session open.
struct Device(TempDir);

impl Device {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Store {
        Store::open(&self.0.path().join("store"), StoreOptions::default()).unwrap()
    }

    fn resume(&self, session: &str) -> crate::Result<Store> {
        let options = StoreOptions {
            lock_timeout: Duration::ZERO,
            ..StoreOptions::default()
        };
        Store::resume(&self.0.path().join("store"), options, session)
    }

    /// Installs a bundle that is served from the next launch on.
    fn with_next(&self, version: &str) -> BundleId {
        let (folder, zip) = (self.0.path().join(version), self.0.path().join("app.zip"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("index.html"), "<script>notifyAppReady()</script>").unwrap();
        fs::write(folder.join("version"), version).unwrap();
        let packed = bundle::pack(&folder, &zip, &PackOptions::default(), &Control::new()).unwrap();
        let archive = VerifiedArchive::from_digest(&zip, &packed.digest, &Control::new()).unwrap();
        let store = self.open();
        let new = NewBundle::new(version);
        let id = store.install(&archive, &new, &Control::new()).unwrap().id;
        store.set_next(&BundleRef::Bundle(id.clone())).unwrap();
        id
    }

    /// Starts the app and returns what it serves and the name of its session, whose process then ends.
    fn launch(&self) -> (Launch, String) {
        let store = self.open();
        (store.launch(&native()), store.session().to_owned())
    }
}

fn native() -> NativeApp {
    NativeApp::new("1.0.0", "1")
}

#[test]
fn a_resumed_session_serves_what_it_served() {
    let device = Device::new();
    let id = device.with_next("2.0.0");
    let (launch, session) = device.launch();
    let resumed = device.resume(&session).unwrap();
    assert_eq!(resumed.session(), session);
    let expected = Launch {
        reason: LaunchReason::Resumed,
        ..launch
    };
    assert_eq!(resumed.served(), Some(expected.clone()));
    assert_eq!(resumed.launch(&native()), expected);
    assert!(expected.on_trial && expected.bundle.is(&id) && expected.folder.unwrap().join("index.html").exists());
}

#[test]
fn a_start_reported_by_a_resumed_session_counts_for_its_attempt() {
    let device = Device::new();
    let id = device.with_next("2.0.0");
    for _ in 0..2 {
        let (launch, session) = device.launch();
        assert!(launch.bundle.is(&id));
        assert!(device.resume(&session).unwrap().trial_started(&id).unwrap());
    }
    let (launch, _) = device.launch();
    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::TrialFailed)
    );
}

#[test]
fn a_session_has_ended_when_its_successor_launches() {
    let device = Device::new();
    device.with_next("2.0.0");
    let (_, first) = device.launch();
    device.launch();
    assert_eq!(device.resume(&first).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_session_that_had_not_launched_decides_when_it_is_resumed() {
    let device = Device::new();
    let session = device.open().session().to_owned();
    let store = device.resume(&session).unwrap();
    assert_eq!(store.served(), None);
    assert_eq!(store.launch(&native()).reason, LaunchReason::Current);
}

#[test]
fn the_files_that_a_resumed_session_serves_stay_although_their_bundle_failed() {
    let device = Device::new();
    let id = device.with_next("2.0.0");
    let (launch, session) = device.launch();
    let folder = launch.folder.unwrap();
    let store = device.resume(&session).unwrap();
    store.mark_failed(&id).unwrap();
    assert!(folder.join("index.html").exists());
    drop(store);
    assert_eq!(device.resume(&session).unwrap().served().unwrap().folder, Some(folder));
}

#[test]
fn only_a_closed_session_is_resumed() {
    let device = Device::new();
    let kind = |session: &str| device.resume(session).unwrap_err().kind();
    let running = device.open();
    assert_eq!(kind(running.session()), ErrorKind::Busy);
    assert_eq!(kind(&"0".repeat(32)), ErrorKind::NotFound);
    assert_eq!(kind("../../../etc/../etc/../etc/passwd"), ErrorKind::InvalidInput);
    let session = running.session().to_owned();
    drop(running);
    device.open().clean(&crate::store::KeepRules::default()).unwrap();
    assert_eq!(kind(&session), ErrorKind::NotFound);
}
