//! How long a small answer may take in all.

use std::time::{Duration, Instant};

/// So many times the time without a byte is an answer waited for in all, and longer only for what comes of it: a server that
/// sends a byte now and then is never silent, and would hold its client for weeks.
const TIMES_THE_STALL: u32 = 4;
/// So fast must an answer be that takes longer, in bytes a second: as fast as a download.
const MIN_RATE: u64 = 512;

/// The time of one answer, or of all attempts to get it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    begun: Instant,
    allowed: Duration,
}

impl Patience {
    /// Begins now.
    pub(crate) fn new(stall_timeout: Duration) -> Self {
        Self {
            begun: Instant::now(),
            allowed: stall_timeout.saturating_mul(TIMES_THE_STALL),
        }
    }

    /// An error, in words, when so many bytes took longer than they may.
    pub(crate) fn check(&self, length: usize) -> Result<(), String> {
        let took = self.begun.elapsed();
        if took <= self.allowed + Duration::from_secs(length as u64 / MIN_RATE) {
            return Ok(());
        }
        Err(format!(
            "the answer comes too slowly: {length} bytes in {} s",
            took.as_secs_f32()
        ))
    }

    /// Whether no other attempt is due.
    pub(crate) fn is_over(&self) -> bool {
        self.begun.elapsed() > self.allowed
    }
}
