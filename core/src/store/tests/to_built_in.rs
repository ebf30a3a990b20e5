//! Releases that select the built-in bundle: the way out of a bad first release.

use std::fs;

use super::channels::{demanding, everything, installed, reasons, serving, update, update_as};
use super::device::{Device, native};
use super::publisher::{Net, Published, Publisher, app, built_in, built_in_but, key, options, production, source};
use super::*;
use crate::digest::Sha256Digest;
use crate::release::{RefusalReason, SignedRelease};
use crate::update::channel::bucket;

fn offer(net: &Net, sequence: u64, envelope: &[u8]) {
    net.put(&format!("releases/production/{sequence}.json"), envelope);
    net.offer(Some(sequence), None);
}

fn next(sequence: u64) -> ChannelOutcome {
    let version = "builtin".to_owned();
    ChannelOutcome::BuiltInNext { version, sequence }
}

fn up_to_date(sequence: u64) -> ChannelOutcome {
    let version = "builtin".to_owned();
    ChannelOutcome::BuiltInUpToDate { version, sequence }
}

fn last_accepted(store: &Store) -> Option<u64> {
    let last = store.state().unwrap().trust.last_accepted(&app(), &production());
    last.map(|last| last.sequence)
}

/// A device that serves release 7, and a site that withdraws it with release 8.
fn withdrawn() -> (Device, Net, Published) {
    let device = demanding();
    let (net, first) = serving(&device);
    offer(&net, 8, &built_in(8));
    net.requests();
    (device, net, first)
}

#[test]
fn a_folder_at_the_path_of_its_file_does_not_block_the_return_to_built_in() {
    let (device, net, _) = withdrawn();
    fs::create_dir(device.root().join("built_in.json")).unwrap();

    assert_eq!(update(&device.open(), &net).outcome, next(8));
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
}

#[test]
fn a_bad_first_release_is_withdrawn_without_a_download() {
    let (device, net, _) = withdrawn();
    let store = device.open();

    assert_eq!(update(&store, &net).outcome, next(8));

    let requests = ["channels/production.json", "keys/2.json", "releases/production/8.json"];
    assert_eq!(net.requests(), requests);
    assert_eq!(
        (store.next().unwrap(), last_accepted(&store)),
        (Some(BundleRef::BuiltIn), Some(8))
    );
    assert_eq!(update(&store, &net).outcome, up_to_date(8), "it comes next already");
    drop(store);
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
    let store = device.open();
    assert_eq!(update(&store, &net).outcome, up_to_date(8));
    assert_eq!(store.next().unwrap(), None);
}

#[test]
fn the_built_in_bundle_is_applied_within_a_session_by_apply_next() {
    let (device, net, _) = withdrawn();
    let store = device.open();
    assert_eq!(store.launch(&native()).version.as_deref(), Some("1.0"));
    update(&store, &net);
    let applied = store.apply_next(&native()).unwrap().unwrap();
    assert_eq!((applied.bundle, applied.on_trial), (BundleRef::BuiltIn, false));
}

#[test]
fn a_device_on_the_built_in_bundle_records_the_release_and_stays() {
    let device = demanding();
    let net = Net::default();
    offer(&net, 8, &built_in(8));
    let store = device.open();

    assert_eq!(update(&store, &net).outcome, up_to_date(8));

    assert_eq!((store.next().unwrap(), last_accepted(&store)), (None, Some(8)));
    drop(store);
    let before = everything(&device);
    assert_eq!(update(&device.open(), &net).outcome, up_to_date(8));
    assert_eq!(everything(&device), before, "looking again writes nothing");
    net.publish(&Publisher::plain(&device).release("1.0", 7));
    net.offer(Some(7), None);
    let outcome = update(&device.open(), &net).outcome;
    assert_eq!(outcome, ChannelOutcome::Older { offered: 7, known: 8 });
}

#[test]
fn the_next_bundle_is_withdrawn_with_its_conditions() {
    let (device, net, _) = withdrawn();
    let author = Publisher::plain(&device);
    // Release 8 waits for a native version when release 9 withdraws it.
    net.publish(&author.release("1.1", 8));
    let store = device.open();
    let id = installed(&update(&store, &net)).id.clone();
    let delays = vec![ApplyCondition::NativeVersion(NativeVersion::new("9.0"))];
    store.set_next_when(&id.into(), delays).unwrap();
    offer(&net, 9, &built_in(9));

    assert_eq!(update(&store, &net).outcome, next(9));

    assert_eq!(store.delays().unwrap(), []);
    drop(store);
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
}

