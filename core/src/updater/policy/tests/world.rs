//! A device that carries out what the policy asks for, and checks that it may be asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;

/// How an update ends, when the test says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Ready(u8),
    BuiltIn,
    /// What an earlier check made next; nothing new if nothing is next.
    NextAlready,
    UpToDate,
    Blocked,
    Refused,
    Limited(Option<u64>),
    Unreachable,
    Failed {
        is_final: bool,
    },
    Cancelled,
}

/// The model. Outcomes wait until the test delivers them.
#[derive(Debug)]
pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) now: Moment,
    /// Operations of the store that wait to be carried out, in their order.
    pub(super) operations: VecDeque<(OperationId, StoreOperation)>,
    pub(super) updates: Vec<OperationId>,
    pub(super) timers: BTreeMap<Timer, Duration>,
    pub(super) announced: Vec<Announcement>,
    pub(super) reports: Vec<ReportAction>,
    pub(super) loads: Vec<Load>,
    pub(super) replies: BTreeMap<CallId, usize>,
    pub(super) calls: BTreeSet<CallId>,
    pub(super) splash: Option<bool>,
    pub(super) store: Model,
    /// The bundle of each page, and whether the page called `notifyAppReady()`.
    pages: BTreeMap<PageId, (BundleRef, bool)>,
    /// The bundles that a call or an update made next or current, or asked to.
    wanted: BTreeSet<String>,
    requested: bool,
    has_started: bool,
    pub(super) in_background: bool,
    last_call: u64,
}

/// What a store does, as far as the policy can see it.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) current: BundleRef,
    pub(super) next: Option<BundleRef>,
    pub(super) fallback: BundleRef,
    pub(super) served: Option<BundleRef>,
    /// What a preview replaced.
    pub(super) under_preview: Option<BundleRef>,
    pub(super) on_trial: bool,
    pub(super) has_delays: bool,
    /// It is remembered that a check of a new native app got an answer.
    pub(super) has_answer: bool,
    /// The next operations fail.
    pub(super) failing: u32,
}

pub(super) fn bundle(number: u8) -> BundleRef {
    BundleRef::Bundle(id(number))
}

pub(super) fn id(number: u8) -> BundleId {
    format!("Bundle{number:04}").parse().expect("an id")
}

impl Model {
    fn launch(&self, reason: LaunchReason) -> Box<Launch> {
        let served = self.served.clone().expect("served");
        Box::new(Launch {
            version: served.bundle().map(|id| format!("of {id}")),
            bundle: served,
            folder: None,
            on_trial: self.must_confirm(),
            reason,
            failed: None,
        })
    }

    fn serve(&mut self, bundle: BundleRef, reason: LaunchReason) -> Box<Launch> {
        self.on_trial = bundle != BundleRef::BuiltIn && bundle != self.fallback;
        self.current = bundle.clone();
        if self.next.as_ref() == Some(&bundle) {
            self.next = None;
        }
        self.served = Some(bundle);
        self.under_preview = None;
        self.launch(reason)
    }

    fn must_confirm(&self) -> bool {
        match self.under_preview {
            Some(_) => self.served != Some(BundleRef::BuiltIn),
            None => self.on_trial,
        }
    }

    fn deadline(&self, in_background: bool) -> Option<Duration> {
        (self.must_confirm() && !in_background).then(|| Duration::from_secs(10))
    }

