//! Work done by many threads, taken in order by one.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How far workers may run ahead of the consumer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Results.
    pub(crate) count: usize,
    /// Weight of the results that wait, beside what each worker is busy with.
    pub(crate) weight: usize,
}

/// Hands out the numbers `0..count` to workers and their results, in order, to one consumer.
///
/// No worker runs further ahead of the consumer than the window, so that the results that wait have a bound.
pub(crate) struct OrderedQueue<T> {
    state: Mutex<State<T>>,
    /// The result that the consumer wants next is there.
    ready: Condvar,
    /// The window has moved.
    moved: Condvar,
    count: usize,
    window: Window,
    weigh: fn(&T) -> usize,
}

struct State<T> {
    /// The next number that nobody has taken.
    next: usize,
    /// How many results the consumer has taken.
    taken: usize,
    waiting: HashMap<usize, T>,
    /// Of all that wait.
    weight: usize,
    stopped: bool,
}

impl<T> OrderedQueue<T> {
    pub(crate) fn new(count: usize, window: Window, weigh: fn(&T) -> usize) -> Self {
        let state = State {
            next: 0,
            taken: 0,
            waiting: HashMap::new(),
            weight: 0,
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            ready: Condvar::new(),
            moved: Condvar::new(),
            count,
            window,
            weigh,
        }
    }

    /// Works until nothing is left or somebody stops. A worker that panics stops everybody, so that nobody waits for
    /// its result for ever.
    pub(crate) fn work(&self, mut work: impl FnMut(usize) -> T) {
        let _stop = StopOnPanic(self);
        while let Some(number) = self.take_number() {
            let result = work(number);
            let mut state = self.lock();
            state.weight += (self.weigh)(&result);
            state.waiting.insert(number, result);
            if number == state.taken {
                self.ready.notify_one();
            }
        }
    }

    /// The next result in order; `None` when all were given or somebody stopped.
    pub(crate) fn next_result(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.taken == self.count {
                return None;
            }
            let number = state.taken;
            if let Some(result) = state.waiting.remove(&number) {
                state.taken += 1;
                state.weight -= (self.weigh)(&result);
                self.moved.notify_all();
                return Some(result);
            }
            state = wait(&self.ready, state);
        }
    }

    /// Lets workers end after what they are doing now.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.ready.notify_all();
        self.moved.notify_all();
    }

    /// Stops when dropped, also by a panic of the consumer: workers would wait for it for ever.
    pub(crate) fn stop_on_drop(&self) -> impl Drop {
        Stop(self)
    }

    fn take_number(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.next == self.count {
                return None;
            }
            // When nothing is under way nothing waits either, so somebody always works at what the consumer wants.
            if state.next < state.taken + self.window.count && state.weight < self.window.weight {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = wait(&self.moved, state);
        }
    }

    /// Nothing is left half-changed under this lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a, T>(condition: &Condvar, state: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}

struct Stop<'a, T>(&'a OrderedQueue<T>);

impl<T> Drop for Stop<'_, T> {
    fn drop(&mut self) {
        self.0.stop();
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
