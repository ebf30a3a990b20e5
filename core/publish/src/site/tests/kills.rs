//! The publisher is killed at every change of the site. A device checks the site after each change (see
//! `fixtures::device_checks`), and the next run finishes.

use super::super::{Audience, Outcome, SiteNote};
use super::fixtures::*;
use super::memory::Memory;
use capbundle::release::ChannelFile;
use capbundle::time::Timestamp;

/// Kills `act` after 0, 1, 2, … changes and runs it again each time. Returns the final channel file and the number of
/// releases for each.
fn killed_everywhere(set_up: impl Fn(&Memory), act: impl Fn(&Memory) -> Outcome) -> Vec<(ChannelFile, usize)> {
    let mut ends = Vec::new();
    for changes in 0.. {
        let site = site();
        set_up(&site);
        site.dies_after(changes);
        let first = act(&site);
        let died = site.revives();
        assert_eq!(died, first.is_err(), "{first:?}");
        if let Err(unfinished) = &first {
            for path in &unfinished.left {
                assert!(site.served(path).is_some(), "{path}");
            }
        }
        act(&site).unwrap();
        let releases = site.paths().iter().filter(|path| path.starts_with("releases/")).count();
        ends.push((offered(&site), releases));
        if !died {
            break;
        }
    }
    assert!(ends.len() > 1, "the publisher is killed at least once");
    ends
}

#[test]
fn publishing_survives_a_crash_at_every_change() {
    for placement in [Audience::Stable, candidate(500)] {
        let set_up = |site: &Memory| drop(publish(site, "1.0.0", Audience::Stable).unwrap());
        let ends = killed_everywhere(set_up, |site| publish(site, "1.1.0", placement));
        let dereferenced = usize::from(placement == Audience::Stable);
        assert_eq!(
            ends.len(),
            5 + dereferenced,
            "archive, file list, release, dereferenced release, channel file"
        );
        // Nothing is done twice: the next run resumes the unfinished release.
        assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
        assert_eq!((ends[0].0.sequences().last(), ends[0].1), (Some(2), 2));
    }
}

#[test]
fn a_file_written_but_not_confirmed_is_reported_as_left() {
    for folder in ["archives/", "releases/"] {
        let site = site();
        let before = site.paths();
        site.confirms_nothing_below(folder);
        let unfinished = publish(&site, "1.0.0", Audience::Stable).unwrap_err();
        let mut written: Vec<String> = site.paths().into_iter().filter(|path| !before.contains(path)).collect();
        let mut left = unfinished.left.clone();
        written.sort_unstable();
        left.sort_unstable();
        assert!(written.iter().any(|path| path.starts_with(folder)), "{written:?}");
        assert_eq!(left, written, "{unfinished}");
    }
}

#[test]
fn promoting_survives_a_crash_at_every_change() {
    let set_up = |site: &Memory| drop(publish(site, "1.0.0", candidate(500)).unwrap());
    let ends = killed_everywhere(set_up, |site| run(|run| publisher(site).promote(Some(1), run)));
    assert!(ends.iter().all(|(file, _)| file.stable == Some(1)));
}

#[test]
fn a_rollback_survives_a_crash_at_every_change() {
    let set_up = |site: &Memory| {
        publish(site, "1.0.0", Audience::Stable).unwrap();
        publish(site, "1.1.0", candidate(500)).unwrap();
    };
    let ends = killed_everywhere(set_up, |site| {
        run(|run| publisher(site).rollback(None, &signing(&[&KEY]), run))
    });
    assert!(
        ends.iter()
            .all(|(file, releases)| file.stable == Some(3) && *releases == 3),
        "{ends:?}"
    );
}

#[test]
fn a_rollback_to_the_built_in_bundle_survives_a_crash_at_every_change() {
    let set_up = |site: &Memory| drop(publish(site, "1.0.0", candidate(500)).unwrap());
    let ends = killed_everywhere(set_up, |site| {
        let details = details("builtin");
        run(|run| publisher(site).rollback_to_built_in(&details, &signing(&[&KEY]), run))
    });
    assert_eq!(ends.len(), 4, "release, dereferenced release, channel file");
    let is_end = |(file, releases): &(ChannelFile, usize)| (file.stable, *releases) == (Some(2), 2);
    assert!(ends.iter().all(is_end), "{ends:?}");
}

#[test]
fn renewing_survives_a_crash_at_every_change() {
    let set_up = |site: &Memory| {
        publish(site, "1.0.0", Audience::Stable).unwrap();
        publish(site, "1.1.0", candidate(500)).unwrap();
    };
    let ends = killed_everywhere(set_up, |site| {
        let later = publisher(site).at(Timestamp(NOW + 5 * DAY));
        run(|run| later.renew(None, &signing(&[&KEY]), run))
    });
    for (file, _) in ends {
        assert!(file.stable > Some(2) && file.candidate.unwrap().sequence > file.stable.unwrap());
    }
}

#[test]
fn a_release_begun_more_than_a_day_ago_is_not_resumed() {
    let site = site();
    site.dies_after(3);
    publish(&site, "1.0.0", Audience::Stable).unwrap_err();
    site.revives();
    let soon = publisher(&site).at(Timestamp(NOW + DAY - 1));
    let late = publisher(&site).at(Timestamp(NOW + DAY));
    let sequences = |publisher: super::super::Publisher<'_>| {
        let (bundle, details) = (bundle("1.0.0"), details("1.0.0"));
        dry_run(|run| publisher.publish(&stable(&bundle, &details), &signing(&[&KEY]), run)).unwrap()
    };
    assert!(sequences(soon).notes.contains(&SiteNote::Resumed(1)));
    assert_eq!(sequences(late).sequences, [2]);
}

#[test]
fn a_release_with_other_metadata_is_not_resumed() {
    let site = site();
    site.dies_after(3);
    publish(&site, "1.0.0", Audience::Stable).unwrap_err();
    site.revives();
    let mut details = details("1.0.0");
    details.comment = Some("with a comment".to_owned());
    let done = run(|run| publisher(&site).publish(&stable(&bundle("1.0.0"), &details), &signing(&[&KEY]), run));
    assert_eq!(done.unwrap().sequences, [2]);
}
