//! The built-in bundle is never replaced by one that is as old or older.

use super::*;
use crate::progress::Control;

fn of_sequence(version: &str, sequence: u64) -> NewBundle {
    NewBundle {
        sequence: Some(sequence),
        ..NewBundle::new(version)
    }
}

fn keeps_what_was_installed(options: &mut StoreOptions) {
    options.reset_when_native_changes = false;
}

/// A device that serves a proven bundle of this sequence.
fn serving(version: &str, sequence: u64) -> (Device, BundleId) {
    let device = Device::with(keeps_what_was_installed);
    let id = install_next(&device, version, sequence);
    let store = device.open();
    store.launch(&native());
    store.trial_started(&id).unwrap();
    store.confirm(&id.clone().into()).unwrap();
    drop(store);
    (device, id)
}

fn install_next(device: &Device, version: &str, sequence: u64) -> BundleId {
    let store = device.open();
    let new = of_sequence(version, sequence);
    let id = store
        .install(&device.archive(version), &new, &Control::new())
        .unwrap()
        .id;
    store.set_next(&id.clone().into()).unwrap();
    id
}

#[test]
fn a_bundle_as_old_as_the_built_in_one_is_not_installed() {
    let device = Device::with(|options| options.built_in_sequence = Some(42));
    let store = device.open();
    let install = |sequence| store.install(&device.archive("1"), &of_sequence("1", sequence), &Control::new());
    for sequence in [1, 41, 42] {
        let error = install(sequence).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotTrusted);
        assert!(error.to_string().contains("42"), "{error}");
        assert_eq!(device.names("bundles").len(), 0);
    }
    install(43).unwrap();
}

#[test]
fn an_update_from_the_app_store_is_not_undone_by_what_was_current() {
    let (mut device, old) = serving("1", 41);
    device.options.built_in_sequence = Some(41);

    let launch = device.launch();

    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::BuiltInIsNewer)
    );
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, BundleRef::BuiltIn);
    for refused in [
        store.set_next(&old.clone().into()).unwrap_err(),
        store.set_current(&old.into()).unwrap_err(),
    ] {
        assert_eq!(refused.kind(), ErrorKind::NotTrusted);
    }
    assert_eq!(store.launch(&native()).bundle, BundleRef::BuiltIn);
}

#[test]
fn a_fallback_or_next_bundle_that_is_now_built_in_is_skipped() {
    let (mut device, old) = serving("1", 41);
    install_next(&device, "2", 50);
    assert_eq!(device.start_and_crash().version.as_deref(), Some("2"));
    device.options.built_in_sequence = Some(45);

    // Neither when the time to confirm is over, nor as the last proven one.
    let store = device.open();
    let served = store.launch(&native());
    assert_eq!(served.version.as_deref(), Some("2"));
    let Expired::FallBack(instead) = store.trial_expired(served.bundle.bundle().unwrap()).unwrap() else {
        panic!("it was on trial");
    };
    assert_eq!(instead.bundle, BundleRef::BuiltIn);
    assert_eq!(store.reset(true).unwrap().bundle, BundleRef::BuiltIn);
    drop(store);
    device.options.built_in_sequence = None;
    device.open().set_next(&old.into()).unwrap();
    device.options.built_in_sequence = Some(45);
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, BundleRef::BuiltIn);
    assert_eq!(store.apply_next(&native()).unwrap(), None);
}

#[test]
fn a_bundle_without_a_sequence_is_not_compared() {
    let mut device = Device::with(keeps_what_was_installed);
    let id = device.prove("1");
    device.options.built_in_sequence = Some(45);
    assert_eq!(device.launch().bundle, id.into());
}
