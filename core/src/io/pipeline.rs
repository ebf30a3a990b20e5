//! Ordered work on several threads.
//!
//! [`run`] moves one file through two stages: one chunk is hashed while the next is read, for example. `Pipeline`, on
//! which it is built, lets any number of threads work and hands their results to one consumer in order.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};

use crate::error::Result;

/// Bytes of a chunk. Large enough that the cost of system calls is negligible beside SHA-256, small enough for the
/// second-level cache.
pub const CHUNK: usize = 256 << 10;
/// Room behind a chunk, for the padding of a cipher.
const SPARE: usize = 16;
/// Chunks beside the one in the second stage: one in the first stage and one in between, so that a short delay in one
/// stage does not stall the other.
const WINDOW: Window = Window {
    count: 2,
    weight: usize::MAX,
};
/// Below this many bytes a second thread costs more than it saves.
const MIN_BYTES_FOR_THREAD: u64 = 2 << 20;

/// A piece of a file that passes through both stages.
pub struct Chunk {
    buffer: Box<[u8]>,
    filled: usize,
    is_last: bool,
}

impl Chunk {
    fn new() -> Self {
        Self {
            buffer: vec![0; CHUNK + SPARE].into_boxed_slice(),
            filled: 0,
            is_last: false,
        }
    }

    /// The whole buffer: [`CHUNK`] bytes and the spare ones.
    pub fn buffer(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// Sets how many bytes at the start of the buffer belong to the chunk, and whether it is the last.
    pub fn set(&mut self, filled: usize, is_last: bool) {
        (self.filled, self.is_last) = (filled, is_last);
    }

    /// Fills the chunk from `source`. A chunk that is not full is the last.
    ///
    /// # Errors
    /// Those of `source`.
    pub fn read_from(&mut self, source: &mut impl Read) -> io::Result<()> {
        let filled = read_full(source, &mut self.buffer[..CHUNK])?;
        self.set(filled, filled < CHUNK);
        Ok(())
    }

    /// The bytes of the chunk.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Whether this is the last chunk.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.is_last
    }
}

/// Reads until the buffer is full or the source ends, and returns the number of bytes read.
///
/// # Errors
/// Those of `source`, except interruptions, after which it retries.
pub fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Passes each chunk that `first` fills to `second`, in order, until the last chunk or an error.
///
/// `total` is the expected number of bytes and decides whether `first` runs on a second thread. That thread has ended
/// when this returns.
///
/// # Errors
/// The first error of either stage.
pub fn run(
    total: u64,
    mut first: impl FnMut(&mut Chunk) -> Result<()> + Send,
    mut second: impl FnMut(&mut Chunk) -> Result<()>,
) -> Result<()> {
    run_stages(total, &mut first, &mut second)
}

type First<'a> = dyn FnMut(&mut Chunk) -> Result<()> + Send + 'a;
type Second<'a> = dyn FnMut(&mut Chunk) -> Result<()> + 'a;

/// Not generic, so that it is compiled once: the cost of an indirect call is negligible beside a chunk.
fn run_stages(total: u64, first: &mut First<'_>, second: &mut Second<'_>) -> Result<()> {
    if total >= MIN_BYTES_FOR_THREAD
        && let Some(result) = run_on_two_threads(first, second)
    {
        return result;
    }
    let mut chunk = Chunk::new();
    while !chunk.is_last {
        first(&mut chunk)?;
        second(&mut chunk)?;
    }
    Ok(())
}

/// Runs `first` on a second thread. `None`, with nothing done, if the system cannot start one.
fn run_on_two_threads(first: &mut First<'_>, second: &mut Second<'_>) -> Option<Result<()>> {
    let pipeline = Pipeline::new(usize::MAX, WINDOW, |_| 0);
    let spare = Mutex::new(Vec::new());
    let spare = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let produce = |number| {
        let mut chunk: Chunk = spare().pop().unwrap_or_else(Chunk::new);
        let result = first(&mut chunk);
        if result.is_err() || chunk.is_last {
            pipeline.end_after(number);
        }
        result.map(|()| chunk)
    };
    thread::scope(|scope| {
        let _stop = pipeline.stop_on_drop();
        spawn(scope, Box::new(|| pipeline.work(produce))).ok()?;
        while let Some(chunk) = pipeline.next_result() {
            if let Err(error) = chunk.and_then(|mut chunk| second(&mut chunk).map(|()| spare().push(chunk))) {
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    })
}

/// Starts a thread. In a box, since the code that starts a thread is repeated for each type of work.
pub(crate) fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: Box<dyn FnOnce() + Send + 'scope>,
) -> io::Result<()> {
    thread::Builder::new().spawn_scoped(scope, work).map(drop)
}

/// How far workers may run ahead of the consumer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Maximum number of results that are being made or wait.
    pub(crate) count: usize,
    /// No work starts while the results that wait weigh this much or more.
    pub(crate) weight: usize,
}

