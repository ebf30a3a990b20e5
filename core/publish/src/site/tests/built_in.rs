//! Rollback to the bundle inside the native app.

use std::time::Duration;

use super::super::gc::{GcOptions, collect};
use super::super::{Audience, DeliveredFiles, Delivery, Outcome, Publisher, ReleaseMetadata, SiteNote};
use super::fixtures::*;
use super::memory::Memory;
use capbundle::ErrorKind;
use capbundle::keys::SigningKey;
use capbundle::native::{NativeRange, NativeVersion};
use capbundle::release::{BUILT_IN, Release, ReleaseTarget, sign};
use capbundle::time::Timestamp;

fn roll_back_with(publisher: Publisher<'_>) -> Outcome {
    let (details, keys): (_, [&SigningKey; 1]) = (details("builtin"), [&KEY]);
    run(|run| publisher.rollback_to_built_in(&details, &signing(&keys), run))
}

fn roll_back(site: &Memory) -> Outcome {
    roll_back_with(publisher(site))
}

/// A release of the built-in bundle, created and signed elsewhere.
fn signed(sequence: u64) -> Vec<u8> {
    let new = Release::new(APP.clone(), CHANNEL.clone(), sequence, ReleaseTarget::BuiltIn)
        .with_version("builtin")
        .with_validity(Timestamp(NOW), Timestamp(NOW + 90 * DAY));
    sign(&new, &[&KEY], &[]).unwrap().to_json().unwrap()
}

#[test]
fn the_first_release_of_a_channel_is_rolled_back() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let before = site.paths().len();

    let done = roll_back(&site).unwrap();

    assert_eq!((done.sequences, done.changed), (vec![2], true));
    assert_eq!(offered(&site).stable, Some(2));
    let release = trusted(&site, &CHANNEL, 2);
    assert!(release.is_built_in());
    assert_eq!(
        (release.version.as_str(), release.critical),
        ("builtin", vec![BUILT_IN.to_owned()])
    );
    assert_eq!(site.paths().len(), before + 1, "only the release is added");
    let again = roll_back(&site).unwrap();
    assert!(
        !again.changed && again.notes.contains(&SiteNote::AlreadyDone),
        "{again:?}"
    );
    // A later release supersedes it.
    assert_eq!(publish(&site, "1.0.1", Audience::Stable).unwrap().sequences, [3]);
    assert!(!trusted(&site, &CHANNEL, 3).is_built_in());
}

#[test]
fn a_candidate_ends_and_the_devices_that_have_it_roll_back_too() {
    let site = site();
    publish(&site, "1.0.0", candidate(500)).unwrap();
    let done = roll_back(&site).unwrap();
    assert!(done.notes.contains(&SiteNote::CandidateEnds(1)));
    assert_eq!((offered(&site).stable, offered(&site).candidate), (Some(2), None));
    // A rollback from another candidate is a new release with a higher sequence.
    publish(&site, "1.1.0", candidate(500)).unwrap();
    assert_eq!(roll_back(&site).unwrap().sequences, [4]);
}

#[test]
fn a_paused_first_candidate_is_rolled_back_on_the_devices_that_have_it() {
    let site = site();
    publish(&site, "1.0.0", candidate(500)).unwrap();
    run(|run| publisher(&site).pause(run)).unwrap();
    roll_back(&site).unwrap();
    assert!(trusted(&site, &CHANNEL, 2).is_built_in());
}

#[test]
fn a_channel_without_releases_cannot_be_rolled_back() {
    let site = site();
    let refused = roll_back(&site).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    assert_eq!(site.paths(), ["keys/1.json"]);
}

#[test]
fn a_rollback_may_be_limited_to_some_native_versions() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let details = ReleaseMetadata {
        native: NativeRange {
            min: Some(NativeVersion::new("3.0")),
            max: None,
        },
        comment: Some("crashes on 3.x".to_owned()),
        ..details("builtin")
    };
    let go = || run(|run| publisher(&site).rollback_to_built_in(&details, &signing(&[&KEY]), run)).unwrap();
    go();
    let release = trusted(&site, &CHANNEL, 2);
    assert_eq!(
        (release.native, release.comment),
        (details.native.clone(), details.comment.clone())
    );
    assert!(!go().changed);
    assert_eq!(
        roll_back(&site).unwrap().sequences,
        [3],
        "for all native versions: a new release"
    );
}

