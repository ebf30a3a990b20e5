//! When to try again.

use std::time::{Duration, SystemTime};

use super::transport::Headers;
use crate::error::{Error, Result};
use crate::progress::Control;

/// The wait after the first failure, before jitter.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// No wait of ours is longer. A server may ask for more, up to [`MAX_ASKED`].
const MAX_WAIT: Duration = Duration::from_secs(30);
/// A server that asks for more than this is not waited for: its error is the answer.
const MAX_ASKED: Duration = Duration::from_secs(120);
/// How often a waiting operation looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(50);

/// Waits that double, each cut to a random part of itself: a fleet of devices that failed together does not come back
/// together.
#[derive(Debug)]
pub struct Backoff {
    first_wait: Duration,
    failures: u32,
    allowed: u32,
}

impl Backoff {
    /// Gives up after this many failures in a row.
    #[must_use]
    pub fn new(allowed: u32) -> Self {
        Self {
            first_wait: FIRST_WAIT,
            failures: 0,
            allowed,
        }
    }

    /// For tests, which have no time.
    #[must_use]
    pub fn with_first_wait(mut self, first_wait: Duration) -> Self {
        self.first_wait = first_wait;
        self
    }

    /// Something was achieved: the count begins anew.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure and waits before the next try: as long as the server asked for, else as long as is due. `false`
    /// where no try is left, or the server asks for more than anybody waits.
    pub fn wait(&mut self, asked: Option<Duration>, control: &Control, operation: &'static str) -> Result<bool> {
        self.failures += 1;
        if self.failures >= self.allowed || asked.is_some_and(|asked| asked > MAX_ASKED) {
            return Ok(false);
        }
        let due = self
            .first_wait
            .saturating_mul(1 << (self.failures - 1).min(16))
            .min(MAX_WAIT);
        // Whoever was told when to come back does not come all at once either.
        let wait = asked.map_or_else(|| jitter(due), |asked| Ok(asked + jitter(self.first_wait)?))?;
        let end = std::time::Instant::now() + wait;
        loop {
            control.check(operation)?;
            let left = end.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}

/// A random part of the time, but not none.
fn jitter(time: Duration) -> Result<Duration> {
    let random = getrandom::u32().map_err(Error::random)?;
    Ok(time.mul_f64(0.1 + 0.9 * f64::from(random) / f64::from(u32::MAX)))
}

/// How long the server asks to wait: `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
#[must_use]
pub fn retry_after(headers: &Headers, now: SystemTime) -> Option<Duration> {
    let value = headers.get("retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
