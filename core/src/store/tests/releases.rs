//! Signed releases from files: accepted and installed in one step, or refused without a change.

use std::fs;

use super::device::{Device, native};
use super::publisher::{Published, Publisher, app, first_ring, key, options, production, ring_of, rotated};
use super::*;
use crate::progress::Control;
use crate::release::RefusalReason;
use crate::verified::VerifiedArchive;

fn demanding() -> Device {
    Device::with(|options| options.required_proof = RequiredProof::Release)
}

fn try_install(device: &Device, store: &Store, published: &Published) -> Result<BundleRecord> {
    let file = device.beside("handed-over");
    fs::write(&file, &published.archive).unwrap();
    let files = ReleaseFiles {
        envelope: &published.envelope,
        archive: &file,
        file_list: &published.files,
    };
    store.install_release(&files, &options(), &Control::new())
}

fn install(device: &Device, store: &Store, published: &Published) -> BundleRecord {
    try_install(device, store, published).unwrap()
}

fn reason(error: &Error) -> RefusalReason {
    match error {
        Error::ReleaseRefused { reason, .. } => *reason,
        other => panic!("expected a refused release, found {other:?}"),
    }
}

fn last_accepted(store: &Store) -> Option<u64> {
    let trust = store.state().unwrap().trust;
    trust.last_accepted(&app(), &production()).map(|last| last.sequence)
}

/// All files that a refusal must not change: the bytes of the state, the names of bundles, records and staged folders.
fn everything(device: &Device) -> (Vec<u8>, Vec<Vec<String>>) {
    let state = fs::read(device.root().join("state.json")).unwrap_or_default();
    let folders = ["bundles", "records", "staging", "failed"];
    (state, folders.map(|folder| device.names(folder)).to_vec())
}

#[test]
fn a_release_is_installed_recorded_and_served() {
    for sealed in [false, true] {
        let device = demanding();
        let author = if sealed {
            Publisher::sealed(&device)
        } else {
            Publisher::plain(&device)
        };
        let published = author.release("1.0", 7);
        let store = device.open();

        let record = install(&device, &store, &published);

        assert_eq!((record.version.as_str(), record.sequence), ("1.0", Some(7)));
        assert_eq!(record.link.as_deref(), Some("https://example.com/1.0"));
        assert_eq!(record.digest, Some(published.archive_digest()));
        assert_eq!(record.release.as_ref().unwrap().sequence, 7);
        assert_eq!(last_accepted(&store), Some(7));
        assert_eq!(device.names("staging"), [""; 0]);
        store.set_next(&record.id.clone().into()).unwrap();
        drop(store);
        assert_eq!(device.launch().bundle, record.id.into());
    }
}

#[test]
fn a_release_older_than_the_accepted_one_is_refused_and_changes_nothing() {
    let device = demanding();
    let author = Publisher::sealed(&device);
    let (old, new) = (author.release("1.0", 7), author.release("1.1", 8));
    let store = device.open();
    install(&device, &store, &old);
    install(&device, &store, &new);
    let before = everything(&device);

    for replayed in [
        old.clone(),
        new.but(&[key(0)], |release| release.version = "1.2".to_owned()),
    ] {
        let error = try_install(&device, &store, &replayed).unwrap_err();
        assert_eq!(reason(&error), RefusalReason::Replayed);
        assert_eq!(everything(&device), before);
    }
    drop(store);
    // Also not after the next start, nor after the newer bundle has failed and is gone.
    let store = device.open();
    let id = store
        .list()
        .unwrap()
        .into_iter()
        .find(|(record, _)| record.version == "1.1")
        .unwrap()
        .0
        .id;
    store.mark_failed(&id).unwrap();
    assert_eq!(
        reason(&try_install(&device, &store, &old).unwrap_err()),
        RefusalReason::Replayed
    );
}

