//! Several sessions, and a lock that another process holds.

use std::fs;
use std::sync::Mutex;
use std::time::Instant;

use super::faulty::Operation;
use super::*;
use crate::progress::Control;

/// Another process holds the lock for an unlimited time.
fn hold_lock(device: &Device) -> Box<dyn Lock> {
    Disk.try_lock(&device.root().join("lock")).unwrap().unwrap()
}

#[test]
fn a_launch_that_cannot_lock_returns_in_time_without_a_change() {
    let device = Device::new();
    let proven = device.prove("1");
    let next = device.install_next("2");
    let lock = hold_lock(&device);
    let store = device.open();
    let start = Instant::now();

    let launch = store.launch(&native());

    assert!(start.elapsed() < Duration::from_millis(600), "{:?}", start.elapsed());
    assert_eq!(launch.bundle, proven.into());
    assert_eq!(launch.reason, LaunchReason::NotDurable(NotDurable::Busy));
    assert!(!launch.on_trial);
    drop((lock, store));
    assert_eq!(device.launch().bundle, next.into());
}

#[test]
fn a_launch_that_cannot_lock_serves_no_trial() {
    let device = Device::new();
    let proven = device.prove("1");
    let trial = device.install_next("2");
    assert_eq!(device.start_and_crash().bundle, trial.clone().into());
    let lock = hold_lock(&device);

    assert_eq!(device.open().launch(&native()).bundle, proven.into());

    drop(lock);
    assert_eq!(device.launch().bundle, trial.into());
}

#[test]
fn a_change_that_cannot_lock_is_busy() {
    let device = Device::new();
    let id = device.prove("1");
    let store = device.open();
    store.launch(&native());
    let _lock = hold_lock(&device);

    let slot = BundleRef::Bundle(id.clone());
    let busy: [(&str, Result<()>); 12] = [
        ("set_next", store.set_next(&slot)),
        ("clear_next", store.clear_next()),
        ("set_current", store.set_current(&slot).map(drop)),
        ("reset", store.reset(true).map(drop)),
        ("confirm", store.confirm(&slot).map(drop)),
        ("trial_started", store.trial_started(&id).map(drop)),
        ("trial_expired", store.trial_expired(&id).map(drop)),
        ("set_delays", store.set_delays(vec![ApplyCondition::Kill])),
        ("mark_failed", store.mark_failed(&id)),
        ("forget_failure", store.forget_failure("1").map(drop)),
        ("clean", store.clean(&KeepRules::default()).map(drop)),
        (
            "install",
            store
                .install(&device.archive("2"), &NewBundle::new("2"), &Control::new())
                .map(drop),
        ),
    ];
    for (call, result) in busy {
        let error = result.expect_err(call);
        assert_eq!(error.kind(), ErrorKind::Busy, "{call}: {error}");
    }
    assert_eq!(store.list().unwrap().len(), 1, "looking needs no lock");
    assert_eq!(device.names("staging").len(), 0);
}

#[test]
fn a_bundle_served_by_a_running_session_is_not_removed() {
    let device = Device::with(|options| options.silent_starts = 0);
    let old = device.prove("1");
    let running = device.open();
    assert_eq!(running.launch(&native()).bundle, old.clone().into());

    let new = device.prove("2");

    let other = device.open();
    assert!(other.folder(&old).join("index.html").exists());
    let error = other.delete(&old).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains("running session"), "{error}");
    let none = KeepRules {
        newest: Some(0),
        ..KeepRules::default()
    };
    assert_eq!(other.clean(&none).unwrap().removed, []);
    drop(running);
    let removed = other.clean(&none).unwrap().removed;
    assert_eq!(removed.iter().map(|record| &record.id).collect::<Vec<_>>(), [&old]);
    assert_eq!(device.names("bundles"), [new.to_string()]);
}

#[test]
fn a_bundle_that_failed_while_served_is_removed_when_its_session_ends() {
    let device = Device::new();
    let bad = device.install_next("1");
    let running = device.open();
    assert_eq!(running.launch(&native()).bundle, bad.clone().into());
    let other = device.open();

    other.mark_failed(&bad).unwrap();
    assert!(other.folder(&bad).join("index.html").exists());
    drop(running);
    other.clean(&KeepRules::default()).unwrap();

    assert!(!other.folder(&bad).exists());
}

#[test]
fn the_lock_of_a_dead_process_blocks_no_other() {
    let device = Device::new();
    device.prove("1");
    fs::write(device.root().join("lock"), "left by a process that died").unwrap();
    let store = device.open();
    assert_eq!(store.launch(&native()).reason, LaunchReason::Current);
    store.clear_next().unwrap();
}

#[test]
fn a_launch_beside_an_installation_in_the_same_process_is_not_held_up() {
    let device = Device::new();
    let trial = device.install_next("1");
    for version in 2..12 {
        let store = device.open();
        let archive = device.archive(&version.to_string());
        let launch = thread::scope(|scope| {
            scope.spawn(|| {
                let new = NewBundle::new(version.to_string());
                store.install(&archive, &new, &Control::new()).unwrap()
            });
            scope.spawn(|| store.clean(&KeepRules::default()).unwrap());
            store.launch(&native())
        });
        assert_ne!(launch.reason, LaunchReason::NotDurable(NotDurable::Busy));
        assert_eq!(launch.bundle, trial.clone().into());
        store.trial_started(&trial).unwrap();
        store.confirm(&launch.bundle).unwrap();
    }
}

