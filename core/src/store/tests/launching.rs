//! The bundle that a launch serves, and why.

use std::fs;

use super::*;
use crate::progress::Control;

#[test]
fn an_empty_store_serves_the_built_in_bundle() {
    let device = Device::new();
    let store = device.open();
    assert_eq!(store.served(), None);

    let launch = store.launch(&native());

    assert_eq!(
        (launch.bundle, launch.folder, launch.version),
        (BundleRef::BuiltIn, None, None)
    );
    assert_eq!((launch.reason, launch.on_trial), (LaunchReason::Current, false));
    assert_eq!(store.ready_deadline(), None);
    assert_eq!(store.confirm(&BundleRef::BuiltIn).unwrap(), Confirmation::BuiltIn);
}

#[test]
fn a_confirmed_bundle_stays_current_start_after_start() {
    let device = Device::new();
    let id = device.prove("1");
    for _ in 0..10 {
        let store = device.open();
        let launch = store.launch(&native());
        store.trial_started(&id).unwrap();
        store.confirm(&launch.bundle).unwrap();
        assert_eq!(
            (launch.bundle, launch.reason),
            (id.clone().into(), LaunchReason::Current)
        );
        assert!(!launch.on_trial);
    }
    assert_eq!(device.open().list().unwrap()[0].1, Status::Proven);
}

#[test]
fn a_confirmation_records_its_time_and_native_build() {
    let device = Device::new();
    device.set_clock(5000);
    let id = device.prove("1");
    let record = device.open().get(&id).unwrap();
    assert_eq!(
        (record.proven_at, record.proven_build.as_deref()),
        (Some(Timestamp(5000)), Some("1"))
    );
}

#[test]
fn a_new_native_build_brings_its_own_bundle() {
    let device = Device::new();
    device.prove("1");
    let store = device.open();

    let launch = store.launch(&NativeApp::new("1.1", "2"));

    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::NativeChanged)
    );
    assert_eq!(store.list().unwrap(), []);
    drop(store);
    let store = device.open();
    assert_eq!(store.launch(&NativeApp::new("1.1", "2")).reason, LaunchReason::Current);
    store.clean(&KeepRules::default()).unwrap();
    assert_eq!(device.names("bundles").len(), 0);
}

#[test]
fn another_native_version_of_the_same_build_brings_its_own_bundle() {
    let device = Device::with(|options| options.attempts = 1);
    device.prove("1");
    let bad = device.install_next("2");
    device.start_and_crash();
    device.launch();
    let store = device.open();
    assert_eq!(
        store.failed().unwrap()[0].native_version,
        Some(NativeVersion::new("1.0"))
    );

    let launch = store.launch(&NativeApp::new("2.0.0", "1"));

    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::NativeChanged)
    );
    assert_eq!(
        store.failed().unwrap(),
        [],
        "{bad} may have failed because of the native app"
    );
}

#[test]
fn another_native_version_of_the_same_build_is_seen_without_the_lock() {
    let device = Device::new();
    device.prove("1");
    device.files.fill_disk();
    let launch = device.open().launch(&NativeApp::new("2.0.0", "1"));
    assert_eq!(launch.bundle, BundleRef::BuiltIn);
}

#[test]
fn a_bundle_kept_over_a_native_update_must_confirm_again() {
    let device = Device::with(|options| options.reset_when_native_changes = false);
    let id = device.prove("1");
    let updated = NativeApp::new("1.1", "2");

    for _ in 0..2 {
        let store = device.open();
        let launch = store.launch(&updated);
        assert_eq!(launch.bundle, id.clone().into());
        assert!(launch.on_trial);
        store.trial_started(&id).unwrap();
    }

    let launch = device.open().launch(&updated);
    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::TrialFailed)
    );
}

#[test]
fn a_bundle_that_does_not_run_on_this_native_version_is_not_served() {
    let device = Device::with(|options| options.reset_when_native_changes = false);
    let store = device.open();
    let new = NewBundle {
        native: NativeRange {
            min: Some(NativeVersion::new("2")),
            max: None,
        },
        ..NewBundle::new("1")
    };
    let id = store.install(&device.archive("1"), &new, &Control::new()).unwrap().id;
    store.set_next(&id.clone().into()).unwrap();
    drop(store);

    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
    let store = device.open();
    assert_eq!(
        store.next().unwrap(),
        Some(id.clone().into()),
        "it waits for its native app"
    );
    let updated = NativeApp::new("2.0", "2");
    assert_eq!(store.apply_next(&native()).unwrap(), None);
    drop(store);
    let store = device.open();
    assert_eq!(store.launch(&updated).bundle, id.clone().into());
    store.trial_started(&id).unwrap();
    store.confirm(&id.clone().into()).unwrap();
    drop(store);

    // Back to the older native version with the same build: a range applies to versions.
    let launch = device.open().launch(&NativeApp::new("1.0", "2"));
    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::OutOfNativeRange)
    );
}

#[test]
fn a_bundle_out_of_range_cannot_be_made_current_in_a_session() {
    let device = Device::new();
    let store = device.open();
    store.launch(&native());
    let new = NewBundle {
        native: NativeRange {
            min: Some(NativeVersion::new("2")),
            max: None,
        },
        ..NewBundle::new("1")
    };
    let id = store.install(&device.archive("1"), &new, &Control::new()).unwrap().id;

    assert!(store.set_current(&id.into()).is_err());
    assert_eq!(store.served().unwrap().bundle, BundleRef::BuiltIn);
}

#[test]
fn a_current_bundle_without_its_page_is_not_served_and_can_be_installed_again() {
    let device = Device::new();
    let old = device.prove("1");
    let current = device.install_next("2");
    device.launch();
    fs::remove_file(device.open().folder(&current).join("index.html")).unwrap();

    let launch = device.launch();

    assert_eq!((launch.bundle, launch.reason), (old.into(), LaunchReason::Damaged));
    let store = device.open();
    assert_eq!(store.failed().unwrap(), []);
    let again = device.install(&store, "2");
    assert_ne!(again, current);
    store.set_next(&again.clone().into()).unwrap();
    drop(store);
    assert_eq!(device.launch().bundle, again.into());
}

#[test]
fn a_next_bundle_with_missing_files_is_not_applied() {
    let device = Device::new();
    let proven = device.prove("1");
    let next = device.install_next("2");
    let store = device.open();
    store.launch(&native());
    drop(store);

    let third = device.install_next("3");
    let store = device.open();
    fs::remove_dir_all(store.folder(&third)).unwrap();
    assert_eq!(store.apply_next(&native()).unwrap(), None);
    assert_eq!(store.launch(&native()).bundle, next.into());
    assert_eq!(store.fallback().unwrap(), proven.into());
}

#[test]
fn the_next_bundle_can_be_applied_within_a_session() {
    let device = Device::new();
    let store = device.open();
    store.launch(&native());
    assert_eq!(store.apply_next(&native()).unwrap(), None);
    let id = device.install(&store, "1");
    store.set_next(&id.clone().into()).unwrap();

    let launch = store.apply_next(&native()).unwrap().unwrap();

    assert_eq!(
        (launch.bundle.clone(), launch.reason.clone()),
        (id.into(), LaunchReason::NextApplied)
    );
    assert!(launch.on_trial);
    assert_eq!(store.launch(&native()), launch);
}
