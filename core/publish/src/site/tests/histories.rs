//! Garbage collection, over random histories: a file that a channel references is never removed.

use proptest::prelude::*;

use super::super::gc::{Collected, GcOptions, collect};
use super::super::{Audience, NewRelease, Publisher};
use super::fixtures::*;
use super::memory::Memory;
use crate::error::Result;
use capbundle::ErrorKind;
use capbundle::keys::SigningKey;
use capbundle::time::Timestamp;

fn gc(site: &Memory, keep: usize, now: u64) -> Result<Collected> {
    let mut options = GcOptions::default();
    (options.keep, options.now) = (keep, Timestamp(now));
    run(|run| collect(site, &APP, &options, run))
}

/// Five releases: the fourth is stable, the fifth is the candidate.
fn five() -> Memory {
    let site = site();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        publish(&site, version, Audience::Stable).unwrap();
    }
    publish(&site, "1.4.0", candidate(500)).unwrap();
    site
}

fn count(site: &Memory, folder: &str) -> usize {
    site.paths().iter().filter(|path| path.starts_with(folder)).count()
}

#[test]
fn unreferenced_files_are_removed_in_the_order_that_keeps_every_release_complete() {
    let site = five();
    let collected = gc(&site, 3, NOW + 2 * DAY).unwrap();
    let kinds: Vec<&str> = collected
        .removed
        .iter()
        .map(|path| path.split('/').next().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["releases", "releases", "files", "files", "archives", "archives"]
    );
    assert_eq!(
        (collected.kept, count(&site, "releases/"), count(&site, "archives/")),
        (3, 3, 3)
    );
    assert_eq!(count(&site, "keys/"), 1);
    assert!(gc(&site, 3, NOW + 2 * DAY).unwrap().removed.is_empty());
}

#[test]
fn recent_files_are_kept() {
    let site = five();
    let collected = gc(&site, 0, NOW + DAY - 1).unwrap();
    assert!(collected.removed.is_empty());
    assert_eq!(count(&site, "releases/"), 5);
    gc(&site, 0, NOW + DAY).unwrap();
    assert_eq!(count(&site, "releases/"), 2, "the referenced ones");
}

#[test]
fn nothing_is_removed_while_a_relevant_document_cannot_be_read() {
    let breaks: [(&str, &[u8]); 3] = [
        ("channels/production.json", b"{"),
        (
            "channels/beta.json",
            br#"{"format":2,"app_id":"com.example.app","channel":"beta"}"#,
        ),
        ("releases/production/4.json", b"not a release"),
    ];
    for (path, bytes) in breaks {
        let site = five();
        site.set(path, bytes);
        let before = site.paths();
        gc(&site, 0, NOW + 2 * DAY).unwrap_err();
        assert_eq!(site.paths(), before, "{path}");
    }
    let site = five();
    site.remove("releases/production/5.json");
    assert_eq!(gc(&site, 0, NOW + 2 * DAY).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(count(&site, "archives/"), 5);
}

#[test]
fn files_that_do_not_belong_to_the_site_are_kept() {
    let site = five();
    let others = [
        "archives/README.txt",
        "files/robots.txt",
        "releases/production/notes.md",
        "releases/production/01.json",
    ];
    for path in others {
        site.set(path, b"mine");
    }
    gc(&site, 0, NOW + 2 * DAY).unwrap();
    for path in others {
        assert!(site.served(path).is_some(), "{path}");
    }
}

#[test]
fn after_a_crash_every_release_is_complete_and_the_next_run_finishes() {
    for changes in 0..6 {
        let site = five();
        site.dies_after(changes);
        gc(&site, 3, NOW + 2 * DAY).unwrap_err();
        assert!(site.revives());
        gc(&site, 3, NOW + 2 * DAY).unwrap();
        assert_eq!(
            (
                count(&site, "releases/"),
                count(&site, "files/"),
                count(&site, "archives/")
            ),
            (3, 3, 3)
        );
    }
}

#[derive(Debug, Clone)]
enum Event {
    Publish {
        channel: usize,
        version: usize,
        share: Option<u16>,
    },
    Promote(usize),
    Rollout(usize, u16),
    Pause(usize),
    Rollback(usize, Option<u64>),
    ToBuiltIn(usize),
    Renew(usize),
    Collect(usize),
    Days(u64),
    DieAfter(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let channel = 0..2_usize;
    prop_oneof![
        4 => (channel.clone(), 0..4_usize, prop::option::of(0..=10_000_u16))
            .prop_map(|(channel, version, share)| Event::Publish { channel, version, share }),
        1 => channel.clone().prop_map(Event::Promote),
        1 => (channel.clone(), 0..=10_000_u16).prop_map(|(channel, share)| Event::Rollout(channel, share)),
        1 => channel.clone().prop_map(Event::Pause),
        1 => (channel.clone(), prop::option::of(1..8_u64)).prop_map(|(channel, to)| Event::Rollback(channel, to)),
        1 => channel.clone().prop_map(Event::ToBuiltIn),
        1 => channel.prop_map(Event::Renew),
        3 => (0..3_usize).prop_map(Event::Collect),
        2 => (0..3_u64).prop_map(Event::Days),
        2 => (0..4_usize).prop_map(Event::DieAfter),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// A device checks the site after each change.
    #[test]
    fn no_history_leaves_a_channel_with_a_missing_file(events in prop::collection::vec(event(), 1..14)) {
        let site = site();
        let names = ["production", "beta"].map(|name| name.parse().unwrap());
        let versions = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"];
        let mut now = NOW;
        for event in events {
            // The clock of the checking device stands at the start, so nothing expires for it.
            let publisher = |channel: usize| Publisher::new(&site, &APP, &names[channel]).at(Timestamp(now));
            let keys: [&SigningKey; 1] = [&KEY];
            let signing = signing(&keys);
            // An operation may be refused; only the served files count.
            match event {
                Event::Publish { channel, version, share } => {
                    let (bundle, details) = (bundle(versions[version]), details(versions[version]));
                    let new = NewRelease {
                        audience: share.map_or(Audience::Stable, candidate),
                        ..stable(&bundle, &details)
                    };
                    let _ = run(|run| publisher(channel).publish(&new, &signing, run));
                }
                Event::Promote(channel) => drop(run(|run| publisher(channel).promote(None, run))),
                Event::Rollout(channel, share) => drop(run(|run| publisher(channel).rollout(share, true, run))),
                Event::Pause(channel) => drop(run(|run| publisher(channel).pause(run))),
                Event::Rollback(channel, to) => drop(run(|run| publisher(channel).rollback(to, &signing, run))),
                Event::ToBuiltIn(channel) => {
                    let details = details("builtin");
                    let _ = run(|run| publisher(channel).rollback_to_built_in(&details, &signing, run));
                }
                Event::Renew(channel) => drop(run(|run| publisher(channel).renew(None, &signing, run))),
                Event::Collect(keep) => drop(gc(&site, keep, now)),
                Event::Days(days) => {
                    now += days * DAY;
                    site.set_time(now);
                }
                Event::DieAfter(changes) => {
                    site.dies_after(changes);
                    continue;
                }
            }
            site.revives();
        }
        device_checks(&site);
    }
}
