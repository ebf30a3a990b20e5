//! Runs of segments, worked on by several threads and taken in order by one.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::header::{Header, TAG_BYTES};
use crate::error::{Error, Result};
use crate::io::pipeline::{Pipeline, Window};

/// Plain bytes of a run. Large enough that system calls cost nothing beside the cipher, small enough for the second-level
/// cache.
const RUN: u64 = 256 << 10;
/// The one thread that hashes keeps up with no more.
const MAX_WORKERS: usize = 2;
/// Runs on their way beside those that are worked on: one that is taken, and one so that nobody waits for the other's hiccup.
const WAITING: usize = 2;
/// Below this many bytes further threads cost more than they save.
const WORTH_THREADS: u64 = 2 << 20;

/// Some segments in a row. Its buffers are used again and again.
#[derive(Default)]
pub(super) struct Run {
    pub(super) plain: Vec<u8>,
    pub(super) sealed: Vec<u8>,
}

/// The segments from `first` to before `end`, in runs.
#[derive(Clone, Copy)]
pub(super) struct Runs {
    first: u64,
    end: u64,
    /// Segments in a run.
    length: u64,
}

impl Runs {
    pub(super) fn of(header: &Header, first: u64, end: u64) -> Self {
        let length = (RUN / u64::from(header.segment_size())).max(1);
        Self { first, end, length }
    }

    fn count(self) -> u64 {
        self.end.saturating_sub(self.first).div_ceil(self.length)
    }

    /// The first segment of a run, and the one behind its last.
    pub(super) fn segments(self, run: u64) -> (u64, u64) {
        let first = self.first + run * self.length;
        (first, self.end.min(first + self.length))
    }
}

/// Bytes of a segment in a sealed file, of every one but the last.
pub(super) fn sealed_segment(header: &Header) -> usize {
    header.segment_size() as usize + TAG_BYTES
}

/// How many threads are worth their while for so many bytes, beside the one that takes what they do.
pub(super) fn workers(bytes: u64) -> usize {
    if bytes < WORTH_THREADS {
        return 0;
    }
    let parallel = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    parallel.min(MAX_WORKERS)
}

type Work<'a> = dyn Fn(u64, &mut Run) -> Result<()> + Sync + 'a;
type Take<'a> = dyn FnMut(u64, &Run) -> Result<()> + 'a;

/// Does `work` on each run, on as many threads as `workers` says, and hands each to `take`, in order, until the last or the
/// first error in that order. No thread is left when this returns.
pub(super) fn in_order(runs: Runs, workers: usize, work: &Work<'_>, take: &mut Take<'_>) -> Result<()> {
    if workers > 0
        && let Some(result) = on_threads(runs, workers, work, take)
    {
        return result;
    }
    let mut run = Run::default();
    (0..runs.count()).try_for_each(|number| {
        work(number, &mut run)?;
        take(number, &run)
    })
}

/// `None`, with nothing done, where the system gives no thread.
fn on_threads(runs: Runs, workers: usize, work: &Work<'_>, take: &mut Take<'_>) -> Option<Result<()>> {
    // Two to the power of 32 segments, whose runs do not fit, are petabytes.
    let count = usize::try_from(runs.count()).ok()?;
    let window = Window {
        count: workers + WAITING,
        weight: usize::MAX,
    };
    let pipeline = Pipeline::new(count, window, |_| 0);
    let spare = Mutex::new(Vec::new());
    let spare = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    let fill = |number: usize| {
        let mut run: Run = spare().pop().unwrap_or_default();
        work(number as u64, &mut run)?;
        Ok::<_, Error>(run)
    };
    thread::scope(|scope| {
        let _stop = pipeline.stop_on_drop();
        for number in 0..workers {
            let worker = || pipeline.work(fill);
            match thread::Builder::new().spawn_scoped(scope, worker) {
                Ok(_) => {}
                Err(_) if number > 0 => break,
                Err(_) => return None,
            }
        }
        Some((0..runs.count()).try_for_each(|number| {
            // Only a panic stops the queue from within, and it goes on to the caller when the threads are joined.
            let stopped = Error::Cancelled {
                operation: "seal or open",
            };
            let run = pipeline.next_result().ok_or(stopped)??;
            take(number, &run)?;
            spare().push(run);
            Ok(())
        }))
    })
}
