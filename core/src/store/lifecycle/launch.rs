//! Deciding at launch which bundle to serve.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::native::NativeApp;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::open::Store;
use crate::store::session::{Launch, LaunchReason, NotDurable, SessionStart};
use crate::store::state::{Decision, Facts, Loaded, StoreState, World};

/// How long [`Store::launch`] waits for a change by another process. Users notice every millisecond of it.
const LAUNCH_LOCK_TIMEOUT: Duration = Duration::from_millis(200);

impl Store {
    /// Decides which bundle this session serves. A repeated call returns the same result and counts nothing.
    ///
    /// Never fails and never waits longer than about 200 ms. If the state cannot be read, written or locked, the result
    /// requires no change, and [`LaunchReason::NotDurable`] contains the reason. A bundle on trial is served only after
    /// its attempt is durable, so its crash always counts.
    ///
    /// In this order: a changed native app resets to the built-in bundle; a trial that used up its attempts fails, and
    /// its fallback is served; the next bundle is applied if its conditions are met; otherwise the current one stays.
    /// The chosen bundle must have its `index.html`, run on this native version and be newer than the built-in one.
    pub fn launch(&self, native: &NativeApp) -> Launch {
        self.session.launched_by(native);
        let mut served = self.session.served();
        if let Some(launch) = &*served {
            return launch.clone();
        }
        let (launch, starts) = self.decide(native);
        *served = Some(launch.clone());
        drop(served);
        // Files of ended sessions. If they cannot be removed now, the next launch removes them.
        let _ = self.storage.remove_starts(&starts);
        let _ = self.sweep_sessions();
        launch
    }

    /// Also returns the sessions whose starts counted in this decision.
    fn decide(&self, native: &NativeApp) -> (Launch, Vec<String>) {
        let lock = match self.lock(LAUNCH_LOCK_TIMEOUT) {
            Ok(lock) => lock,
            Err(Error::Busy { .. }) => return (self.without_lock(native, NotDurable::Busy), Vec::new()),
            Err(error) => {
                let why = NotDurable::Unwritable(error.to_string());
                return (self.without_lock(native, why), Vec::new());
            }
        };
        let loaded = match self.storage.load() {
            Ok(loaded) => loaded,
            Err(error) => return (built_in(NotDurable::Unreadable(error.to_string())), Vec::new()),
        };
        let starts = self.past_starts();
        let launch = self.decide_from(&loaded, native, &starts, Instant::now());
        drop(lock);
        let counted = match launch.reason {
            LaunchReason::NotDurable(_) => Vec::new(),
            _ => starts.into_iter().map(|(session, _)| session).collect(),
        };
        (launch, counted)
    }

    fn decide_from(
        &self,
        loaded: &Loaded,
        native: &NativeApp,
        starts: &[(String, Option<SessionStart>)],
        started: Instant,
    ) -> Launch {
        let facts = StoreFacts {
            starts,
            ..StoreFacts::new(self)
        };
        let world = self.world(native, &facts);
        if let Err(error) = facts.find_bundles_with_roles(&loaded.state) {
            // Missing is not the same as unreadable: an unreadable bundle keeps its role.
            return self.serve_unchanged(&loaded.state, &world, NotDurable::Unreadable(error.to_string()));
        }
        let (state, mut decision) = loop {
            let mut state = loaded.state.clone();
            let decision = state.launch(&self.rules(), &world);
            match (self.options.verify_at_launch, decision.serve.bundle()) {
                (Some(budget), Some(id)) if self.sample_is_damaged(id, started, budget) => {
                    facts.damaged.borrow_mut().push(id.clone());
                }
                _ => break (state, decision),
            }
        };
        let lost = loaded.state.current.bundle().is_some_and(|id| !facts.is_there(id));
        if lost && decision.reason == LaunchReason::Current {
            decision.reason = LaunchReason::Damaged;
        }
        // A launch without a change reports nothing as durable, so it does not wait for the disk.
        let changed = loaded.state != state || loaded.recovered.is_some();
        let save = || if changed { self.save(loaded, &state) } else { Ok(()) };
        match self.pin(&decision.serve).and_then(|()| save()) {
            Ok(()) => {
                self.session.mark_native_recorded();
                self.launch_of(&state, decision)
            }
            // A bundle that needs no trial may be served: the next launch decides and reports again.
            Err(_) if state.trial.is_none() => self.launch_of(
                &state,
                Decision {
                    failed: None,
                    ..decision
                },
            ),
            Err(error) => self.serve_unchanged(&loaded.state, &world, NotDurable::Unwritable(error.to_string())),
        }
    }

