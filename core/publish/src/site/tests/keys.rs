//! Keys are checked before anything is signed.

use super::super::{SiteStorage, publish_ring};
use super::fixtures::*;
use super::memory::Memory;
use capbundle::ErrorKind;
use capbundle::keys::{PublicContentKey, SigningKey};

fn publish_with(site: &Memory, keys: &[&SigningKey]) -> super::super::Outcome {
    let (bundle, details) = (bundle("1.0.0"), details("1.0.0"));
    run(|run| publisher(site).publish(&stable(&bundle, &details), &signing(keys), run))
}

/// A site with a second ring, which adds the other key or retires the first one.
fn with_second_ring(keys: &[&SigningKey], retired: &[&SigningKey]) -> Memory {
    let site = site();
    let next = ring(2, keys, retired, &[&KEY, &OTHER_KEY]);
    run(|run| publish_ring(&site, &APP, &next, run)).unwrap();
    site
}

fn refused(outcome: super::super::Outcome, kind: ErrorKind, words: &str) {
    let unfinished = outcome.unwrap_err();
    assert_eq!(unfinished.kind(), kind, "{unfinished}");
    assert!(unfinished.to_string().contains(words), "{unfinished}");
    assert!(unfinished.left.is_empty());
}

#[test]
fn a_key_that_devices_do_not_know_signs_nothing() {
    refused(
        publish_with(&site(), &[&OTHER_KEY]),
        ErrorKind::KeyInvalid,
        "not in ring 1",
    );
    refused(
        publish_with(&site(), &[]),
        ErrorKind::InvalidInput,
        "requires signatures of 1 keys",
    );
}

#[test]
fn after_a_rotation_the_new_key_signs_and_the_retired_one_does_not() {
    let site = with_second_ring(&[&OTHER_KEY], &[&KEY]);
    refused(publish_with(&site, &[&KEY]), ErrorKind::KeyInvalid, "retired by ring 2");
    publish_with(&site, &[&OTHER_KEY]).unwrap();
}

#[test]
fn while_both_keys_are_in_the_ring_either_may_sign() {
    let site = with_second_ring(&[&KEY, &OTHER_KEY], &[]);
    publish_with(&site, &[&KEY]).unwrap();
}

#[test]
fn a_signing_key_must_not_open_archives() {
    let site = site();
    let recipient = PublicContentKey::from_pem(&KEY.verifying_key().to_pem()).unwrap();
    let staging = tempfile::tempdir().unwrap();
    let bundle = bundle("1.0.0").sealed_for(vec![recipient], staging.path());
    let details = details("1.0.0");
    let outcome = run(|run| publisher(&site).publish(&stable(&bundle, &details), &signing(&[&KEY]), run));
    refused(outcome, ErrorKind::KeyInvalid, "signing key of ring 1");
}

#[test]
fn a_site_without_a_ring_requires_one_from_the_caller() {
    let site = Memory::watched(device_checks).at(NOW);
    refused(
        publish_with(&site, &[&KEY]),
        ErrorKind::InvalidInput,
        "no key ring was given",
    );
    let (bundle, details) = (bundle("1.0.0"), details("1.0.0"));
    let keys: [&SigningKey; 1] = [&KEY];
    let mut signing = signing(&keys);
    signing.ring = Some(&RING);
    run(|run| publisher(&site).publish(&stable(&bundle, &details), &signing, run)).unwrap();
}

#[test]
fn a_ring_that_devices_would_not_follow_is_not_published() {
    let site = site();
    let stray = ring(2, &[&OTHER_KEY], &[], &[&OTHER_KEY]);
    refused(
        run(|run| publish_ring(&site, &APP, &stray, run)),
        ErrorKind::SignatureInvalid,
        "ring",
    );
    let gap = ring(3, &[&KEY], &[], &[&KEY]);
    refused(
        run(|run| publish_ring(&site, &APP, &gap, run)),
        ErrorKind::InvalidInput,
        "newest ring of the site is 1",
    );
    let other = ring(1, &[&KEY, &OTHER_KEY], &[], &[&KEY]);
    refused(
        run(|run| publish_ring(&site, &APP, &other, run)),
        ErrorKind::InvalidInput,
        "another ring of this number",
    );
    assert!(!run(|run| publish_ring(&site, &APP, &RING, run)).unwrap().changed);
    assert_eq!(
        site.list("keys", &capbundle::progress::Control::new()).unwrap().len(),
        1
    );
}
