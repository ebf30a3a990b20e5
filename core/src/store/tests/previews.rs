//! A preview is served for the rest of the session, and leaves no trace.

use super::*;
use crate::keys::{KeyBits, SigningKey};
use crate::store::state::StoreState;

fn state(store: &Store) -> StoreState {
    store.state().unwrap()
}

/// A session that serves version 1, which is proven, and version 2, which is installed.
fn running(device: &Device) -> (Store, BundleId, BundleId) {
    let live = device.prove("1");
    let store = device.open();
    let other = device.install(&store, "2");
    assert_eq!(store.launch(&native()).bundle, live.clone().into());
    store.trial_started(&live).unwrap();
    store.confirm(&live.clone().into()).unwrap();
    (store, live, other)
}

#[test]
fn a_preview_is_served_in_this_session_only_and_the_state_does_not_record_it() {
    let device = Device::new();
    let (store, live, other) = running(&device);
    let before = state(&store);

    let launch = store.preview(&other.clone().into()).unwrap();

    assert_eq!(launch.bundle, other.clone().into());
    assert_eq!(launch.folder, Some(store.folder(&other)));
    assert_eq!((launch.version.as_deref(), launch.on_trial), (Some("2"), true));
    assert_eq!(launch.reason, LaunchReason::Preview);
    assert_eq!(store.served(), Some(launch.clone()));
    assert_eq!(store.launch(&native()), launch, "as an activity that is recreated");
    assert!(store.is_previewing());
    assert_eq!(state(&store), before);
    drop(store);
    let next = device.launch();
    assert_eq!((next.bundle, next.reason), (live.into(), LaunchReason::Current));
}

