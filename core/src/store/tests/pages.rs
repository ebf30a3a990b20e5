//! Which page may confirm which bundle, and what counts while the app is in the background.

use super::faulty::Operation;
use super::*;

#[test]
fn the_page_of_a_replaced_bundle_does_not_prove_its_successor() {
    let device = Device::new();
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, BundleRef::BuiltIn);
    let next = device.install(&store, "1");
    store.set_next(&next.clone().into()).unwrap();
    assert!(store.apply_next(&native()).unwrap().unwrap().on_trial);

    // The built-in page still runs, and its host confirms the bundle that the session serves.
    let served = store.served().unwrap().bundle;
    let confirmed = store.confirm(&served).unwrap();

    assert_eq!(
        confirmed,
        Confirmation::Ignored {
            current: next.clone().into()
        }
    );
    assert_eq!(store.fallback().unwrap(), BundleRef::BuiltIn);
    assert!(store.ready_deadline().is_some(), "it still has to confirm");
    assert!(store.trial_started(&next).unwrap());
    assert_eq!(store.confirm(&served).unwrap(), Confirmation::Proven);
}

#[test]
fn a_bundle_that_is_made_current_in_a_session_is_not_proved_before_its_page_started() {
    type Switch = fn(&Store, &BundleRef);
    let switches: [(&str, Switch); 2] = [
        ("set_current", |store, slot| drop(store.set_current(slot).unwrap())),
        ("apply_next", |store, slot| {
            store.set_next(slot).unwrap();
            store.apply_next(&native()).unwrap().unwrap();
        }),
    ];
    for (name, switch) in switches {
        let device = Device::new();
        let old = device.prove("1");
        let store = device.open();
        store.launch(&native());
        store.trial_started(&old).unwrap();
        let new = device.install(&store, "2");
        switch(&store, &new.clone().into());

        let confirmed = store.confirm(&new.clone().into()).unwrap();

        assert!(matches!(confirmed, Confirmation::Ignored { .. }), "{name}");
        assert_eq!(store.fallback().unwrap(), old.into(), "{name}");
    }
}

#[test]
fn a_start_of_another_session_or_of_the_attempt_before_proves_nothing() {
    let device = Device::with(|options| options.attempts = 3);
    let id = device.install_next("1");
    device.start_and_crash();
    let store = device.open();
    store.launch(&native());

    let confirmed = store.confirm(&id.clone().into()).unwrap();
    assert!(matches!(confirmed, Confirmation::Ignored { .. }));
    let other = device.open();
    other.launch(&native());
    store.trial_started(&id).unwrap();
    let confirmed = other.confirm(&id.clone().into()).unwrap();
    assert!(matches!(confirmed, Confirmation::Ignored { .. }));
    assert_eq!(store.confirm(&id.into()).unwrap(), Confirmation::Proven);
}

#[test]
fn a_page_that_started_before_its_app_went_to_the_background_may_confirm_there() {
    let device = Device::new();
    let id = device.install_next("1");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&id).unwrap();
    store.entered_background().unwrap();
    assert_eq!(store.confirm(&id.into()).unwrap(), Confirmation::Proven);
}

#[test]
fn a_bundle_applied_in_the_background_and_ended_there_has_no_failed_start() {
    let device = Device::with(|options| options.attempts = 1);
    let proven = device.prove("1");
    for _ in 0..7 {
        let store = device.open();
        let served = store.launch(&native()).bundle;
        if served == BundleRef::Bundle(proven.clone()) {
            let id = device.install(&store, "2");
            store.set_next(&id.into()).unwrap();
        }
        store.entered_background().unwrap();
        let applied = store.apply_next(&native()).unwrap();
        let served = applied.map_or(served, |launch| launch.bundle);
        store.trial_started(served.bundle().unwrap()).unwrap();
        assert_eq!(store.ready_deadline(), None);
        assert_eq!(store.trial_expired(served.bundle().unwrap()).unwrap(), Expired::Ignored);
    }

    let store = device.open();
    let launch = store.launch(&native());
    assert_eq!((launch.version.as_deref(), launch.on_trial), (Some("2"), true));
    assert_eq!(store.failed().unwrap(), []);
}

#[test]
fn a_process_that_starts_in_the_background_counts_nothing() {
    let device = Device::with(|options| options.attempts = 1);
    let id = device.install_next("1");
    for _ in 0..7 {
        let store = device.open();
        store.entered_background().unwrap();
        assert_eq!(store.launch(&native()).bundle, id.clone().into());
        store.trial_started(&id).unwrap();
        assert_eq!(store.ready_deadline(), None);
    }
    assert_eq!(device.open().failed().unwrap(), []);
}

