//! Conditions for the next bundle: all must hold.

use super::*;

/// A device whose next bundle waits for these.
fn waiting_for(delays: Vec<ApplyCondition>) -> (Device, BundleId) {
    let device = Device::new();
    let store = device.open();
    store.launch(&native());
    let id = device.install(&store, "1");
    store.set_next(&id.clone().into()).unwrap();
    store.set_delays(delays).unwrap();
    (device, id)
}

#[test]
fn a_background_delay_really_waits() {
    let (device, id) = waiting_for(vec![ApplyCondition::Background(60_000)]);
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, BundleRef::BuiltIn);

    for away in [0, 1, 59] {
        store.entered_background().unwrap();
        device.pass(away);
        store.entered_foreground(&native()).unwrap();
        assert_eq!(store.apply_next(&native()).unwrap(), None, "after {away} s away");
    }
    device.pass(1000);
    assert_eq!(
        store.apply_next(&native()).unwrap(),
        None,
        "time in the foreground does not count"
    );
    store.entered_background().unwrap();
    device.pass(60);
    store.entered_foreground(&native()).unwrap();

    assert_eq!(store.apply_next(&native()).unwrap().unwrap().bundle, id.into());
}

#[test]
fn a_process_that_ended_in_the_background_counts_as_waiting() {
    let (device, id) = waiting_for(vec![ApplyCondition::Background(60_000)]);
    device.open().entered_background().unwrap();
    device.pass(30);
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);

    device.open().entered_background().unwrap();
    device.pass(60);
    assert_eq!(device.launch().bundle, id.into());
}

#[test]
fn a_background_that_was_left_long_ago_does_not_count() {
    let device = Device::new();
    let store = device.open();
    store.launch(&native());
    store.set_delays(vec![ApplyCondition::Background(60_000)]).unwrap();
    store.entered_background().unwrap();
    store.set_delays(Vec::new()).unwrap();
    store.entered_foreground(&native()).unwrap();

    let id = device.install(&store, "1");
    store.set_next(&id.into()).unwrap();
    store.set_delays(vec![ApplyCondition::Background(60_000)]).unwrap();
    device.pass(3600);
    drop(store);

    assert_eq!(
        device.launch().bundle,
        BundleRef::BuiltIn,
        "the app was never in the background since"
    );
}

#[test]
fn a_clock_set_back_in_the_background_does_not_count_as_waiting() {
    let (device, _) = waiting_for(vec![ApplyCondition::Background(60_000)]);
    let store = device.open();
    store.entered_background().unwrap();
    device.set_clock(10);
    store.entered_foreground(&native()).unwrap();
    assert_eq!(store.delays().unwrap(), [ApplyCondition::Background(60_000)]);
}

#[test]
fn a_kill_delay_waits_for_a_new_process() {
    let (device, id) = waiting_for(vec![ApplyCondition::Kill]);
    let store = device.open();
    store.entered_background().unwrap();
    device.pass(1_000_000);
    store.entered_foreground(&native()).unwrap();
    assert_eq!(store.apply_next(&native()).unwrap(), None);
    drop(store);

    assert_eq!(device.launch().bundle, id.into());
}

#[test]
fn a_date_delay_waits_for_its_time() {
    let (device, id) = waiting_for(vec![ApplyCondition::Date(Timestamp(2_000_000))]);
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, BundleRef::BuiltIn);
    device.set_clock(1_999_999);
    assert_eq!(store.apply_next(&native()).unwrap(), None);
    device.set_clock(2_000_000);
    assert_eq!(store.apply_next(&native()).unwrap().unwrap().bundle, id.into());
}

#[test]
fn a_native_version_delay_waits_for_the_native_app() {
    let mut device = Device::new();
    device.options.reset_when_native_changes = false;
    let id = device.install_next("1");
    let wanted = ApplyCondition::NativeVersion(NativeVersion::new("1.10"));
    device.open().set_delays(vec![wanted]).unwrap();

    assert_eq!(
        device.open().launch(&NativeApp::new("1.9", "9")).bundle,
        BundleRef::BuiltIn
    );
    assert_eq!(device.open().launch(&NativeApp::new("1.10", "10")).bundle, id.into());
}