    fn run(&mut self, operation: &StoreOperation, in_background: bool) -> Result<Outcome> {
        let cannot_fail = matches!(operation, StoreOperation::Launch(_) | StoreOperation::LeavePreview(_));
        if self.failing > 0 && !cannot_fail {
            self.failing -= 1;
            return Err(Error::Busy {
                path: "lock".into(),
                waited: Duration::ZERO,
            });
        }
        Ok(match operation {
            StoreOperation::Launch(_) => {
                let bundle = match self.next.clone().filter(|_| !self.has_delays) {
                    Some(next) => next,
                    None => self.current.clone(),
                };
                Outcome::Serve(self.serve(bundle, LaunchReason::Current))
            }
            StoreOperation::StartTrial(_) | StoreOperation::EnterForeground(_) => {
                Outcome::Deadline(self.deadline(in_background))
            }
            StoreOperation::StartPreview(bundle) => {
                let under = self.under_preview.take().or_else(|| self.served.clone());
                self.under_preview = under;
                self.served = Some(bundle.clone());
                Outcome::Serve(self.launch(LaunchReason::Preview))
            }
            StoreOperation::LeavePreview(_) => {
                let Some(under) = self.under_preview.take() else {
                    return Err(Error::invalid_input("preview", "none is served"));
                };
                self.served = Some(under);
                Outcome::Serve(self.launch(LaunchReason::PreviewEnded))
            }
            StoreOperation::ExpireTrial { .. } | StoreOperation::ApplyNext(_) if self.under_preview.is_some() => {
                Outcome::ServeIfAny(None)
            }
            StoreOperation::Confirm(bundle) if *bundle != self.current || self.under_preview.is_some() => {
                Outcome::Confirmed(Confirmation::Ignored {
                    current: self.current.clone(),
                })
            }
            StoreOperation::Confirm(bundle) => {
                self.fallback = bundle.clone();
                self.on_trial = false;
                Outcome::Confirmed(Confirmation::Proven)
            }
            StoreOperation::ExpireTrial { bundle, .. }
                if self.on_trial && self.current.bundle() == Some(bundle) && !in_background =>
            {
                let fallback = self.fallback.clone();
                Outcome::ServeIfAny(Some(self.serve(fallback, LaunchReason::TrialExpired)))
            }
            StoreOperation::ExpireTrial { .. } => Outcome::ServeIfAny(None),
            StoreOperation::ApplyNext(_) => match self.next.clone().filter(|_| !self.has_delays) {
                Some(next) => Outcome::ServeIfAny(Some(self.serve(next, LaunchReason::NextApplied))),
                None => Outcome::ServeIfAny(None),
            },
            StoreOperation::SetNext(bundle) => {
                self.next = Some(bundle.clone());
                Outcome::Done
            }
            StoreOperation::SetCurrent(bundle) => Outcome::Serve(self.serve(bundle.clone(), LaunchReason::SetCurrent)),
            StoreOperation::ApplyUnlessDelayed(bundle) if self.has_delays || self.under_preview.is_some() => {
                self.next = Some(bundle.clone());
                Outcome::ServeIfAny(None)
            }
            StoreOperation::ApplyUnlessDelayed(bundle) => {
                Outcome::ServeIfAny(Some(self.serve(bundle.clone(), LaunchReason::SetCurrent)))
            }
            StoreOperation::Reset { to_last_proven } => {
                let bundle = if *to_last_proven {
                    self.fallback.clone()
                } else {
                    BundleRef::BuiltIn
                };
                self.next = None;
                self.fallback = bundle.clone();
                Outcome::Serve(self.serve(bundle, LaunchReason::Reset))
            }
            StoreOperation::SetDelays(delays) => {
                self.has_delays = !delays.is_empty();
                Outcome::Done
            }
            StoreOperation::RememberAnswer => {
                self.has_answer = true;
                Outcome::Done
            }
            StoreOperation::EnterBackground | StoreOperation::MarkFailed(_) | StoreOperation::RememberWait(_) => {
                Outcome::Done
            }
        })
    }
}

impl World {
    pub(super) fn new(options: PolicyOptions) -> Self {
        Self {
            policy: Policy::new(options),
            now: Moment {
                wall: Timestamp(1_900_000_000),
                monotonic: Duration::ZERO,
            },
            operations: VecDeque::new(),
            updates: Vec::new(),
            timers: BTreeMap::new(),
            announced: Vec::new(),
            reports: Vec::new(),
            loads: Vec::new(),
            replies: BTreeMap::new(),
            calls: BTreeSet::new(),
            splash: None,
            store: Model::default(),
            pages: BTreeMap::new(),
            wanted: BTreeSet::new(),
            requested: false,
            has_started: false,
            in_background: false,
            last_call: 0,
        }
    }

    /// Passes an event on, and notes what the policy asks for.
    pub(super) fn event(&mut self, event: HostEvent) {
        match &event {
            HostEvent::EnteredBackground if self.has_started => self.in_background = true,
            HostEvent::EnteredForeground if self.has_started => self.in_background = false,
            HostEvent::ProcessStarted { in_background, .. } if !self.has_started => {
                self.has_started = true;
                self.in_background = *in_background;
            }
            HostEvent::PageConfirmed { page, .. } => {
                if let Some(page) = self.pages.get_mut(page) {
                    page.1 = true;
                }
            }
            _ => {}
        }
        let before = self.policy.page();
        let actions = self.policy.handle(self.now, event);
        if let Some(page) = self.policy.page().filter(|page| Some(*page) != before) {
            let shown = self.policy.shown().expect("a page was loaded").bundle.clone();
            self.pages.insert(page, (shown, false));
        }
        for action in actions {
            self.note(action);
        }
    }

