//! Assembling a bundle from the files of another one and what is fetched, with a fault at every operation.

use std::cell::Cell;
use std::io::ErrorKind;

use super::device::{Archives, Device, SHARING, Snapshot, contents};
use super::forms;
use super::recovery::{AFTER, recover, require_durable};
use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::io::crash_fs::{Count, Fault, Found};
use crate::progress::Control;
use crate::release::ListedFile;
use crate::store::assemble::{AssemblyTree, DeliveryWay, Way};
use crate::store::{BundleRef, Confirmation};

const OLD: (&str, u64) = ("sharing 1", 1);
const NEW: (&str, u64) = ("sharing 2", 2);
/// The page, the script, the style, and the content of two files.
const MISSING: usize = 4;
const SEEDS: u64 = 4;

/// Has every file of a version.
#[derive(Default)]
struct Memory {
    /// Files that were stored, over all processes.
    stored: Cell<usize>,
}

impl Way for Memory {
    fn kind(&self) -> DeliveryWay {
        DeliveryWay::Ranges
    }

    fn bytes(&self, missing: &[&ListedFile]) -> u64 {
        missing.iter().map(|file| file.size).sum()
    }

    fn scratch(&self, _missing: &[&ListedFile]) -> u64 {
        0
    }

    fn fetch(&self, tree: &mut AssemblyTree<'_>, received: &mut u64, _control: &Control) -> Result<()> {
        let all = contents(NEW.0);
        for file in tree.needs().files {
            let bytes = all
                .values()
                .find(|bytes| Sha256Digest::of(bytes) == file.digest)
                .unwrap();
            tree.take(file, &mut bytes.as_slice())?;
            *received += file.size;
            self.stored.set(self.stored.get() + 1);
        }
        Ok(())
    }
}

fn archives() -> Archives {
    assert!(OLD.0.starts_with(SHARING) && NEW.0.starts_with(SHARING));
    Archives::of(&[OLD.0, NEW.0, AFTER]).released(&[OLD, NEW])
}

/// A device that serves the old version, which is proven.
fn device_with_old(archives: &Archives) -> Device {
    let mut device = Device::new();
    device.start().unwrap();
    device.accept(archives, OLD.0, OLD.1).unwrap();
    device.set_next(OLD.0).unwrap();
    device.start().unwrap();
    let served = device.launch().bundle;
    device.store().trial_started(served.bundle().unwrap()).unwrap();
    assert_eq!(device.store().confirm(&served).unwrap(), Confirmation::Proven);
    device
}

fn assemble(device: &Device, archives: &Archives, way: &Memory) -> Result<()> {
    device.assemble(archives, NEW, &[way]).map(drop)
}

/// The states before and after, and the number of changes and calls in between.
fn undisturbed(archives: &Archives) -> ([Snapshot; 2], u64, u64) {
    let device = device_with_old(archives);
    let before = device.snapshot().unwrap();
    device.files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
    let way = Memory::default();
    let delivery = device.assemble(archives, NEW, &[&way]).unwrap().unwrap();
    let (changes, calls) = (device.files.counted(Count::Changes), device.files.counted(Count::Calls));
    assert_eq!((delivery.way, way.stored.get()), (DeliveryWay::Ranges, MISSING));
    let after = device.snapshot().unwrap();
    assert_ne!(before, after);
    require_new(&device);
    ([before, after], changes, calls)
}

fn require_new(device: &Device) {
    let folder = device.store().folder(&device.id_of(NEW.0).unwrap());
    assert_eq!(device.contents(&folder), contents(NEW.0), "{}", device.files.history());
    assert_eq!(device.names("downloads").len(), 0, "{:?}", device.names("downloads"));
}

