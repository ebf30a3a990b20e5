//! Sealed archives, and releases that were signed elsewhere.

use super::super::{Audience, Bundle, DeliveredFiles, Delivery, SiteNote};
use super::fixtures::*;
use capbundle::ErrorKind;
use capbundle::keys::{ContentKey, KeyBits};
use capbundle::release;
use capbundle::release::paths;
use capbundle::sealed;

fn sealed_for(keys: &[&ContentKey], staging: &std::path::Path) -> Bundle {
    let recipients = keys.iter().map(|key| key.public().clone()).collect();
    bundle("1.0.0").sealed_for(recipients, staging)
}

#[test]
fn a_sealed_release_is_resumed_only_for_the_same_recipients() {
    let staging = tempfile::tempdir().unwrap();
    let site = site();
    let publish = |keys: &[&ContentKey]| {
        let (bundle, details) = (sealed_for(keys, staging.path()), details("1.0.0"));
        run(|run| publisher(&site).publish(&stable(&bundle, &details), &signing(&[&KEY]), run))
    };
    site.dies_after(3);
    publish(&[&CONTENT_KEY]).unwrap_err();
    site.revives();
    let other = ContentKey::generate(KeyBits::B2048).unwrap();
    let dry = {
        let (bundle, details) = (sealed_for(&[&CONTENT_KEY, &other], staging.path()), details("1.0.0"));
        dry_run(|run| publisher(&site).publish(&stable(&bundle, &details), &signing(&[&KEY]), run)).unwrap()
    };
    assert_eq!(dry.sequences, [2], "a recipient was added");
    let done = publish(&[&CONTENT_KEY]).unwrap();
    assert!(done.notes.contains(&SiteNote::Resumed(1)));
    assert!(!publish(&[&CONTENT_KEY]).unwrap().changed);

    let release = trusted(&site, &CHANNEL, 1);
    let file = staging.path().join("fetched.sealed");
    std::fs::write(
        &file,
        site.served(&paths::archive_of(release.bundle().unwrap()).0).unwrap(),
    )
    .unwrap();
    let plain = staging.path().join("plain.zip");
    let opened = sealed::open_unverified(&file, &plain, &CONTENT_KEY, &capbundle::progress::Control::new()).unwrap();
    assert_eq!(opened, release.bundle().unwrap().archive.digest);
    let left: Vec<_> = std::fs::read_dir(staging.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_release_signed_elsewhere_is_published_with_its_archive() {
    let (site, staging) = (site(), tempfile::tempdir().unwrap());
    publish(&site, "0.9.0", Audience::Stable).unwrap();
    let bundle = bundle("1.0.0");
    let mut template = trusted(&site, &CHANNEL, 1);
    template.sequence = 7;
    "1.0.0".clone_into(&mut template.version);
    template.target = release::ReleaseTarget::Bundle(bundle.identity(None));
    let envelope = release::sign(&template, &[&KEY], &[]).unwrap().to_json().unwrap();
    let zip = staging.path().join("app.zip");
    let outgoing = bundle.outgoing(&capbundle::progress::Control::new()).unwrap();
    std::fs::copy(&outgoing.file, &zip).unwrap();
    let deliver = |files: Option<DeliveredFiles<'_>>| {
        let delivery = Delivery {
            envelope: &envelope,
            files,
            patches: &[],
        };
        run(|run| publisher(&site).publish_signed(&delivery, Audience::Stable, None, run))
    };
    let publish = |list: &[u8]| deliver(Some(DeliveredFiles { archive: &zip, list }));
    assert_eq!(deliver(None).unwrap_err().kind(), ErrorKind::InvalidInput);
    let refused = publish(b"{}").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    assert_eq!(publish(&bundle.files).unwrap().sequences, [7]);
    assert_eq!(offered(&site).stable, Some(7));
    assert!(!publish(&bundle.files).unwrap().changed);
}

#[test]
fn a_release_with_too_few_signatures_is_not_published() {
    let (site, staging) = (site(), tempfile::tempdir().unwrap());
    publish(&site, "0.9.0", Audience::Stable).unwrap();
    let mut template = trusted(&site, &CHANNEL, 1);
    template.sequence = 2;
    let envelope = release::sign(&template, &[], &[]).unwrap().to_json().unwrap();
    let file = staging.path().join("app.zip");
    let delivery = Delivery {
        envelope: &envelope,
        patches: &[],
        files: Some(DeliveredFiles {
            archive: &file,
            list: b"",
        }),
    };
    let refused = run(|run| publisher(&site).publish_signed(&delivery, Audience::Stable, None, run));
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SignatureInvalid);
}
