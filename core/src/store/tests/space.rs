//! A full disk.

use std::fs;
use std::io;

use super::faulty::Operation;
use super::*;
use crate::progress::Control;

#[test]
fn a_bundle_that_does_not_fit_is_refused_before_a_byte_is_written_with_the_missing_space() {
    for margin in [u64::MAX / 2, u64::MAX] {
        let device = Device::with(|options| options.space_margin = margin);
        let store = device.open();

        let error = store
            .install(&device.archive("1"), &NewBundle::new("1"), &Control::new())
            .unwrap_err();

        assert_eq!(error.kind(), ErrorKind::NoSpace);
        let Error::NotEnoughSpace { needed, available, .. } = &error else {
            panic!("{error}")
        };
        let missing = needed - available;
        assert!(error.to_string().contains(&format!("free {missing} more")), "{error}");
        assert_eq!(device.names("bundles").len() + device.names("staging").len(), 0);
    }
}

#[test]
fn a_disk_that_fills_while_unpacking_is_cleaned_up_and_reported() {
    let device = Device::new();
    let proven = device.prove("1");
    let store = device.open();
    store.launch(&native());
    let archive = device.archive("2");
    device.files.fail(|operation, path| {
        let is_asset = operation == Operation::Create && path.ends_with("assets/app.js");
        is_asset.then_some(io::ErrorKind::StorageFull)
    });

    let error = store
        .install(&archive, &NewBundle::new("2"), &Control::new())
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert_eq!(device.names("staging").len(), 0);
    assert_eq!(device.names("bundles"), [proven.to_string()]);
    device.files.heal();
    assert_eq!(store.failed().unwrap(), []);
    device.install(&store, "2");
}

#[test]
fn a_disk_that_is_full_when_the_state_is_written_changes_nothing() {
    let device = Device::new();
    let proven = device.prove("1");
    let store = device.open();
    let archive = device.archive("2");
    device.files.fail(|operation, path| {
        let is_state = operation == Operation::Write && path.ends_with("state.json.tmp");
        is_state.then_some(io::ErrorKind::StorageFull)
    });
    let before = fs::read(device.root().join("state.json")).unwrap();

    let error = store
        .install(&archive, &NewBundle::new("2"), &Control::new())
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert_eq!(fs::read(device.root().join("state.json")).unwrap(), before);
    assert_eq!(device.names("bundles"), [proven.to_string()]);
    assert_eq!(device.names("staging").len(), 0);
    assert_eq!(device.names("records").len(), 2);
}

#[test]
fn a_full_disk_does_not_keep_a_proven_bundle_from_being_served() {
    let device = Device::new();
    let id = device.prove("1");
    device.files.fill_disk();

    let launch = device.try_open().unwrap().launch(&native());

    assert_eq!((launch.bundle, launch.on_trial), (id.into(), false));
}

#[test]
fn on_a_full_disk_the_fallback_is_served_instead_of_a_trial() {
    let device = Device::new();
    let proven = device.prove("1");
    let next = device.install_next("2");
    device.files.fill_disk();

    for _ in 0..10 {
        let launch = device.try_open().unwrap().launch(&native());
        assert_eq!(launch.bundle, proven.clone().into());
        assert!(
            matches!(launch.reason, LaunchReason::NotDurable(NotDurable::Unwritable(_))),
            "{launch:?}"
        );
    }

    device.files.heal();
    assert_eq!(device.open().failed().unwrap(), []);
    assert_eq!(device.launch().bundle, next.into());
}

#[test]
fn after_a_native_update_on_a_full_disk_nothing_unproven_is_served() {
    for reset_when_native_changes in [true, false] {
        let device = Device::with(|options| options.reset_when_native_changes = reset_when_native_changes);
        device.prove("1");
        device.files.fill_disk();
        let launch = device.try_open().unwrap().launch(&NativeApp::new("2.0", "2"));
        assert_eq!(launch.bundle, BundleRef::BuiltIn);
    }
}

#[test]
fn leftovers_that_cannot_be_removed_block_neither_opening_nor_updates() {
    let device = Device::new();
    let id = device.prove("1");
    for name in ["left", "left too"] {
        fs::create_dir_all(device.root().join("staging").join(name)).unwrap();
    }
    let cannot_be_removed = device.root().join("staging/left");
    device.files.fail(move |operation, path| {
        (operation == Operation::RemoveFolder && path == cannot_be_removed).then_some(io::ErrorKind::Other)
    });

    let store = device.try_open().unwrap();

    assert_eq!(store.launch(&native()).bundle, id.into());
    device.install(&store, "2");
    let warnings = store.take_warnings();
    assert!(warnings[0].to_string().contains("staging/left"), "{warnings:?}");
    assert!(store.take_warnings().is_empty());
    assert_eq!(store.sweep().unwrap_err().kind(), ErrorKind::Io);
    assert!(!device.root().join("staging/left too").exists());
}

#[test]
fn a_disk_too_full_to_record_the_served_bundle_does_not_block_it() {
    type Call = fn(&Store, &BundleId) -> Launch;
    let calls: [(&str, Call); 2] = [
        ("trial_expired", |store, id| match store.trial_expired(id).unwrap() {
            Expired::FallBack(launch) => *launch,
            Expired::Ignored => panic!("it is on trial"),
        }),
        ("reset", |store, _| store.reset(true).unwrap()),
    ];
    for (name, call) in calls {
        let device = Device::new();
        let proven = device.prove("1");
        let id = device.install_next("2");
        let store = device.open();
        store.launch(&native());
        device.files.fail(|operation, path| {
            let is_session = path.parent().is_some_and(|folder| folder.ends_with("sessions"));
            (operation == Operation::Write && is_session).then_some(io::ErrorKind::StorageFull)
        });

        let launch = call(&store, &id);

        assert!(launch.bundle.is(&proven), "{name}: {launch:?}");
        assert_eq!(store.served(), Some(launch), "{name}");
    }
}