#[test]
fn every_refusal_names_its_check_and_changes_nothing() {
    let device = demanding();
    let author = Publisher::sealed(&device);
    let store = device.open();
    install(&device, &store, &author.release("1.0", 7));
    let before = everything(&device);
    let good = author.release("1.1", 8);
    let mut flipped = good.clone();
    let place = flipped.envelope.len() / 3;
    flipped.envelope[place] ^= 1;
    for (refused, expected) in [
        (good.but(&[key(1)], |_| {}), RefusalReason::Signatures),
        (
            good.but(&[key(0)], |release| {
                release.app_id = "com.example.other".parse().unwrap();
            }),
            RefusalReason::WrongApp,
        ),
        (
            good.but(&[key(0)], |release| release.channel = "beta".parse().unwrap()),
            RefusalReason::WrongChannel,
        ),
        (
            good.but(&[key(0)], |release| release.expires_at = Timestamp(999_999)),
            RefusalReason::Expired,
        ),
        (
            good.but(&[key(0)], |release| release.native.min = Some(NativeVersion::new("2"))),
            RefusalReason::NativeOutOfRange,
        ),
    ] {
        let error = try_install(&device, &store, &refused).unwrap_err();
        assert_eq!(reason(&error), expected);
        assert_eq!(everything(&device), before, "{error}");
    }
    try_install(&device, &store, &flipped).unwrap_err();
    assert_eq!(everything(&device), before);
    assert_eq!(install(&device, &store, &good).sequence, Some(8));
}

#[test]
fn files_of_another_release_are_refused_and_change_nothing() {
    let device = demanding();
    for author in [Publisher::plain(&device), Publisher::sealed(&device)] {
        let (one, other) = (author.release("1.0", 7), author.release("1.1", 8));
        let store = device.open();
        let before = everything(&device);
        let archive = Published {
            archive: other.archive.clone(),
            ..one.clone()
        };
        let mut cut = one.clone();
        cut.archive.truncate(cut.archive.len() - 1);
        let list = Published {
            files: other.files.clone(),
            ..one.clone()
        };
        // Signed, but wrong: the list is that of another archive.
        let mixed = Published {
            files: other.files.clone(),
            ..one.but(&[key(0)], |release| {
                release.target = one.naming_files(other.bundle().files_digest);
            })
        };
        for refused in [archive, cut, list, mixed] {
            let error = try_install(&device, &store, &refused).unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::DigestMismatch | ErrorKind::DecryptionFailed),
                "{error}"
            );
            assert_eq!(everything(&device), before, "{error}");
        }
        assert_eq!(last_accepted(&store), None);
    }
}

#[test]
fn a_later_release_of_an_old_bundle_does_not_unpack_it_again() {
    let device = demanding();
    let author = Publisher::sealed(&device);
    let store = device.open();
    let old = author.release("1.0", 7);
    let first = install(&device, &store, &old);
    install(&device, &store, &author.release("1.1", 8));
    let back = old.but(&[key(0)], |release| {
        release.sequence = 9;
        release.comment = Some("back".to_owned());
    });
    // The archive is not even opened.
    let files = ReleaseFiles {
        envelope: &back.envelope,
        archive: Path::new("/nowhere"),
        file_list: &back.files,
    };
    let again = store.install_release(&files, &options(), &Control::new()).unwrap();

    assert_eq!(again.id, first.id);
    assert_eq!((again.sequence, again.comment.as_deref()), (Some(9), Some("back")));
    assert_eq!(store.get(&first.id).unwrap(), again);
    assert_eq!(last_accepted(&store), Some(9));
}

#[test]
fn a_bundle_with_an_unverified_digest_is_installed_again() {
    let device = Device::new();
    let published = Publisher::plain(&device).release("1.0", 7);
    let store = device.open();
    // Migrated from Capgo's plugin, which kept a digest and verified nothing.
    let folder = device.beside("versions");
    super::device::write_bundle(&folder.join("Adopted001"), "something else");
    let info = format!(
        r#"{{"id":"Adopted001","version":"0.9","checksum":"{}","status":"success"}}"#,
        published.archive_digest()
    );
    let capgo = CapgoBundles {
        folder,
        infos: vec![info],
        current: Some("Adopted001".to_owned()),
        ..CapgoBundles::default()
    };
    assert_eq!(store.migrate_capgo(&capgo).unwrap().bundles.len(), 1);

    let record = install(&device, &store, &published);

    assert_ne!(record.id.as_str(), "Adopted001");
    assert_eq!(super::device::version_in(&store.folder(&record.id)), "1.0");
}

