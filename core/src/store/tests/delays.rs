//! Conditions for the next bundle: all must hold.

use super::*;

/// A device whose next bundle waits for these.
fn waiting_for(delays: Vec<Delay>) -> (Device, BundleId) {
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
    let (device, id) = waiting_for(vec![Delay::Background(60_000)]);
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, Slot::BuiltIn);

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
fn a_process_that_ended_in_the_background_for_long_enough_has_waited_too() {
    let (device, id) = waiting_for(vec![Delay::Background(60_000)]);
    device.open().entered_background().unwrap();
    device.pass(30);
    assert_eq!(device.launch().bundle, Slot::BuiltIn);

    device.open().entered_background().unwrap();
    device.pass(60);
    assert_eq!(device.launch().bundle, id.into());
}

#[test]
fn a_background_that_was_left_long_ago_does_not_count() {
    let device = Device::new();
    let store = device.open();
    store.launch(&native());
    store.set_delays(vec![Delay::Background(60_000)]).unwrap();
    store.entered_background().unwrap();
    store.set_delays(Vec::new()).unwrap();
    store.entered_foreground(&native()).unwrap();

    let id = device.install(&store, "1");
    store.set_next(&id.into()).unwrap();
    store.set_delays(vec![Delay::Background(60_000)]).unwrap();
    device.pass(3600);
    drop(store);

    assert_eq!(
        device.launch().bundle,
        Slot::BuiltIn,
        "the app was never in the background since"
    );
}

#[test]
fn a_clock_set_back_in_the_background_does_not_count_as_waiting() {
    let (device, _) = waiting_for(vec![Delay::Background(60_000)]);
    let store = device.open();
    store.entered_background().unwrap();
    device.set_clock(10);
    store.entered_foreground(&native()).unwrap();
    assert_eq!(store.delays().unwrap(), [Delay::Background(60_000)]);
}

#[test]
fn a_kill_delay_waits_for_a_new_process() {
    let (device, id) = waiting_for(vec![Delay::Kill]);
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
    let (device, id) = waiting_for(vec![Delay::Date(Timestamp(2_000_000))]);
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, Slot::BuiltIn);
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
    let wanted = Delay::NativeVersion(NativeVersion::new("1.10"));
    device.open().set_delays(vec![wanted]).unwrap();

    assert_eq!(device.open().launch(&NativeApp::new("1.9", "9")).bundle, Slot::BuiltIn);
    assert_eq!(device.open().launch(&NativeApp::new("1.10", "10")).bundle, id.into());
}

#[test]
fn all_conditions_must_hold_and_one_that_held_stays_met() {
    let date = Delay::Date(Timestamp(2_000_000));
    let (device, id) = waiting_for(vec![Delay::Background(60_000), Delay::Kill, date.clone()]);
    let store = device.open();
    store.entered_background().unwrap();
    device.pass(60);
    store.entered_foreground(&native()).unwrap();
    assert_eq!(store.delays().unwrap(), [Delay::Kill, date.clone()]);
    drop(store);

    assert_eq!(device.launch().bundle, Slot::BuiltIn);
    assert_eq!(device.open().delays().unwrap(), [date]);
    device.set_clock(2_000_000);
    assert_eq!(device.launch().bundle, id.into());
    assert_eq!(device.open().delays().unwrap(), []);
}

#[test]
fn delays_are_replaced_and_cancelled() {
    let (device, id) = waiting_for(vec![Delay::Date(Timestamp(u64::MAX))]);
    let store = device.open();
    store.set_delays(vec![Delay::Kill]).unwrap();
    assert_eq!(store.delays().unwrap(), [Delay::Kill]);
    store.set_delays(Vec::new()).unwrap();
    assert_eq!(store.apply_next(&native()).unwrap().unwrap().bundle, id.into());
}

#[test]
fn delays_do_not_hold_back_what_is_set_at_once() {
    let (device, id) = waiting_for(vec![Delay::Date(Timestamp(u64::MAX))]);
    let store = device.open();
    assert_eq!(store.set_current(&id.clone().into()).unwrap().bundle, id.into());
}
