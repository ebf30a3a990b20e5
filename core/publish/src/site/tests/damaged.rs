//! Something on the site is broken: what an emergency needs works all the same.

use super::super::{Audience, gc, list, publish_ring};
use super::fixtures::*;
use super::memory::Memory;
use capbundle::progress::Control;
use capbundle::time::Timestamp;

/// Two releases, the second stable and its document not what it was.
fn with_damaged_stable(damage: impl Fn(&Memory)) -> Memory {
    let site = Memory::copied(&site());
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", Audience::Stable).unwrap();
    damage(&site);
    site
}

fn ways() -> [Memory; 3] {
    let path = "releases/production/2.json";
    [
        with_damaged_stable(|site| site.set(path, b"{\"payload\":")),
        with_damaged_stable(|site| site.set(path, &site.served("releases/production/1.json").unwrap())),
        with_damaged_stable(|site| site.remove(path)),
    ]
}

#[test]
fn a_new_release_comes_above_a_damaged_one() {
    for site in ways() {
        let done = publish(&site, "1.2.0", Audience::Stable).unwrap();
        assert_eq!(
            (done.sequences.as_slice(), offered(&site).stable),
            ([3].as_slice(), Some(3))
        );
    }
}

#[test]
fn the_way_back_leads_past_a_damaged_release() {
    for site in ways() {
        let problem = problem(run(|run| publisher(&site).rollback(None, &signing(&[&KEY]), run)));
        assert!(problem.contains("1 (version 1.0.0)"), "{problem}");
        let done = run(|run| publisher(&site).rollback(Some(1), &signing(&[&KEY]), run)).unwrap();
        assert_eq!(done.sequences, [3]);
        assert_eq!(trusted(&site, &CHANNEL, 3).version, "1.0.0");
    }
}

#[test]
fn a_list_says_which_releases_are_damaged() {
    for site in ways() {
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
fn halves_of_files_that_a_killed_publisher_left_are_in_nobodys_way() {
    let site = Memory::watched(|_| {}).at(NOW);
    site.set("keys/.capbundle-x1Y2z3.tmp", b"{");
    site.set("archives/.capbundle-a1B2c3.tmp", b"PK");
    site.set("archives/notes.tmp", b"somebody's own");
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
