//! Work done by many threads, taken in order by one.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Hands out the numbers `0..count` to workers and their results, in order, to one consumer.
///
/// No worker runs further ahead of the consumer than `window`, so that the results that wait have a bound.
pub(super) struct OrderedQueue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    count: usize,
    window: usize,
}

struct State<T> {
    /// The next number that nobody has taken.
    next: usize,
    /// How many results the consumer has taken.
    taken: usize,
    waiting: HashMap<usize, T>,
    stopped: bool,
}

impl<T> OrderedQueue<T> {
    pub(super) fn new(count: usize, window: usize) -> Self {
        let state = State {
            next: 0,
            taken: 0,
            waiting: HashMap::new(),
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            count,
            window,
        }
    }

    /// Works until nothing is left or somebody stops. A worker that panics stops everybody, so that nobody waits for
    /// its result for ever.
    pub(super) fn work(&self, mut work: impl FnMut(usize) -> T) {
        let _stop = StopOnPanic(self);
        while let Some(number) = self.take_number() {
            let result = work(number);
            self.lock().waiting.insert(number, result);
            self.changed.notify_all();
        }
    }

    /// The next result in order; `None` when all were given or somebody stopped.
    pub(super) fn next_result(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.taken == self.count {
                return None;
            }
            let number = state.taken;
            if let Some(result) = state.waiting.remove(&number) {
                state.taken += 1;
                self.changed.notify_all();
                return Some(result);
            }
            state = self.wait(state);
        }
    }

    /// Lets workers end after what they are doing now.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn take_number(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.next == self.count {
                return None;
            }
            if state.next < state.taken + self.window {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = self.wait(state);
        }
    }

    /// Nothing is left half-changed under this lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

struct StopOnPanic<'a, T>(&'a OrderedQueue<T>);

impl<T> Drop for StopOnPanic<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

#[cfg(test)]
mod tests;
