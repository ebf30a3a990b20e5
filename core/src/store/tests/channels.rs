//! Updates from static channels.

use std::fs;

use super::device::{Device, native};
use super::publisher::{
    ADDRESS, Net, Published, Publisher, app, download_options, first_ring, key, production, ring_of, rotated, source,
};
use super::*;
use crate::progress::Control;
use crate::release::RefusalReason;
use crate::update::channel::bucket;

pub(super) fn demanding() -> Device {
    Device::with(|options| options.required_proof = RequiredProof::Release)
}

pub(super) fn update_as(store: &Store, net: &Net, source: &ChannelSource) -> Result<ChannelUpdate> {
    store.update_from_channel(net, source, &download_options(), &Control::new())
}

pub(super) fn update(store: &Store, net: &Net) -> ChannelUpdate {
    update_as(store, net, &source()).unwrap()
}

pub(super) fn installed(update: &ChannelUpdate) -> &BundleRecord {
    match &update.outcome {
        ChannelOutcome::Installed(record) => record,
        other => panic!("expected a bundle, found {other:?} in {update:?}"),
    }
}

pub(super) fn reasons(update: &ChannelUpdate) -> Vec<(Offer, RefusalReason)> {
    let reason = |passed: &Skipped| match passed.error {
        Error::ReleaseRefused { reason, .. } => (passed.offer, reason),
        _ => panic!("expected a refused release, found {passed:?}"),
    };
    update.passed_over.iter().map(reason).collect()
}

/// All files that a refusal must not change.
pub(super) fn everything(device: &Device) -> (Vec<u8>, Vec<Vec<String>>) {
    let state = fs::read(device.root().join("state.json")).unwrap_or_default();
    let folders = ["bundles", "records", "staging", "failed"];
    (state, folders.map(|folder| device.names(folder)).to_vec())
}

fn downloads(device: &Device) -> usize {
    fs::read_dir(device.root().join("downloads")).map_or(0, Iterator::count)
}

/// A site that offers 1.0 as release 7, and a device that serves it, proven.
pub(super) fn serving(device: &Device) -> (Net, Published) {
    let net = Net::default();
    let published = Publisher::sealed(device).release("1.0", 7);
    net.publish(&published);
    net.offer(Some(7), None);
    update(&device.open(), &net);
    let store = device.open();
    let served = store.launch(&native());
    store.trial_started(served.bundle.bundle().unwrap()).unwrap();
    store.confirm(&served.bundle).unwrap();
    drop(store);
    net.requests();
    (net, published)
}

#[test]
fn an_offered_release_is_installed_and_comes_next_and_is_not_downloaded_twice() {
    let device = demanding();
    let net = Net::default();
    let author = Publisher::sealed(&device);
    let published = author.release("1.0", 7);
    net.publish(&published);
    net.offer(Some(7), None);
    let store = device.open();

    let first = update(&store, &net);

    let record = installed(&first);
    assert_eq!(store.next().unwrap(), Some(record.id.clone().into()));
    let [release, list, archive] = published.paths();
    let all = [
        "channels/production.json".to_owned(),
        "keys/2.json".to_owned(),
        release,
        list,
        archive,
    ];
    assert_eq!(net.requests(), all);
    assert_eq!(downloads(&device), 0);

    let again = update(&store, &net);
    assert_eq!(again.outcome, ChannelOutcome::UpToDate(Box::new(record.clone())));
    assert_eq!(net.requests(), all[..3]);
    drop(store);
    assert_eq!(device.launch().version.as_deref(), Some("1.0"));
    assert!(matches!(
        update(&device.open(), &net).outcome,
        ChannelOutcome::UpToDate(_)
    ));
}

