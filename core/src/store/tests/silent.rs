//! Proven bundles that no longer confirm their starts.

use super::*;
use crate::progress::Control;

const DAY: u64 = 24 * 60 * 60;

/// Starts the app, whose page confirms.
fn start_and_confirm(device: &Device) -> Launch {
    let store = device.open();
    let launch = store.launch(&native());
    store.trial_started(launch.bundle.bundle().unwrap()).unwrap();
    store.confirm(&launch.bundle).unwrap();
    launch
}

/// A device whose bundle 2 replaced 1, was proven, and is now set aside. Returns both.
fn set_aside(device: &Device) -> (BundleId, BundleId) {
    let (old, new) = (device.prove("1"), device.prove("2"));
    for _ in 0..3 {
        let launch = device.start_and_crash();
        assert_eq!((launch.bundle, launch.on_trial), (new.clone().into(), false));
    }
    for _ in 0..2 {
        let launch = device.start_and_crash();
        assert_eq!((launch.bundle, launch.on_trial), (new.clone().into(), true));
    }
    let launch = device.launch();
    assert_eq!(
        (launch.bundle, launch.reason),
        (old.clone().into(), LaunchReason::SetAside)
    );
    (old, new)
}

#[test]
fn a_proven_bundle_that_crashes_at_every_start_is_set_aside_and_not_failed() {
    let device = Device::new();
    let (old, new) = set_aside(&device);

    let store = device.open();
    assert_eq!(store.failed().unwrap(), []);
    assert_eq!(store.take_failure().unwrap(), None);
    for _ in 0..10 {
        assert_eq!(start_and_confirm(&device).bundle, old.clone().into());
    }
    // The host may select it at any time.
    store.set_next(&new.clone().into()).unwrap();
    drop(store);
    assert_eq!(start_and_confirm(&device).bundle, new.clone().into());
    assert_eq!(device.open().fallback().unwrap(), new.into());
}

#[test]
fn a_bundle_that_was_set_aside_is_not_installed_again_for_a_day() {
    let device = Device::new();
    let (_, new) = set_aside(&device);
    let store = device.open();
    let install = || store.install(&device.archive("2"), &NewBundle::new("2"), &Control::new());

    let refused = install().unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::NotTrusted);
    assert!(refused.to_string().contains("offered again"), "{refused}");
    let until = || store.set_aside_until("2", None).unwrap();
    assert!(until().is_some());
    device.pass(DAY);
    assert_eq!(until(), None);
    assert_eq!(install().unwrap().id, new);
}

#[test]
fn a_bundle_that_is_set_aside_again_and_again_is_never_failed() {
    let device = Device::new();
    let (old, new) = set_aside(&device);
    for _ in 0..3 {
        device.pass(DAY);
        device.open().set_next(&new.clone().into()).unwrap();
        for _ in 0..2 {
            assert_eq!(device.start_and_crash().bundle, new.clone().into());
        }
        let launch = device.launch();
        assert_eq!(
            (launch.bundle, launch.reason),
            (old.clone().into(), LaunchReason::SetAside)
        );
    }
    assert_eq!(device.open().failed().unwrap(), []);
}

#[test]
fn a_bundle_that_confirms_when_it_is_tried_again_stays() {
    let device = Device::new();
    let (old, new) = (device.prove("1"), device.prove("2"));
    for _ in 0..3 {
        device.start_and_crash();
    }
    assert!(start_and_confirm(&device).on_trial);

    let launch = device.launch();
    assert_eq!((launch.bundle, launch.on_trial), (new.into(), false));
    assert!(device.open().get(&old).is_ok(), "the way back stays");
}

#[test]
fn one_confirmation_resets_the_silent_starts() {
    let device = Device::new();
    let id = device.prove("1");
    for _ in 0..5 {
        device.start_and_crash();
        device.start_and_crash();
        let launch = start_and_confirm(&device);
        assert_eq!((launch.bundle, launch.on_trial), (id.clone().into(), false));
    }
}

#[test]
fn starts_that_reached_the_background_or_never_started_a_page_are_not_silent() {
    let device = Device::new();
    let id = device.prove("1");
    for _ in 0..10 {
        let store = device.open();
        assert!(!store.launch(&native()).on_trial);
        store.trial_started(&id).unwrap();
        store.entered_background().unwrap();
        store.entered_foreground(&native()).unwrap();
        store.trial_started(&id).unwrap();
        drop(store);
        assert!(!device.launch().on_trial);
    }
}

#[test]
fn a_cleaning_between_two_launches_forgets_no_silent_start() {
    let device = Device::new();
    device.prove("1");
    for _ in 0..3 {
        device.start_and_crash();
        device.open().clean(&KeepRules::default()).unwrap();
    }
    assert!(device.launch().on_trial);
}

#[test]
fn a_new_release_falls_back_to_the_predecessor_of_a_bundle_with_silent_starts() {
    let device = Device::with(|options| options.attempts = 1);
    let old = device.prove("1");
    device.prove("2");
    for _ in 0..3 {
        device.start_and_crash();
    }
    device.install_next("3");
    assert_eq!(device.start_and_crash().version.as_deref(), Some("3"));

    assert_eq!(device.launch().bundle, old.into());
}

#[test]
fn the_bundle_that_was_replaced_stays_until_three_later_starts_were_confirmed() {
    let device = Device::new();
    let old = device.prove("1");
    device.prove("2");
    for _ in 0..2 {
        start_and_confirm(&device);
        let store = device.open();
        let all = KeepRules {
            newest: Some(0),
            ..KeepRules::default()
        };
        store.clean(&all).unwrap();
        assert!(store.folder(&old).exists());
    }

    start_and_confirm(&device);

    let store = device.open();
    assert!(store.get(&old).is_err() && !store.folder(&old).exists());
}

#[test]
fn two_confirmations_of_one_start_count_once() {
    let device = Device::new();
    let old = device.prove("1");
    let new = device.prove("2");
    let store = device.open();
    store.launch(&native());
    for _ in 0..5 {
        store.trial_started(&new).unwrap();
        assert_eq!(store.confirm(&new.clone().into()).unwrap(), Confirmation::AlreadyProven);
    }
    assert!(store.get(&old).is_ok());
}

#[test]
fn a_proven_bundle_with_missing_files_is_replaced_by_its_predecessor() {
    let device = Device::new();
    let old = device.prove("1");
    let new = device.prove("2");
    std::fs::remove_dir_all(device.open().folder(&new)).unwrap();

    let launch = device.launch();

    assert_eq!((launch.bundle, launch.on_trial), (old.into(), false));
}

#[test]
fn another_native_app_clears_bundles_set_aside() {
    let device = Device::with(|options| options.reset_when_native_changes = false);
    set_aside(&device);
    let store = device.open();
    store.launch(&NativeApp::new("1.0", "2"));
    store
        .install(&device.archive("2"), &NewBundle::new("2"), &Control::new())
        .unwrap();
}
