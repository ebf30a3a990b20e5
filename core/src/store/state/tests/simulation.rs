//! A device in memory: the state machine, and all events of an app around it. After each event the invariants are
//! checked against the observations of the simulation.

use std::collections::{BTreeMap, BTreeSet};

mod accepting;
mod checks;
mod running;

use super::event::{Event, NEWEST, Saving};
use super::invariants::ensure;
use super::published::RELEASES;
use super::*;
use crate::native::{NativeApp, NativeVersion, is_same_native};
use crate::store::LaunchReason;
use crate::store::lifecycle::ApplyCondition;
use crate::store::records::AcceptedRelease;
use crate::store::records::is_built_in;

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is observed by itself; a state machine here would repeat the tested one"
)]
#[derive(Debug, Clone)]
struct Session {
    name: String,
    served: Option<BundleRef>,
    on_trial: bool,
    /// Its trial has started and is not in the background.
    started: bool,
    /// The page of its attempt started at some time.
    page_started: bool,
    /// The proven bundle whose page started and has not confirmed yet.
    awaits: Option<BundleId>,
    confirmed: bool,
    in_background: bool,
    was_in_background: bool,
}

pub(super) struct Simulation {
    state: StoreState,
    rules: Rules,
    native: NativeApp,
    built_in_sequence: Option<u64>,
    now: Timestamp,
    sessions: Vec<Session>,
    names: u32,
    /// Published releases.
    published: u64,
    on_disk: BTreeSet<BundleId>,
    /// Sessions that ended silently and their bundles, until a launch counts them.
    silent: Vec<(String, BundleId)>,
    seen: Seen,
    /// The cases reached, to distinguish a useful life from an idle one.
    pub(super) reached: BTreeSet<String>,
}

/// The knowledge of an observer of all events.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Bundles that confirmed, and the native app of their last confirmation.
    confirmed: BTreeMap<BundleId, NativeApp>,
    /// Those that confirmed while the state contained the native app. A store records it before a confirmation even if
    /// its launch could not be written.
    proved_here: BTreeMap<BundleId, NativeApp>,
    /// Bundles that were withdrawn by selecting the built-in one, and have not confirmed since.
    withdrawn: BTreeSet<BundleId>,
    /// Consecutive silent starts of the current bundle.
    silent: Option<(BundleId, u32)>,
    failed: Vec<FailedBundle>,
    trial_of: Option<BundleId>,
    /// Starts of this trial that ended without a confirmation.
    blamed: u32,
    /// The session of the last attempt ended after a start, and no launch has found that yet.
    ended_after_start: bool,
    /// The native app of the last launch that could write.
    native: Option<NativeApp>,
    /// The last accepted release, by sequence and payload, and the latest time of all.
    accepted: Option<(u64, Sha256Digest)>,
    latest_time: Timestamp,
}

struct Outside<'a> {
    alive: Vec<&'a str>,
    on_disk: &'a BTreeSet<BundleId>,
    silent: &'a [(String, BundleId)],
}

impl Facts for Outside<'_> {
    fn is_alive(&self, session: &str) -> bool {
        self.alive.contains(&session)
    }

    fn is_there(&self, id: &BundleId) -> bool {
        self.on_disk.contains(id)
    }

    fn silent_sessions(&self, id: &BundleId) -> Vec<String> {
        let silent = self.silent.iter().filter(|(_, shown)| shown == id);
        silent.map(|(session, _)| session.clone()).collect()
    }
}