#[test]
fn a_bundle_that_failed_is_refused_whatever_release_it_comes_with() {
    let device = demanding();
    let published = Publisher::sealed(&device).release("1.0", 7);
    let store = device.open();
    let record = install(&device, &store, &published);
    store.mark_failed(&record.id).unwrap();
    let renewed = published.but(&[key(0)], |release| release.sequence = 8);
    for refused in [published, renewed] {
        let error = try_install(&device, &store, &refused).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotTrusted);
        assert!(error.to_string().contains("failed"), "{error}");
    }
    assert_eq!(last_accepted(&store), Some(7));
}

#[test]
fn a_clock_that_is_set_back_does_not_revive_an_expired_release() {
    let device = demanding();
    let author = Publisher::sealed(&device);
    let store = device.open();
    let newest = author.release("1.1", 8);
    let newest = newest.but(&[key(0)], |release| release.created_at = Timestamp(1_500_000));
    install(&device, &store, &newest);
    device.set_clock(10);

    let expired = author.release("1.2", 9);
    let expired = expired.but(&[key(0)], |release| release.expires_at = Timestamp(1_500_000));
    assert_eq!(
        reason(&try_install(&device, &store, &expired).unwrap_err()),
        RefusalReason::Expired
    );
    // An installed bundle is launched even after its release expired.
    store.set_next(&store.list().unwrap()[0].0.id.clone().into()).unwrap();
    drop(store);
    device.set_clock(9_000_000);
    assert_eq!(device.launch().version.as_deref(), Some("1.1"));
}

#[test]
fn a_release_that_is_built_in_is_not_installed() {
    let mut device = demanding();
    device.options.built_in_sequence = Some(8);
    let author = Publisher::plain(&device);
    let store = device.open();
    for sequence in [7, 8] {
        let error = try_install(&device, &store, &author.release("1.0", sequence)).unwrap_err();
        assert_eq!(reason(&error), RefusalReason::BuiltInIsNewer);
    }
    install(&device, &store, &author.release("1.0", 9));
}

#[test]
fn a_store_that_requires_releases_accepts_nothing_else() {
    let device = demanding();
    let store = device.open();
    let archive = device.archive("1");
    let refused = store.install(&archive, &NewBundle::new("1"), &Control::new());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotTrusted);
    let proof = ExpectedProof::Digest(archive.digest());
    let refused = store.install_file(archive.path(), &proof, &NewBundle::new("1"), &Control::new());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotTrusted);
    assert_eq!(device.names("bundles"), [""; 0]);
}

#[test]
fn a_store_that_requires_a_capgo_signature_accepts_no_release() {
    let device = Device::with(|options| {
        options.required_proof = RequiredProof::capgo_signed(&key(0).verifying_key());
    });
    let published = Publisher::plain(&device).release("1.0", 7);
    let refused = try_install(&device, &device.open(), &published);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotTrusted);
}

