//! The updater of an app: the policy, the store, and what drives both.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::device_log::DeviceLog;
use super::host::Host;
use super::keyed_list::KeyedList;
use super::options::UpdaterOptions;
use super::plugin_event::PluginEvent;
use super::policy::{
    Action, Announcement, CallId, HostEvent, Load, Moment, OperationId, Outcome, PageId, Policy, Reply, Request, Timer,
};
use super::reports::ReportQueue;
use super::settings::{Overrides, SettingsFile};
use crate::error::{Error, Result};
use crate::http::Transport;
use crate::native::NativeApp;
use crate::store::{Confirmation, Store};
use crate::time::Timestamp;

/// An app that keeps itself up to date: what is served, when it checks, what it installs, and what it reports.
///
/// The host says what happens ([`start`](Self::start), [`page_started`](Self::page_started),
/// [`background`](Self::background), [`foreground`](Self::foreground)), and each call returns what to load, or nothing.
/// One background thread is in [`run_until_cancelled`](Self::run_until_cancelled). `docs/host.md` shows a whole life.
///
/// One process has one `Updater`. Every change is durable when a call returns, and an update that is interrupted
/// anywhere continues at the next start.
pub struct Updater {
    pub(super) store: Arc<Store>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) options: UpdaterOptions,
    pub(super) settings: SettingsFile,
    pub(super) log: DeviceLog,
    pub(super) reports: ReportQueue,
    host: Arc<dyn Host>,
    clock: Arc<dyn Fn() -> Moment + Send + Sync>,
    state: Mutex<State>,
    /// Wakes the thread that waits for something to do.
    wake: Condvar,
    outbox: Mutex<Outbox>,
    /// Held by the thread that carries out updates.
    pub(super) runner: Mutex<()>,
}

/// What one decision after another changes.
struct State {
    policy: Policy,
    /// When each timer ends, in monotonic time.
    timers: KeyedList<Timer, Duration>,
    update: Option<OperationId>,
    sends_reports: bool,
    sweeps: bool,
    /// A timer was started since the runner last looked.
    is_woken: bool,
    last_call: u64,
    /// The calls whose caller has not taken its reply yet.
    awaited: Vec<CallId>,
    replies: KeyedList<CallId, Result<Reply, Arc<Error>>>,
    native: Option<NativeApp>,
    overrides: Overrides,
}

/// Messages that wait for the host, in order.
#[derive(Default)]
struct Outbox {
    waiting: VecDeque<Message>,
    /// A thread is telling it.
    is_busy: bool,
}

enum Message {
    Load(Load),
    Announce(Announcement),
    Event(PluginEvent),
    Splash(bool),
    Wake,
}

/// Something to do on the thread for updates.
pub(super) enum Work {
    Timer(Timer),
    Update(OperationId),
    Sweep,
    Reports,
    /// Nothing, for so long.
    Wait(Option<Duration>),
}

/// Where the loads of a call go.
enum Answer {
    /// The caller loads it.
    Returned,
    /// The host loads it.
    Told,
}

impl Updater {
    /// An updater of this store.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the source and the store do not fit together: a store that
    /// requires signed releases takes no bundle of an update server.
    pub fn new(
        store: Arc<Store>,
        transport: Arc<dyn Transport>,
        host: Arc<dyn Host>,
        options: UpdaterOptions,
    ) -> Result<Self> {
        let started = Instant::now();
        let clock = move || Moment {
            wall: Timestamp::now(),
            monotonic: started.elapsed(),
        };
        Self::with_clock(store, transport, host, options, Arc::new(clock))
    }

    pub(super) fn with_clock(
        store: Arc<Store>,
        transport: Arc<dyn Transport>,
        host: Arc<dyn Host>,
        options: UpdaterOptions,
        clock: Arc<dyn Fn() -> Moment + Send + Sync>,
    ) -> Result<Self> {
        options.validate(&store)?;
        let log = DeviceLog::of(&store);
        let settings = SettingsFile::of(&store, &log);
        // JavaScript may turn them on, if the app allows it.
        let has_reports = options.stats_url.is_some() || options.permissions.modify_urls;
        let reports = ReportQueue::of(&store, &log, has_reports);
        Ok(Self {
            state: Mutex::new(State {
                policy: Policy::new(options.policy.clone()),
                timers: KeyedList::new(),
                update: None,
                sends_reports: false,
                sweeps: false,
                is_woken: false,
                last_call: 0,
                awaited: Vec::new(),
                replies: KeyedList::new(),
                native: None,
                overrides: Overrides::default(),
            }),
            store,
            transport,
            options,
            settings,
            log,
            reports,
            host,
            clock,
            wake: Condvar::new(),
            outbox: Mutex::default(),
            runner: Mutex::new(()),
        })
    }

