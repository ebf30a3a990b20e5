//! Publishing, rollback and listing work on a site with a damaged release.

use super::super::{Audience, gc, list, publish_ring};
use super::fixtures::*;
use super::memory::Memory;
use capbundle::progress::Control;
use capbundle::time::Timestamp;

/// Two releases, the second of which is stable and has a damaged document.
fn with_damaged_stable(damage: impl Fn(&Memory)) -> Memory {
    let site = Memory::copied(&site());
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", Audience::Stable).unwrap();
    damage(&site);
    site
}

fn damaged_sites() -> [Memory; 3] {
    let path = "releases/production/2.json";
    [
        with_damaged_stable(|site| site.set(path, b"{\"payload\":")),
        with_damaged_stable(|site| site.set(path, &site.served("releases/production/1.json").unwrap())),
        with_damaged_stable(|site| site.remove(path)),
    ]
}

#[test]
fn a_new_release_has_a_higher_sequence_than_a_damaged_one() {
    for site in damaged_sites() {
        let done = publish(&site, "1.2.0", Audience::Stable).unwrap();
        assert_eq!(
            (done.sequences.as_slice(), offered(&site).stable),
            ([3].as_slice(), Some(3))
        );
    }
}

#[test]
fn a_rollback_skips_a_damaged_release() {
    for site in damaged_sites() {
        let problem = problem(run(|run| publisher(&site).rollback(None, &signing(&[&KEY]), run)));
        assert!(problem.contains("1 (version 1.0.0)"), "{problem}");
        let done = run(|run| publisher(&site).rollback(Some(1), &signing(&[&KEY]), run)).unwrap();
        assert_eq!(done.sequences, [3]);
        assert_eq!(trusted(&site, &CHANNEL, 3).version, "1.0.0");
    }
}

#[test]
fn a_list_reports_damaged_releases() {
    for site in damaged_sites() {
        let listing = list(&site, &APP, None, &Control::new()).unwrap();
        assert_eq!(listing.releases.len(), 1);
        let [damaged] = listing.unreadable.as_slice() else {
            panic!("{listing:?}")
        };
        assert_eq!((damaged.sequence, damaged.is_offered), (2, true));
        assert!(!damaged.problem.is_empty());
    }
}

#[test]
fn temporary_files_of_a_killed_publisher_are_ignored_and_later_removed() {
    let site = Memory::watched(|_| {}).at(NOW);
    site.set("keys/.capbundle-x1Y2z3.tmp", b"{");
    site.set("archives/.capbundle-a1B2c3.tmp", b"PK");
    site.set("archives/notes.tmp", b"notes of the owner");
    run(|run| publish_ring(&site, &APP, &RING, run)).unwrap();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let collect = |now: u64| {
        let mut options = gc::GcOptions::default();
        (options.keep, options.now) = (10, Timestamp(now));
        run(|run| gc::collect(&site, &APP, &options, run)).unwrap().removed
    };
    assert!(collect(NOW + 60).is_empty());
    let removed = collect(NOW + 2 * DAY);
    assert_eq!(
        removed,
        ["keys/.capbundle-x1Y2z3.tmp", "archives/.capbundle-a1B2c3.tmp"]
    );
}