#[test]
fn the_archive_of_a_release_is_not_installed_without_recording_the_release() {
    let device = Device::new();
    let published = Publisher::plain(&device).release("1.0", 7);
    let store = device.open();
    let trusted = store.check_release(&published.envelope, &options()).unwrap();
    let file = device.beside("1.0.zip");
    let archive: VerifiedArchive = trusted.open(&file, &device.beside(""), &[], &Control::new()).unwrap();
    let refused = store.install(&archive, &NewBundle::new("1.0"), &Control::new());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn rings_are_followed_and_never_rolled_back() {
    let device = demanding();
    let author = Publisher::plain(&device);
    let second = rotated(&first_ring(), 0, 1);
    let third = rotated(&second, 1, 2);
    let store = device.open();
    // No ring may be skipped.
    assert!(store.follow_ring(&third, &options()).is_err());
    assert_eq!(ring_of(&store).number(), 1);
    store.follow_ring(&second, &options()).unwrap();
    store.follow_ring(&third, &options()).unwrap();
    assert!(store.follow_ring(&second, &options()).is_err());
    drop(store);

    let store = device.open();
    assert_eq!(ring_of(&store).number(), 3);
    let published = author.release("1.0", 7);
    for retired in [0, 1] {
        let error = try_install(&device, &store, &published.but(&[key(retired)], |_| {})).unwrap_err();
        assert_eq!(reason(&error), RefusalReason::Signatures);
    }
    install(&device, &store, &published.but(&[key(2)], |_| {}));
}

#[test]
fn a_later_app_with_a_ring_of_the_chain_keeps_the_followed_ring_and_another_one_resets_it() {
    let device = demanding();
    let second = rotated(&first_ring(), 0, 1);
    let third = rotated(&second, 1, 2);
    let store = device.open();
    store.follow_ring(&second, &options()).unwrap();
    store.follow_ring(&third, &options()).unwrap();

    let mut later = options();
    later.first_ring = second;
    assert_eq!(store.key_ring(&later).unwrap().number(), 3);

    // An app whose keys were all replaced trusts only its own ring.
    let mut replaced = options();
    replaced.first_ring = rotated(&first_ring(), 0, 3);
    assert_eq!(store.key_ring(&replaced).unwrap().number(), 2);
    assert_eq!(store.key_ring(&replaced).unwrap().keys(), [key(3).verifying_key()]);
}

#[test]
fn a_lost_state_recovers_accepted_releases_from_records_and_the_ring_from_its_file() {
    let device = demanding();
    let author = Publisher::sealed(&device);
    let second = rotated(&first_ring(), 0, 1);
    let store = device.open();
    let old = author.release("1.0", 7);
    install(&device, &store, &old);
    store.follow_ring(&second, &options()).unwrap();
    install(&device, &store, &author.release("1.1", 8).but(&[key(1)], |_| {}));
    drop(store);
    for name in ["state.json", "state.prev.json"] {
        fs::remove_file(device.root().join(name)).unwrap();
    }

    let store = device.open();

    assert_eq!(last_accepted(&store), Some(8));
    assert_eq!(store.state().unwrap().trust.latest_time(), Timestamp(900_008));
    assert_eq!(ring_of(&store).number(), 2);
    let replayed = old.but(&[key(1)], |_| {});
    assert_eq!(
        reason(&try_install(&device, &store, &replayed).unwrap_err()),
        RefusalReason::Replayed
    );
}

#[test]
fn accepted_releases_survive_a_native_update_that_resets() {
    let device = demanding();
    let author = Publisher::plain(&device);
    let store = device.open();
    let old = author.release("1.0", 7);
    install(&device, &store, &old);
    install(&device, &store, &author.release("1.1", 8));
    store.launch(&native());
    drop(store);
    let store = device.open();
    store.launch(&NativeApp::new("1.1", "2"));
    assert_eq!(store.list().unwrap(), []);
    assert_eq!(
        reason(&try_install(&device, &store, &old).unwrap_err()),
        RefusalReason::Replayed
    );
}

#[test]
fn of_two_concurrent_installations_the_older_is_not_accepted_last() {
    let device = demanding();
    let author = Publisher::plain(&device);
    let (old, new) = (author.release("1.0", 7), author.release("1.1", 8));
    let (store, other) = (device.open(), device.open());
    let trusted = store.check_release(&old.envelope, &options()).unwrap();
    // Another process installs the newer one first.
    install(&device, &other, &new);
    let before = everything(&device);

    let files = trusted.verify_files(&old.files).unwrap();
    let (bundle, acceptance) = crate::store::install::acceptance_of(&trusted, &files);
    let file = device.beside("1.0.zip");
    let opened = store.install_trusted(
        &trusted,
        crate::store::install::ArchiveSource::File(&file),
        &bundle,
        &acceptance,
        &options(),
        &Control::new(),
    );

    assert_eq!(reason(&opened.unwrap().unwrap_err()), RefusalReason::Replayed);
    assert_eq!(everything(&device), before);
}