    fn note(&mut self, action: Action) {
        match action {
            Action::Store { id, operation } => {
                self.check_operation(&operation);
                self.operations.push_back((id, operation));
            }
            Action::Update(id) => {
                assert!(self.updates.is_empty(), "two updates at once");
                assert_ne!(
                    self.policy.options().mode,
                    UpdateMode::Off,
                    "an update though updates are off"
                );
                self.updates.push(id);
            }
            Action::Load(load) => {
                assert_eq!(
                    Some(&load.bundle),
                    self.store.served.as_ref(),
                    "loads what the store has not decided to serve",
                );
                self.loads.push(load);
            }
            Action::StartTimer { timer, after } => {
                if let Timer::PageReady(page) | Timer::ConfirmAgain(page) = timer {
                    assert_eq!(self.policy.page(), Some(page), "a timer of a page that is gone");
                    assert!(
                        !self.in_background || matches!(timer, Timer::ConfirmAgain(_)),
                        "the time of a page runs in the background",
                    );
                }
                self.timers.insert(timer, self.now.monotonic + after);
            }
            Action::StopTimer(timer) => drop(self.timers.remove(&timer)),
            Action::ShowSplash(shown) => self.splash = Some(shown),
            Action::Notify(announcement) => self.announced.push(announcement),
            Action::Report(report) => self.reports.push(report.action),
            Action::SendReports => {}
            Action::Reply { call, .. } => {
                assert!(self.calls.contains(&call), "a reply to no call");
                let replies = self.replies.entry(call).or_default();
                *replies += 1;
                assert_eq!(*replies, 1, "a call gets two replies");
            }
        }
    }

    /// What the policy may do by itself.
    fn check_operation(&mut self, operation: &StoreOperation) {
        let mode = self.policy.options().mode;
        if self.policy.is_previewing() {
            let is_harmless = !matches!(
                operation,
                StoreOperation::Confirm(_)
                    | StoreOperation::ExpireTrial { .. }
                    | StoreOperation::ApplyNext(_)
                    | StoreOperation::ApplyUnlessDelayed(_)
            );
            assert!(is_harmless, "{operation:?} during a preview");
        }
        match operation {
            StoreOperation::StartPreview(_) => {
                assert!(
                    self.policy.options().allow_preview,
                    "a preview that the host does not allow"
                );
            }
            StoreOperation::Confirm(bundle) => {
                let page = self.policy.page().expect("a confirmation has a page");
                let (loaded, has_confirmed) = &self.pages[&page];
                assert!(*has_confirmed, "confirms for a page that did not");
                assert_eq!(loaded, bundle, "a page confirms another bundle than its own");
            }
            StoreOperation::ExpireTrial { bundle, .. } => {
                let page = self.policy.page().expect("an expiry has a page");
                assert_eq!(
                    self.pages[&page].0.bundle(),
                    Some(bundle),
                    "ends the trial of another page"
                );
            }
            StoreOperation::SetNext(bundle) | StoreOperation::SetCurrent(bundle)
                if !self.wanted.contains(&bundle.to_string()) =>
            {
                panic!("{bundle} was neither offered nor called for ({mode:?})");
            }
            StoreOperation::ApplyUnlessDelayed(bundle) => {
                assert!(self.wanted.contains(&bundle.to_string()), "{bundle} was not offered");
                assert!(
                    matches!(mode, UpdateMode::Always | UpdateMode::OnLaunch | UpdateMode::AtInstall),
                    "{mode:?} applies nothing at once",
                );
                assert!(!self.in_background, "a direct update in the background");
            }
            StoreOperation::Reset { .. } => assert!(self.requested, "nothing asked for a reset"),
            _ => {}
        }
    }

    /// Carries out the oldest operation.
    pub(super) fn deliver(&mut self) {
        let Some((operation, what)) = self.operations.pop_front() else {
            return;
        };
        let outcome = self.store.run(&what, self.in_background);
        self.event(HostEvent::Completed { operation, outcome });
    }

    /// Carries out all operations.
    pub(super) fn settle(&mut self) {
        while !self.operations.is_empty() {
            self.deliver();
        }
    }

