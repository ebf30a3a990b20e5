//! The channel file after each operation.

use super::super::{Audience, NewRelease, SiteNote};
use super::fixtures::*;
use capbundle::ErrorKind;
use capbundle::keys::SigningKey;
use capbundle::release::{Candidate, paths};
use capbundle::time::Timestamp;

#[test]
fn a_first_release_creates_the_channel() {
    let site = site();
    let done = publish(&site, "1.0.0", Audience::Stable).unwrap();
    assert_eq!((done.sequences.as_slice(), done.changed), ([1].as_slice(), true));
    assert_eq!(offered(&site).stable, Some(1));
    let release = trusted(&site, &CHANNEL, 1);
    assert_eq!(release.version, "1.0.0");
    assert_eq!(release.expires_at, Timestamp(NOW + LIFETIME.as_secs()));
    let named = release.bundle().unwrap();
    let paths = [
        paths::plain_archive_path(&named.archive.digest),
        "channels/production.json".to_owned(),
        paths::file_list_path(&named.files_digest),
        "keys/1.json".to_owned(),
        "releases/production/1.json".to_owned(),
    ];
    assert_eq!(site.paths(), paths);
    assert!(done.notes.contains(&SiteNote::RingFromSite(1)));
}

#[test]
fn publishing_the_same_again_changes_nothing() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let before = site.paths();
    let done = publish(&site, "1.0.0", Audience::Stable).unwrap();
    assert!(!done.changed && done.notes.contains(&SiteNote::AlreadyDone));
    assert_eq!((done.sequences, site.paths()), (vec![1], before));
}

#[test]
fn a_dry_run_describes_each_step_and_writes_nothing() {
    let site = site();
    let before = site.paths();
    let done = dry_run(|run| {
        let new = NewRelease {
            bundle: &bundle("1.0.0"),
            metadata: &details("1.0.0"),
            audience: candidate(500),
        };
        publisher(&site).publish(&new, &signing(&[&KEY]), run)
    })
    .unwrap();
    assert!(!done.changed);
    assert_eq!(done.steps.len(), 4);
    assert!(
        done.steps[3].ends_with("no stable release, 1 is the candidate for 5 %"),
        "{:?}",
        done.steps
    );
    assert_eq!(site.paths(), before);
}

#[test]
fn a_candidate_is_rolled_out_step_by_step_and_promoted() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", candidate(500)).unwrap();
    assert_eq!(
        offered(&site).candidate,
        Some(Candidate {
            sequence: 2,
            rollout_bps: 500
        })
    );
    run(|run| publisher(&site).rollout(5000, false, run)).unwrap();
    assert_eq!(offered(&site).candidate.unwrap().rollout_bps, 5000);
    let done = run(|run| publisher(&site).promote(None, run)).unwrap();
    assert_eq!((done.sequences, offered(&site).stable), (vec![2], Some(2)));
    assert_eq!(offered(&site).candidate, None);
    let again = run(|run| publisher(&site).promote(Some(2), run)).unwrap();
    assert!(!again.changed);
    assert!(problem(run(|run| publisher(&site).promote(None, run))).contains("2 is stable"));
}

#[test]
fn a_rollout_is_lowered_only_on_request() {
    let site = site();
    publish(&site, "1.0.0", candidate(5000)).unwrap();
    let refused = run(|run| publisher(&site).rollout(500, false, run)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("50 %; lowering that to 5 %"), "{refused}");
    assert_eq!(offered(&site).candidate.unwrap().rollout_bps, 5000);
    // Publishing the same release again does not lower it either.
    assert!(publish(&site, "1.0.0", candidate(10)).is_err());
    let lowered = run(|run| publisher(&site).rollout(25, true, run)).unwrap();
    assert!(lowered.notes.contains(&SiteNote::LoweringTakesNothingBack));
    assert_eq!(offered(&site).candidate.unwrap().rollout_bps, 25);
    assert!(run(|run| publisher(&site).rollout(10_001, true, run)).is_err());
}

#[test]
fn publishing_the_candidate_again_with_more_devices_raises_its_share() {
    let site = site();
    publish(&site, "1.0.0", candidate(100)).unwrap();
    let done = publish(&site, "1.0.0", candidate(200)).unwrap();
    assert_eq!(
        (done.sequences, offered(&site).candidate.unwrap().rollout_bps),
        (vec![1], 200)
    );
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    assert_eq!((offered(&site).stable, offered(&site).candidate), (Some(1), None));
}

#[test]
fn a_pause_removes_the_candidate_and_may_be_repeated() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", candidate(500)).unwrap();
    let done = run(|run| publisher(&site).pause(run)).unwrap();
    assert!(done.notes.contains(&SiteNote::CandidateEnds(2)));
    assert_eq!((offered(&site).stable, offered(&site).candidate), (Some(1), None));
    assert!(!run(|run| publisher(&site).pause(run)).unwrap().changed);
}

