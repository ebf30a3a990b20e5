//! What a start serves, and what becomes of a bundle on trial.

use std::fs;

use super::*;
use crate::progress::Control;

fn crash_until_failed(device: &Device) {
    for _ in 0..device.options.attempts {
        device.start_and_crash();
    }
}

#[test]
fn an_empty_store_serves_the_built_in_bundle() {
    let device = Device::new();
    let store = device.open();
    assert_eq!(store.served(), None);

    let launch = store.launch(&native());

    assert_eq!(
        (launch.bundle, launch.folder, launch.version),
        (Slot::BuiltIn, None, None)
    );
    assert_eq!((launch.reason, launch.on_trial), (LaunchReason::Current, false));
    assert_eq!(store.ready_deadline(), None);
    assert_eq!(store.confirm(&Slot::BuiltIn).unwrap(), Confirmation::BuiltIn);
}

#[test]
fn a_confirmed_bundle_stays_current_start_after_start() {
    let device = Device::new();
    let id = device.prove("1");
    for _ in 0..10 {
        let launch = device.start_and_crash();
        assert_eq!(
            (launch.bundle, launch.reason),
            (id.clone().into(), LaunchReason::Current)
        );
        assert!(!launch.on_trial);
    }
    assert_eq!(device.open().list().unwrap()[0].1, Status::Proven);
}

#[test]
fn a_confirmation_says_when_and_with_which_native_build() {
    let device = Device::new();
    device.set_clock(5000);
    let id = device.prove("1");
    let record = device.open().get(&id).unwrap();
    assert_eq!(
        (record.proven_at, record.proven_build.as_deref()),
        (Some(Timestamp(5000)), Some("1"))
    );
}

#[test]
fn a_bundle_that_starts_twice_and_never_confirms_has_failed() {
    let device = Device::new();
    let proven = device.prove("1");
    let bad = device.install_next("2");
    assert_eq!(device.start_and_crash().bundle, bad.clone().into());
    assert_eq!(device.start_and_crash().bundle, bad.clone().into());

    let store = device.open();
    let launch = store.launch(&native());

    assert_eq!(launch.bundle, proven.into());
    assert_eq!(launch.reason, LaunchReason::TrialFailed);
    let failed = launch.failed.unwrap();
    assert_eq!((&failed.id, failed.version.as_str()), (&bad, "2"));
    assert_eq!(failed.cause, FailureCause::NeverConfirmed);
    assert_eq!(failed.native_build.as_deref(), Some("1"));
    assert_eq!(store.failed().unwrap(), [failed]);
    assert_eq!(store.set_next(&bad.into()).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn without_a_proven_bundle_the_built_in_one_is_what_is_fallen_back_to() {
    let device = Device::new();
    device.install_next("1");
    crash_until_failed(&device);
    let launch = device.launch();
    assert_eq!(
        (launch.bundle, launch.reason),
        (Slot::BuiltIn, LaunchReason::TrialFailed)
    );
}

#[test]
fn launches_that_never_start_give_a_bundle_up_without_blame() {
    let device = Device::new();
    let proven = device.prove("1");
    let unlucky = device.install_next("2");
    for _ in 0..5 {
        assert_eq!(device.launch().bundle, unlucky.clone().into());
    }

    let launch = device.launch();

    assert_eq!(
        (launch.bundle, launch.reason),
        (proven.into(), LaunchReason::TrialNeverStarted)
    );
    let store = device.open();
    assert_eq!(store.failed().unwrap(), []);
    store.set_next(&unlucky.into()).unwrap();
}

#[test]
fn asked_twice_in_one_session_a_launch_gives_the_same_answer_and_counts_once() {
    let device = Device::with(|options| options.attempts = 1);
    let id = device.install_next("1");
    let store = device.open();
    let first = store.launch(&native());
    store.trial_started(&id).unwrap();

    for _ in 0..10 {
        assert_eq!(store.launch(&native()), first);
        store.trial_started(&id).unwrap();
    }
    store.confirm(&id.clone().into()).unwrap();

    assert_eq!(store.failed().unwrap(), []);
    assert_eq!(store.fallback().unwrap(), id.into());
}

#[test]
fn a_second_session_while_the_first_runs_counts_nothing() {
    let device = Device::with(|options| options.attempts = 1);
    let id = device.install_next("1");
    let first = device.open();
    first.launch(&native());
    first.trial_started(&id).unwrap();

    for _ in 0..5 {
        let second = device.open();
        assert_eq!(second.launch(&native()).bundle, id.clone().into());
        assert!(!second.trial_started(&id).unwrap());
    }
    first.confirm(&id.clone().into()).unwrap();

    assert_eq!(device.open().failed().unwrap(), []);
    assert_eq!(device.launch().bundle, id.into());
}

#[test]
fn a_next_bundle_applied_beside_a_running_trial_is_counted_on_its_own() {
    let device = Device::with(|options| options.attempts = 1);
    let first = device.install_next("1");
    let running = device.open();
    assert_eq!(running.launch(&native()).bundle, first.into());
    let second = device.install_next("2");

    assert_eq!(device.start_and_crash().bundle, second.clone().into());
    let launch = device.launch();

    assert_eq!(launch.failed.map(|failed| failed.id), Some(second));
    assert_eq!(launch.bundle, Slot::BuiltIn);
}

#[test]
fn a_late_confirmation_of_another_bundle_changes_nothing_and_says_so() {
    let device = Device::new();
    let old = device.prove("1");
    let new = device.install_next("2");
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, new.clone().into());

    let answer = store.confirm(&old.clone().into()).unwrap();

    assert_eq!(
        answer,
        Confirmation::Ignored {
            current: new.clone().into()
        }
    );
    assert_eq!(store.fallback().unwrap(), old.into());
    assert_eq!(
        store
            .list()
            .unwrap()
            .iter()
            .find(|(record, _)| record.id == new)
            .unwrap()
            .1,
        Status::Trial
    );
    assert_eq!(store.confirm(&new.clone().into()).unwrap(), Confirmation::Proven);
    assert_eq!(store.confirm(&new.into()).unwrap(), Confirmation::AlreadyProven);
    assert_eq!(store.ready_deadline(), None);
}

#[test]
fn a_trial_whose_time_is_over_gives_way_in_this_session_and_may_try_again() {
    let device = Device::new();
    let proven = device.prove("1");
    let slow = device.install_next("2");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&slow).unwrap();

    let Expired::FallBack(launch) = store.trial_expired(&slow).unwrap() else {
        panic!()
    };

    assert_eq!(
        (launch.bundle.clone(), launch.reason.clone()),
        (proven.into(), LaunchReason::TrialExpired)
    );
    assert_eq!((launch.failed.clone(), launch.on_trial), (None, false));
    assert_eq!(store.served(), Some(*launch));
    assert_eq!(store.ready_deadline(), None);
    drop(store);
    assert_eq!(device.launch().bundle, slow.into());
}

