//! Installing, reading, selecting and deleting bundles.

use std::fs;

use super::device::{unknown_id, version_in};
use super::*;
use crate::progress::Control;

#[test]
fn an_installed_bundle_keeps_its_metadata() {
    let device = Device::new();
    device.set_clock(77);
    let (store, archive) = (device.open(), device.archive("1.2.3"));
    let new = NewBundle {
        native: NativeRange {
            min: Some(NativeVersion::new("1")),
            max: Some(NativeVersion::new("2")),
        },
        link: Some("https://example.com/1.2.3".to_owned()),
        comment: Some("a \"comment\"".to_owned()),
        sequence: Some(5),
        ..NewBundle::new("1.2.3")
    };

    let record = store.install(&archive, &new, &Control::new()).unwrap();

    assert_eq!(version_in(&store.folder(&record.id)), "1.2.3");
    assert_eq!(record.version, "1.2.3");
    assert_eq!(record.digest, Some(archive.digest()));
    assert_eq!(record.archive_size, archive.size());
    assert_eq!(record.files, 2);
    assert!(record.unpacked_size > 2000);
    assert_eq!(record.installed_at, Timestamp(77));
    assert_eq!((record.proven_at, &record.proven_build), (None, &None));
    assert_eq!((record.native.clone(), record.link.clone()), (new.native, new.link));
    assert_eq!((record.comment.clone(), record.sequence), (new.comment, new.sequence));
    assert_eq!(store.get(&record.id).unwrap(), record);
    assert_eq!(store.find(&archive.digest()).unwrap(), Some(record.clone()));
    assert_eq!(device.open().list().unwrap(), [(record, Status::Installed)]);
}

#[test]
fn an_archive_that_is_installed_is_not_unpacked_again() {
    let device = Device::new();
    let store = device.open();
    let first = device.install(&store, "1");

    let again = device.install(&store, "1");

    assert_eq!(again, first);
    assert_eq!(device.names("bundles").len(), 1);
}

#[test]
fn a_new_bundle_is_served_only_when_it_was_chosen() {
    let device = Device::new();
    device.install(&device.open(), "1");

    let launch = device.launch();

    assert_eq!((launch.bundle, launch.folder), (BundleRef::BuiltIn, None));
    assert_eq!(launch.reason, LaunchReason::Current);
    assert!(!launch.on_trial);
}

#[test]
fn the_next_bundle_becomes_current_at_the_next_start() {
    let device = Device::new();
    let running = device.open();
    running.launch(&native());
    let id = device.install(&running, "1");
    running.set_next(&id.clone().into()).unwrap();

    assert_eq!(running.launch(&native()).bundle, BundleRef::BuiltIn);
    assert_eq!(running.current().unwrap(), BundleRef::BuiltIn);
    assert_eq!(running.next().unwrap(), Some(id.clone().into()));
    assert_eq!(running.list().unwrap()[0].1, Status::Next);
    drop(running);

    let store = device.open();
    let launch = store.launch(&native());
    assert_eq!(launch.bundle, id.clone().into());
    assert_eq!(launch.version.as_deref(), Some("1"));
    assert_eq!(version_in(&launch.folder.unwrap()), "1");
    assert_eq!(launch.reason, LaunchReason::NextApplied);
    assert!(launch.on_trial);
    assert_eq!(store.current().unwrap(), id.into());
    assert_eq!(store.next().unwrap(), None);
    assert_eq!(store.list().unwrap()[0].1, Status::Trial);
}

#[test]
fn a_next_that_was_cleared_does_not_take_over() {
    let device = Device::new();
    device.install_next("1");
    device.open().clear_next().unwrap();
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
}

#[test]
fn the_built_in_bundle_can_be_next() {
    let device = Device::new();
    device.prove("1");
    device.open().set_next(&BundleRef::BuiltIn).unwrap();

    let launch = device.launch();

    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::NextApplied)
    );
}

#[test]
fn a_bundle_made_current_is_served_in_this_session_on_trial() {
    let device = Device::new();
    let store = device.open();
    store.launch(&native());
    let id = device.install(&store, "1");

    let launch = store.set_current(&id.clone().into()).unwrap();

    assert_eq!(launch.bundle, id.clone().into());
    assert_eq!(launch.reason, LaunchReason::SetCurrent);
    assert!(launch.on_trial);
    assert_eq!(store.launch(&native()), launch);
    assert_eq!(store.served(), Some(launch));
    assert_eq!(store.ready_deadline(), Some(Duration::from_secs(10)));
    store.trial_started(&id).unwrap();
    store.confirm(&id.clone().into()).unwrap();
    assert_eq!(store.fallback().unwrap(), id.into());
}

#[test]
fn a_bundle_that_is_set_and_crashes_counts_its_attempts() {
    let device = Device::with(|options| options.attempts = 1);
    let store = device.open();
    store.launch(&native());
    let id = device.install(&store, "1");
    store.set_current(&id.clone().into()).unwrap();
    store.trial_started(&id).unwrap();
    drop(store);

    let launch = device.launch();

    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::TrialFailed)
    );
    assert_eq!(launch.failed.unwrap().id, id);
}

