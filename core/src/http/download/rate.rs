//! How fast bytes come.

use std::time::{Duration, Instant};

/// A window is judged when it is this old.
const WINDOW: Duration = Duration::from_secs(30);
/// The rate that is told is that of the last while of this length.
const TOLD: Duration = Duration::from_millis(500);

/// Measures one connection.
pub struct Rate {
    min: u64,
    window: Span,
    told: Span,
    lately: Option<u64>,
}

struct Span {
    since: Instant,
    bytes: u64,
}

impl Span {
    fn new(now: Instant) -> Self {
        Self { since: now, bytes: 0 }
    }

    /// Bytes a second, once the span is so long; then another begins.
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
    #[must_use]
    pub fn new(min: u64, now: Instant) -> Self {
        Self {
            min,
            window: Span::new(now),
            told: Span::new(now),
            lately: None,
        }
    }

    /// So many bytes came. An error, in words, when too few came for too long.
    pub fn received(&mut self, bytes: u64, now: Instant) -> Result<(), String> {
        self.window.bytes += bytes;
        self.told.bytes += bytes;
        if let Some(rate) = self.told.end_after(TOLD, now) {
            // Half of what was, half of what is: one slow moment does not make the time that is left jump.
            self.lately = Some(self.lately.map_or(rate, |before| before / 2 + rate / 2));
        }
        match self.window.end_after(WINDOW, now) {
            Some(rate) if rate < self.min => Err(format!(
                "{rate} bytes a second came for {} s, fewer than {}",
                WINDOW.as_secs(),
                self.min
            )),
            _ => Ok(()),
        }
    }

    /// Bytes a second lately.
    #[must_use]
    pub fn current(&self) -> Option<u64> {
        self.lately
    }
}

#[cfg(test)]
mod tests;
