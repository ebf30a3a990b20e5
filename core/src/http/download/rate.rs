//! How fast a transfer is.

use std::time::{Duration, Instant};

/// How long a transfer may be below the minimum rate.
const WINDOW: Duration = Duration::from_secs(30);
/// The current rate is measured over spans of this length.
const SAMPLE: Duration = Duration::from_millis(500);

/// Measures one connection.
#[derive(Debug)]
pub struct Rate {
    min: u64,
    window: Span,
    sample: Span,
    current: Option<u64>,
}

#[derive(Debug)]
struct Span {
    since: Instant,
    bytes: u64,
}

impl Span {
    fn new(now: Instant) -> Self {
        Self { since: now, bytes: 0 }
    }

    /// Bytes a second, once the span has this length. Then another span begins.
    fn end_after(&mut self, length: Duration, now: Instant) -> Option<u64> {
        let passed = now.saturating_duration_since(self.since);
        if passed < length {
            return None;
        }
        let bytes = std::mem::replace(self, Self::new(now)).bytes;
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
        Some(bytes.saturating_mul(1000) / millis)
    }
}

impl Rate {
    /// Starts measuring. `min` is the lowest acceptable rate in bytes a second.
    #[must_use]
    pub fn new(min: u64, now: Instant) -> Self {
        Self {
            min,
            window: Span::new(now),
            sample: Span::new(now),
            current: None,
        }
    }

    /// Counts bytes that were transferred.
    ///
    /// # Errors
    /// An error text if the rate was below the minimum for half a minute.
    pub fn received(&mut self, bytes: u64, now: Instant) -> Result<(), String> {
        self.window.bytes += bytes;
        self.sample.bytes += bytes;
        if let Some(rate) = self.sample.end_after(SAMPLE, now) {
            // The mean of the old and the new rate: one slow moment does not make the estimated time left jump.
            self.current = Some(self.current.map_or(rate, |before| before / 2 + rate / 2));
        }
        match self.window.end_after(WINDOW, now) {
            Some(rate) if rate < self.min => Err(format!(
                "the transfer is too slow: {rate} bytes a second over {} s, the minimum is {}",
                WINDOW.as_secs(),
                self.min
            )),
            _ => Ok(()),
        }
    }

    /// The current rate in bytes a second.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        self.current
    }
}

#[cfg(test)]
mod tests;