#[test]
fn the_next_bundle_is_withdrawn_while_the_built_in_one_is_current() {
    let device = demanding();
    let net = Net::default();
    net.publish(&Publisher::plain(&device).release("1.0", 7));
    net.offer(Some(7), None);
    installed(&update(&device.open(), &net));
    offer(&net, 8, &built_in(8));
    assert_eq!(update(&device.open(), &net).outcome, up_to_date(8));
    assert_eq!(device.open().next().unwrap(), None);
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
}

#[test]
fn conditions_set_without_a_next_bundle_apply_to_the_built_in_one_as_well() {
    let (device, net, _) = withdrawn();
    let store = device.open();
    store.launch(&native());
    store.set_delays(vec![ApplyCondition::Kill]).unwrap();
    update(&store, &net);
    assert_eq!(store.apply_next(&native()).unwrap(), None);
    drop(store);
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
}

#[test]
fn a_running_trial_ends_normally_before_the_built_in_bundle_is_applied() {
    let (device, net, _) = withdrawn();
    net.publish(&Publisher::plain(&device).release("1.1", 8));
    update(&device.open(), &net);
    offer(&net, 9, &built_in(9));
    let store = device.open();
    let launch = store.launch(&native());
    assert!(launch.on_trial);
    let trial = launch.bundle.bundle().unwrap().clone();
    store.trial_started(&trial).unwrap();

    update(&store, &net);

    assert_eq!(store.current().unwrap(), launch.bundle);
    assert_eq!(store.confirm(&launch.bundle).unwrap(), Confirmation::Proven);
    drop(store);
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
}

#[test]
fn no_older_release_undoes_it_and_a_later_one_is_accepted_without_a_download() {
    let (device, net, first) = withdrawn();
    update(&device.open(), &net);
    device.launch();
    net.offer(Some(7), None);
    let outcome = update(&device.open(), &net).outcome;
    assert_eq!(outcome, ChannelOutcome::Older { offered: 7, known: 8 });
    let store = device.open();
    let replayed = store.check_release(&first.envelope, &options()).unwrap_err();
    assert!(replayed.to_string().contains("replayed"), "{replayed}");
    drop(store);

    let again = first.but(&[key(0)], |release| release.sequence = 9);
    net.put("releases/production/9.json", &again.envelope);
    net.offer(Some(9), None);
    net.requests();
    assert_eq!(installed(&update(&device.open(), &net)).version, "1.0");
    let [_, list, archive] = first.paths();
    let requests = net.requests();
    assert!(requests.contains(&list) && !requests.contains(&archive), "{requests:?}");
    assert_eq!(device.launch().version.as_deref(), Some("1.0"));
    // The return that was accepted before is old now.
    offer(&net, 8, &built_in(8));
    let outcome = update(&device.open(), &net).outcome;
    assert_eq!(outcome, ChannelOutcome::Older { offered: 8, known: 9 });
}

#[test]
fn a_release_that_fails_a_check_changes_nothing() {
    let (device, net, _) = withdrawn();
    let before = everything(&device);
    let forged = |envelope: &[u8]| {
        let signed = SignedRelease::parse(envelope).unwrap();
        let release = signed.release().clone();
        crate::release::sign(&release, &[key(3)], &[])
            .unwrap()
            .to_json()
            .unwrap()
    };
    let other_app = built_in_but(8, |release| release.app_id = "com.example.other".parse().unwrap());
    let expired = built_in_but(8, |release| release.expires_at = Timestamp(1_000_000));
    let native = built_in_but(8, |release| release.native.min = Some(NativeVersion::new("1.1")));
    let cases = [
        (forged(&built_in(8)), RefusalReason::Signatures),
        (other_app, RefusalReason::WrongApp),
        (expired, RefusalReason::Expired),
        (native, RefusalReason::NativeOutOfRange),
    ];
    for (envelope, expected) in cases {
        offer(&net, 8, &envelope);
        let update = update(&device.open(), &net);
        assert_eq!(update.outcome, ChannelOutcome::Refused);
        assert_eq!(reasons(&update), [(Offer::Stable, expected)]);
        assert_eq!(everything(&device), before);
    }
    assert_eq!(device.launch().version.as_deref(), Some("1.0"));
}

#[test]
fn an_app_with_a_later_built_in_bundle_accepts_no_older_return() {
    let (mut device, net, _) = withdrawn();
    device.options.built_in_sequence = Some(8);
    let outcome = update(&device.open(), &net).outcome;
    assert_eq!(outcome, ChannelOutcome::Older { offered: 8, known: 8 });
}