/// Hands out the numbers `0..count` to workers, and their results, in order, to one consumer.
///
/// No worker runs further ahead of the consumer than the window, which bounds the memory of waiting results. Not built
/// on channels of the standard library: they add 12 kB to a phone's library.
pub(crate) struct Pipeline<T> {
    state: Mutex<State<T>>,
    /// The result that the consumer needs next is there.
    ready: Condvar,
    /// The window has moved.
    moved: Condvar,
    window: Window,
    weigh: fn(&T) -> usize,
}

struct State<T> {
    /// The next number to hand out.
    next: usize,
    /// The number after the last one.
    end: usize,
    /// How many results the consumer has taken.
    taken: usize,
    /// The results from number `taken` on; `None` for those that are not there yet.
    waiting: VecDeque<Option<T>>,
    /// Total weight of the results that wait.
    weight: usize,
    stopped: bool,
}

impl<T> State<T> {
    fn take_number(&mut self, window: Window) -> Option<usize> {
        // If no work is under way, no result waits either, so the consumer's next result is always being worked on.
        let is_open = self.next < self.end && self.next - self.taken < window.count && self.weight < window.weight;
        is_open.then(|| {
            self.next += 1;
            self.next - 1
        })
    }

    fn put(&mut self, number: usize, result: T) {
        let place = number - self.taken;
        if self.waiting.len() <= place {
            self.waiting.resize_with(place + 1, || None);
        }
        self.waiting[place] = Some(result);
    }

    fn take_result(&mut self) -> Option<T> {
        let result = self.waiting.front_mut()?.take()?;
        self.waiting.pop_front();
        self.taken += 1;
        Some(result)
    }
}

impl<T> Pipeline<T> {
    pub(crate) fn new(count: usize, window: Window, weigh: fn(&T) -> usize) -> Self {
        let state = State {
            next: 0,
            end: count,
            taken: 0,
            waiting: VecDeque::new(),
            weight: 0,
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            ready: Condvar::new(),
            moved: Condvar::new(),
            window,
            weigh,
        }
    }

    /// Works until no number is left or the pipeline is stopped. A worker that panics stops the pipeline, so that no
    /// thread waits for its result.
    pub(crate) fn work(&self, mut work: impl FnMut(usize) -> T) {
        let _stop = StopOnPanic(self);
        while let Some(number) = self.take_number() {
            self.put(number, work(number));
        }
    }

    /// The next result in order; `None` after the last or if the pipeline was stopped.
    pub(crate) fn next_result(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.taken == state.end {
                return None;
            }
            if let Some(result) = self.take_result(&mut state) {
                return Some(result);
            }
            state = wait(&self.ready, state);
        }
    }

    /// As [`next_result`](Self::next_result), but works instead of waiting as long as there is work.
    pub(crate) fn next_result_or_work(&self, mut work: impl FnMut(usize) -> T) -> Option<T> {
        loop {
            let mut state = self.lock();
            if !state.stopped
                && let Some(result) = self.take_result(&mut state)
            {
                return Some(result);
            }
            let number = if state.stopped {
                None
            } else {
                state.take_number(self.window)
            };
            drop(state);
            match number {
                Some(number) => self.put(number, work(number)),
                None => return self.next_result(),
            }
        }
    }

    /// Makes `number` the last one. Only for a single worker: no later number may have been handed out.
    pub(crate) fn end_after(&self, number: usize) {
        self.lock().end = number + 1;
    }

    /// Lets workers end after their current work.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.ready.notify_all();
        self.moved.notify_all();
    }

    /// Stops the pipeline when dropped, so that workers do not wait for a consumer that failed or panicked.
    pub(crate) fn stop_on_drop(&self) -> impl Drop {
        Stop(self)
    }

    fn take_number(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.next == state.end {
                return None;
            }
            if let Some(number) = state.take_number(self.window) {
                return Some(number);
            }
            state = wait(&self.moved, state);
        }
    }

    fn put(&self, number: usize, result: T) {
        let mut state = self.lock();
        state.weight += (self.weigh)(&result);
        state.put(number, result);
        if number == state.taken {
            self.ready.notify_one();
        }
    }

    fn take_result(&self, state: &mut State<T>) -> Option<T> {
        let result = state.take_result()?;
        state.weight -= (self.weigh)(&result);
        self.moved.notify_all();
        Some(result)
    }

    /// The state stays consistent under this lock, so a panic elsewhere does not invalidate it.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a, T>(condition: &Condvar, state: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}

struct Stop<'a, T>(&'a Pipeline<T>);

impl<T> Drop for Stop<'_, T> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

struct StopOnPanic<'a, T>(&'a Pipeline<T>);

impl<T> Drop for StopOnPanic<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

#[cfg(test)]
mod tests;
