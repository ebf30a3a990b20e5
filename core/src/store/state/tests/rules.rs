//! Rules whose exact numbers random lives reach too rarely.

use super::published::{digest_of, record};
use super::*;
use crate::native::NativeApp;
use crate::store::LaunchReason;

/// An app with a proven bundle `old`, and a bundle `new` that is next.
struct App {
    state: StoreState,
    rules: Rules,
    native: NativeApp,
    starts: u32,
    /// Sessions that ended silently.
    silent: Vec<String>,
}

/// No other session runs; these ended silently.
struct NobodyElse(Vec<String>);

impl Facts for NobodyElse {
    fn is_alive(&self, _: &str) -> bool {
        false
    }

    fn is_there(&self, _: &BundleId) -> bool {
        true
    }

    fn silent_sessions(&self, _: &BundleId) -> Vec<String> {
        self.0.clone()
    }
}

fn id(text: &str) -> BundleId {
    format!("{text:0>10}").parse().unwrap()
}

impl App {
    fn with_attempts(attempts: u32) -> Self {
        let mut app = Self {
            state: StoreState::default(),
            rules: Rules {
                attempts,
                reset_when_native_changes: true,
                silent_starts: 3,
            },
            native: NativeApp::new("1.0", "1"),
            starts: 0,
            silent: Vec::new(),
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

    /// Starts the process again after the last one ended.
    fn launch(&mut self) -> Decision {
        self.starts += 1;
        let session = self.session();
        let world = World {
            native: &self.native,
            built_in_sequence: None,
            now: Timestamp(u64::from(self.starts)),
            session: &session,
            in_background: false,
            facts: &NobodyElse(std::mem::take(&mut self.silent)),
        };
        let decision = self.state.launch(&self.rules, &world);
        self.state.check_invariants().unwrap();
        decision
    }

    fn start(&mut self) -> Decision {
        let decision = self.launch();
        if let BundleRef::Bundle(id) = &decision.serve {
            self.state.trial_started(id, &self.session(), false);
        }
        decision
    }

    fn confirm(&mut self, name: &str) {
        let (session, rules, now) = (self.session(), self.rules.clone(), Timestamp(u64::from(self.starts)));
        (self.state.confirm(&id(name), &session, true, &rules, now)).unwrap();
    }

    /// A start whose process ends in the foreground without a confirmation.
    fn start_silently(&mut self) -> Decision {
        let decision = self.start();
        self.silent.push(self.session());
        decision
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
fn launches_that_never_report_a_start_give_up_after_five_without_a_failure() {
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
        assert!(app.state.trial_suspended(&id("new"), &session));
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
fn a_new_native_build_resets_and_drops_failures() {
    let mut app = App::with_attempts(1);
    app.start();
    app.start();
    assert_eq!(app.state.failed.len(), 1);

    app.native = NativeApp::new("1.1", "2");
    let decision = app.start();

    assert_eq!(
        (decision.serve, decision.reason),
        (BundleRef::BuiltIn, LaunchReason::NativeChanged)
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
        (BundleRef::BuiltIn, LaunchReason::TrialFailed)
    );
}

#[test]
fn bundles_of_the_same_bytes_fail_together_and_others_of_the_version_stay() {
    let mut state = StoreState::default();
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
fn bundles_of_the_same_files_fail_together_though_their_archives_differ() {
    let mut state = StoreState::default();
    for (name, archive, contents) in [
        ("a", Some(1), 10),
        ("b", Some(2), 10),
        ("c", Some(3), 11),
        ("d", None, 10),
    ] {
        state.add(BundleRecord {
            digest: archive.map(digest_of),
            content_digest: Some(digest_of(contents)),
            ..record(id(name), "1.0", Timestamp(1))
        });
    }

    state.fail(&id("a"), FailureCause::Marked, Timestamp(2)).unwrap();

    assert_eq!(state.bundles.keys().collect::<Vec<_>>(), [&id("c")]);
    let refused = |archive, contents| {
        let (archive, contents) = (digest_of(archive), digest_of(contents));
        let bundle = Identity {
            version: "2.0",
            digest: Some(&archive),
            content_digest: Some(&contents),
        };
        state.failure_of(bundle).is_some()
    };
    assert!(refused(4, 10) && refused(1, 12) && !refused(4, 12));
    let (contents, other) = (digest_of(10), digest_of(12));
    assert!(state.failure_of(Identity::by_either("2.0", Some(&contents))).is_some());
    assert!(state.failure_of(Identity::by_either("1.0", Some(&other))).is_none());
}

#[test]
fn without_a_digest_the_whole_version_fails() {
    let mut state = StoreState::default();
    state.add(record(id("a"), "1.0", Timestamp(1)));
    state.add(BundleRecord {
        digest: Some(digest_of(1)),
        ..record(id("b"), "1.0", Timestamp(1))
    });
    state.add(record(id("c"), "1.1", Timestamp(1)));

    state.fail(&id("a"), FailureCause::Marked, Timestamp(2)).unwrap();

    assert_eq!(state.bundles.keys().collect::<Vec<_>>(), [&id("c")]);
}

#[test]
fn a_bundle_that_is_ended_in_the_background_again_and_again_is_not_given_up() {
    let mut app = App::with_attempts(1);
    for _ in 0..20 {
        assert_eq!(app.start().serve, id("new").into());
        let session = app.session();
        app.state.entered_background(&session, Timestamp(1));
    }
}

#[test]
fn an_attempt_counts_again_when_the_app_comes_back() {
    let mut app = App::with_attempts(1);
    app.start();
    let session = app.session();
    app.state.entered_background(&session, Timestamp(1));
    app.state
        .entered_foreground(&session, &app.native.version.clone(), Timestamp(2));

    assert_eq!(app.launch().reason, LaunchReason::TrialFailed);
}

#[test]
fn a_confirmation_without_a_start_in_this_session_proves_nothing() {
    let mut app = App::with_attempts(2);
    app.start();
    app.launch();
    let (session, rules) = (app.session(), app.rules.clone());

    assert_eq!(
        app.state.confirm(&id("new"), &session, false, &rules, Timestamp(9)),
        None
    );
    assert_eq!(app.state.fallback, id("old").into());
}

#[test]
fn a_proven_bundle_that_starts_silently_three_times_in_a_row_is_on_trial_again() {
    let mut app = App::with_attempts(2);
    app.start();
    app.confirm("new");
    for _ in 0..2 {
        app.start_silently();
        app.start();
        app.confirm("new");
    }
    for _ in 0..3 {
        assert_eq!(app.start_silently().serve, id("new").into());
        assert_eq!(app.state.trial, None);
    }

    assert_eq!(app.start().serve, id("new").into());
    assert!(app.state.trial.is_some());
    app.confirm("new");
    assert_eq!(app.state.trial, None);
    assert_eq!(app.state.fallback, id("new").into());
}

#[test]
fn a_bundle_that_loses_a_later_trial_is_replaced_by_its_predecessor_and_not_failed() {
    let mut app = App::with_attempts(2);
    app.start();
    app.confirm("new");
    for _ in 0..3 {
        app.start_silently();
    }
    app.start();
    app.start();

    let decision = app.start();

    assert_eq!(
        (decision.serve, decision.reason),
        (id("old").into(), LaunchReason::SetAside)
    );
    assert_eq!(decision.failed, None);
    assert_eq!(app.state.failed, []);
    assert_eq!(app.state.set_next(id("new").into()), Ok(()));
}

#[test]
fn a_silent_start_that_is_found_twice_counts_once() {
    let mut app = App::with_attempts(2);
    app.start();
    app.confirm("new");
    for _ in 0..10 {
        app.silent = vec!["one session".to_owned(), "another".to_owned()];
        app.launch();
        assert_eq!(app.state.trial, None);
    }
}

#[test]
fn with_no_silent_starts_allowed_nothing_is_counted() {
    let mut app = App::with_attempts(2);
    app.rules.silent_starts = 0;
    app.start();
    app.confirm("new");
    for _ in 0..10 {
        app.start_silently();
        assert_eq!(app.state.trial, None);
    }
    assert_eq!(app.state.silent, None);
}

#[test]
fn the_predecessor_is_kept_until_three_later_starts_were_confirmed() {
    let mut app = App::with_attempts(2);
    app.start();
    app.confirm("new");
    for _ in 0..2 {
        app.start();
        app.confirm("new");
        assert_eq!(app.state.previous, Some(id("old")));
    }
    app.start();
    let (session, rules) = (app.session(), app.rules.clone());
    let confirmed = app.state.confirm(&id("new"), &session, true, &rules, Timestamp(9));

    assert_eq!(confirmed.unwrap().superseded, [id("old")]);
    assert_eq!(app.state.previous, None);
}

#[test]
fn a_bundle_that_was_set_aside_is_offered_again_after_a_day_or_by_a_new_release() {
    let mut app = App::with_attempts(1);
    app.start();
    app.confirm("new");
    for _ in 0..3 {
        app.start_silently();
    }
    app.start();
    app.launch();
    let at = u64::from(app.starts);
    let digest = digest_of(b'n');
    let is_aside = |sequence, now| {
        let state = &app.state;
        state
            .set_aside_of(Identity::by_either("new", Some(&digest)), sequence, Timestamp(now))
            .is_some()
    };

    assert!(is_aside(None, at));
    assert!(is_aside(None, at + 24 * 60 * 60 - 1));
    assert!(!is_aside(None, at + 24 * 60 * 60));
    assert!(!is_aside(None, at - 1), "the clock was set back");
    let mut state = app.state.clone();
    state.set_aside[0].sequence = Some(7);
    let is_aside = |sequence| {
        state
            .set_aside_of(Identity::by_either("new", Some(&digest)), Some(sequence), Timestamp(at))
            .is_some()
    };
    assert_eq!((is_aside(7), is_aside(8)), (true, false));
}

#[test]
fn a_withdrawn_bundle_is_not_brought_back_by_a_failing_successor() {
    for way in 0..3 {
        let mut app = App::with_attempts(1);
        app.start();
        app.confirm("new");
        match way {
            0 => app.state.reset(false),
            1 => app.state.set_current(BundleRef::BuiltIn).unwrap(),
            _ => {
                app.state.set_next(BundleRef::BuiltIn).unwrap();
                app.start();
            }
        }
        app.offer("third");
        assert_eq!(app.start().serve, id("third").into());

        assert_eq!(app.start().serve, BundleRef::BuiltIn, "way {way}");
    }
}
