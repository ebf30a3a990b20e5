//! Failed bundles are not accepted again until their failure is cleared or lapses.

use super::state::MAX_FAILED;
use super::*;
use crate::digest::Sha256Digest;
use crate::progress::Control;

#[test]
fn a_bundle_marked_as_failed_is_never_taken_again() {
    let device = Device::new();
    let proven = device.prove("1");
    let bad = device.install_next("2");
    let store = device.open();
    assert_eq!(store.launch(&native()).bundle, bad.clone().into());

    store.mark_failed(&bad).unwrap();

    assert_eq!(store.current().unwrap(), proven.clone().into());
    assert_eq!(
        store.served().unwrap().bundle,
        bad.clone().into(),
        "until the session ends"
    );
    assert!(store.folder(&bad).exists(), "its files stay as long as they are served");
    let again = store.install(&device.archive("2"), &NewBundle::new("2"), &Control::new());
    let error = again.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
    assert!(error.to_string().contains("forget"), "{error}");
    drop(store);
    assert_eq!(device.launch().bundle, proven.into());
    let store = device.open();
    store.clean(&KeepRules::default()).unwrap();
    assert!(!store.folder(&bad).exists());
}

#[test]
fn a_failure_is_known_by_the_digest_and_other_bytes_of_the_version_may_be_tried() {
    let device = Device::new();
    let store = device.open();
    let bad = device.install(&store, "2");
    store.mark_failed(&bad).unwrap();

    let (same, other) = (device.archive("2"), device.archive("2-rebuilt"));
    let failure = store.failure_of("whatever it is called", Some(&same.digest())).unwrap();
    assert_eq!(failure.unwrap().id, bad);
    assert_eq!(store.failure_of("2", Some(&other.digest())).unwrap(), None);
    assert!(store.failure_of("2", None).unwrap().is_some());
    assert_eq!(store.failure_of("3", None).unwrap(), None);
    let renamed = store.install(&same, &NewBundle::new("3"), &Control::new());
    assert_eq!(renamed.unwrap_err().kind(), ErrorKind::NotTrusted);
    store.install(&other, &NewBundle::new("2"), &Control::new()).unwrap();
}

#[test]
fn without_a_digest_the_version_counts_as_failed() {
    let device = Device::new();
    let store = device.open();
    let capgo = CapgoBundles {
        folder: device.beside("versions"),
        infos: vec![r#"{"id":"AAAAAAAAAA","version":"2","checksum":"","status":"error"}"#.to_owned()],
        ..CapgoBundles::default()
    };
    store.migrate_capgo(&capgo).unwrap();

    assert!(
        store
            .failure_of("2", Some(&Sha256Digest::of(b"anything")))
            .unwrap()
            .is_some()
    );
    let error = store.install(&device.archive("2"), &NewBundle::new("2"), &Control::new());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotTrusted);
    device.install(&store, "3");
}

#[test]
fn a_forgotten_failure_may_be_tried_again() {
    let device = Device::new();
    let store = device.open();
    let bad = device.install(&store, "2");
    store.mark_failed(&bad).unwrap();

    assert_eq!(store.forget_failure("3").unwrap(), 0);
    assert_eq!(store.forget_failure("2").unwrap(), 1);

    assert_eq!(store.failed().unwrap(), []);
    assert_eq!(device.names("failed").len(), 0);
    device.install(&store, "2");
}

#[test]
fn a_native_update_lets_failures_lapse() {
    let device = Device::new();
    device.install_next("1");
    device.start_and_crash();
    device.start_and_crash();
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
    let store = device.open();
    store.launch(&NativeApp::new("1.1", "2"));

    assert_eq!(store.failed().unwrap(), []);
    assert_eq!(device.names("failed").len(), 0);
    device.install(&store, "1");
}

#[test]
fn the_newest_failure_is_returned_once() {
    let device = Device::new();
    let store = device.open();
    assert_eq!(store.take_failure().unwrap(), None);
    for version in ["1", "2"] {
        let id = device.install(&store, version);
        store.mark_failed(&id).unwrap();
    }

    let told = device.open().take_failure().unwrap().unwrap();

    assert_eq!((told.version.as_str(), told.cause), ("2", FailureCause::Marked));
    assert_eq!(store.take_failure().unwrap(), None);
    assert_eq!(store.failed().unwrap().len(), 2, "returned failures are kept");
}

#[test]
fn files_of_a_failed_bundle_stay_if_the_host_keeps_them() {
    let device = Device::with(|options| options.auto_delete_failed = false);
    let store = device.open();
    let bad = device.install(&store, "1");
    store.mark_failed(&bad).unwrap();
    store.clean(&KeepRules::default()).unwrap();
    assert!(store.folder(&bad).join("index.html").exists());

    store.delete(&bad).unwrap();

    assert!(!store.folder(&bad).exists());
    assert_eq!(store.failed().unwrap().len(), 1);
    assert_eq!(store.delete(&bad).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_failed_fallback_leaves_the_built_in_bundle() {
    let device = Device::new();
    let proven = device.prove("1");
    device.open().mark_failed(&proven).unwrap();
    let launch = device.launch();
    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::Current)
    );
}