#[test]
fn the_last_attempt_whose_time_is_over_fails_the_bundle() {
    let device = Device::new();
    let slow = device.install_next("1");
    device.start_and_crash();
    let store = device.open();
    store.launch(&native());
    store.trial_started(&slow).unwrap();

    let Expired::FallBack(launch) = store.trial_expired(&slow).unwrap() else {
        panic!()
    };

    assert_eq!(launch.bundle, Slot::BuiltIn);
    assert_eq!(launch.failed.map(|failed| failed.id), Some(slow.clone()));
    assert_eq!(store.trial_expired(&slow).unwrap(), Expired::Ignored);
    assert_eq!(
        store.confirm(&slow.clone().into()).unwrap(),
        Confirmation::Ignored { current: Slot::BuiltIn }
    );
    assert!(!store.folder(&slow).exists());
}

#[test]
fn a_trial_that_confirmed_does_not_expire() {
    let device = Device::new();
    let id = device.prove("1");
    let store = device.open();
    store.launch(&native());
    assert_eq!(store.trial_expired(&id).unwrap(), Expired::Ignored);
    assert_eq!(store.current().unwrap(), id.into());
}

#[test]
fn a_trial_that_expires_onto_a_fallback_without_files_serves_the_built_in_bundle() {
    let device = Device::new();
    let proven = device.prove("1");
    let slow = device.install_next("2");
    let store = device.open();
    store.launch(&native());
    fs::remove_dir_all(store.folder(&proven)).unwrap();

    let Expired::FallBack(launch) = store.trial_expired(&slow).unwrap() else {
        panic!()
    };

    assert_eq!((launch.bundle, launch.folder), (Slot::BuiltIn, None));
}

#[test]
fn a_new_native_build_brings_its_own_bundle() {
    let device = Device::new();
    device.prove("1");
    let store = device.open();

    let launch = store.launch(&NativeApp::new("1.1", "2"));

    assert_eq!(
        (launch.bundle, launch.reason),
        (Slot::BuiltIn, LaunchReason::NativeChanged)
    );
    assert_eq!(store.list().unwrap(), []);
    drop(store);
    let store = device.open();
    assert_eq!(store.launch(&NativeApp::new("1.1", "2")).reason, LaunchReason::Current);
    store.clean(&KeepRules::default()).unwrap();
    assert_eq!(device.names("bundles").len(), 0);
}

