//! The outcomes of a trial.

use std::fs;

use super::*;

fn crash_until_failed(device: &Device) {
    for _ in 0..device.options.attempts {
        device.start_and_crash();
    }
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
fn without_a_proven_bundle_the_built_in_one_is_the_fallback() {
    let device = Device::new();
    device.install_next("1");
    crash_until_failed(&device);
    let launch = device.launch();
    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::TrialFailed)
    );
}

#[test]
fn launches_that_never_start_give_up_a_bundle_without_failing_it() {
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
fn a_repeated_launch_in_one_session_returns_the_same_result_and_counts_once() {
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
    assert_eq!(launch.bundle, BundleRef::BuiltIn);
}

#[test]
fn a_late_confirmation_of_another_bundle_is_ignored() {
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
    store.trial_started(&new).unwrap();
    assert_eq!(store.confirm(&new.clone().into()).unwrap(), Confirmation::Proven);
    assert_eq!(store.confirm(&new.into()).unwrap(), Confirmation::AlreadyProven);
    assert_eq!(store.ready_deadline(), None);
}

#[test]
fn an_expired_trial_falls_back_in_this_session_and_may_try_again() {
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
fn the_last_attempt_that_expires_fails_the_bundle() {
    let device = Device::new();
    let slow = device.install_next("1");
    device.start_and_crash();
    let store = device.open();
    store.launch(&native());
    store.trial_started(&slow).unwrap();

    let Expired::FallBack(launch) = store.trial_expired(&slow).unwrap() else {
        panic!()
    };

    assert_eq!(launch.bundle, BundleRef::BuiltIn);
    assert_eq!(launch.failed.map(|failed| failed.id), Some(slow.clone()));
    assert_eq!(store.trial_expired(&slow).unwrap(), Expired::Ignored);
    assert_eq!(
        store.confirm(&slow.clone().into()).unwrap(),
        Confirmation::Ignored {
            current: BundleRef::BuiltIn
        }
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

    assert_eq!((launch.bundle, launch.folder), (BundleRef::BuiltIn, None));
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

/// A session whose launch could not lock the store, and therefore counted nothing.
fn open_unnoticed(device: &Device) -> Store {
    let store = device.open();
    let lock = Disk.try_lock(&device.root().join("lock")).unwrap().unwrap();
    let launch = store.launch(&native());
    drop(lock);
    assert_eq!(launch.reason, LaunchReason::NotDurable(NotDurable::Busy));
    store
}

#[test]
fn the_crash_of_a_trial_counts_though_another_session_starts_it_again() {
    let device = Device::with(|options| options.attempts = 2);
    let id = device.install_next("1");
    device.start_and_crash();

    let store = open_unnoticed(&device);
    assert!(store.set_current(&id.clone().into()).unwrap().on_trial);
    store.trial_started(&id).unwrap();
    drop(store);

    let launch = device.launch();
    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::TrialFailed)
    );
}

#[test]
fn a_bundle_that_used_up_its_attempts_is_not_set_again() {
    let device = Device::with(|options| options.attempts = 1);
    let id = device.install_next("1");
    device.start_and_crash();

    let store = open_unnoticed(&device);
    let error = store.set_current(&id.clone().into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
    drop(store);

    assert_eq!(device.launch().failed.unwrap().id, id);
}

#[test]
fn a_bundle_that_used_up_its_attempts_has_failed_when_another_replaces_it() {
    type Switch = fn(&Store, &BundleRef) -> Launch;
    let switches: [(&str, Switch); 3] = [
        ("set_current", |store, other| store.set_current(other).unwrap()),
        ("apply_next", |store, other| {
            store.set_next(other).unwrap();
            store.apply_next(&native()).unwrap().unwrap()
        }),
        ("reset", |store, _| store.reset(false).unwrap()),
    ];
    for (name, switch) in switches {
        let device = Device::with(|options| options.attempts = 1);
        let other = device.install(&device.open(), "2");
        let id = device.install_next("1");
        device.start_and_crash();

        let store = open_unnoticed(&device);
        let launch = switch(&store, &other.into());

        assert_eq!(launch.failed.map(|failed| failed.id), Some(id.clone()), "{name}");
        assert_eq!(store.failed().unwrap()[0].id, id, "{name}");
        assert!(!launch.bundle.is(&id), "{name}");
    }
}

#[test]
fn a_withdrawn_bundle_does_not_return_when_its_successor_fails() {
    type Withdraw = fn(&Store);
    let ways: [(&str, Withdraw); 3] = [
        ("reset", |store| drop(store.reset(false).unwrap())),
        ("set_current", |store| {
            drop(store.set_current(&BundleRef::BuiltIn).unwrap());
        }),
        ("apply_next", |store| {
            store.set_next(&BundleRef::BuiltIn).unwrap();
            store.apply_next(&native()).unwrap().unwrap();
        }),
    ];
    for (name, withdraw) in ways {
        let device = Device::new();
        device.prove("1");
        device.prove("2");
        let store = device.open();
        store.launch(&native());
        withdraw(&store);
        assert_eq!(store.fallback().unwrap(), BundleRef::BuiltIn, "{name}");
        drop(store);
        device.install_next("3");
        crash_until_failed(&device);

        let launch = device.launch();

        assert_eq!(
            (launch.bundle, launch.reason),
            (BundleRef::BuiltIn, LaunchReason::TrialFailed),
            "{name}"
        );
    }
}

#[test]
fn a_built_in_bundle_that_is_applied_at_a_launch_is_the_fallback() {
    let device = Device::new();
    device.prove("1");
    device.open().set_next(&BundleRef::BuiltIn).unwrap();
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
    assert_eq!(device.open().fallback().unwrap(), BundleRef::BuiltIn);
}

#[test]
fn a_reset_to_a_proven_bundle_that_cannot_be_served_now_does_not_withdraw_it() {
    let device = Device::new();
    let proven = device.prove("1");
    let store = device.open();
    store.launch(&NativeApp::new("1.0", "1"));
    let page = store.folder(&proven).join("index.html");
    let (aside, back) = (page.clone(), page.with_extension("aside"));
    fs::rename(&aside, &back).unwrap();

    assert_eq!(store.reset(true).unwrap().bundle, BundleRef::BuiltIn);

    fs::rename(&back, &aside).unwrap();
    assert_eq!(store.fallback().unwrap(), proven.into());
}