#[test]
fn all_conditions_must_hold_and_one_that_held_stays_met() {
    let date = ApplyCondition::Date(Timestamp(2_000_000));
    let (device, id) = waiting_for(vec![
        ApplyCondition::Background(60_000),
        ApplyCondition::Kill,
        date.clone(),
    ]);
    let store = device.open();
    store.entered_background().unwrap();
    device.pass(60);
    store.entered_foreground(&native()).unwrap();
    assert_eq!(store.delays().unwrap(), [ApplyCondition::Kill, date.clone()]);
    drop(store);

    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
    assert_eq!(device.open().delays().unwrap(), [date]);
    device.set_clock(2_000_000);
    assert_eq!(device.launch().bundle, id.into());
    assert_eq!(device.open().delays().unwrap(), []);
}

#[test]
fn delays_are_replaced_and_cancelled() {
    let (device, id) = waiting_for(vec![ApplyCondition::Date(Timestamp(u64::MAX))]);
    let store = device.open();
    store.set_delays(vec![ApplyCondition::Kill]).unwrap();
    assert_eq!(store.delays().unwrap(), [ApplyCondition::Kill]);
    store.set_delays(Vec::new()).unwrap();
    assert_eq!(store.apply_next(&native()).unwrap().unwrap().bundle, id.into());
}

#[test]
fn delays_do_not_apply_to_set_current() {
    let (device, id) = waiting_for(vec![ApplyCondition::Date(Timestamp(u64::MAX))]);
    let store = device.open();
    assert_eq!(store.set_current(&id.clone().into()).unwrap().bundle, id.into());
}

#[test]
fn conditions_are_cleared_with_their_next_bundle() {
    type Drop = fn(&Store, &BundleId);
    let drops: [(&str, Drop); 4] = [
        ("clear_next", |store, _| store.clear_next().unwrap()),
        ("reset", |store, _| drop(store.reset(false).unwrap())),
        ("set_current", |store, id| {
            store.set_current(&id.clone().into()).unwrap();
        }),
        ("mark_failed", |store, id| store.mark_failed(id).unwrap()),
    ];
    for (name, drop_next) in drops {
        let (device, id) = waiting_for(vec![ApplyCondition::Date(Timestamp(u64::MAX))]);
        let store = device.open();
        store.launch(&native());

        drop_next(&store, &id);

        assert_eq!(store.next().unwrap(), None, "{name}");
        assert_eq!(store.delays().unwrap(), [], "{name}");
        drop(store);
        let later = device.install_next("2");
        assert_eq!(device.launch().bundle, later.into(), "{name}");
    }
}

#[test]
fn a_native_update_drops_the_conditions_with_the_next_bundle() {
    let (device, _) = waiting_for(vec![ApplyCondition::Date(Timestamp(u64::MAX))]);
    let launch = device.open().launch(&NativeApp::new("2.0", "2"));
    assert_eq!(launch.reason, LaunchReason::NativeChanged);
    assert_eq!(device.open().delays().unwrap(), []);
}

#[test]
fn a_next_bundle_with_missing_files_is_cleared_with_its_conditions() {
    let (device, id) = waiting_for(vec![ApplyCondition::Date(Timestamp(u64::MAX))]);
    std::fs::remove_dir_all(device.open().folder(&id)).unwrap();
    device.launch();
    let store = device.open();
    assert_eq!((store.next().unwrap(), store.delays().unwrap()), (None, vec![]));
}

#[test]
fn conditions_set_before_there_is_a_next_bundle_wait_for_it() {
    type Drop = fn(&Store);
    let drops: [(&str, Drop); 2] = [
        ("clear_next", |store| store.clear_next().unwrap()),
        ("reset", |store| drop(store.reset(false).unwrap())),
    ];
    for (name, drop_nothing) in drops {
        let device = Device::new();
        let store = device.open();
        store.launch(&native());
        store
            .set_delays(vec![ApplyCondition::Date(Timestamp(2_000_000))])
            .unwrap();

        drop_nothing(&store);
        let id = device.install(&store, "1");
        store.set_next(&id.clone().into()).unwrap();
        drop(store);

        assert_eq!(device.launch().bundle, BundleRef::BuiltIn, "{name}");
        device.set_clock(2_000_000);
        assert_eq!(device.launch().bundle, id.into(), "{name}");
    }
}

#[test]
fn conditions_stay_when_one_next_bundle_replaces_another() {
    let delays = vec![ApplyCondition::Date(Timestamp(u64::MAX))];
    let (device, _) = waiting_for(delays.clone());
    device.install_next("2");
    assert_eq!(device.open().delays().unwrap(), delays);
}