    /// The store. Reading it is always possible; changes belong to the updater while it runs.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// What happened on this device, and why: see [`DeviceLog`].
    #[must_use]
    pub fn log(&self) -> &DeviceLog {
        &self.log
    }

    /// When the process starts, before the web view exists: what to load. The decision is durable, or a bundle is
    /// served that needs none. Called again, for example for a recreated Android activity, it returns the same bundle
    /// and counts nothing.
    ///
    /// `in_background` is whether the app is not visible, as in a process that a push notification started.
    #[must_use]
    pub fn start(&self, native: &NativeApp, in_background: bool) -> Load {
        let (native_is_new, not_before) = self.see_native(native);
        self.lock().native = Some(native.clone());
        let load = self.returned(HostEvent::ProcessStarted {
            native: native.clone(),
            native_is_new,
            in_background,
            not_before,
        });
        load.or_else(|| self.shown()).unwrap_or_else(Load::built_in)
    }

    /// The app is no longer visible. Returns the update that waited for this moment, to load now.
    pub fn background(&self) -> Option<Load> {
        self.returned(HostEvent::EnteredBackground)
    }

    /// The app is visible again. A page that has not confirmed gets its full time again.
    pub fn foreground(&self) -> Option<Load> {
        self.returned(HostEvent::EnteredForeground)
    }

    /// The device has a network again: a check that failed is made again.
    pub fn connectivity_returned(&self) {
        self.told(HostEvent::ConnectivityReturned);
    }

    /// What the web view was asked to load last.
    #[must_use]
    pub fn shown(&self) -> Option<Load> {
        self.lock().policy.shown().cloned()
    }

    /// What the device serves: what is [shown](Self::shown), or what was shown before the preview.
    #[must_use]
    pub fn live(&self) -> Option<Load> {
        self.lock().policy.live().cloned()
    }