#[test]
fn making_the_next_bundle_current_leaves_nothing_to_come_next() {
    let device = Device::new();
    let store = device.open();
    let id = device.install(&store, "1");
    store.set_next(&id.clone().into()).unwrap();
    store.set_current(&id.into()).unwrap();
    assert_eq!(store.next().unwrap(), None);
}

#[test]
fn a_bundle_that_is_not_installed_cannot_be_selected() {
    let device = Device::new();
    let store = device.open();
    let unknown = BundleRef::Bundle(unknown_id());

    assert_eq!(store.set_next(&unknown).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.set_current(&unknown).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.get(&unknown_id()).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.delete(&unknown_id()).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        store.mark_failed(&unknown_id()).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn a_bundle_with_missing_files_cannot_be_selected_and_can_be_installed_again() {
    let device = Device::new();
    let store = device.open();
    let gone = device.install(&store, "1");
    fs::remove_dir_all(store.folder(&gone)).unwrap();

    assert_eq!(
        store.set_next(&gone.clone().into()).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    assert_eq!(
        store.set_current(&gone.clone().into()).unwrap_err().kind(),
        ErrorKind::Corrupt
    );

    let digest = device.archive("1").digest();
    assert_eq!(store.find(&digest).unwrap(), None, "it must be downloaded again");
    let again = device.install(&store, "1");
    assert_eq!(
        store.find(&digest).unwrap().map(|record| record.id),
        Some(again.clone())
    );
    assert_eq!(device.install(&store, "1"), again, "the bundle is installed now");
    store.set_next(&again.into()).unwrap();
}

#[test]
fn reset_selects_the_built_in_bundle_and_clears_the_next_one() {
    let device = Device::new();
    device.prove("1");
    device.install_next("2");
    let store = device.open();

    let launch = store.reset(false).unwrap();

    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::Reset)
    );
    assert_eq!(store.next().unwrap(), None);
    assert_eq!(store.fallback().unwrap(), BundleRef::BuiltIn);
    drop(store);
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
}

#[test]
fn reset_to_the_last_proven_serves_that() {
    let device = Device::new();
    let proven = device.prove("1");
    let trial = device.install_next("2");
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, trial.into());

    let launch = store.reset(true).unwrap();

    assert_eq!(launch.bundle, proven.clone().into());
    assert!(!launch.on_trial);
    drop(store);
    assert_eq!(device.launch().bundle, proven.into());
}

#[test]
fn reset_to_a_last_proven_bundle_whose_files_are_gone_serves_the_built_in_one() {
    let device = Device::new();
    let proven = device.prove("1");
    let trial = device.install_next("2");
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, trial.into());
    fs::remove_dir_all(store.folder(&proven)).unwrap();

    let launch = store.reset(true).unwrap();

    assert_eq!((launch.bundle, launch.folder), (BundleRef::BuiltIn, None));
}

#[test]
fn a_bundle_with_a_role_is_not_deleted() {
    let device = Device::new();
    let fallback = device.prove("1");
    let current = device.install_next("2");
    device.launch();
    let next = device.install_next("3");
    let spare = device.install(&device.open(), "4");
    let store = device.open();

    for (id, role) in [(&current, "current"), (&next, "next"), (&fallback, "fallback")] {
        let error = store.delete(id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InUse);
        assert!(error.to_string().contains(role), "{error}");
        assert!(store.folder(id).join("index.html").exists());
    }
    store.delete(&spare).unwrap();
    assert!(!store.folder(&spare).exists());
    assert_eq!(store.get(&spare).unwrap_err().kind(), ErrorKind::NotFound);
    store.sweep().unwrap();
    assert_eq!(device.names("staging"), <[&str; 0]>::default());
    assert_eq!(
        device.names("records").len(),
        6,
        "three records and three lists of files"
    );
}

#[test]
fn invalid_options_are_refused() {
    for device in [
        Device::with(|options| options.attempts = 0),
        Device::with(|options| options.app_ready_timeout = Duration::from_millis(999)),
    ] {
        assert_eq!(device.try_open().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn ids_have_the_form_that_capgos_lists_accept() {
    let device = Device::new();
    let id = device.install(&device.open(), "1");
    assert!(id.as_str().len() == 10 && id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    for refused in ["", "builtin", "../../../..", "123456789", "12345678901", "12345678é"] {
        assert_eq!(refused.parse::<BundleId>().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn native_versions_are_compared_number_by_number() {
    let at_least = |this: &str, minimum: &str| NativeVersion::new(this).at_least(&NativeVersion::new(minimum));
    assert!(at_least("1.10", "1.9"));
    assert!(at_least("1", "1.0.0"));
    assert!(at_least("1.2.3-beta+4", "1.2.3"));
    assert!(!at_least("1.9", "1.10"));
    assert!(!at_least("unknown", "1"));
    assert!(!at_least("1", "unknown"));
}