impl Simulation {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            state: StoreState::default(),
            rules,
            native: NativeApp::new("2", "build-2"),
            built_in_sequence: None,
            now: Timestamp(1_000_000),
            sessions: Vec::new(),
            names: 0,
            published: 0,
            on_disk: BTreeSet::new(),
            silent: Vec::new(),
            seen: Seen::default(),
            reached: BTreeSet::new(),
        }
    }

    /// Applies the event and checks every invariant.
    pub(super) fn happen(&mut self, event: Event) -> Result<(), String> {
        self.apply(event)?;
        self.check()
    }

    fn apply(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Install { release } => return self.install(release),
            Event::AcceptBuiltIn { release } => return self.accept_built_in(release),
            Event::SetNext { slot } => {
                let slot = self.slot(slot);
                if slot.bundle().is_none_or(|id| self.on_disk.contains(id)) {
                    // A refusal is a valid result; the invariants show that it changed nothing.
                    let _ = self.state.set_next(slot);
                }
            }
            Event::ClearNext => self.state.drop_next(),
            Event::SetCurrent { session, slot } => {
                let slot = self.slot(slot);
                if slot.bundle().is_none_or(|id| self.on_disk.contains(id)) {
                    return self.switch(session, slot == BundleRef::BuiltIn, |state| {
                        state.set_current(slot).is_ok()
                    });
                }
            }
            Event::Reset {
                session,
                to_last_proven,
            } => {
                return self.switch(session, !to_last_proven, |state| {
                    state.reset(to_last_proven);
                    true
                });
            }
            Event::ApplyNext { session } => return self.apply_next(session),
            Event::Open => self.open(),
            Event::Launch { session, how } => return self.launch(session, how),
            Event::TrialStarted { session } => return self.report_start(session),
            Event::TrialSuspended { session } => self.report_suspension(session),
            Event::ConfirmServed { session } => {
                if let Some(number) = self.session(session)
                    && let Some(BundleRef::Bundle(id)) = self.sessions[number].served.clone()
                {
                    return self.confirm(number, &id);
                }
            }
            Event::ConfirmOther { session, slot } => {
                // Only a page confirms, and no page runs between a native update and the next launch.
                if let (BundleRef::Bundle(id), Some(number)) = (self.slot(slot), self.session(session)) {
                    return self.confirm(number, &id);
                }
            }
            Event::TrialExpired { session } => return self.expire(session),
            Event::End { session } => self.end(session),
            Event::Delete { slot } => return self.delete(slot),
            Event::MarkFailed { slot } => return self.mark_failed(slot),
            Event::Forget { release } => {
                let version = RELEASES[usize::from(release) % RELEASES.len()].version;
                self.state.forget_failure(version);
                self.seen.failed.retain(|failed| failed.version != version);
            }
            Event::Purge { slot } => {
                if let BundleRef::Bundle(id) = self.slot(slot) {
                    self.on_disk.remove(&id);
                }
            }
            Event::NativeUpdate { build, version } => {
                // A native update ends every process of the app.
                while !self.sessions.is_empty() {
                    self.end(0);
                }
                self.native = NativeApp::new((version % 4).to_string(), format!("build-{}", build % 3));
                // Not always with another build: a host may begin to state it at any time.
                self.built_in_sequence = u64::from(version / 4 % 10).checked_sub(4);
            }
            Event::Clock { forward, seconds } => {
                let now = self.now.0;
                let seconds = u64::from(seconds);
                self.now = Timestamp(if forward {
                    now.saturating_add(seconds)
                } else {
                    now.saturating_sub(seconds)
                });
            }
            Event::SetDelays { kinds } => self.state.delays.set(self.delays(kinds)),
            Event::Background { session } => self.background(session),
            Event::Foreground { session } => self.foreground(session),
        }
        Ok(())
    }

    fn open(&mut self) {
        if self.sessions.len() < 3 {
            self.names += 1;
            self.sessions.push(Session {
                name: format!("session-{}", self.names),
                served: None,
                on_trial: false,
                started: false,
                page_started: false,
                awaits: None,
                confirmed: false,
                in_background: false,
                was_in_background: false,
            });
        }
    }

    fn session(&self, number: u8) -> Option<usize> {
        match number {
            NEWEST => self.sessions.len().checked_sub(1),
            _ => usize::from(number).checked_rem(self.sessions.len()),
        }
    }

    /// Events within a session follow its launch.
    fn launched_session(&self, number: u8) -> Option<usize> {
        self.session(number)
            .filter(|number| self.sessions[*number].served.is_some())
    }

    /// A bundle, or sometimes the built-in or an unknown one.
    fn slot(&self, number: u8) -> BundleRef {
        let number = usize::from(number);
        let count = self.state.bundles.len() + 2;
        match number % count {
            0 => BundleRef::BuiltIn,
            1 => BundleRef::Bundle("0unknown00".parse().unwrap()),
            other => self
                .state
                .bundles
                .keys()
                .nth(other - 2)
                .cloned()
                .map_or(BundleRef::BuiltIn, BundleRef::Bundle),
        }
    }

    fn delays(&self, kinds: u8) -> Vec<ApplyCondition> {
        let all = [
            ApplyCondition::Background(60_000),
            ApplyCondition::Kill,
            ApplyCondition::NativeVersion(NativeVersion::new("3")),
            ApplyCondition::Date(Timestamp(self.now.0 + 500)),
        ];
        all.into_iter()
            .enumerate()
            .filter(|(bit, _)| kinds & (1 << bit) != 0)
            .map(|(_, delay)| delay)
            .collect()
    }

    /// Runs a transition that reads facts.
    fn with_world<T>(
        &mut self,
        session: usize,
        transition: impl FnOnce(&mut StoreState, &Rules, &World<'_>) -> T,
    ) -> T {
        let facts = Outside {
            alive: self.sessions.iter().map(|session| session.name.as_str()).collect(),
            on_disk: &self.on_disk,
            silent: &self.silent,
        };
        let world = World {
            native: &self.native,
            built_in_sequence: self.built_in_sequence,
            now: self.now,
            session: &self.sessions[session].name,
            in_background: self.sessions[session].in_background,
            facts: &facts,
        };
        transition(&mut self.state, &self.rules, &world)
    }
}