#[test]
fn a_bundle_that_was_set_aside_is_taken_from_a_channel_after_a_day_or_by_a_new_release() {
    for again in ["after a day", "by a new release"] {
        let device = demanding();
        let net = Net::default();
        let author = Publisher::sealed(&device);
        net.publish(&author.release("1.0", 7));
        net.offer(Some(7), None);
        update(&device.open(), &net);
        for starts in [1, 3, 2] {
            for number in 0..starts {
                let store = device.open();
                let served = store.launch(&native()).bundle;
                store.trial_started(served.bundle().unwrap()).unwrap();
                if starts == 1 && number == 0 {
                    store.confirm(&served).unwrap();
                }
            }
        }
        let launch = device.launch();
        assert_eq!(
            (launch.bundle, launch.reason),
            (BundleRef::BuiltIn, LaunchReason::SetAside)
        );
        let store = device.open();

        let looked = update(&store, &net);
        assert_eq!(looked.outcome, ChannelOutcome::Refused, "{again}");
        assert!(looked.passed_over[0].error.to_string().contains("offered again"));
        assert_eq!(store.next().unwrap(), None, "{again}");

        if again == "after a day" {
            device.pass(24 * 60 * 60);
        } else {
            net.publish(&author.release("1.0", 8));
            net.offer(Some(8), None);
        }
        assert_eq!(installed(&update(&store, &net)).version, "1.0", "{again}");
        assert!(store.next().unwrap().is_some(), "{again}");
    }
}

#[test]
fn plain_archives_are_taken_as_well() {
    let device = demanding();
    let net = Net::default();
    net.publish(&Publisher::plain(&device).release("1.0", 7));
    net.offer(Some(7), None);
    assert_eq!(installed(&update(&device.open(), &net)).version, "1.0");
}

#[test]
fn a_channel_that_offers_nothing_says_so() {
    let device = demanding();
    let net = Net::default();
    net.offer(None, None);
    assert_eq!(update(&device.open(), &net).outcome, ChannelOutcome::NothingOffered);
    // The file of another channel, or a missing file, is an error: the offer is unknown.
    net.put("channels/production.json", b"<html>");
    let refused = update_as(&device.open(), &net, &source()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Server, "the page of a captive portal");
    net.remove("channels/production.json");
    let refused = update_as(&device.open(), &net, &source()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Server);
}

#[test]
fn a_growing_rollout_removes_no_device_and_another_bundle_selects_others() {
    let device = demanding();
    let author = Publisher::plain(&device);
    let (stable, candidate) = (author.release("1.0", 7), author.release("1.1", 8));
    let archive = candidate.archive_digest();
    let net = Net::default();
    net.publish(&stable);
    net.publish(&candidate);
    let mut inside_before = Vec::new();
    for share in [0, 500, 5_000, 10_000] {
        net.offer(Some(7), Some((8, share)));
        let mut inside = Vec::new();
        for number in 0..40 {
            let mut source = source();
            source.device_id = Some(format!("device-{number}"));
            let expected = bucket(&app(), &archive, &format!("device-{number}")) < share;
            let fresh = demanding();
            let update = update_as(&fresh.open(), &net, &source).unwrap();
            let version = installed(&update).version.as_str();
            assert_eq!(version, if expected { "1.1" } else { "1.0" });
            assert_eq!(update.rollout.unwrap().is_inside(), expected);
            if expected {
                inside.push(number);
            }
        }
        assert!(inside_before.iter().all(|number| inside.contains(number)));
        inside_before = inside;
    }
    assert_eq!(inside_before.len(), 40);
}

#[test]
fn a_device_outside_the_rollout_waits_if_there_is_no_stable_release() {
    let device = demanding();
    let net = Net::default();
    net.publish(&Publisher::plain(&device).release("1.1", 8));
    for share in [0, 1] {
        net.offer(None, Some((8, share)));
        let update = update(&device.open(), &net);
        assert_eq!(update.outcome, ChannelOutcome::OutsideRollout);
        assert!(!update.rollout.unwrap().is_inside());
    }
    // The device uses its own id if the host provides none.
    let mut nameless = source();
    nameless.device_id = None;
    let first = update_as(&device.open(), &net, &nameless).unwrap().rollout.unwrap();
    let second = update_as(&device.open(), &net, &nameless).unwrap().rollout.unwrap();
    assert_eq!(first, second);
}