/// The next process completes the update, whatever the last one left.
fn require_completed(device: &mut Device, archives: &Archives, way: &Memory) {
    device.start().unwrap();
    assemble(device, archives, way).unwrap_or_else(|error| panic!("{error}\n{}", device.files.history()));
    require_new(device);
    device.set_next(NEW.0).unwrap();
    require_durable(&device.files, &device.snapshot().unwrap()).unwrap();
    device.start().unwrap();
    let launch = device.launch();
    assert_eq!(launch.version.as_deref(), Some(NEW.0));
    assert_ne!(launch.bundle, BundleRef::BuiltIn);
}

#[test]
fn a_process_killed_while_it_assembles_a_bundle_loses_at_most_the_file_in_work() {
    let archives = archives();
    let (possible, changes, _) = undisturbed(&archives);
    for at in 1..=changes {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            let (mut device, way) = (device_with_old(&archives), Memory::default());
            device.files.plan(Count::Changes, at, fault);
            let _ = assemble(&device, &archives, &way);
            assert!(device.files.is_dead());
            // The process did not learn of the file that it was completing.
            let stored = way.stored.get();
            recover(device.files.power_loss(Found::Everything), &possible, &archives).unwrap();

            require_completed(&mut device, &archives, &way);

            let again = way.stored.get() - stored;
            assert!(
                stored + again <= MISSING,
                "{fault:?} at {at}: {stored} files, then {again}"
            );
        }
    }
    println!("{changes} changes");
}

#[test]
fn a_power_cut_while_a_bundle_is_assembled_leaves_the_old_one_or_the_whole_new_one() {
    let archives = archives();
    let (possible, changes, _) = undisturbed(&archives);
    for at in 1..=changes {
        let (device, way) = (device_with_old(&archives), Memory::default());
        device.files.plan(Count::Changes, at, Fault::StopAfter);
        let _ = assemble(&device, &archives, &way);
        assert!(device.files.is_dead());
        for found in forms(at, SEEDS) {
            recover(device.files.power_loss(found), &possible, &archives)
                .unwrap_or_else(|wrong| panic!("{found:?} at {at}: {wrong}\n{}", device.files.history()));
            require_completed(&mut Device::on(device.files.power_loss(found)), &archives, &way);
        }
    }
}

#[test]
fn an_operation_that_fails_while_a_bundle_is_assembled_costs_at_most_one_retry() {
    let archives = archives();
    let (possible, changes, calls) = undisturbed(&archives);
    for (count, last, kind) in [
        (Count::Calls, calls, ErrorKind::Other),
        (Count::Calls, calls, ErrorKind::PermissionDenied),
        (Count::Changes, changes, ErrorKind::StorageFull),
    ] {
        for at in 1..=last {
            let (mut device, way) = (device_with_old(&archives), Memory::default());
            device.files.plan(count, at, Fault::Fail(kind));
            let result = assemble(&device, &archives, &way);
            let found = device.snapshot().unwrap();
            assert!(
                possible.contains(&found),
                "{kind:?} at {at}: {found:?} after {result:?}"
            );
            if result.is_ok() {
                require_durable(&device.files, &found).unwrap();
            }
            // In the same process, and in the next one.
            assemble(&device, &archives, &way)
                .unwrap_or_else(|error| panic!("{kind:?} at {at}: {error}\n{}", device.files.history()));
            require_completed(&mut device, &archives, &way);
        }
    }
}

#[test]
fn a_disk_that_is_full_from_any_moment_of_an_assembly_on_harms_no_bundle() {
    let archives = archives();
    let (possible, changes, _) = undisturbed(&archives);
    for at in 1..=changes {
        let (mut device, way) = (device_with_old(&archives), Memory::default());
        device.files.plan(Count::Changes, at, Fault::FullFrom);
        let result = assemble(&device, &archives, &way);
        let found = device.snapshot().unwrap();
        assert!(possible.contains(&found), "at {at}: {found:?} after {result:?}");
        let launch = device.launch();
        assert_eq!(launch.version.as_deref(), Some(OLD.0));
        device.files.lift();
        require_completed(&mut device, &archives, &way);
    }
}