    /// A call of JavaScript, or of the host, that changes what is served. What is loaded because of it goes to
    /// [`Host::load`].
    ///
    /// # Errors
    /// Those of the operation of the [`Store`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for a call before
    /// [`start`](Self::start), and for one that the configuration does not allow.
    pub fn request(&self, request: Request) -> Result<Reply> {
        let call = self.new_call();
        self.told(HostEvent::Called { call, request });
        match self.take_reply(call) {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(error)) => Err(unshared(error)),
            // Operations of the store are carried out before the call returns.
            None => Ok(Reply::Done),
        }
    }

    // ------------------------------------------------------------------------------------------- inside

    pub(super) fn native(&self) -> Option<NativeApp> {
        self.lock().native.clone()
    }

    pub(super) fn overrides(&self) -> Overrides {
        self.lock().overrides.clone()
    }

    pub(super) fn change_overrides(&self, change: impl FnOnce(&mut Overrides)) {
        change(&mut self.lock().overrides);
    }

    pub(super) fn now(&self) -> Moment {
        (self.clock)()
    }

    /// Tells the listeners in JavaScript.
    pub(super) fn emit(&self, event: PluginEvent) {
        self.lock_outbox().waiting.push_back(Message::Event(event));
        self.tell();
    }

    /// Passes an event on. What is to be loaded because of it is returned.
    pub(super) fn returned(&self, event: HostEvent) -> Option<Load> {
        self.handle(event, &Answer::Returned)
    }

    /// Passes an event on. The host receives what is to be loaded because of it.
    pub(super) fn told(&self, event: HostEvent) {
        self.handle(event, &Answer::Told);
    }

    fn handle(&self, event: HostEvent, answer: &Answer) -> Option<Load> {
        let mut returned = None;
        let mut messages = Vec::new();
        let mut state = self.lock();
        let mut actions = VecDeque::from(state.policy.handle(self.now(), event));
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Store { id, operation } => {
                    let outcome = self.carry_out(&operation);
                    state.sweeps |= matches!(outcome, Ok(Outcome::Confirmed(Confirmation::Proven)));
                    let completed = HostEvent::Completed { operation: id, outcome };
                    actions.extend(state.policy.handle(self.now(), completed));
                }
                Action::Update(id) => {
                    state.update = Some(id);
                    messages.push(Message::Wake);
                }
                Action::Load(load) => match answer {
                    // Only the last one counts.
                    Answer::Returned => returned = Some(load),
                    Answer::Told => messages.push(Message::Load(load)),
                },
                Action::StartTimer { timer, after } => {
                    let ends = self.now().monotonic + after;
                    state.timers.insert(timer, ends);
                    state.is_woken = true;
                    messages.push(Message::Wake);
                }
                Action::StopTimer(timer) => {
                    state.timers.remove(timer);
                }
                Action::ShowSplash(is_shown) => messages.push(Message::Splash(is_shown)),
                Action::Notify(announcement) => messages.push(Message::Announce(announcement)),
                Action::Report(report) => self.queue_report(&report, state.policy.live()),
                Action::SendReports => {
                    state.sends_reports = true;
                    messages.push(Message::Wake);
                }
                // A reply that comes later has no caller any more.
                Action::Reply { call, reply } if state.awaited.contains(&call) => {
                    state.replies.insert(call, reply);
                }
                Action::Reply { .. } => {}
            }
        }
        // Before the next decision, so that the host receives them in their order.
        self.lock_outbox().waiting.extend(messages);
        drop(state);
        self.wake.notify_all();
        self.tell();
        returned
    }

    /// Tells the host what waits, unless another thread does.
    fn tell(&self) {
        let mut outbox = self.lock_outbox();
        if outbox.is_busy {
            return;
        }
        outbox.is_busy = true;
        let telling = Telling(self);
        while let Some(message) = outbox.waiting.pop_front() {
            drop(outbox);
            match message {
                Message::Load(load) => self.host.load(&load),
                Message::Announce(announcement) => {
                    for event in self.events_of(&announcement) {
                        self.host.event(&event);
                    }
                }
                Message::Event(event) => self.host.event(&event),
                Message::Splash(is_shown) => self.host.show_splash(is_shown),
                Message::Wake => self.host.wake(),
            }
            outbox = self.lock_outbox();
        }
        // Under the lock: another thread that adds a message from here on delivers it.
        outbox.is_busy = false;
        std::mem::forget(telling);
    }

    pub(super) fn page(&self) -> Option<PageId> {
        self.lock().policy.page()
    }

    /// How long the page has left to confirm.
    pub(super) fn remaining(&self, page: PageId) -> Option<Duration> {
        let ends = self.lock().timers.get(Timer::PageReady(page)).copied()?;
        Some(ends.saturating_sub(self.now().monotonic))
    }

    /// The next thing to do on the thread for updates, or how long until there is one.
    pub(super) fn next_work(&self) -> Work {
        let mut state = self.lock();
        let now = self.now().monotonic;
        let ended = state.timers.iter().filter(|(_, ends)| *ends <= now);
        if let Some(timer) = ended.map(|(timer, _)| *timer).min() {
            state.timers.remove(timer);
            return Work::Timer(timer);
        }
        if let Some(id) = state.update.take() {
            return Work::Update(id);
        }
        if std::mem::take(&mut state.sweeps) {
            return Work::Sweep;
        }
        if std::mem::take(&mut state.sends_reports) {
            return Work::Reports;
        }
        Work::Wait(state.timers.iter().map(|(_, ends)| ends.saturating_sub(now)).min())
    }

    /// Waits until there is something to do, at most this long.
    pub(super) fn wait_for_work(&self, at_most: Duration) {
        let state = self.lock();
        let is_idle =
            |state: &mut State| state.update.is_none() && !state.sends_reports && !state.sweeps && !state.is_woken;
        let waited = self.wake.wait_timeout_while(state, at_most, is_idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_woken = false;
    }

    /// Lets the thread for updates look again: a timer was started, or it should stop.
    pub(super) fn wake_runner(&self) {
        self.lock().is_woken = true;
        self.wake.notify_all();
    }

    pub(super) fn wants_reports(&self) {
        self.lock().sends_reports = true;
    }

    pub(super) fn new_call(&self) -> CallId {
        let mut state = self.lock();
        state.last_call += 1;
        let call = CallId(state.last_call);
        state.awaited.push(call);
        call
    }

    /// The reply to a call, if there is one yet.
    pub(super) fn take_reply(&self, call: CallId) -> Option<Result<Reply, Arc<Error>>> {
        let mut state = self.lock();
        state.awaited.retain(|awaited| *awaited != call);
        state.replies.remove(call)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the telling also if the host panics. Otherwise it would never load anything again.
struct Telling<'a>(&'a Updater);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.lock_outbox().is_busy = false;
    }
}

/// The error of a call. Only this call has it.
fn unshared(error: Arc<Error>) -> Error {
    Arc::try_unwrap(error).unwrap_or_else(|shared| Error::invalid_input("call", shared.to_string()))
}

impl fmt::Debug for Updater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Updater")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