#[test]
fn a_paused_rollout_leaves_devices_that_have_the_release_unchanged() {
    let device = demanding();
    let (net, _) = serving(&device);
    let candidate = Publisher::sealed(&device).release("1.1", 8);
    net.publish(&candidate);
    net.offer(Some(7), Some((8, 10_000)));
    update(&device.open(), &net);
    assert_eq!(device.launch().version.as_deref(), Some("1.1"));

    net.offer(Some(7), Some((8, 0)));
    let paused = update(&device.open(), &net);
    assert_eq!(paused.outcome, ChannelOutcome::Older { offered: 7, known: 8 });
    assert_eq!(device.launch().version.as_deref(), Some("1.1"));
}

#[test]
fn a_refused_candidate_is_skipped_for_the_stable_release() {
    let device = demanding();
    let net = Net::default();
    let author = Publisher::sealed(&device);
    let stable = author.release("1.0", 7);
    let candidate = author.release("1.1", 8).but(&[key(3)], |_| {});
    net.publish(&stable);
    net.publish(&candidate);
    net.offer(Some(7), Some((8, 10_000)));

    let update = update(&device.open(), &net);

    assert_eq!(installed(&update).version, "1.0");
    assert_eq!(reasons(&update), [(Offer::Candidate, RefusalReason::Signatures)]);
}

#[test]
fn a_candidate_that_failed_on_this_device_is_skipped() {
    let device = demanding();
    let (net, _) = serving(&device);
    net.publish(&Publisher::sealed(&device).release("1.1", 8));
    net.offer(Some(7), Some((8, 10_000)));
    update(&device.open(), &net);
    for _ in 0..device.options.attempts {
        assert_eq!(device.start_and_crash().version.as_deref(), Some("1.1"));
    }
    assert_eq!(device.launch().version.as_deref(), Some("1.0"));
    net.requests();

    let update = update(&device.open(), &net);

    assert_eq!(update.outcome, ChannelOutcome::Older { offered: 7, known: 8 });
    assert_eq!(update.passed_over.len(), 1);
    assert!(update.passed_over[0].error.to_string().contains("failed"));
    assert_eq!(net.requests().len(), 3, "nothing of it is downloaded");
    assert_eq!(device.launch().version.as_deref(), Some("1.0"));
}

#[test]
fn a_superseded_candidate_is_ignored() {
    let device = demanding();
    let net = Net::default();
    net.publish(&Publisher::plain(&device).release("1.2", 9));
    net.offer(Some(9), Some((8, 10_000)));
    let update = update(&device.open(), &net);
    assert_eq!((installed(&update).version.as_str(), update.rollout), ("1.2", None));
}

#[test]
fn an_old_channel_file_or_release_changes_nothing() {
    let device = demanding();
    let (net, old) = serving(&device);
    let author = Publisher::sealed(&device);
    net.publish(&author.release("1.1", 8));
    net.offer(Some(8), None);
    update(&device.open(), &net);
    let before = everything(&device);

    net.offer(Some(7), None);
    let outcome = update(&device.open(), &net).outcome;
    assert_eq!(outcome, ChannelOutcome::Older { offered: 7, known: 8 });

    // The old release under a new number.
    net.offer(Some(9), None);
    net.put("releases/production/9.json", &old.envelope);
    let replayed = update(&device.open(), &net);
    assert_eq!(replayed.outcome, ChannelOutcome::Refused);
    assert_eq!(reasons(&replayed), [(Offer::Stable, RefusalReason::Replayed)]);
    assert_eq!(everything(&device), before);

    net.publish(&author.release("1.2", 9));
    assert_eq!(installed(&update(&device.open(), &net)).version, "1.2");
}

