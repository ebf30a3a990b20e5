//! A native app whose launch could not be written: the next change of its session records it.

use super::*;

fn updated() -> NativeApp {
    NativeApp::new("2.0", "2")
}

/// The app starts while nothing can be written; afterwards there is space again.
fn launch_unwritten(device: &Device, native: &NativeApp) -> (Store, Launch) {
    let store = device.open();
    device.files.fill_disk();
    let launch = store.launch(native);
    device.files.heal();
    (store, launch)
}

fn noted(store: &Store) -> Option<String> {
    store.storage.load().unwrap().state.native_build
}

#[test]
fn the_build_of_an_unwritten_first_launch_is_recorded_by_the_next_change() {
    type Change = fn(&Device, &Store);
    let changes: [(&str, Change); 4] = [
        ("install", |device, store| drop(device.install(store, "2"))),
        ("set_next", |_, store| store.set_next(&BundleRef::BuiltIn).unwrap()),
        ("set_delays", |_, store| {
            store.set_delays(vec![ApplyCondition::Kill]).unwrap();
        }),
        ("set_current", |_, store| {
            let (record, _) = store.list().unwrap().remove(0);
            store.set_current(&record.id.clone().into()).unwrap();
            store.trial_started(&record.id).unwrap();
            assert_eq!(store.confirm(&record.id.into()).unwrap(), Confirmation::Proven);
        }),
    ];
    for (name, change) in changes {
        let device = Device::new();
        device.install(&device.open(), "1");
        let (store, _) = launch_unwritten(&device, &native());
        assert_eq!(noted(&store), None);

        change(&device, &store);

        assert_eq!(noted(&store).as_deref(), Some("1"), "{name}");
        for (record, _) in store.list().unwrap() {
            let is_known = record.proven_at.is_none() || record.proven_build.as_deref() == Some("1");
            assert!(is_known, "{name}: {record:?}");
        }
    }
}

#[test]
fn a_bundle_installed_after_an_unwritten_launch_of_a_native_update_stays() {
    // The archive of version 1 was already known to the old native app.
    for version in ["1", "2"] {
        let device = Device::new();
        let old = device.prove("1");
        let (store, launch) = launch_unwritten(&device, &updated());
        assert_eq!(launch.bundle, BundleRef::BuiltIn);

        assert_eq!(
            store.find(&device.archive("1").digest()).unwrap(),
            None,
            "it came for another native app"
        );
        let new = device.install(&store, version);
        store.set_next(&new.clone().into()).unwrap();
        drop(store);

        assert_ne!(new, old);
        let launch = device.open().launch(&updated());
        assert_eq!(
            (launch.bundle, launch.reason),
            (new.clone().into(), LaunchReason::NextApplied)
        );
        assert_eq!(device.open().list().unwrap().len(), 1);
    }
}

#[test]
fn a_native_update_that_launched_while_the_store_was_busy_is_recorded_later() {
    let device = Device::new();
    device.prove("1");
    let store = device.open();
    let lock = Disk.try_lock(&device.root().join("lock")).unwrap().unwrap();
    assert_eq!(
        store.launch(&updated()).reason,
        LaunchReason::NotDurable(NotDurable::Busy)
    );
    drop(lock);

    let new = device.install(&store, "2");
    store.set_next(&new.clone().into()).unwrap();
    drop(store);

    assert_eq!(device.open().launch(&updated()).bundle, new.into());
}

#[test]
fn without_a_reset_an_old_bundle_set_after_such_a_launch_must_confirm_again() {
    let device = Device::with(|options| options.reset_when_native_changes = false);
    let old = device.prove("1");
    let (store, launch) = launch_unwritten(&device, &updated());
    assert_eq!(launch.bundle, BundleRef::BuiltIn);

    let launch = store.set_current(&old.clone().into()).unwrap();

    assert!(launch.on_trial);
    assert_eq!(store.fallback().unwrap(), BundleRef::BuiltIn);
    store.trial_started(&old).unwrap();
    assert_eq!(store.confirm(&old.clone().into()).unwrap(), Confirmation::Proven);
    assert_eq!(store.get(&old).unwrap().proven_build.as_deref(), Some("2"));
}

#[test]
fn a_failure_of_the_old_build_lapses_though_the_launch_could_not_be_written() {
    let device = Device::with(|options| options.attempts = 1);
    device.install_next("1");
    device.start_and_crash();
    device.launch();
    let (store, _) = launch_unwritten(&device, &updated());

    let id = device.install(&store, "1");

    assert_eq!(store.failed().unwrap(), []);
    assert!(store.get(&id).is_ok());
}

#[test]
fn a_written_launch_is_not_overwritten_by_the_session_of_an_old_build() {
    let device = Device::new();
    let old = device.open();
    old.launch(&native());
    let new = device.open();
    new.launch(&updated());
    let id = device.install(&new, "1");

    old.set_delays(vec![ApplyCondition::Kill]).unwrap();

    assert_eq!(noted(&new).as_deref(), Some("2"));
    assert!(new.get(&id).is_ok());
}