#[test]
fn a_pause_works_on_a_site_without_the_release() {
    let site = super::memory::Memory::default().at(NOW);
    run(|run| super::super::publish_ring(&site, &APP, &RING, run)).unwrap();
    publish(&site, "1.0.0", candidate(500)).unwrap();
    site.remove("releases/production/1.json");
    run(|run| publisher(&site).pause(run)).unwrap();
    assert_eq!(offered(&site).candidate, None);
}

#[test]
fn a_rollback_from_a_candidate_publishes_the_stable_bundle_with_a_higher_sequence() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", candidate(500)).unwrap();
    let done = run(|run| publisher(&site).rollback(None, &signing(&[&KEY]), run)).unwrap();
    assert_eq!(done.sequences, [3]);
    assert_eq!((offered(&site).stable, offered(&site).candidate), (Some(3), None));
    assert_eq!(trusted(&site, &CHANNEL, 3).target, trusted(&site, &CHANNEL, 1).target);
    let again = run(|run| publisher(&site).rollback(None, &signing(&[&KEY]), run)).unwrap();
    assert!(!again.changed, "{again:?}");
}

#[test]
fn without_a_candidate_a_rollback_requires_a_sequence() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", Audience::Stable).unwrap();
    let refused = problem(run(|run| publisher(&site).rollback(None, &signing(&[&KEY]), run)));
    assert!(refused.contains("2 (version 1.1.0), 1 (version 1.0.0)"), "{refused}");
    let back = || run(|run| publisher(&site).rollback(Some(1), &signing(&[&KEY]), run)).unwrap();
    assert_eq!(back().sequences, [3]);
    assert_eq!(trusted(&site, &CHANNEL, 3).version, "1.0.0");
    assert!(!back().changed);
}

#[test]
fn a_renewal_keeps_the_candidate_above_the_stable_release() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", candidate(500)).unwrap();
    let later = publisher(&site).at(Timestamp(NOW + 10 * DAY));
    let idle = run(|run| later.renew(Some(std::time::Duration::from_secs(7 * DAY)), &signing(&[&KEY]), run)).unwrap();
    assert!(!idle.changed);
    let done = run(|run| later.renew(None, &signing(&[&KEY]), run)).unwrap();
    assert_eq!(done.sequences, [3, 4]);
    let file = offered(&site);
    assert_eq!((file.stable, file.candidate.unwrap().sequence), (Some(3), 4));
    assert_eq!(file.candidate.unwrap().rollout_bps, 500);
    assert_eq!(trusted(&site, &CHANNEL, 4).version, "1.1.0");
    assert!(!run(|run| later.renew(None, &signing(&[&KEY]), run)).unwrap().changed);
}

#[test]
fn a_sequence_is_above_all_on_the_site_and_may_be_chosen() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let beta = "beta".parse().unwrap();
    let publisher = super::super::Publisher::new(&site, &APP, &beta).at(Timestamp(NOW));
    let with = |version: &str, sequence| {
        let keys: [&SigningKey; 1] = [&KEY];
        let mut signing = signing(&keys);
        signing.sequence = sequence;
        let (bundle, details) = (bundle(version), details(version));
        run(|run| publisher.publish(&stable(&bundle, &details), &signing, run))
    };
    assert_eq!(with("1.1.0", None).unwrap().sequences, [2]);
    assert_eq!(with("1.2.0", Some(70)).unwrap().sequences, [70]);
    assert!(problem(with("1.3.0", Some(69))).contains("above 70"));
    assert!(problem(with("1.3.0", Some(70))).contains("use a higher sequence"));
    assert_eq!(publish(&site, "1.4.0", Audience::Stable).unwrap().sequences, [71]);
}

#[test]
fn an_expired_candidate_is_not_promoted() {
    let site = site();
    publish(&site, "1.0.0", candidate(500)).unwrap();
    let late = publisher(&site).at(Timestamp(NOW + 91 * DAY));
    let refused = run(|run| late.promote(None, run)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotTrusted);
}

#[test]
fn a_list_shows_channels_and_releases_newest_first() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", candidate(500)).unwrap();
    let listing = super::super::list(&site, &APP, None, &capbundle::progress::Control::new()).unwrap();
    let shown: Vec<_> = listing
        .releases
        .iter()
        .map(|one| (one.release.sequence, one.is_stable, one.rollout_bps))
        .collect();
    assert_eq!(shown, [(2, false, Some(500)), (1, true, None)]);
    assert_eq!(listing.channels, [offered(&site)]);
}