#[test]
fn a_release_under_the_number_of_another_is_refused() {
    let device = demanding();
    let net = Net::default();
    let published = Publisher::sealed(&device).release("1.0", 9);
    net.publish(&published);
    net.put("releases/production/8.json", &published.envelope);
    net.offer(Some(8), None);
    let update = update(&device.open(), &net);
    assert_eq!(reasons(&update), [(Offer::Stable, RefusalReason::Malformed)]);
}

#[test]
fn bad_files_of_a_release_are_reported_and_removed_and_the_next_attempt_succeeds() {
    let device = demanding();
    let (net, old) = serving(&device);
    let author = Publisher::sealed(&device);
    let good = author.release("1.1", 8);
    let [release, list, archive] = good.paths();
    net.publish(&good);
    net.offer(Some(8), None);
    let before = everything(&device);
    let truncated = &good.archive[..good.archive.len() - 20];
    let mut flipped = good.archive.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (path, bytes) in [
        (&archive, Some(truncated)),
        (&archive, Some(&flipped[..])),
        (&archive, Some(&old.archive[..])),
        (&archive, None),
        (&list, Some(&old.files[..])),
        (&list, None),
        (&release, None),
    ] {
        match bytes {
            Some(bytes) => net.put(path, bytes),
            None => net.remove(path),
        }
        let refused = update(&device.open(), &net);
        assert_eq!(refused.outcome, ChannelOutcome::Refused, "{path}");
        assert_eq!(everything(&device), before, "{path}");
        let kind = refused.passed_over[0].error.kind();
        assert!(
            matches!(
                kind,
                ErrorKind::DigestMismatch | ErrorKind::DecryptionFailed | ErrorKind::Server
            ),
            "{refused:?}"
        );
        assert_eq!(device.launch().version.as_deref(), Some("1.0"));
        net.publish(&good);
    }
    assert_eq!(installed(&update(&device.open(), &net)).version, "1.1");
    assert_eq!(downloads(&device), 0);
}

#[test]
fn an_interrupted_download_is_resumed() {
    let device = demanding();
    let (net, _) = serving(&device);
    let good = Publisher::sealed(&device).release("1.1", 8);
    let [_, list, archive] = good.paths();
    net.publish(&good);
    net.offer(Some(8), None);
    net.cut(&archive, 300);
    let store = device.open();
    let broken = update_as(&store, &net, &source()).unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Network);
    net.requests();

    assert_eq!(installed(&update(&store, &net)).version, "1.1");
    let requests = net.requests();
    assert!(requests.contains(&format!("{archive} bytes=300-")), "{requests:?}");
    assert!(!requests.contains(&list), "the list was there: {requests:?}");
}

#[test]
fn a_device_that_slept_through_three_rotations_still_updates() {
    let device = demanding();
    let (net, _) = serving(&device);
    let second = rotated(&first_ring(), 0, 1);
    let third = rotated(&second, 1, 2);
    let fourth = rotated(&third, 2, 3);
    for (number, ring) in [(2, &second), (3, &third), (4, &fourth)] {
        net.put(&format!("keys/{number}.json"), ring);
    }
    net.publish(&Publisher::sealed(&device).release("1.1", 8).but(&[key(3)], |_| {}));
    net.offer(Some(8), None);

    let first = update(&device.open(), &net);

    assert_eq!((installed(&first).version.as_str(), first.ring), ("1.1", 4));
    net.requests();
    // The next update continues where it was, though the old rings are gone, and is not led back.
    net.remove("keys/2.json");
    net.remove("keys/3.json");
    net.publish(&Publisher::sealed(&device).release("1.2", 9).but(&[key(0)], |_| {}));
    net.offer(Some(9), None);
    let replayed = update(&device.open(), &net);
    assert_eq!(reasons(&replayed), [(Offer::Stable, RefusalReason::Signatures)]);
    assert_eq!(net.requests()[1], "keys/5.json");
    assert_eq!(ring_of(&device.open()).number(), 4);
}

