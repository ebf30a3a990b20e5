//! Deleting a bundle renames its folder; a sweep removes the files, and may be interrupted at any point.

use std::collections::BTreeSet;
use std::path::Path;

use super::device::{Archives, Device, ROOT};
use crate::io::crash_fs::{Count, Fault, Found};
use crate::io::vfs::Files as _;
use crate::store::{BundleId, Confirmation, Expired, StoreOptions};

/// More operations than any of these calls performs.
const MANY: usize = 400;

/// A call that deletes a bundle, with its name.
type Removal = (&'static str, fn(&Device, &BundleId));

/// A session that serves version 2 on trial, in its last attempt; version 1 is proven, version 3 installed. Each call
/// deletes the bundle `id`.
const REMOVALS: [(Removal, &str); 4] = [
    (("confirm", confirm), "1"),
    (("trial_expired", expire), "2"),
    (("mark_failed", mark_failed), "3"),
    (("delete", delete), "3"),
];

fn confirm(device: &Device, _: &BundleId) {
    let served = device.store().served().unwrap().bundle;
    if let Ok(confirmed) = device.store().confirm(&served) {
        assert_eq!(confirmed, Confirmation::Proven);
    }
}

fn expire(device: &Device, id: &BundleId) {
    if let Ok(expired) = device.store().trial_expired(id) {
        assert!(matches!(expired, Expired::FallBack(_)), "{expired:?}");
    }
}

fn mark_failed(device: &Device, id: &BundleId) {
    // An error comes from a process that was stopped.
    let _ = device.store().mark_failed(id);
}

fn delete(device: &Device, id: &BundleId) {
    let _ = device.store().delete(id);
}

fn device(archives: &Archives) -> Device {
    let mut device = Device::new();
    device.keep_no_predecessor();
    for version in ["1", "2"] {
        device.start().unwrap();
        device.launch();
        device.install(archives, version).unwrap();
        device.set_next(version).unwrap();
        if version == "1" {
            device.start().unwrap();
            let served = device.launch().bundle;
            device.store().trial_started(served.bundle().unwrap()).unwrap();
            assert_eq!(device.store().confirm(&served).unwrap(), Confirmation::Proven);
        }
    }
    device.install(archives, "3").unwrap();
    for _ in 0..StoreOptions::default().attempts {
        device.start().unwrap();
        let launch = device.launch();
        assert!(launch.on_trial, "{launch:?}");
        device.store().trial_started(launch.bundle.bundle().unwrap()).unwrap();
    }
    device
}

/// The number of file system operations of a call.
fn calls(device: &Device, work: impl FnOnce()) -> u64 {
    device.files.plan(Count::Calls, u64::MAX, Fault::StopBefore);
    work();
    device.files.counted(Count::Calls)
}

#[test]
fn deleting_a_bundle_costs_the_caller_the_same_whatever_it_holds() {
    let (few, many) = (
        Archives::of(&["1", "2", "3"]),
        Archives::with_files(&["1", "2", "3"], MANY),
    );
    for ((name, removal), version) in REMOVALS {
        let cost = |archives: &Archives| {
            let mut device = device(archives);
            let id = device.id_of(version).unwrap();
            let removed = calls(&device, || removal(&device, &id));
            assert!(!device.names("bundles").contains(id.as_str()), "{name}");
            // The files still exist, and no caller waits for their removal.
            assert_eq!(device.names("staging").len(), 2, "{name}");
            device = Device::on(device.files.process_killed());
            // Launches of this device verify every file, which changes nothing.
            device.files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
            device.start().unwrap();
            device.launch();
            assert_eq!(device.names("staging").len(), 2, "{name}");
            (removed, device.files.counted(Count::Changes))
        };
        let (of_few, of_many) = (cost(&few), cost(&many));
        assert_eq!(of_few, of_many, "{name}: the call, and the next open with its launch");
        assert!(of_many.0 < 60, "{name}: {} operations", of_many.0);
    }
}

#[test]
fn a_sweep_and_an_installation_remove_the_files_of_deleted_bundles() {
    type Work = fn(&Device, &Archives);
    let archives = Archives::with_files(&["1", "2", "3", "4"], 10);
    let works: [Work; 2] = [
        |device, _| device.store().sweep().unwrap(),
        |device, archives| drop(device.install(archives, "4").unwrap()),
    ];
    for ((name, removal), version) in REMOVALS {
        for work in works {
            let device = device(&archives);
            let id = device.id_of(version).unwrap();
            removal(&device, &id);
            work(&device, &archives);
            // The session still serves the failed bundle.
            assert_eq!(device.names("staging"), BTreeSet::new(), "{name}");
            require_no_leftovers(&device, name);
        }
    }
}

#[test]
fn a_deletion_and_a_sweep_stopped_anywhere_are_finished_by_the_next_sweep() {
    let archives = Archives::of(&["1", "2", "3"]);
    for ((name, removal), version) in REMOVALS {
        let work = |device: &Device, id: &BundleId| {
            removal(device, id);
            let _ = device.store().sweep();
        };
        let all = device(&archives);
        let id = all.id_of(version).unwrap();
        all.files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
        work(&all, &id);
        for at in 1..=all.files.counted(Count::Changes) {
            for found in [
                None,
                Some(Found::Nothing),
                Some(Found::Everything),
                Some(Found::Random(at)),
            ] {
                let stopped = device(&archives);
                let id = stopped.id_of(version).unwrap();
                stopped.files.plan(Count::Changes, at, Fault::StopAfter);
                work(&stopped, &id);
                let mut device = Device::on(match found {
                    Some(found) => stopped.files.power_loss(found),
                    None => stopped.files.process_killed(),
                });
                device.start().unwrap();
                let launch = device.launch();
                assert!(launch.folder.is_some(), "{name}, {found:?} at {at}: {launch:?}");
                device.store().sweep().unwrap();
                let case = format!("{name}, {found:?} at {at}\n{}", stopped.files.history());
                assert_eq!(device.names("staging"), BTreeSet::new(), "{case}");
                require_no_leftovers(&device, &case);
            }
        }
    }
}

#[test]
fn a_sweep_on_a_full_disk_frees_the_space_of_deleted_bundles_and_of_crash_leftovers() {
    let archives = Archives::with_files(&["1", "2", "3", "4"], 10);
    let device = device(&archives);
    // The state no longer references this one, and its folder still has its name.
    let orphan = device.install(&archives, "4").unwrap().id;
    let forgotten = device.store().change(|state| Ok(state.delete(&orphan).is_ok()));
    assert!(forgotten.unwrap());
    let id = device.id_of("3").unwrap();
    delete(&device, &id);
    device.files.set_free_space(0);

    device.store().sweep().unwrap();

    require_no_leftovers(&device, "on a full disk");
    assert!(device.files.free_space(Path::new(ROOT)).unwrap() > 0);
}

/// Every folder and record belongs to a bundle that the state references.
fn require_no_leftovers(device: &Device, case: &str) {
    let ids: BTreeSet<String> = (device.store().list().unwrap().into_iter())
        .map(|(record, _)| record.id.to_string())
        .collect();
    assert_eq!(device.names("bundles"), ids, "{case}");
    let records = ids.iter().flat_map(|id| [format!("{id}.json"), format!("{id}.files")]);
    assert_eq!(device.names("records"), records.collect(), "{case}");
}