#[test]
fn a_dry_run_describes_the_steps_and_signs_nothing() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let before = site.paths();
    let details = details("builtin");
    let done = dry_run(|run| publisher(&site).rollback_to_built_in(&details, &signing(&[&KEY]), run)).unwrap();
    assert!(
        done.steps[0].contains("sign and write releases/production/2.json"),
        "{:?}",
        done.steps
    );
    assert_eq!(site.paths(), before);
}

#[test]
fn a_rollback_without_a_sequence_proposes_the_built_in_bundle() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let refused = problem(run(|run| publisher(&site).rollback(None, &signing(&[&KEY]), run)));
    assert!(refused.contains("built-in bundle"), "{refused}");
}

#[test]
fn a_rollback_to_the_sequence_of_a_built_in_release_works_as_to_any_other() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    roll_back(&site).unwrap();
    publish(&site, "1.0.1", Audience::Stable).unwrap();
    let go = |to| run(|run| publisher(&site).rollback(Some(to), &signing(&[&KEY]), run)).unwrap();
    assert_eq!(go(2).sequences, [4]);
    assert!(trusted(&site, &CHANNEL, 4).is_built_in());
    assert!(!go(2).changed);
    assert_eq!(go(1).sequences, [5]);
    assert_eq!(trusted(&site, &CHANNEL, 5).target, trusted(&site, &CHANNEL, 1).target);
}

#[test]
fn a_built_in_release_is_renewed_before_it_expires_and_replaced_afterwards() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    roll_back(&site).unwrap();
    let soon = publisher(&site).at(Timestamp(NOW + 80 * DAY));
    let within = Duration::from_secs(30 * DAY);
    let done = run(|run| soon.renew(Some(within), &signing(&[&KEY]), run)).unwrap();
    assert_eq!(done.sequences, [3]);
    let renewed = trusted(&site, &CHANNEL, 3);
    assert!(renewed.is_built_in() && renewed.expires_at > trusted(&site, &CHANNEL, 2).expires_at);
    assert!(!roll_back_with(soon).unwrap().changed);
    let late = publisher(&site).at(renewed.expires_at);
    assert_eq!(roll_back_with(late).unwrap().sequences, [4]);
}

#[test]
fn no_files_are_kept_for_a_built_in_release() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    roll_back(&site).unwrap();
    let mut options = GcOptions::default();
    (options.keep, options.now) = (1, Timestamp(NOW + 2 * DAY));
    let collected = run(|run| collect(&site, &APP, &options, run)).unwrap();
    assert_eq!((collected.removed.len(), collected.kept), (3, 1), "{collected:?}");
    let left = ["channels/production.json", "keys/1.json", "releases/production/2.json"];
    assert_eq!(site.paths(), left);
    assert_eq!(publish(&site, "1.0.1", Audience::Stable).unwrap().sequences, [3]);
}

#[test]
fn a_built_in_release_signed_elsewhere_is_published_without_files() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let envelope = signed(2);
    let publish = |files, placement| {
        let delivery = Delivery {
            envelope: &envelope,
            files,
            patches: &[],
        };
        run(|run| publisher(&site).publish_signed(&delivery, placement, None, run))
    };
    let zip = tempfile::NamedTempFile::new().unwrap();
    let files = DeliveredFiles {
        archive: zip.path(),
        list: b"{}",
    };
    let refused = publish(Some(files), Audience::Stable).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{refused}");
    // To a share of the devices first.
    assert_eq!(publish(None, candidate(500)).unwrap().sequences, [2]);
    assert_eq!(offered(&site).candidate.unwrap().sequence, 2);
    run(|run| publisher(&site).promote(None, run)).unwrap();
    assert_eq!(offered(&site).stable, Some(2));
    assert!(!publish(None, Audience::Stable).unwrap().changed);
}

#[test]
fn a_list_shows_a_built_in_release() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    roll_back(&site).unwrap();
    let listing = super::super::list(&site, &APP, None, &capbundle::progress::Control::new()).unwrap();
    let shown = listing
        .releases
        .iter()
        .map(|one| (one.release.is_built_in(), one.is_stable));
    assert_eq!(shown.collect::<Vec<_>>(), [(true, true), (false, false)]);
}