#[test]
fn a_preview_that_ends_gives_back_what_was_served_before() {
    let device = Device::new();
    let (store, live, other) = running(&device);
    let third = device.install(&store, "3");
    let before = state(&store);
    store.preview(&other.into()).unwrap();
    store.preview(&third.into()).unwrap();

    let launch = store.leave_preview().unwrap();

    assert_eq!(launch.bundle, live.into());
    assert_eq!(launch.reason, LaunchReason::PreviewEnded);
    assert_eq!(store.served(), Some(launch));
    assert!(!store.is_previewing());
    assert_eq!(state(&store), before);
    assert_eq!(store.leave_preview().unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn the_page_of_a_preview_has_to_be_ready_in_time_and_proves_nothing() {
    let device = Device::new();
    let (store, live, other) = running(&device);
    let slot = BundleRef::Bundle(other.clone());
    let before = state(&store);
    store.preview(&slot).unwrap();
    assert_eq!(store.ready_deadline(), None, "its page has not started");

    assert!(!store.trial_started(&other).unwrap());

    assert_eq!(store.ready_deadline(), Some(Duration::from_secs(10)));
    let current = BundleRef::Bundle(live);
    assert_eq!(store.confirm(&slot).unwrap(), Confirmation::Ignored { current });
    assert_eq!(store.trial_expired(&other).unwrap(), Expired::Ignored);
    store.entered_background().unwrap();
    assert_eq!(store.ready_deadline(), None);
    store.entered_foreground(&native()).unwrap();
    assert_eq!(store.ready_deadline(), Some(Duration::from_secs(10)));
    assert_eq!(state(&store), before);
}

#[test]
fn a_crash_during_a_preview_counts_against_no_bundle_on_trial() {
    let device = Device::new();
    device.prove("1");
    let trial = device.install_next("2");
    for _ in 0..5 {
        let store = device.open();
        let launch = store.launch(&native());
        assert_eq!((launch.bundle, launch.on_trial), (trial.clone().into(), true));
        store.trial_started(&trial).unwrap();
        // Also the preview of the bundle on trial itself proves nothing.
        store.preview(&trial.clone().into()).unwrap();
        store.trial_started(&trial).unwrap();
        store.entered_background().unwrap();
        store.entered_foreground(&native()).unwrap();
        store.confirm(&trial.clone().into()).unwrap();
    }
    assert_eq!(device.open().failed().unwrap(), []);

    let store = device.open();
    store.launch(&native());
    store.trial_started(&trial).unwrap();
    store.preview(&BundleRef::BuiltIn).unwrap();
    let launch = store.leave_preview().unwrap();
    assert!(launch.on_trial);
    assert!(store.trial_started(&trial).unwrap());
    assert_eq!(store.confirm(&trial.into()).unwrap(), Confirmation::Proven);
}

#[test]
fn the_trial_counts_again_when_its_page_starts_after_a_preview() {
    let device = Device::new();
    let live = device.prove("1");
    let trial = device.install_next("2");
    for _ in 0..2 {
        let store = device.open();
        assert_eq!(store.launch(&native()).bundle, trial.clone().into());
        store.trial_started(&trial).unwrap();
        store.preview(&BundleRef::BuiltIn).unwrap();
        store.leave_preview().unwrap();
        store.trial_started(&trial).unwrap();
    }
    let launch = device.launch();
    assert_eq!((launch.bundle, launch.reason), (live.into(), LaunchReason::TrialFailed));
}

#[test]
fn a_process_that_ends_during_a_preview_is_no_silent_start() {
    let device = Device::new();
    let live = device.prove("1");
    let store = device.open();
    let other = device.install(&store, "2");
    drop(store);
    for _ in 0..5 {
        let store = device.open();
        let launch = store.launch(&native());
        assert_eq!((launch.bundle, launch.on_trial), (live.clone().into(), false));
        store.trial_started(&live).unwrap();
        store.preview(&other.clone().into()).unwrap();
        store.trial_started(&other).unwrap();
    }
    assert!(!device.launch().on_trial);
}

#[test]
fn nothing_is_applied_during_a_preview() {
    let device = Device::new();
    let (store, live, other) = running(&device);
    let next = BundleRef::Bundle(device.install(&store, "3"));
    store.preview(&other.into()).unwrap();
    store.set_next(&next).unwrap();

    assert_eq!(store.apply_next(&native()).unwrap(), None);

    assert_eq!(store.next().unwrap(), Some(next.clone()));
    assert_eq!(store.current().unwrap(), live.into());
    store.leave_preview().unwrap();
    assert_eq!(store.apply_next(&native()).unwrap().unwrap().bundle, next);
}

#[test]
fn a_bundle_that_is_made_current_ends_the_preview() {
    let device = Device::new();
    let (store, _, other) = running(&device);
    store.preview(&other.clone().into()).unwrap();

    let launch = store.set_current(&other.clone().into()).unwrap();

    assert!(launch.on_trial && !store.is_previewing());
    assert!(store.trial_started(&other).unwrap());
    assert_eq!(
        store.confirm(&other.clone().into()).unwrap(),
        Confirmation::Proven,
        "a preview becomes an update only by a call"
    );
    store.preview(&BundleRef::BuiltIn).unwrap();
    assert_eq!(store.reset(true).unwrap().bundle, other.into());
    assert!(!store.is_previewing());
}

#[test]
fn neither_the_preview_nor_what_is_under_it_is_removed() {
    let device = Device::with(|options| options.silent_starts = 0);
    let (store, live, other) = running(&device);
    store.preview(&other.clone().into()).unwrap();
    // Another process goes on to version 3, whose confirmation removes version 1.
    device.prove("3");
    let second = device.open();
    let none = KeepRules::default().with_newest(0);
    for store in [&store, &second] {
        store.clean(&none).unwrap();
        for id in [&live, &other] {
            assert_eq!(store.delete(id).unwrap_err().kind(), ErrorKind::InUse);
        }
    }
    second.mark_failed(&other).unwrap();
    for store in [&store, &second] {
        store.sweep().unwrap();
    }
    for id in [&live, &other] {
        assert!(store.folder(id).join("index.html").exists());
    }
    assert_eq!(store.leave_preview().unwrap().bundle, live.into());
    drop(store);
    second.clean(&none).unwrap();
    assert_eq!(device.names("bundles").len(), 1);
}

#[test]
fn a_bundle_that_failed_is_not_previewed() {
    let device = Device::with(|options| options.auto_delete_failed = false);
    let (store, _, other) = running(&device);
    store.mark_failed(&other).unwrap();
    let before = store.served();
    for (id, kind) in [
        (other, ErrorKind::NotFound),
        (super::device::unknown_id(), ErrorKind::NotFound),
    ] {
        assert_eq!(store.preview(&id.into()).unwrap_err().kind(), kind);
    }
    assert_eq!((store.served(), store.is_previewing()), (before, false));
}

#[test]
fn a_bundle_whose_proof_is_weaker_than_required_is_not_previewed() {
    let mut device = Device::new();
    let (store, live, other) = running(&device);
    let record = store.get(&other).unwrap();
    for proof in [Some(RecordedProof::assumed()), None] {
        let changed = BundleRecord {
            proof,
            ..record.clone()
        };
        store
            .change(|state| {
                state.bundles.retain(|record| record.id != changed.id);
                state.add(changed);
                Ok(())
            })
            .unwrap();
        let error = store.preview(&other.clone().into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotTrusted);
        assert!(error.to_string().contains("install it again"), "{error}");
    }
    drop(store);
    let key = SigningKey::generate(KeyBits::B2048).unwrap().verifying_key().id();
    for required in [RequiredProof::capgo_signed(key), RequiredProof::Release] {
        device.options.required_proof = required;
        let store = device.open();
        assert_eq!(
            store.launch(&native()).bundle,
            live.clone().into(),
            "the live bundle is served"
        );
        let refused = store.preview(&live.clone().into()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotTrusted);
        store.preview(&BundleRef::BuiltIn).unwrap();
    }
}

#[test]
fn a_bundle_that_does_not_run_here_or_whose_files_are_missing_is_not_previewed() {
    let mut device = Device::new();
    let (store, live, other) = running(&device);
    std::fs::remove_file(store.folder(&other).join("index.html")).unwrap();
    assert_eq!(store.preview(&other.into()).unwrap_err().kind(), ErrorKind::Corrupt);
    store
        .change(|state| {
            let mut record = state.bundles.get(&live).unwrap().clone();
            record.sequence = Some(4);
            state.bundles.retain(|record| record.id != live);
            state.add(record);
            Ok(())
        })
        .unwrap();
    drop(store);
    device.options.built_in_sequence = Some(5);
    let store = device.open();
    let early = store.preview(&live.clone().into()).unwrap_err();
    assert_eq!(early.kind(), ErrorKind::InvalidInput, "before the launch");
    store.launch(&native());
    let refused = store.preview(&live.into()).unwrap_err();
    assert!(
        matches!(refused.kind(), ErrorKind::NotTrusted | ErrorKind::NotFound),
        "{refused}"
    );
}

#[test]
fn a_session_that_is_resumed_has_left_its_preview() {
    let device = Device::new();
    let (store, live, other) = running(&device);
    store.preview(&other.into()).unwrap();
    let session = store.session().to_owned();
    drop(store);

    let store = Store::resume(&device.root(), device.options.clone(), &session).unwrap();

    assert_eq!(store.served().unwrap().bundle, live.into());
    assert!(!store.is_previewing());
}
