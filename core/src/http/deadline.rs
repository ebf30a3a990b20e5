//! The total time that a small response may take.

use std::time::{Duration, Instant};

/// A response may take this many stall timeouts. The stall timeout alone does not stop a server that sends a byte occasionally.
const STALL_TIMEOUTS: u32 = 4;
/// A response that takes longer must arrive at this rate, in bytes a second: the minimum rate of a download.
const MIN_RATE: u64 = 512;

/// The deadline of one response, or of all attempts to get it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    started: Instant,
    allowed: Duration,
}

impl Deadline {
    /// Starts now.
    pub(crate) fn new(stall_timeout: Duration) -> Self {
        Self {
            started: Instant::now(),
            allowed: stall_timeout.saturating_mul(STALL_TIMEOUTS),
        }
    }

    /// Returns an error text if `length` bytes took longer than allowed.
    pub(crate) fn check(&self, length: usize) -> Result<(), String> {
        let elapsed = self.started.elapsed();
        if elapsed <= self.allowed + Duration::from_secs(length as u64 / MIN_RATE) {
            return Ok(());
        }
        Err(format!(
            "the response arrives too slowly: {length} bytes in {} s",
            elapsed.as_secs_f32()
        ))
    }

    /// Whether the time is over, so that no other attempt is made.
    pub(crate) fn is_over(&self) -> bool {
        self.started.elapsed() > self.allowed
    }
}