    /// The decision that needs only reading.
    fn without_lock(&self, native: &NativeApp, why: NotDurable) -> Launch {
        let state = match self.storage.load() {
            Ok(loaded) => loaded.state,
            Err(error) => return built_in(NotDurable::Unreadable(error.to_string())),
        };
        let facts = StoreFacts::new(self);
        self.serve_unchanged(&state, &self.world(native, &facts), why)
    }

    /// The best decision that requires no change of the state.
    fn serve_unchanged(&self, state: &StoreState, world: &World<'_>, why: NotDurable) -> Launch {
        let serve = state.without_change(world);
        // On a full disk other processes do not see it, but keep the current bundle and the fallback.
        let _ = self.pin(&serve);
        let reason = LaunchReason::NotDurable(why);
        let failed = None;
        self.launch_of(state, Decision { serve, reason, failed })
    }

    pub(in crate::store) fn launch_of(&self, state: &StoreState, decision: Decision) -> Launch {
        let record = decision.serve.bundle().and_then(|id| state.bundles.get(id));
        Launch {
            folder: record.map(|record| self.folder(&record.id)),
            version: record.map(|record| record.version.clone()),
            on_trial: state.trial.is_some() && state.current == decision.serve,
            bundle: decision.serve,
            reason: decision.reason,
            failed: decision.failed,
        }
    }

    pub(in crate::store) fn world<'a>(&'a self, native: &'a NativeApp, facts: &'a dyn Facts) -> World<'a> {
        World {
            native,
            built_in_sequence: self.options.built_in_sequence,
            now: (self.clock)(),
            session: &self.session.name,
            in_background: self.start().is_in_background(),
            facts,
        }
    }
}

/// The facts read from the disk and the other sessions during this launch.
pub(in crate::store) struct StoreFacts<'a> {
    store: &'a Store,
    damaged: RefCell<Vec<BundleId>>,
    /// The bundles found so far. Read once, so that a later read error is not taken for a missing bundle.
    seen: RefCell<Vec<(BundleId, bool)>>,
    /// The recorded starts of ended sessions.
    starts: &'a [(String, Option<SessionStart>)],
}

impl<'a> StoreFacts<'a> {
    pub(in crate::store) fn new(store: &'a Store) -> Self {
        Self {
            store,
            damaged: RefCell::default(),
            seen: RefCell::default(),
            starts: &[],
        }
    }

    /// Looks for the bundles that have a role.
    fn find_bundles_with_roles(&self, state: &StoreState) -> Result<()> {
        let roles = [Some(&state.current), state.next.as_ref(), Some(&state.fallback)];
        let roles = roles.into_iter().flatten().filter_map(BundleRef::bundle);
        for id in roles.chain(&state.previous) {
            let there = self.store.storage.has_page(id)?;
            self.seen.borrow_mut().push((id.clone(), there));
        }
        Ok(())
    }
}

impl Facts for StoreFacts<'_> {
    fn is_alive(&self, session: &str) -> bool {
        self.store.is_alive(session)
    }

    fn is_there(&self, id: &BundleId) -> bool {
        let seen = self.seen.borrow();
        let seen = seen.iter().rfind(|(seen, _)| seen == id).map(|(_, there)| *there);
        !self.damaged.borrow().contains(id) && seen.unwrap_or_else(|| self.store.storage.is_there(id))
    }

    fn silent_sessions(&self, id: &BundleId) -> Vec<String> {
        silent_sessions(self.starts, id)
    }
}

/// The sessions whose start of this bundle ended silently.
fn silent_sessions(starts: &[(String, Option<SessionStart>)], id: &BundleId) -> Vec<String> {
    let silent = starts.iter().filter(|(_, start)| {
        let start = start.as_ref();
        start.and_then(SessionStart::silent) == Some(id)
    });
    silent.map(|(session, _)| session.clone()).collect()
}

fn built_in(why: NotDurable) -> Launch {
    Launch {
        bundle: BundleRef::BuiltIn,
        folder: None,
        version: None,
        on_trial: false,
        reason: LaunchReason::NotDurable(why),
        failed: None,
    }
}