#[test]
fn a_bundle_that_came_back_to_the_foreground_has_to_confirm_again() {
    let device = Device::with(|options| options.attempts = 1);
    let id = device.install_next("1");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&id).unwrap();
    store.entered_background().unwrap();
    assert_eq!(store.ready_deadline(), None);
    store.entered_foreground(&native()).unwrap();
    assert!(store.ready_deadline().is_some());
    drop(store);

    assert_eq!(device.launch().reason, LaunchReason::TrialFailed);
}

#[test]
fn a_process_killed_in_the_background_is_excused_though_the_disk_is_full() {
    let device = Device::with(|options| options.attempts = 1);
    let id = device.install_next("1");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&id).unwrap();
    store.entered_background().unwrap();
    drop(store);
    assert_eq!(device.launch().bundle, id.into());
}

#[test]
fn an_expiry_is_reported_though_files_cannot_be_removed() {
    let device = Device::with(|options| options.attempts = 1);
    let proven = device.prove("1");
    let bad = device.install_next("2");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&bad).unwrap();
    let folder = store.folder(&bad);
    device.files.fail(move |operation, path| {
        let removes = matches!(operation, Operation::RemoveFolder | Operation::Rename) && path.starts_with(&folder);
        removes.then_some(std::io::ErrorKind::PermissionDenied)
    });

    let expired = store.trial_expired(&bad).unwrap();

    let Expired::FallBack(launch) = expired else { panic!() };
    assert_eq!(launch.bundle, proven.clone().into());
    assert_eq!(launch.failed.unwrap().id, bad);
    assert_eq!(store.served().unwrap().bundle, proven.into());
    let warnings = store.take_warnings();
    assert!(!warnings.is_empty());
    assert!(store.take_warnings().is_empty(), "each is returned once");
    device.files.heal();
    store.clean(&KeepRules::default()).unwrap();
    assert!(!store.folder(&bad).exists());
}

#[test]
fn a_confirmation_is_reported_though_files_of_the_predecessor_cannot_be_removed() {
    let device = Device::with(|options| options.silent_starts = 0);
    let old = device.prove("1");
    let new = device.install_next("2");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&new).unwrap();
    let folder = store.folder(&old);
    device.files.fail(move |operation, path| {
        let removes = matches!(operation, Operation::RemoveFolder | Operation::Rename) && path.starts_with(&folder);
        removes.then_some(std::io::ErrorKind::PermissionDenied)
    });

    assert_eq!(store.confirm(&new.clone().into()).unwrap(), Confirmation::Proven);

    assert_eq!(store.fallback().unwrap(), new.into());
    assert!(!store.take_warnings().is_empty());
}

#[test]
fn a_bundle_fails_and_a_switch_succeeds_though_files_cannot_be_written_or_removed() {
    let device = Device::new();
    device.prove("1");
    let bad = device.install_next("2");
    let store = device.open();
    store.launch(&native());
    device.files.fail(|operation, path| {
        let in_sessions = path.parent().is_some_and(|folder| folder.ends_with("sessions"));
        (operation == Operation::Write && in_sessions).then_some(std::io::ErrorKind::PermissionDenied)
    });

    let launch = store.reset(true).unwrap();
    assert_eq!(store.served(), Some(launch));
    assert!(!store.take_warnings().is_empty());
    device.files.fail(|operation, path| {
        let lists = operation == Operation::List && path.ends_with("records");
        lists.then_some(std::io::ErrorKind::PermissionDenied)
    });
    store.mark_failed(&bad).unwrap();
    assert!(!store.take_warnings().is_empty());
    assert_eq!(store.failed().unwrap()[0].id, bad);
}

#[test]
fn an_expiry_that_could_not_be_made_durable_succeeds_on_a_retry() {
    let device = Device::new();
    let proven = device.prove("1");
    let slow = device.install_next("2");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&slow).unwrap();
    let root = device.root();
    device.files.fail(move |operation, path| {
        (operation == Operation::SyncFolder && path == root).then_some(std::io::ErrorKind::Other)
    });
    store.trial_expired(&slow).unwrap_err();
    device.files.heal();

    let Expired::FallBack(launch) = store.trial_expired(&slow).unwrap() else {
        panic!("the host would keep a page whose time is over")
    };

    assert_eq!(launch.bundle, proven.into());
    assert_eq!(store.trial_expired(&slow).unwrap(), Expired::Ignored);
}