#[test]
fn a_candidate_selects_built_in_on_the_devices_of_its_rollout_decided_by_its_payload() {
    let (device, net, _) = withdrawn();
    let payload = SignedRelease::parse(&built_in(8)).unwrap().payload_digest();
    let share = bucket(&app(), &payload, "device-1");
    net.offer(Some(7), Some((8, share)));
    let outside = update(&device.open(), &net);
    assert!(matches!(outside.outcome, ChannelOutcome::UpToDate(_)), "{outside:?}");
    assert_eq!(outside.rollout.unwrap().bucket, Some(share));
    net.offer(Some(7), Some((8, share + 1)));
    let inside = update_as(&device.open(), &net, &source()).unwrap();
    assert_eq!((inside.outcome, inside.rollout.unwrap().is_inside()), (next(8), true));
    assert_ne!(payload, Sha256Digest::of(b""));
}

#[test]
fn each_kind_of_release_is_refused_by_the_method_for_the_other() {
    let (device, net, first) = withdrawn();
    drop(net);
    let store = device.open();
    let before = everything(&device);
    let refused = store.accept_built_in(&first.envelope, &options()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    let archive = device.beside("1.0.zip");
    let control = crate::progress::Control::new();
    let files = ReleaseFiles {
        envelope: &built_in(8),
        archive: &archive,
        file_list: &first.files,
    };
    let refused = store.install_release(&files, &options(), &control);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(everything(&device), before);
    assert!(store.accept_built_in(&built_in(8), &options()).unwrap());
    assert!(!store.accept_built_in(&built_in(8), &options()).unwrap());
}

#[test]
fn a_store_that_lost_its_state_still_returns_to_built_in() {
    for lost in [&["state.json"][..], &["state.json", "state.prev.json"]] {
        for remove in [true, false] {
            let (device, net, first) = withdrawn();
            update(&device.open(), &net);
            for name in lost {
                let path = device.root().join(name);
                if remove && lost.len() == 2 {
                    fs::remove_file(path).unwrap();
                } else {
                    fs::write(path, b"garbage").unwrap();
                }
            }

            let store = device.open();

            assert_eq!(last_accepted(&store), Some(8), "{lost:?}");
            assert_eq!(store.state().unwrap().trust.latest_time(), Timestamp(900_008));
            let replayed = store.check_release(&first.envelope, &options()).unwrap_err();
            assert!(replayed.to_string().contains("replayed"), "{replayed}");
            drop(store);
            assert_eq!(device.launch().bundle, BundleRef::BuiltIn, "{lost:?}");
        }
    }
}

#[test]
fn a_store_that_lost_its_state_keeps_the_bundle_of_a_later_release() {
    let (device, net, _) = withdrawn();
    update(&device.open(), &net);
    device.launch();
    net.publish(&Publisher::plain(&device).release("1.1", 9));
    net.offer(Some(9), None);
    update(&device.open(), &net);
    let store = device.open();
    let served = store.launch(&native()).bundle;
    store.trial_started(served.bundle().unwrap()).unwrap();
    assert_eq!(store.confirm(&served).unwrap(), Confirmation::Proven);
    drop(store);
    for name in ["state.json", "state.prev.json"] {
        fs::remove_file(device.root().join(name)).unwrap();
    }
    let store = device.open();
    assert_eq!((last_accepted(&store), store.next().unwrap()), (Some(9), None));
    assert_eq!(store.launch(&native()).version.as_deref(), Some("1.1"));
}

#[test]
fn another_process_that_installed_an_older_release_does_not_make_that_next_afterwards() {
    let (device, net, first) = withdrawn();
    let (one, other) = (device.open(), device.open());
    net.offer(Some(7), None);
    let record = one.list().unwrap()[0].0.clone();
    assert_eq!(record.digest, Some(first.archive_digest()));
    one.reset(false).unwrap();
    net.offer(Some(8), None);
    update(&other, &net);
    let refused = one.make_next_if_new(&record).unwrap_err();
    assert!(refused.to_string().contains("replayed"), "{refused}");
    assert_eq!(one.next().unwrap(), None);
}

#[test]
fn older_versions_find_no_unknown_member_in_the_state() {
    let (device, net, _) = withdrawn();
    update(&device.open(), &net);
    let file = fs::read_to_string(device.root().join("state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(file.lines().nth(1).unwrap()).unwrap();
    assert_eq!(state["next"], "builtin");
    let known = [
        "bundles",
        "current",
        "delays",
        "failed",
        "fallback",
        "native_build",
        // Older versions ignore it.
        "native_version",
        "next",
        "trust",
    ];
    let mut found: Vec<&String> = state.as_object().unwrap().keys().collect();
    found.sort();
    assert_eq!(found, known);
    let accepted = &state["trust"]["accepted"];
    assert_eq!(accepted.as_array().unwrap().len(), 1);
    let mut members: Vec<&String> = accepted[0].as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(
        members,
        ["app_id", "channel", "created_at", "payload_sha256", "sequence"]
    );
}