    /// Ends the running update.
    pub(super) fn end_update(&mut self, ending: Ending) {
        let Some(operation) = self.updates.pop() else { return };
        let mode = self.policy.options().mode;
        let answer = CheckAnswer::new("code", "message");
        let outcome = match ending {
            Ending::Ready(number) => {
                if mode.sets_next() {
                    self.wanted.insert(bundle(number).to_string());
                }
                UpdateOutcome::Ready(id(number))
            }
            Ending::BuiltIn => {
                if mode.sets_next() {
                    self.wanted.insert(BundleRef::BuiltIn.to_string());
                    self.requested = true;
                }
                UpdateOutcome::BuiltIn
            }
            Ending::NextAlready => match self.store.next.clone().filter(|_| mode.sets_next()) {
                Some(next) => {
                    self.wanted.insert(next.to_string());
                    self.requested |= next == BundleRef::BuiltIn;
                    UpdateOutcome::NextAlready(next)
                }
                None => UpdateOutcome::UpToDate(None),
            },
            Ending::UpToDate => UpdateOutcome::UpToDate(Some(answer)),
            Ending::Blocked => UpdateOutcome::Blocked(answer),
            Ending::Refused => UpdateOutcome::Refused(answer),
            Ending::Limited(seconds) => UpdateOutcome::Limited {
                answer,
                wait: seconds.map(Duration::from_secs),
            },
            Ending::Unreachable => UpdateOutcome::Unreachable { error: offline() },
            Ending::Failed { is_final } => UpdateOutcome::Failed {
                version: "2.0.0".to_owned(),
                error: offline(),
                is_final,
            },
            Ending::Cancelled => UpdateOutcome::Cancelled,
        };
        let outcome = Ok(Outcome::Updated(outcome));
        self.event(HostEvent::Completed { operation, outcome });
    }

    pub(super) fn call(&mut self, request: Request) -> CallId {
        match &request {
            Request::Next(bundle) | Request::Set(bundle) => drop(self.wanted.insert(bundle.to_string())),
            Request::Reset { .. } => self.requested = true,
            _ => {}
        }
        let call = self.new_call();
        self.event(HostEvent::Called { call, request });
        call
    }

    pub(super) fn new_call(&mut self) -> CallId {
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.calls.insert(call);
        call
    }

    /// Lets time pass, and fires the timers that end.
    pub(super) fn wait(&mut self, duration: Duration) {
        self.now.monotonic += duration;
        self.now.wall = Timestamp(self.now.wall.0 + duration.as_secs());
        while let Some((&timer, _)) = self.timers.iter().find(|(_, at)| **at <= self.now.monotonic) {
            self.timers.remove(&timer);
            self.event(HostEvent::TimerFired(timer));
        }
    }

    // What a test says often.

    pub(super) fn start(&mut self) {
        self.start_as(false, false);
    }

    pub(super) fn start_as(&mut self, native_is_new: bool, in_background: bool) {
        self.event(HostEvent::ProcessStarted {
            native: NativeApp::new("1.0.0", "1"),
            native_is_new,
            in_background,
            not_before: None,
        });
        self.settle();
    }

    /// The page of what was loaded last starts.
    pub(super) fn page(&mut self) -> PageId {
        self.event(HostEvent::PageStarted { load: None });
        self.settle();
        self.policy.page().expect("a page")
    }

    pub(super) fn confirm(&mut self, page: PageId) {
        self.event(HostEvent::PageConfirmed { page, call: None });
        self.settle();
    }

    /// A device on which the built-in bundle runs.
    pub(super) fn running(options: PolicyOptions) -> Self {
        let mut world = Self::new(options);
        world.start();
        let page = world.page();
        world.confirm(page);
        world
    }

    pub(super) fn served(&self) -> BundleRef {
        self.loads.last().expect("a load").bundle.clone()
    }

    pub(super) fn update(&mut self, ending: Ending) {
        self.end_update(ending);
        self.settle();
    }

    pub(super) fn background(&mut self) {
        self.event(HostEvent::EnteredBackground);
        self.settle();
    }

    pub(super) fn foreground(&mut self) {
        self.event(HostEvent::EnteredForeground);
        self.settle();
    }

    pub(super) fn said(&mut self, what: &Announcement) -> bool {
        self.announced.contains(what)
    }
}

pub(super) fn offline() -> Error {
    Error::Network {
        url: "https://updates.example.com".to_owned(),
        problem: "connection refused".to_owned(),
    }
}
