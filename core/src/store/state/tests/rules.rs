//! Rules that a random life meets too seldom to show their exact numbers.

use super::published::{digest_of, record};
use super::*;
use crate::store::LaunchReason;
use crate::store::types::NativeApp;

/// An app with one proven bundle `old` and one bundle `new` that takes over at the next start.
struct App {
    state: State,
    rules: Rules,
    native: NativeApp,
    starts: u32,
}

struct NobodyElse;

impl Facts for NobodyElse {
    fn is_alive(&self, _: &str) -> bool {
        false
    }

    fn is_there(&self, _: &BundleId) -> bool {
        true
    }
}

fn id(text: &str) -> BundleId {
    format!("{text:0>10}").parse().unwrap()
}

impl App {
    fn with_attempts(attempts: u32) -> Self {
        let mut app = Self {
            state: State::default(),
            rules: Rules {
                attempts,
                reset_when_native_changes: true,
            },
            native: NativeApp::new("1.0", "1"),
            starts: 0,
        };
        app.offer("old");
        app.start();
        app.confirm("old");
        app.offer("new");
        app
    }

    fn offer(&mut self, name: &str) {
        let digest = Some(digest_of(name.as_bytes()[0]));
        self.state.add(BundleRecord {
            digest,
            ..record(id(name), name, Timestamp(1))
        });
        self.state.set_next(id(name).into()).unwrap();
    }

    fn session(&self) -> String {
        format!("session-{}", self.starts)
    }

    /// The process starts anew, the last one being gone.
    fn launch(&mut self) -> Decision {
        self.starts += 1;
        let session = self.session();
        let world = World {
            native: &self.native,
            built_in_sequence: None,
            now: Timestamp(u64::from(self.starts)),
            session: &session,
            facts: &NobodyElse,
        };
        let decision = self.state.launch(&self.rules, &world);
        self.state.check_invariants().unwrap();
        decision
    }

    fn start(&mut self) -> Decision {
        let decision = self.launch();
        if let Slot::Bundle(id) = &decision.serve {
            self.state.trial_started(id, &self.session(), true);
        }
        decision
    }

    fn confirm(&mut self, name: &str) {
        self.state
            .confirm(&id(name), Timestamp(u64::from(self.starts)))
            .unwrap();
    }
}

#[test]
fn a_bundle_that_never_confirms_is_served_exactly_as_often_as_a_trial_may_start() {
    for attempts in 1..=5 {
        let mut app = App::with_attempts(attempts);
        for _ in 0..attempts {
            assert_eq!(app.start().serve, id("new").into());
        }

        let fallen_back = app.start();

        assert_eq!(fallen_back.serve, id("old").into());
        assert_eq!(fallen_back.reason, LaunchReason::TrialFailed);
        assert_eq!(fallen_back.failed.unwrap().version, "new");
        assert_eq!(app.state.set_next(id("new").into()), Err(Refusal::Unknown));
        for _ in 0..100 {
            assert_eq!(app.start().serve, id("old").into());
        }
    }
}

#[test]
fn a_bundle_that_confirms_at_every_launch_is_never_failed() {
    let mut app = App::with_attempts(1);
    for _ in 0..1000 {
        assert_eq!(app.start().serve, id("new").into());
        app.confirm("new");
    }
    assert_eq!(app.state.failed, []);
}

#[test]
fn a_confirmation_after_a_failed_start_clears_it() {
    let mut app = App::with_attempts(2);
    app.start();
    app.start();
    app.confirm("new");

    assert_eq!(app.start().serve, id("new").into());
    assert_eq!(app.state.trial, None);
}

#[test]
fn launches_that_never_report_a_start_give_up_after_five_and_blame_nobody() {
    let mut app = App::with_attempts(2);
    for _ in 0..5 {
        assert_eq!(app.launch().serve, id("new").into());
    }

    let given_up = app.launch();

    assert_eq!(given_up.serve, id("old").into());
    assert_eq!(given_up.reason, LaunchReason::TrialNeverStarted);
    assert_eq!(app.state.failed, []);
    assert_eq!(app.state.set_next(id("new").into()), Ok(()));
}