#[test]
fn a_failed_download_or_check_fails_no_bundle() {
    let device = Device::new();
    let store = device.open();
    let zip = device.beside("broken.zip");
    std::fs::write(&zip, "no archive").unwrap();
    let archive = crate::VerifiedArchive::from_digest(&zip, &Sha256Digest::of(b"no archive"), &Control::new()).unwrap();

    let refused = store.install(&archive, &NewBundle::new("1"), &Control::new());

    assert!(refused.is_err());
    assert_eq!(store.failed().unwrap(), []);
    assert_eq!(device.names("staging").len(), 0);
    device.install(&store, "1");
}

#[test]
fn a_failure_that_could_not_be_written_is_not_found_after_the_bundle_confirmed() {
    let device = Device::new();
    let id = device.install_next("1");
    let store = device.open();
    store.launch(&native());
    device.files.fail(|operation, path| {
        let is_state = operation == faulty::Operation::Write && path.ends_with("state.json.tmp");
        is_state.then_some(std::io::ErrorKind::Other)
    });
    store.mark_failed(&id).unwrap_err();
    device.files.heal();
    store.trial_started(&id).unwrap();
    assert_eq!(store.confirm(&id.clone().into()).unwrap(), Confirmation::Proven);
    drop(store);
    for name in ["state.json", "state.prev.json"] {
        std::fs::write(device.root().join(name), "garbage").unwrap();
    }

    let launch = device.launch();

    assert_eq!((launch.bundle, launch.on_trial), (id.into(), false));
}

/// Makes this many versions fail, the first named 0, with a clock that goes back each time.
fn fail_many(device: &Device, store: &Store, count: usize) {
    for number in 0..count {
        device.set_clock((1_000_000 - number).try_into().unwrap());
        let version = number.to_string();
        let id = BundleId::random().unwrap();
        let record = BundleRecord {
            id: id.clone(),
            digest: Some(Sha256Digest::of(version.as_bytes())),
            version,
            content_digest: None,
            proof: None,
            archive_size: 1,
            unpacked_size: 1,
            files: 1,
            installed_at: Timestamp(0),
            proven_at: None,
            proven_build: None,
            proven_version: None,
            native: NativeRange::default(),
            link: None,
            comment: None,
            sequence: None,
            release: None,
        };
        let added = store.change(|state| {
            state.add(record);
            Ok(())
        });
        added.unwrap();
        store.mark_failed(&id).unwrap();
    }
}

fn failed_versions(store: &Store) -> Vec<String> {
    let failed = store.failed().unwrap();
    failed.into_iter().map(|failed| failed.version).collect()
}

#[test]
fn the_newest_failures_are_kept_whatever_the_clock_says_and_outlast_a_lost_state() {
    let device = Device::new();
    let store = device.open();
    fail_many(&device, &store, MAX_FAILED + 6);

    let newest: Vec<String> = (6..MAX_FAILED + 6).map(|number| number.to_string()).collect();
    assert_eq!(failed_versions(&store), newest);
    assert_eq!(device.names("failed").len(), MAX_FAILED);
    assert!(store.failure_of("5", None).unwrap().is_none());

    drop(store);
    for name in ["state.json", "state.prev.json"] {
        std::fs::write(device.root().join(name), "garbage").unwrap();
    }
    let store = device.open();
    assert_eq!(failed_versions(&store), newest);
    let one_more = device.install(&store, "one more");
    store.mark_failed(&one_more).unwrap();
    assert_eq!(failed_versions(&store)[..MAX_FAILED - 1], newest[1..]);
    assert_eq!(device.names("failed").len(), MAX_FAILED);
}

#[test]
fn a_store_in_which_an_earlier_version_kept_thousands_of_failures_keeps_the_newest_from_the_first_launch_on() {
    const MANY: usize = 3000;
    let device = Device::new();
    let proven = device.prove("1");
    let store = device.open();
    let before = store.storage.load().unwrap();
    let mut state = before.state.clone();
    for number in 0..MANY {
        let failed = FailedBundle {
            id: BundleId::random().unwrap(),
            version: format!("failed {number}"),
            digest: None,
            content_digest: None,
            at: Timestamp(1_000_000),
            native_build: Some("1".to_owned()),
            native_version: None,
            cause: FailureCause::NeverConfirmed,
            order: 0,
        };
        store.storage.mark_failed(&failed).unwrap();
        state.failed.push(failed);
    }
    store.storage.save(&before, &state).unwrap();
    drop(store);

    assert_eq!(device.launch().bundle, proven.into());

    let store = device.open();
    assert_eq!(store.storage.load().unwrap().state.failed.len(), MAX_FAILED);
    assert_eq!(failed_versions(&store).last().unwrap(), &format!("failed {}", MANY - 1));
    assert!(
        device.names("failed").len() >= MANY - MAX_FAILED,
        "a launch does not remove thousands of files"
    );
    store.sweep().unwrap();
    assert_eq!(device.names("failed").len(), MAX_FAILED);
}