#[test]
fn an_invalid_file_at_the_path_of_the_next_ring_is_reported_and_not_followed() {
    let device = demanding();
    let (net, _) = serving(&device);
    net.publish(&Publisher::sealed(&device).release("1.1", 8));
    net.offer(Some(8), None);
    let forged = rotated(&first_ring(), 0, 1);
    let mut forged = crate::release::Envelope::parse(&forged).unwrap();
    forged.add_signature(key(2)).unwrap();
    let unsigned = String::from_utf8(forged.to_json().unwrap()).unwrap();
    let unsigned = unsigned.replacen("\"sig\":\"", "\"sig\":\"AAAA", 2);
    let endless = vec![b' '; 1 << 20];
    for page in [b"<html>not found</html>".as_slice(), unsigned.as_bytes(), &endless] {
        net.put("keys/2.json", page);
        let update = update(&device.open(), &net);
        assert!(update.ring_problem.is_some(), "{update:?}");
        assert_eq!(update.ring, 1);
    }
    assert_eq!(device.launch().version.as_deref(), Some("1.1"));
}

#[test]
fn another_apps_release_and_another_channels_are_refused() {
    let device = demanding();
    let (net, _) = serving(&device);
    let good = Publisher::sealed(&device).release("1.1", 8);
    net.publish(&good);
    net.offer(Some(8), None);
    let before = everything(&device);
    let other_app = good.but(&[key(0)], |release| {
        release.app_id = "com.example.other".parse().unwrap();
    });
    let other_channel = good.but(&[key(0)], |release| release.channel = "beta".parse().unwrap());
    let expired = good.but(&[key(0)], |release| release.expires_at = Timestamp(1_000_000));
    let native = good.but(&[key(0)], |release| {
        release.native.max = Some(NativeVersion::new("0.9"));
    });
    for (refused, expected) in [
        (other_app, RefusalReason::WrongApp),
        (other_channel, RefusalReason::WrongChannel),
        (expired, RefusalReason::Expired),
        (native, RefusalReason::NativeOutOfRange),
    ] {
        net.put("releases/production/8.json", &refused.envelope);
        let update = update(&device.open(), &net);
        assert_eq!(update.outcome, ChannelOutcome::Refused);
        assert_eq!(reasons(&update), [(Offer::Stable, expected)]);
        assert_eq!(everything(&device), before);
    }
    net.publish(&good);
    assert_eq!(installed(&update(&device.open(), &net)).version, "1.1");
}

#[test]
fn a_release_as_old_as_the_built_in_one_is_older_without_being_downloaded() {
    let mut device = demanding();
    device.options.built_in_sequence = Some(8);
    let net = Net::default();
    net.offer(Some(8), None);
    let outcome = update(&device.open(), &net).outcome;
    assert_eq!(outcome, ChannelOutcome::Older { offered: 8, known: 8 });
    assert_eq!(net.requests().len(), 2);
}

#[test]
fn a_purged_bundle_is_installed_again_from_its_accepted_release() {
    let device = demanding();
    let (net, _) = serving(&device);
    let store = device.open();
    let id = store.list().unwrap()[0].0.id.clone();
    fs::remove_dir_all(store.folder(&id)).unwrap();
    let update = update(&store, &net);
    assert_ne!(installed(&update).id, id);
}

#[test]
fn a_bundle_that_was_reset_comes_next_again_without_being_downloaded() {
    let device = demanding();
    let (net, _) = serving(&device);
    let store = device.open();
    store.launch(&native());
    store.reset(false).unwrap();
    assert_eq!(installed(&update(&store, &net)).version, "1.0");
    assert_eq!(net.requests().len(), 3);
    assert!(store.next().unwrap().is_some());
}

#[test]
fn the_url_of_a_channel_is_below_that_of_its_site() {
    let url = source().site.channel_url(&production()).unwrap();
    assert_eq!(url.as_str(), format!("{ADDRESS}/channels/production.json"));
}
