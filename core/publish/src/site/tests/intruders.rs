//! An attacker with write access to the site and without a key: forged files are never signed.

use super::super::{Audience, DeliveredFiles, Delivery, Outcome, SiteNote, SiteStorage, gc, publish_ring};
use super::fixtures::*;
use super::memory::Memory;
use capbundle::ErrorKind;
use capbundle::keys::SigningKey;
use capbundle::progress::Control;
use capbundle::release::{Envelope, Release, ReleaseTarget, SignedRelease, paths};
use capbundle::time::Timestamp;

/// A site with a stable release 1 whose document an attacker replaced: another archive, and these signatures.
fn tampered(signers: &[&SigningKey]) -> Memory {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let evil = bundle("6.6.6");
    let path = paths::release_path(&CHANNEL, 1);
    let mut release = trusted(&site, &CHANNEL, 1);
    release.target = ReleaseTarget::Bundle(evil.identity(None));
    let forged = capbundle::release::sign(&release, signers, &[]).unwrap();
    site.set(&paths::plain_archive_path(&evil.archive.digest), b"evil");
    site.set(&paths::file_list_path(&evil.files_digest), &evil.files);
    site.set(&path, &forged.to_json().unwrap());
    site
}

fn refused(outcome: Outcome, words: &str) {
    let unfinished = outcome.unwrap_err();
    assert_eq!(unfinished.kind(), ErrorKind::NotTrusted, "{unfinished}");
    assert!(unfinished.to_string().contains(words), "{unfinished}");
}

fn releases(site: &Memory) -> usize {
    site.paths().iter().filter(|path| path.starts_with("releases/")).count()
}

#[test]
fn an_untrusted_release_is_not_signed_again() {
    for signers in [[].as_slice(), &[&*OTHER_KEY]] {
        let site = tampered(signers);
        let keys = [&*KEY];
        for ring in [None, Some(RING.as_slice())] {
            let mut signing = signing(&keys);
            signing.ring = ring;
            let soon = publisher(&site).at(Timestamp(NOW + 80 * DAY));
            refused(run(|run| soon.renew(None, &signing, run)), "publish the bundle itself");
            refused(run(|run| soon.rollback(Some(1), &signing, run)), "release 1 of memory");
        }
        assert_eq!(releases(&site), 1);
    }
}

#[test]
fn a_ring_from_the_site_does_not_prove_a_release_that_our_keys_did_not_sign() {
    let site = tampered(&[&OTHER_KEY]);
    // It contains our key, so that our key may sign.
    let forged = ring(1, &[&OTHER_KEY, &KEY], &[], &[&OTHER_KEY]);
    site.set(&paths::ring_path(1), &forged);
    let keys = [&*KEY];
    let refusal = run(|run| publisher(&site).renew(None, &signing(&keys), run));
    refused(refusal, "pass the key ring of the app");
    let mut with_ring = signing(&keys);
    with_ring.ring = Some(&RING);
    refused(run(|run| publisher(&site).renew(None, &with_ring, run)), "signatures");
    assert_eq!(releases(&site), 1);
}

#[test]
fn a_forged_sequence_far_above_the_signed_ones_is_ignored() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    site.set("releases/zz/9007199254740990.json", b"{}");
    site.set("releases/production/9007199254740991.json", b"{}");
    site.set("releases/production/9007199254740992.json", b"{}");
    let channel =
        r#"{"format":1,"app_id":"com.example.app","channel":"production","stable":{"sequence":9007199254740991}}"#;
    site.set("channels/production.json", channel.as_bytes());
    let copy = Memory::copied(&site);
    let done = publish(&copy, "1.1.0", Audience::Stable).unwrap();
    assert_eq!(done.sequences, [2]);
    assert!(
        done.notes.contains(&SiteNote::IgnoredSequences(9_007_199_254_740_991)),
        "{:?}",
        done.notes
    );
    assert_eq!(offered(&copy).stable, Some(2));
}

#[test]
fn sequences_that_devices_may_have_accepted_count() {
    let site = site();
    let far = 1_u64 << 40;
    let old_key = [&*KEY];
    let mut by_old_key = signing(&old_key);
    by_old_key.sequence = Some(far);
    let (first, second) = (bundle("1.0.0"), bundle("1.1.0"));
    run(|run| publisher(&site).publish(&stable(&first, &details("1.0.0")), &by_old_key, run)).unwrap();
    // Damaged, but near the signed ones: devices may have accepted it.
    site.set(&format!("releases/production/{}.json", far + 3), b"damaged");
    let copy = Memory::copied(&site);
    let next = ring(2, &[&OTHER_KEY], &[&KEY], &[&KEY, &OTHER_KEY]);
    run(|run| publish_ring(&copy, &APP, &next, run)).unwrap();
    let keys = [&*OTHER_KEY];
    let done = run(|run| publisher(&copy).publish(&stable(&second, &details("1.1.0")), &signing(&keys), run));
    let done = done.unwrap();
    assert_eq!(done.sequences, [far + 4]);
    assert!(
        done.notes
            .iter()
            .all(|note| !matches!(note, SiteNote::IgnoredSequences(_)))
    );
}

#[test]
fn the_highest_possible_sequence_is_reported() {
    let site = site();
    let keys = [&*KEY];
    let mut last = signing(&keys);
    last.sequence = Some((1 << 53) - 1);
    let bundle = bundle("1.0.0");
    run(|run| publisher(&site).publish(&stable(&bundle, &details("1.0.0")), &last, run)).unwrap();
    let problem = problem(publish(&site, "1.1.0", Audience::Stable));
    assert!(problem.contains("needs another channel"), "{problem}");
}