#[test]
fn a_process_that_ended_in_the_background_is_no_failed_start() {
    let mut app = App::with_attempts(1);
    for _ in 0..4 {
        assert_eq!(app.start().serve, id("new").into());
        let session = app.session();
        assert!(app.state.trial_started(&id("new"), &session, false));
    }
    assert_eq!(app.start().serve, id("new").into());
    app.confirm("new");

    assert_eq!(app.state.failed, []);
    assert_eq!(app.state.fallback, id("new").into());
}

#[test]
fn two_timers_of_one_launch_count_once() {
    let mut app = App::with_attempts(2);
    app.start();
    let (session, rules) = (app.session(), app.rules.clone());

    let first = app.state.trial_expired(&id("new"), &session, &rules, Timestamp(9));
    let second = app.state.trial_expired(&id("new"), &session, &rules, Timestamp(9));

    assert_eq!(first, TrialEnd::Counted(None));
    assert_eq!(second, TrialEnd::NotOnTrial);
    assert_eq!(app.state.failed, []);
}

#[test]
fn the_timer_of_another_session_counts_nothing() {
    let mut app = App::with_attempts(1);
    app.start();
    let rules = app.rules.clone();

    let end = app
        .state
        .trial_expired(&id("new"), "another session", &rules, Timestamp(9));

    assert_eq!(end, TrialEnd::NotOnTrial);
    assert_eq!(app.state.failed, []);
}

#[test]
fn a_new_native_build_starts_over_and_forgets_failures() {
    let mut app = App::with_attempts(1);
    app.start();
    app.start();
    assert_eq!(app.state.failed.len(), 1);

    app.native = NativeApp::new("1.1", "2");
    let decision = app.start();

    assert_eq!(
        (decision.serve, decision.reason),
        (Slot::BuiltIn, LaunchReason::NativeChanged)
    );
    assert_eq!(app.state.failed, []);
    assert_eq!(app.state.bundles.len(), 0);
}

#[test]
fn without_a_reset_a_new_native_build_puts_the_current_bundle_on_trial_again() {
    let mut app = App::with_attempts(1);
    app.rules.reset_when_native_changes = false;
    app.start();
    app.confirm("new");

    app.native = NativeApp::new("1.1", "2");
    assert_eq!(app.start().serve, id("new").into());
    let crashed = app.start();

    assert_eq!(
        (crashed.serve, crashed.reason),
        (Slot::BuiltIn, LaunchReason::TrialFailed)
    );
}

#[test]
fn bundles_of_the_same_bytes_fail_together_and_others_of_the_version_stay() {
    let mut state = State::default();
    for (name, digest) in [("a", 1), ("b", 1), ("c", 2)] {
        let digest = Some(digest_of(digest));
        state.add(BundleRecord {
            digest,
            ..record(id(name), "1.0", Timestamp(1))
        });
    }

    state.fail(&id("a"), FailureCause::Marked, Timestamp(2)).unwrap();

    assert_eq!(state.bundles.keys().collect::<Vec<_>>(), [&id("c")]);
}

#[test]
fn where_no_digest_is_known_the_whole_version_fails() {
    let mut state = State::default();
    state.add(record(id("a"), "1.0", Timestamp(1)));
    state.add(BundleRecord {
        digest: Some(digest_of(1)),
        ..record(id("b"), "1.0", Timestamp(1))
    });
    state.add(record(id("c"), "1.1", Timestamp(1)));

    state.fail(&id("a"), FailureCause::Marked, Timestamp(2)).unwrap();

    assert_eq!(state.bundles.keys().collect::<Vec<_>>(), [&id("c")]);
}
