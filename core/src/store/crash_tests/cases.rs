//! Single crash cases.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::device::{Archives, Device, ROOT};
use crate::error::Error;
use crate::io::crash_fs::{Count, Fault, Found};
use crate::io::vfs::Files as _;
use crate::store::{BundleRef, Confirmation, KeepRules, LaunchReason, NotDurable};

/// A device that serves version 1, which is proven.
fn device_with_proven_1(archives: &Archives) -> Device {
    let mut device = Device::new();
    device.start().unwrap();
    device.install(archives, "1").unwrap();
    device.set_next("1").unwrap();
    device.start().unwrap();
    let served = device.launch().bundle;
    device.store().trial_started(served.bundle().unwrap()).unwrap();
    assert_eq!(device.store().confirm(&served).unwrap(), Confirmation::Proven);
    device
}

/// The number of the last change of this kind during the installation of version 2 after 1.
fn change_of_installation(archives: &Archives, is_it: impl Fn(&str) -> bool) -> u64 {
    let device = device_with_proven_1(archives);
    device.files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
    device.install(archives, "2").unwrap();
    let history = device.files.history();
    let line = history
        .lines()
        .rfind(|line| is_it(line))
        .expect("an installation does that");
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_full_disk_at_launch_serves_the_fallback_and_fails_no_bundle() {
    let archives = Archives::of(&["1", "2"]);
    let mut device = device_with_proven_1(&archives);
    device.install(&archives, "2").unwrap();
    device.set_next("2").unwrap();
    device.start().unwrap();
    device.files.set_free_space(0);

    for _ in 0..10 {
        let launch = device.launch();
        assert_eq!(launch.version.as_deref(), Some("1"));
        assert!(
            matches!(launch.reason, LaunchReason::NotDurable(NotDurable::Unwritable(_))),
            "{launch:?}"
        );
        device.start().unwrap();
    }
    assert_eq!(device.store().failed().unwrap(), []);
    device.files.set_free_space(1 << 30);
    assert_eq!(device.launch().version.as_deref(), Some("2"));
}

#[test]
fn a_disk_that_fills_during_a_trial_serves_the_fallback_and_fails_no_bundle() {
    let archives = Archives::of(&["1", "2"]);
    let mut device = device_with_proven_1(&archives);
    device.install(&archives, "2").unwrap();
    device.set_next("2").unwrap();
    device.start().unwrap();
    assert!(device.launch().on_trial);
    device.files.set_free_space(0);

    for _ in 0..10 {
        device.start().unwrap();
        assert_eq!(device.launch().version.as_deref(), Some("1"));
    }
    assert_eq!(device.store().failed().unwrap(), []);
    device.files.set_free_space(1 << 30);
    device.start().unwrap();
    let launch = device.launch();
    assert_eq!((launch.version.as_deref(), launch.on_trial), (Some("2"), true));
}

#[test]
fn too_little_space_for_an_installation_is_found_out_before_a_byte_is_written() {
    let archives = Archives::of(&["1", "2"]);
    let device = device_with_proven_1(&archives);
    device.files.set_free_space(1000);

    let error = device.install(&archives, "2").unwrap_err();
    assert!(
        matches!(error, Error::NotEnoughSpace { needed, available: 1000, .. } if needed > 1000),
        "{error:?}"
    );
    assert_eq!(device.names("staging"), BTreeSet::new());
    assert_eq!(device.files.free_space("/app".as_ref()).unwrap(), 1000);
}

#[test]
fn a_disk_that_fills_during_an_installation_is_cleaned_and_the_error_has_the_missing_space() {
    let archives = Archives::of(&["1", "2"]);
    let device = device_with_proven_1(&archives);
    // The lock, the staging folder with its lock, a folder in it, a file and half of another.
    device.files.plan(Count::Changes, 8, Fault::FullFrom);

    let error = device.install(&archives, "2").unwrap_err();
    assert!(
        matches!(error, Error::NotEnoughSpace { needed, available: 0, .. } if needed > 0),
        "{error:?}"
    );
    assert_eq!(device.names("staging"), BTreeSet::new());
    assert_eq!(device.names("bundles").len(), 1);
    device.files.lift();
    device.install(&archives, "2").unwrap();
}

#[test]
fn a_retry_after_a_failed_sync_is_durable_when_it_succeeds() {
    let archives = Archives::of(&["1", "2"]);
    let device = device_with_proven_1(&archives);
    device.install(&archives, "2").unwrap();
    device.files.plan(Count::Changes, 7, Fault::Fail(ErrorKind::Other));
    let error = device.set_next("2").unwrap_err();
    assert!(error.to_string().contains("sync the folder"), "{error}");

    device.set_next("2").unwrap();
    let mut found = Device::on(device.files.power_loss(Found::Nothing));
    found.start().unwrap();
    assert_eq!(found.snapshot().unwrap().next.as_deref(), Some("2"));
}

#[test]
fn a_store_folder_that_a_killed_process_made_is_made_durable_by_the_next() {
    let archives = Archives::of(&["1"]);
    let mut device = Device::new();
    device.files.plan(Count::Changes, 1, Fault::StopAfter);
    device.start().unwrap_err();
    device.start().unwrap();
    device.install(&archives, "1").unwrap();

    let mut found = Device::on(device.files.power_loss(Found::Nothing));
    found.start().unwrap();
    assert!(found.snapshot().unwrap().bundles.contains_key("1"));
}

#[test]
fn an_installation_whose_last_sync_fails_leaves_no_record_without_its_bundle() {
    let archives = Archives::of(&["1", "2"]);
    let last_sync = change_of_installation(&archives, |line| line.ends_with("SyncFolder /app/store"));
    let device = device_with_proven_1(&archives);
    device
        .files
        .plan(Count::Changes, last_sync, Fault::Fail(ErrorKind::Other));
    device.install(&archives, "2").unwrap_err();

    for (record, _) in device.store().list().unwrap() {
        let folder = device.store().folder(&record.id);
        assert_eq!(device.contents(&folder).len(), 3, "version {}", record.version);
    }
}

#[test]
fn records_of_crashed_installations_do_not_accumulate() {
    let archives = Archives::of(&["1", "2"]);
    let change = change_of_installation(&archives, |line| line.contains("Rename") && line.contains("/records/"));
    let mut device = device_with_proven_1(&archives);
    device.files.plan(Count::Changes, change, Fault::StopBefore);
    device.install(&archives, "2").unwrap_err();

    device.start().unwrap();
    device.store().clean(&KeepRules::default()).unwrap();
    let names = device.names("records");
    assert_eq!(names.len(), 2, "the record and the files of version 1: {names:?}");
}

#[test]
fn a_bundle_that_is_briefly_unreadable_is_not_dropped() {
    let archives = Archives::of(&["1"]);
    // A launch makes fewer calls than that.
    for call in 1..40 {
        let mut device = device_with_proven_1(&archives);
        device.start().unwrap();
        device
            .files
            .plan(Count::Calls, call, Fault::Fail(ErrorKind::PermissionDenied));
        device.launch();
        device.files.lift();

        device.start().unwrap();
        assert_eq!(
            device.launch().version.as_deref(),
            Some("1"),
            "after call {call} failed"
        );
        assert_eq!(device.snapshot().unwrap().fallback, "1", "after call {call} failed");
    }
}

#[test]
fn a_crash_anywhere_in_the_recovery_of_a_corrupt_state_keeps_the_confirmation_that_it_held() {
    let archives = Archives::of(&["1", "2"]);
    let damaged = || {
        let mut device = device_with_proven_1(&archives);
        device.install(&archives, "2").unwrap();
        device.set_next("2").unwrap();
        device.start().unwrap();
        let served = device.launch().bundle;
        device.store().trial_started(served.bundle().unwrap()).unwrap();
        // Only the newest generation and the record contain it.
        assert_eq!(device.store().confirm(&served).unwrap(), Confirmation::Proven);
        let state = Path::new(ROOT).join("state.json");
        device.files.write(&state, b"garbage").unwrap();
        device.files.sync_file(&state).unwrap();
        device
    };
    let recover = |device: &mut Device| device.start().and_then(|()| device.store().clear_next());
    let mut device = damaged();
    device.files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
    recover(&mut device).unwrap();
    let changes = device.files.counted(Count::Changes);

    for at in 1..=changes {
        for found in [
            None,
            Some(Found::Nothing),
            Some(Found::Everything),
            Some(Found::Random(at)),
        ] {
            let mut device = damaged();
            device.files.plan(Count::Changes, at, Fault::StopAfter);
            drop(recover(&mut device));
            let files = match found {
                Some(found) => device.files.power_loss(found),
                None => device.files.process_killed(),
            };
            let mut device = Device::on(files);
            device.start().unwrap();
            assert_eq!(
                device.snapshot().unwrap().fallback,
                "2",
                "{found:?} at {at}\n{}",
                device.files.history()
            );
        }
    }
}

#[test]
fn bundles_in_a_folder_that_the_host_created_later_survive_a_power_cut() {
    let archives = Archives::of(&["1", "2"]);
    let mut device = device_with_proven_1(&archives);
    // A folder whose name was never synced.
    let folder = Path::new("/app/versions");
    device.files.create_folder(folder).unwrap();
    device.serve_from(folder);
    device.start().unwrap();
    device.install(&archives, "2").unwrap();

    let mut device = Device::on(device.files.power_loss(Found::Nothing));
    device.serve_from(folder);
    device.start().unwrap();
    device.set_next("2").unwrap();
    device.start().unwrap();

    assert_eq!(device.launch().version.as_deref(), Some("2"));
}

/// Version 2 replaced 1 and is proven, and its next start is about to end silently.
fn start_silently(archives: &Archives) -> Device {
    let mut device = device_with_proven_1(archives);
    device.install(archives, "2").unwrap();
    device.set_next("2").unwrap();
    for confirms in [true, false] {
        device.start().unwrap();
        let served = device.launch().bundle;
        device.store().trial_started(served.bundle().unwrap()).unwrap();
        if confirms {
            device.store().confirm(&served).unwrap();
        }
    }
    device
}

#[test]
fn a_crash_anywhere_around_a_silent_start_fails_no_bundle_and_loses_no_fallback() {
    let archives = Archives::of(&["1", "2"]);
    // The launch that puts the bundle on trial again, its start and its confirmation.
    let live = |device: &mut Device| -> crate::Result<()> {
        device.start()?;
        let served = device.launch().bundle;
        if let BundleRef::Bundle(id) = &served {
            device.store().trial_started(id)?;
        }
        device.store().confirm(&served).map(drop)
    };
    let mut device = start_silently(&archives);
    device.files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
    live(&mut device).unwrap();
    let changes = device.files.counted(Count::Changes);
    assert!(changes > 10, "{changes}");

    for at in 1..=changes {
        for found in [
            None,
            Some(Found::Nothing),
            Some(Found::Everything),
            Some(Found::Random(at)),
        ] {
            let mut device = start_silently(&archives);
            device.files.plan(Count::Changes, at, Fault::StopAfter);
            drop(live(&mut device));
            let files = match found {
                Some(found) => device.files.power_loss(found),
                None => device.files.process_killed(),
            };
            let mut device = Device::on(files);
            device.start().unwrap();
            let state = device.snapshot().unwrap();
            let case = format!("{found:?} at {at}: {state:?}\n{}", device.files.history());
            assert_eq!(state.current, "2", "{case}");
            assert!(state.failed.is_empty(), "{case}");
            assert_eq!(state.bundles.len(), 2, "{case}");
            assert_eq!(device.launch().version.as_deref(), Some("2"), "{case}");
            live(&mut device).unwrap();
            let state = device.snapshot().unwrap();
            assert_eq!((state.fallback.as_str(), state.trial), ("2", None), "{case}");
        }
    }
}