#[test]
fn a_bundle_kept_over_a_native_update_must_prove_itself_again() {
    let device = Device::with(|options| options.reset_when_native_changes = false);
    let id = device.prove("1");
    let updated = NativeApp::new("1.1", "2");

    for _ in 0..2 {
        let store = device.open();
        let launch = store.launch(&updated);
        assert_eq!(launch.bundle, id.clone().into());
        assert!(launch.on_trial);
        store.trial_started(&id).unwrap();
    }

    let launch = device.open().launch(&updated);
    assert_eq!(
        (launch.bundle, launch.reason),
        (Slot::BuiltIn, LaunchReason::TrialFailed)
    );
}

#[test]
fn a_bundle_that_does_not_run_on_this_native_version_is_not_served() {
    let device = Device::with(|options| options.reset_when_native_changes = false);
    let store = device.open();
    let new = NewBundle {
        native: NativeRange {
            min: Some(NativeVersion::new("2")),
            max: None,
        },
        ..NewBundle::version("1")
    };
    let id = store.install(&device.archive("1"), &new, &Control::new()).unwrap().id;
    store.set_next(&id.clone().into()).unwrap();
    drop(store);

    assert_eq!(device.launch().bundle, Slot::BuiltIn);
    let store = device.open();
    assert_eq!(
        store.next().unwrap(),
        Some(id.clone().into()),
        "it waits for its native app"
    );
    let updated = NativeApp::new("2.0", "2");
    assert_eq!(store.apply_next(&native()).unwrap(), None);
    drop(store);
    let store = device.open();
    assert_eq!(store.launch(&updated).bundle, id.clone().into());
    store.confirm(&id.clone().into()).unwrap();
    drop(store);

    // Back to the older native version under the same build: a range is about versions.
    let launch = device.open().launch(&NativeApp::new("1.0", "2"));
    assert_eq!(
        (launch.bundle, launch.reason),
        (Slot::BuiltIn, LaunchReason::OutOfNativeRange)
    );
}

#[test]
fn a_bundle_out_of_range_cannot_be_made_current_in_a_session() {
    let device = Device::new();
    let store = device.open();
    store.launch(&native());
    let new = NewBundle {
        native: NativeRange {
            min: Some(NativeVersion::new("2")),
            max: None,
        },
        ..NewBundle::version("1")
    };
    let id = store.install(&device.archive("1"), &new, &Control::new()).unwrap().id;

    assert!(store.set_current(&id.into()).is_err());
    assert_eq!(store.served().unwrap().bundle, Slot::BuiltIn);
}

#[test]
fn a_current_bundle_whose_page_is_gone_is_not_served_and_can_be_installed_again() {
    let device = Device::new();
    let old = device.prove("1");
    let current = device.install_next("2");
    device.launch();
    fs::remove_file(device.open().folder(&current).join("index.html")).unwrap();

    let launch = device.launch();

    assert_eq!((launch.bundle, launch.reason), (old.into(), LaunchReason::Damaged));
    let store = device.open();
    assert_eq!(store.failed().unwrap(), []);
    let again = device.install(&store, "2");
    assert_ne!(again, current);
    store.set_next(&again.clone().into()).unwrap();
    drop(store);
    assert_eq!(device.launch().bundle, again.into());
}

#[test]
fn a_next_bundle_whose_files_are_gone_is_not_applied() {
    let device = Device::new();
    let proven = device.prove("1");
    let next = device.install_next("2");
    let store = device.open();
    store.launch(&native());
    drop(store);

    let third = device.install_next("3");
    let store = device.open();
    fs::remove_dir_all(store.folder(&third)).unwrap();
    assert_eq!(store.apply_next(&native()).unwrap(), None);
    assert_eq!(store.launch(&native()).bundle, next.into());
    assert_eq!(store.fallback().unwrap(), proven.into());
}

#[test]
fn the_next_bundle_can_be_applied_within_a_session() {
    let device = Device::new();
    let store = device.open();
    store.launch(&native());
    assert_eq!(store.apply_next(&native()).unwrap(), None);
    let id = device.install(&store, "1");
    store.set_next(&id.clone().into()).unwrap();

    let launch = store.apply_next(&native()).unwrap().unwrap();

    assert_eq!(
        (launch.bundle.clone(), launch.reason.clone()),
        (id.into(), LaunchReason::NextApplied)
    );
    assert!(launch.on_trial);
    assert_eq!(store.launch(&native()), launch);
}

#[test]
fn a_bundle_set_again_in_its_own_trial_is_the_same_trial() {
    let device = Device::with(|options| options.attempts = 2);
    let id = device.install_next("1");
    device.start_and_crash();
    let store = device.open();
    store.launch(&native());
    store.trial_started(&id).unwrap();
    store.set_current(&id.clone().into()).unwrap();
    store.trial_started(&id).unwrap();
    drop(store);

    assert_eq!(device.launch().failed.map(|failed| failed.id), Some(id));
}
