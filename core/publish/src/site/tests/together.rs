//! Two concurrent publishers.

use super::super::plan::ExecutionOptions;
use super::super::{Audience, Bundle, Outcome, gc};
use super::fixtures::*;
use super::memory::Memory;
use capbundle::ErrorKind;
use capbundle::progress::Control;
use capbundle::time::Timestamp;

/// Publishes, and calls `meanwhile` before the first step whose description contains `at`.
fn interrupted(site: &Memory, bundle: &Bundle, now: u64, at: &str, meanwhile: impl FnOnce()) -> Outcome {
    let mut meanwhile = Some(meanwhile);
    let mut before = |step: &str| {
        if step.contains(at)
            && let Some(meanwhile) = meanwhile.take()
        {
            meanwhile();
        }
    };
    let mut run = ExecutionOptions {
        dry_run: false,
        control: &Control::new(),
        before: &mut before,
    };
    publisher(site)
        .at(Timestamp(now))
        .publish(&stable(bundle, &details("1.1.0")), &signing(&[&KEY]), &mut run)
}

#[test]
fn a_publisher_is_refused_when_another_one_publishes_in_between() {
    for at in ["archives/", "files/", "releases/", "channels/"] {
        let site = site();
        publish(&site, "1.0.0", Audience::Stable).unwrap();
        let outcome = interrupted(&site, &bundle("1.1.0"), NOW, at, || {
            publish(&site, "2.0.0", Audience::Stable).unwrap();
        });
        let refused = outcome.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
        let stable = offered(&site).stable.unwrap();
        assert_eq!(
            trusted(&site, &CHANNEL, stable).version,
            "2.0.0",
            "the release of the other publisher is not overwritten"
        );
        publish(&site, "1.1.0", Audience::Stable).unwrap();
        assert!(offered(&site).stable.unwrap() > stable);
    }
}

#[test]
fn a_channel_created_meanwhile_is_not_overwritten() {
    let site = site();
    let outcome = interrupted(&site, &bundle("1.1.0"), NOW, "channels/", || {
        site.set(
            "channels/production.json",
            br#"{"format":1,"app_id":"com.example.app","channel":"production"}"#,
        );
    });
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(offered(&site).stable, None);
}

#[test]
fn files_that_a_publisher_reuses_are_not_removed_meanwhile() {
    let site = site();
    publish(&site, "1.1.0", candidate(500)).unwrap();
    run(|run| publisher(&site).pause(run)).unwrap();
    let late = NOW + 30 * DAY;
    site.set_time(late);
    // The archive is old and unreferenced until the first step touches it.
    let outcome = interrupted(&site, &bundle("1.1.0"), late, "files/", || {
        let mut options = gc::GcOptions::default();
        (options.keep, options.now) = (0, Timestamp(late));
        run(|run| gc::collect(&site, &APP, &options, run)).unwrap();
    });
    outcome.unwrap();
}