#[test]
fn two_threads_that_launch_get_the_same_result() {
    let device = Device::new();
    device.install_next("1");
    let store = device.open();
    let (first, second) = thread::scope(|scope| {
        let other = scope.spawn(|| store.launch(&native()));
        (store.launch(&native()), other.join().unwrap())
    });
    assert_eq!(first, second);
}

#[test]
fn an_archive_installed_twice_concurrently_is_installed_once() {
    let device = Device::new();
    let archive = device.archive("1");
    let (a, b) = (device.open(), device.open());
    let install = |store: &Store| {
        store
            .install(&archive, &NewBundle::new("1"), &Control::new())
            .unwrap()
            .id
    };
    let (first, second) = thread::scope(|scope| {
        let other = scope.spawn(|| install(&b));
        (install(&a), other.join().unwrap())
    });
    assert_eq!(first, second);
    assert_eq!(device.names("bundles").len(), 1);
    assert_eq!(device.names("staging").len(), 0);
}

/// Runs just before the first change takes the lock of the store.
fn before_the_lock(device: &Device, act: impl FnOnce() + Send + 'static) {
    let act = std::sync::Mutex::new(Some(act));
    let lock = device.root().join("lock");
    device.files.fail(move |operation, path| {
        let is_lock = operation == faulty::Operation::TryLock && path == lock;
        if let Some(act) = act.lock().unwrap().take_if(|_| is_lock) {
            act();
        }
        None
    });
}

#[test]
fn a_bundle_that_another_session_starts_to_serve_just_before_its_deletion_stays() {
    type Removal = fn(&Store, &BundleId) -> bool;
    let removals: [(&str, Removal); 2] = [
        ("delete", |store, id| match store.delete(id) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InUse);
                false
            }
        }),
        ("clean", |store, _| {
            let none = KeepRules {
                newest: Some(0),
                ..KeepRules::default()
            };
            !store.clean(&none).unwrap().removed.is_empty()
        }),
    ];
    for (name, removal) in removals {
        let device = Device::with(|options| options.auto_delete_previous = false);
        let id = device.prove("1");
        let new = device.prove("2");
        let store = device.open();
        let (root, options) = (device.root(), device.options.clone());
        let served = Arc::new(std::sync::Mutex::new(None));
        let serving = (Arc::clone(&served), id.clone());
        before_the_lock(&device, move || {
            // The old bundle is tried once more, and while one session still serves it another switches back to the new
            // one.
            let (other, third) = (Store::open(&root, options.clone()), Store::open(&root, options));
            let (other, third) = (other.unwrap(), third.unwrap());
            other.set_current(&serving.1.into()).unwrap();
            third.set_current(&new.into()).unwrap();
            *serving.0.lock().unwrap() = Some((other, third));
        });

        let removed = removal(&store, &id);

        assert!(served.lock().unwrap().is_some(), "{name}");
        assert!(!removed, "{name}");
        assert!(store.folder(&id).join("index.html").exists(), "{name}");
    }
}

#[test]
fn two_concurrent_checks_of_a_dead_session_both_find_it_dead() {
    let device = Device::with(|options| options.attempts = 1);
    let id = device.install_next("1");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&id).unwrap();
    let session = device.root().join("sessions").join(store.session());
    drop(store);

    // Another process checks at the same time.
    let asking = Disk.try_lock_shared(&session).unwrap().unwrap();
    let launch = device.launch();

    drop(asking);
    assert_eq!(launch.reason, LaunchReason::TrialFailed);
    assert!(
        !session.exists(),
        "nor did that keep what is left of it from being removed"
    );
}

/// Between the change and its record another session could treat the files as unused, and delete them.
#[test]
fn the_served_bundle_is_recorded_before_another_session_can_change_the_store() {
    let device = Device::new();
    device.prove("1");
    let second = device.install_next("2");
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, second.clone().into());
    let (lock, unlocked) = (device.root().join("lock"), Arc::new(Mutex::new(0)));
    let count = Arc::clone(&unlocked);
    device.files.fail(move |operation, path| {
        let is_start = path.extension().is_some_and(|extension| extension == "start");
        let is_in_sessions = path.parent().is_some_and(|folder| folder.ends_with("sessions"));
        let is_pin = operation == Operation::Write && is_in_sessions && !is_start;
        if is_pin && Disk.try_lock(&lock).unwrap().is_some() {
            *count.lock().unwrap() += 1;
        }
        None
    });

    store.trial_expired(&second).unwrap();
    store.reset(true).unwrap();
    let third = device.install(&store, "3");
    store.set_current(&BundleRef::Bundle(third.clone())).unwrap();
    store.trial_started(&third).unwrap();
    store.confirm(&BundleRef::Bundle(third)).unwrap();
    store.set_next(&BundleRef::BuiltIn).unwrap();
    assert!(store.apply_next(&native()).unwrap().is_some());

    assert_eq!(*unlocked.lock().unwrap(), 0);
}
