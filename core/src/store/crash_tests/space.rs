//! A disk that is full when the outcome of a trial must be written. An outcome that could not be written would look
//! like a crash.

use std::path::Path;

use super::device::{Archives, Device, ROOT};
use super::recovery::require_durable;
use crate::error::ErrorKind;
use crate::io::crash_fs::CrashFs;
use crate::io::vfs::Files as _;
use crate::store::{BundleId, BundleRef, Confirmation, Expired, Launch, LaunchReason, NotDurable};

const RESERVE: &str = "reserve";
/// More than the state needs and less than the reserve.
const SOME: u64 = 20 << 10;
/// More than enough for everything.
const PLENTY: u64 = 1 << 30;
/// More than a trial has attempts.
const TIMES: usize = 4;

/// A device whose next launch serves version 2 on trial; version 1 is proven.
fn with_next() -> (Device, BundleId) {
    let archives = Archives::of(&["1", "2"]);
    let mut device = Device::new();
    for version in ["1", "2"] {
        device.start().unwrap();
        device.launch();
        device.install(&archives, version).unwrap();
        device.set_next(version).unwrap();
        if version == "1" {
            let (_, proven) = start_trial(&mut device);
            assert_eq!(device.store().confirm(&proven.into()).unwrap(), Confirmation::Proven);
        }
    }
    let next = device.store().next().unwrap().unwrap();
    (device, next.bundle().unwrap().clone())
}

/// The app starts with a bundle on trial.
fn start_trial(device: &mut Device) -> (Launch, BundleId) {
    device.start().unwrap();
    let launch = device.launch();
    assert!(launch.on_trial, "{launch:?}");
    let id = launch.bundle.bundle().unwrap().clone();
    assert!(device.store().trial_started(&id).unwrap());
    (launch, id)
}

fn require_nothing_failed(device: &Device) {
    assert_eq!(device.store().failed().unwrap(), []);
}

fn reserve_of(files: &CrashFs) -> Option<u64> {
    files.size(&Path::new(ROOT).join(RESERVE)).ok()
}

#[test]
fn a_confirmation_is_durable_though_the_disk_is_full() {
    let (mut device, _) = with_next();
    let (launch, id) = start_trial(&mut device);
    device.files.set_free_space(0);

    assert_eq!(device.store().confirm(&launch.bundle).unwrap(), Confirmation::Proven);

    require_durable(&device.files, &device.snapshot().unwrap()).unwrap();
    device.start().unwrap();
    let launch = device.launch();
    assert!(launch.bundle.is(&id) && !launch.on_trial, "{launch:?}");
}

#[test]
fn a_bundle_ended_in_the_background_on_a_full_disk_has_not_failed() {
    let (mut device, next) = with_next();
    for _ in 0..TIMES {
        device.files.set_free_space(PLENTY);
        let (_, id) = start_trial(&mut device);
        device.files.set_free_space(0);
        assert!(device.store().trial_suspended(&id).unwrap());
    }
    device.files.set_free_space(PLENTY);
    device.start().unwrap();
    assert!(device.launch().bundle.is(&next));
    require_nothing_failed(&device);
}

#[test]
fn ending_a_trial_and_freeing_space_work_on_a_full_disk() {
    type Call = fn(&Device, &BundleId);
    let calls: [(&str, Call); 4] = [
        ("trial_expired", |device, id| {
            assert!(matches!(
                device.store().trial_expired(id).unwrap(),
                Expired::FallBack(_)
            ));
        }),
        ("mark_failed", |device, id| device.store().mark_failed(id).unwrap()),
        ("reset", |device, _| {
            device.store().reset(true).unwrap();
        }),
        ("delete", |device, _| {
            let unused = device.store().list().unwrap();
            let (unused, _) = unused.iter().find(|(record, _)| record.version == "3").unwrap();
            device.store().delete(&unused.id).unwrap();
        }),
    ];
    for (name, call) in calls {
        let (mut device, _) = with_next();
        device.install(&Archives::of(&["3"]), "3").unwrap();
        let (_, id) = start_trial(&mut device);
        let before = device.snapshot().unwrap();
        device.files.set_free_space(0);

        call(&device, &id);

        let after = device.snapshot().unwrap();
        assert_ne!(after, before, "{name}");
        require_durable(&device.files, &after).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
    }
}

#[test]
fn no_trial_begins_while_its_outcome_could_not_be_written() {
    let (mut device, next) = with_next();
    device.files.remove_file(&Path::new(ROOT).join(RESERVE)).unwrap();
    device.files.set_free_space(SOME);

    device.start().unwrap();
    assert!(device.store().open_warning().is_some());
    let launch = device.launch();
    assert!(
        matches!(launch.reason, LaunchReason::NotDurable(NotDurable::Unwritable(_))),
        "{launch:?}"
    );
    assert_eq!(launch.version.as_deref(), Some("1"));
    let refused = device
        .store()
        .set_current(&BundleRef::Bundle(next.clone()))
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NoSpace);

    device.files.set_free_space(PLENTY);
    let served = device.store().set_current(&BundleRef::Bundle(next)).unwrap();
    assert!(served.on_trial);
    assert!(reserve_of(&device.files).is_some());
}

#[test]
fn the_reserve_is_created_again_when_there_is_space() {
    let (mut device, _) = with_next();
    let whole = reserve_of(&device.files).unwrap();
    let (launch, _) = start_trial(&mut device);
    device.files.set_free_space(0);
    device.store().confirm(&launch.bundle).unwrap();

    device.files.set_free_space(PLENTY);
    device.start().unwrap();

    assert_eq!(reserve_of(&device.files), Some(whole));
    assert!(device.store().open_warning().is_none());
}

#[test]
fn a_truncated_reserve_is_completed() {
    let (mut device, _) = with_next();
    let whole = reserve_of(&device.files).unwrap();
    device.files.write(&Path::new(ROOT).join(RESERVE), b"cut").unwrap();

    device.start().unwrap();

    assert_eq!(reserve_of(&device.files), Some(whole));
}

#[test]
fn a_bundle_that_filled_the_disk_is_withdrawn() {
    let archives = Archives::of(&[]).with_built_in(&[9]);
    let (mut device, _) = with_next();
    device.files.set_free_space(0);

    assert!(device.accept_built_in(&archives, 9).unwrap());

    require_durable(&device.files, &device.snapshot().unwrap()).unwrap();
    device.start().unwrap();
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
}
