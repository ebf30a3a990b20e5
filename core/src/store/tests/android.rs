//! Rules of Android: an activity may be recreated in one process, the process may end at any time, and the disk may be
//! full. None of these fails a working bundle.

use super::*;

/// The point at which the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    Opened,
    Launched,
    Started,
    /// In the background before it confirmed, where the system ends processes.
    Suspended,
    Confirmed,
}

const POINTS: [Until; 5] = [
    Until::Opened,
    Until::Launched,
    Until::Started,
    Until::Suspended,
    Until::Confirmed,
];

/// A working bundle starts, and its process ends in the background at that point.
fn live(device: &Device, until: Until) {
    let store = device.open();
    if until >= Until::Launched {
        let served = store.launch(&native()).bundle;
        let BundleRef::Bundle(id) = &served else { return };
        if until >= Until::Started {
            store.trial_started(id).unwrap();
        }
        match until {
            Until::Confirmed => drop(store.confirm(&served).unwrap()),
            // Before the system ends a process, it reports to the activity that it goes to the background.
            Until::Started | Until::Suspended => drop(store.trial_suspended(id).unwrap()),
            Until::Opened | Until::Launched => {}
        }
    }
}

#[test]
fn a_process_ended_in_the_background_at_any_point_fails_no_bundle() {
    for first in POINTS {
        for second in POINTS {
            for third in POINTS {
                let device = Device::with(|options| options.attempts = 1);
                let proven = device.prove("1");
                let id = device.install_next("2");
                for until in [first, second, third] {
                    live(&device, until);
                }

                let store = device.open();

                assert_eq!(store.failed().unwrap(), [], "{first:?}, {second:?}, {third:?}");
                let confirmed = [first, second, third].contains(&Until::Confirmed);
                let fallback = if confirmed { &id } else { &proven };
                assert_eq!(store.fallback().unwrap(), fallback.clone().into());
                assert_eq!(store.launch(&native()).bundle, id.into());
            }
        }
    }
}

#[test]
fn a_recreated_activity_in_one_process_is_one_attempt() {
    let device = Device::with(|options| options.attempts = 1);
    let id = device.install_next("1");
    let store = device.open();
    for _ in 0..3 {
        assert_eq!(store.launch(&native()).bundle, id.clone().into());
        store.trial_started(&id).unwrap();
        store.entered_background().unwrap();
        store.trial_suspended(&id).unwrap();
        store.entered_foreground(&native()).unwrap();
        store.trial_started(&id).unwrap();
    }
    assert_eq!(store.confirm(&id.clone().into()).unwrap(), Confirmation::Proven);
    assert_eq!(store.failed().unwrap(), []);
    drop(store);
    assert_eq!(device.launch().bundle, id.into());
}

#[test]
fn the_timers_of_a_recreated_activity_are_one_attempt() {
    let device = Device::with(|options| options.attempts = 2);
    let id = device.install_next("1");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&id).unwrap();

    let first = store.trial_expired(&id).unwrap();
    let second = store.trial_expired(&id).unwrap();

    assert!(matches!(first, Expired::FallBack(_)));
    assert_eq!(second, Expired::Ignored);
    assert_eq!(store.failed().unwrap(), []);
}

#[test]
fn a_store_reopened_by_each_activity_of_one_process_is_one_session_if_it_is_resumed() {
    let device = Device::with(|options| options.attempts = 1);
    let id = device.install_next("1");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&id).unwrap();
    let session = store.session().to_owned();
    drop(store);

    let again = Store::resume(&device.root(), device.options.clone(), &session).unwrap();

    assert_eq!(again.launch(&native()).bundle, id.clone().into());
    assert_eq!(again.confirm(&id.into()).unwrap(), Confirmation::Proven);
    assert_eq!(again.failed().unwrap(), []);
}

#[test]
fn a_disk_that_is_full_at_launch_fails_no_bundle_and_it_starts_when_there_is_space() {
    let device = Device::with(|options| options.attempts = 1);
    let proven = device.prove("1");
    let id = device.install_next("2");
    for _ in 0..5 {
        device.files.fill_disk();
        let store = device.open();
        let served = store.launch(&native()).bundle;
        assert_eq!(served, proven.clone().into());
        assert_eq!(store.confirm(&served).unwrap(), Confirmation::AlreadyProven);
        drop(store);
        device.files.heal();
    }
    assert_eq!(device.open().failed().unwrap(), []);
    assert_eq!(device.launch().bundle, id.into());
}

#[test]
fn a_confirmation_that_did_not_fit_on_the_disk_can_be_given_again() {
    let device = Device::new();
    let id = device.install_next("1");
    let store = device.open();
    store.launch(&native());
    store.trial_started(&id).unwrap();
    device.files.fill_disk();
    assert_eq!(
        store.confirm(&id.clone().into()).unwrap_err().kind(),
        ErrorKind::NoSpace
    );
    device.files.heal();
    assert_eq!(store.confirm(&id.into()).unwrap(), Confirmation::Proven);
}