#[test]
fn a_renewal_adds_the_signature_of_a_new_key() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let both = ring(2, &[&KEY, &OTHER_KEY], &[], &[&KEY]);
    run(|run| publish_ring(&site, &APP, &both, run)).unwrap();
    let keys = [&*KEY, &OTHER_KEY];
    let mut signing_with_both = signing(&keys);
    signing_with_both.ring = Some(&RING);
    let renew =
        |signing: &_| run(|run| publisher(&site).renew(Some(std::time::Duration::from_secs(DAY)), signing, run));
    let done = renew(&signing_with_both).unwrap();
    assert_eq!(done.sequences, [2]);
    assert!(!renew(&signing_with_both).unwrap().changed);
    // Devices accept the offered release even after the old key is retired.
    let without_old = ring(3, &[&OTHER_KEY], &[&KEY], &[&OTHER_KEY]);
    run(|run| publish_ring(&site, &APP, &without_old, run)).unwrap();
    let keys = [&*OTHER_KEY];
    let mut signing_with_new = signing(&keys);
    signing_with_new.ring = Some(&RING);
    assert!(!renew(&signing_with_new).unwrap().changed);
    assert_eq!(trusted(&site, &CHANNEL, 2).version, "1.0.0");
}

#[test]
fn a_release_signed_only_by_a_retired_key_is_reported_and_not_renewed() {
    let site = Memory::copied(&site());
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let next = ring(2, &[&OTHER_KEY], &[&KEY], &[&KEY, &OTHER_KEY]);
    run(|run| publish_ring(&site, &APP, &next, run)).unwrap();
    let keys = [&*OTHER_KEY];
    let mut signing = signing(&keys);
    signing.ring = Some(&RING);
    let renewed = run(|run| publisher(&site).renew(Some(std::time::Duration::from_secs(DAY)), &signing, run));
    refused(renewed, "publish the bundle itself");
}

fn signed_elsewhere(site: &Memory, sequence: u64, signers: &[&SigningKey], comment: &str) -> Outcome {
    let bundle = bundle("1.0.0");
    let target = ReleaseTarget::Bundle(bundle.identity(None));
    let new = Release::new(APP.clone(), CHANNEL.clone(), sequence, target)
        .with_version("1.0.0")
        .with_validity(Timestamp(NOW), Timestamp(NOW + 90 * DAY))
        .with_comment(comment.to_owned());
    let envelope = capbundle::release::sign(&new, signers, &[]).unwrap().to_json().unwrap();
    let file = bundle.outgoing(&Control::new()).unwrap().file;
    let delivery = Delivery {
        envelope: &envelope,
        patches: &[],
        files: Some(DeliveredFiles {
            archive: &file,
            list: &bundle.files,
        }),
    };
    run(|run| publisher(site).publish_signed(&delivery, Audience::Stable, None, run))
}

#[test]
fn an_offered_sequence_identifies_one_release() {
    let site = site();
    signed_elsewhere(&site, 5, &[&KEY], "first").unwrap();
    let again = signed_elsewhere(&site, 5, &[&KEY], "first").unwrap();
    assert!(!again.changed && again.notes.contains(&SiteNote::AlreadyDone));
    let other = signed_elsewhere(&site, 5, &[&KEY], "corrected").unwrap_err();
    assert!(other.to_string().contains("another release 5"), "{other}");
    let comment = trusted(&site, &CHANNEL, 5).comment;
    assert_eq!(comment.as_deref(), Some("first"));
}

#[test]
fn signatures_of_the_same_release_are_added_to_the_existing_ones() {
    let site = site();
    let both = ring(2, &[&KEY, &OTHER_KEY], &[], &[&KEY]);
    run(|run| publish_ring(&site, &APP, &both, run)).unwrap();
    signed_elsewhere(&site, 5, &[&KEY], "").unwrap();
    let done = signed_elsewhere(&site, 5, &[&OTHER_KEY], "").unwrap();
    assert!(done.changed && !done.notes.contains(&SiteNote::AlreadyDone));
    let envelope = site.served(&paths::release_path(&CHANNEL, 5)).unwrap();
    let signed = SignedRelease::parse(&envelope).unwrap();
    let mut ids: Vec<_> = signed.envelope().key_ids().collect();
    let mut expected = [&*KEY, &OTHER_KEY].map(|key| key.verifying_key().id()).to_vec();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert!(!signed_elsewhere(&site, 5, &[&OTHER_KEY], "").unwrap().changed);
    assert!(Envelope::parse(&envelope).is_ok());
}

#[test]
fn dereferenced_files_are_kept_for_devices_that_are_downloading_them() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let late = NOW + 30 * DAY;
    site.set_time(late);
    let next = bundle("1.1.0");
    let keys = [&*KEY];
    let publisher = publisher(&site).at(Timestamp(late));
    run(|run| publisher.publish(&stable(&next, &details("1.1.0")), &signing(&keys), run)).unwrap();
    let collect = |now: u64| {
        let mut options = gc::GcOptions::default();
        (options.keep, options.now) = (0, Timestamp(now));
        run(|run| gc::collect(&site, &APP, &options, run)).unwrap().removed
    };
    assert!(collect(late + 60).is_empty());
    assert_eq!(collect(late + 2 * DAY).len(), 3, "release, file list, archive");
}

#[test]
fn the_newest_release_is_kept_since_it_determines_the_next_sequence() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", candidate(500)).unwrap();
    run(|run| publisher(&site).pause(run)).unwrap();
    let mut options = gc::GcOptions::default();
    (options.keep, options.now) = (0, Timestamp(NOW + 9 * DAY));
    let collected = run(|run| gc::collect(&site, &APP, &options, run)).unwrap();
    assert!(collected.removed.is_empty(), "{:?}", collected.removed);
    assert!(
        site.head("releases/production/2.json", &Control::new())
            .unwrap()
            .is_some()
    );
}
