//! Runs of segments, processed by several threads and consumed in order by one.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::header::{Header, TAG_BYTES};
use crate::error::{Error, Result};
use crate::io::pipeline::{Pipeline, Window, spawn};

/// Plain bytes of a run. Large enough that the cost of system calls is negligible beside the cipher, small enough for
/// the second-level cache.
const RUN: u64 = 256 << 10;
/// More would outpace the one thread that hashes.
const MAX_WORKERS: usize = 2;
/// Runs beside those being processed: one that is consumed, and one so that a short delay of one thread does not stall
/// another.
const WAITING: usize = 2;
/// Below this many bytes further threads cost more than they save.
const MIN_BYTES_FOR_THREADS: u64 = 2 << 20;

/// Consecutive segments. The buffers are reused.
#[derive(Default)]
pub(super) struct Run {
    pub(super) plain: Vec<u8>,
    pub(super) sealed: Vec<u8>,
}

/// The segments from `first` up to `end`, exclusive, in runs.
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

    /// The first segment of a run and the one after its last.
    pub(super) fn segments(self, run: u64) -> (u64, u64) {
        let first = self.first + run * self.length;
        (first, self.end.min(first + self.length))
    }
}

/// Bytes of a segment in a sealed file. The last may be shorter.
pub(super) fn sealed_segment(header: &Header) -> usize {
    header.segment_size() as usize + TAG_BYTES
}

/// The number of worker threads for this many bytes, beside the consuming thread.
pub(super) fn workers(bytes: u64) -> usize {
    if bytes < MIN_BYTES_FOR_THREADS {
        return 0;
    }
    let parallel = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    parallel.min(MAX_WORKERS)
}

type Work<'a> = dyn Fn(u64, &mut Run) -> Result<()> + Sync + 'a;
type Take<'a> = dyn FnMut(u64, &Run) -> Result<()> + 'a;

/// Calls `work` for each run on `workers` threads, and `take` for each result in order, until the last run or the
/// first error in that order. All threads have ended when this returns. With no workers, the calling thread does both.
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

/// `None`, with nothing done, if the system cannot start a thread.
fn on_threads(runs: Runs, workers: usize, work: &Work<'_>, take: &mut Take<'_>) -> Option<Result<()>> {
    // Does not fail: at most 2^32 segments, in fewer runs.
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
            match spawn(scope, Box::new(|| pipeline.work(fill))) {
                Ok(()) => {}
                Err(_) if number > 0 => break,
                Err(_) => return None,
            }
        }
        Some((0..runs.count()).try_for_each(|number| {
            // Only a panic of a worker stops the pipeline here. It reaches the caller when the threads are joined.
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
