//! The process is killed, or an operation fails, at any moment of a preview: the next start is the normal one.

use std::io::ErrorKind;

use super::device::{Archives, Device};
use crate::io::crash_fs::{Count, Fault, Found};
use crate::store::{BundleRef, LaunchReason};

/// More changes than a preview makes.
const MANY: u64 = 60;

/// A session that serves version 2 on trial, whose page started; version 1 is proven, version 3 installed.
fn on_trial(archives: &Archives) -> Device {
    let mut device = Device::new();
    for version in ["1", "2"] {
        device.start().unwrap();
        device.install(archives, version).unwrap();
        device.set_next(version).unwrap();
        device.start().unwrap();
        let served = device.launch().bundle;
        device.store().trial_started(served.bundle().unwrap()).unwrap();
        if version == "1" {
            device.store().confirm(&served).unwrap();
        }
    }
    device.install(archives, "3").unwrap();
    device
}

/// A preview from its start to its end. Errors come from the fault.
fn preview(device: &Device) {
    let store = device.store();
    let Ok(id) = device.id_of("3") else { return };
    let slot = BundleRef::Bundle(id.clone());
    let under = store.served().unwrap();
    if store.preview(&slot).is_err() {
        assert!(!store.is_previewing());
        assert_eq!(store.served(), Some(under));
        return;
    }
    let _ = store.trial_started(&id);
    let _ = store.entered_background();
    let _ = store.entered_foreground(&crate::native::NativeApp::new("1.0", "1"));
    let _ = store.confirm(&slot);
    let _ = store.trial_expired(&id);
    assert_eq!(store.leave_preview().unwrap().bundle, under.bundle);
}

#[test]
fn a_preview_that_is_interrupted_at_any_operation_leaves_the_normal_state() {
    let archives = Archives::of(&["1", "2", "3"]);
    let mut reached_the_end = false;
    for at in 1..MANY {
        for fault in [
            Fault::StopBefore,
            Fault::StopAfter,
            Fault::Fail(ErrorKind::Other),
            Fault::FullFrom,
        ] {
            let device = on_trial(&archives);
            let before = device.snapshot().unwrap();
            device.files.plan(Count::Changes, at, fault);
            preview(&device);
            reached_the_end |= !device.files.is_dead() && matches!(fault, Fault::StopBefore);
            for files in [
                device.files.process_killed(),
                device.files.power_loss(Found::Nothing),
                device.files.power_loss(Found::Random(at)),
            ] {
                let what = format!("{fault:?} at {at}");
                // A launch on a full disk cannot count the attempt, and serves the fallback.
                files.lift();
                let mut found = Device::on(files);
                found.start().unwrap();
                let after = found.snapshot().unwrap();
                assert_eq!(
                    (
                        &after.current,
                        &after.next,
                        &after.fallback,
                        &after.failed,
                        &after.bundles
                    ),
                    (
                        &before.current,
                        &before.next,
                        &before.fallback,
                        &before.failed,
                        &before.bundles
                    ),
                    "{what}",
                );
                let launch = found.launch();
                assert_eq!(launch.version.as_deref(), Some("2"), "{what}");
                assert!(launch.on_trial, "{what}");
                assert_eq!(launch.reason, LaunchReason::Current, "{what}");
            }
        }
    }
    assert!(reached_the_end, "the preview makes more than {MANY} changes");
}
