//! The disk operations of a launch, for any number of bundles.

use super::device::{Archives, Device};
use crate::io::crash_fs::{Count, Fault};
use crate::store::LaunchReason;

/// The names that are durable after a launch, in the order of their syncs.
fn synced(device: &Device, expected: &LaunchReason) -> Vec<String> {
    let before = device.files.history().lines().count();
    device.files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
    let launch = device.launch();
    assert_eq!(launch.reason, *expected);
    let history = device.files.history();
    let syncs = history.lines().skip(before).filter(|line| line.contains(" Sync"));
    syncs
        .map(|line| line[line.find("Sync").unwrap_or_default()..].to_owned())
        .collect()
}

fn with_bundles(count: usize) -> Device {
    let names: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let archives = Archives::of(&names);
    let mut device = Device::new();
    device.start().unwrap();
    for name in &names {
        device.install(&archives, name).unwrap();
    }
    device.set_next("0").unwrap();
    device
}

#[test]
fn a_launch_that_changes_something_is_one_durable_write_of_the_state() {
    for count in [1, 50] {
        let mut device = with_bundles(count);
        device.start().unwrap();

        let synced = synced(&device, &LaunchReason::NextApplied);

        let expected = ["SyncFile /app/store/state.json.tmp", "SyncFolder /app/store"];
        assert_eq!(synced, expected, "{count} bundles");
    }
}

#[test]
fn a_launch_that_changes_nothing_writes_nothing_durably() {
    for count in [1, 50] {
        let mut device = with_bundles(count);
        device.start().unwrap();
        let served = device.launch().bundle;
        device.store().trial_started(served.bundle().unwrap()).unwrap();
        device.store().confirm(&served).unwrap();
        device.start().unwrap();

        assert!(synced(&device, &LaunchReason::Current).is_empty(), "{count} bundles");
    }
}

#[test]
fn a_start_of_a_proven_bundle_and_its_confirmation_wait_for_no_disk() {
    let mut device = with_bundles(1);
    device.start().unwrap();
    let served = device.launch().bundle;
    let id = served.bundle().unwrap().clone();
    device.store().trial_started(&id).unwrap();
    device.store().confirm(&served).unwrap();
    device.start().unwrap();
    device.launch();
    let before = device.files.history().lines().count();
    device.files.plan(Count::Changes, u64::MAX, Fault::StopBefore);

    device.store().trial_started(&id).unwrap();
    device.store().confirm(&served).unwrap();

    let history = device.files.history();
    let syncs: Vec<_> = history
        .lines()
        .skip(before)
        .filter(|line| line.contains("SyncFile"))
        .collect();
    assert!(syncs.is_empty(), "{syncs:?}");
}
