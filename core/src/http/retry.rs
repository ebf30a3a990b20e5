//! When to retry, and how long to wait before.

use std::time::{Duration, SystemTime};

use super::transport::Headers;
use crate::error::{Error, Result};
use crate::progress::Control;

/// The default wait after the first failure, before jitter.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait unless the server requests more, up to [`MAX_RETRY_AFTER`].
const MAX_WAIT: Duration = Duration::from_secs(30);
/// If a server requests a longer wait, its error is returned at once.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);
/// How often a waiting operation checks for cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Whether a request may be sent again after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Sending it twice has the same effect as sending it once: every transient failure is retried.
    Idempotent,
    /// Sending it twice may have another effect. It is retried only if the server says that it did nothing (429, 503).
    NonIdempotent,
}

/// Whether a response with this status is transient, so that the request may be sent again.
///
/// 501 (not implemented), 505 (HTTP version) and 507 (no space left) are not transient. The other statuses from 500 on
/// include those of CDNs, such as 522.
#[must_use]
pub fn is_retryable(status: u16, idempotency: Idempotency) -> bool {
    match idempotency {
        Idempotency::Idempotent => match status {
            501 | 505 | 507 => false,
            408 | 425 | 429 | 500..=599 => true,
            _ => false,
        },
        Idempotency::NonIdempotent => matches!(status, 429 | 503),
    }
}

/// How often a request is attempted, and how long to wait in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Failures in a row after which the request is given up. 5.
    pub attempts: u32,
    /// The wait after the first failure, before jitter. 500 ms. It doubles with each failure, up to 30 s.
    pub first_wait: Duration,
}

impl RetryPolicy {
    /// Gives up after this many failures in a row.
    #[must_use]
    pub fn new(attempts: u32) -> Self {
        Self {
            attempts,
            first_wait: FIRST_WAIT,
        }
    }

    /// One attempt only.
    #[must_use]
    pub fn never() -> Self {
        Self::new(1)
    }

    /// Sets the wait after the first failure.
    #[must_use]
    pub fn with_first_wait(mut self, first_wait: Duration) -> Self {
        self.first_wait = first_wait;
        self
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new(5)
    }
}

/// Exponential backoff with jitter, so that devices that failed together do not retry together.
#[derive(Debug)]
pub struct Backoff {
    policy: RetryPolicy,
    failures: u32,
}

impl Backoff {
    /// No failure so far.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self { policy, failures: 0 }
    }

    /// The last attempt made progress: starts counting from zero.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure and waits before the next attempt: as long as the server requested in `retry_after`, otherwise as long
    /// as the policy says. Returns `false`, without waiting, if no attempt is left or the server requested more than two
    /// minutes.
    ///
    /// # Errors
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn wait(&mut self, retry_after: Option<Duration>, control: &Control, operation: &'static str) -> Result<bool> {
        self.failures += 1;
        if self.failures >= self.policy.attempts || retry_after.is_some_and(|wait| wait > MAX_RETRY_AFTER) {
            return Ok(false);
        }
        let due = self
            .policy
            .first_wait
            .saturating_mul(1 << (self.failures - 1).min(16))
            .min(MAX_WAIT);
        // Jitter is added to `Retry-After` too: many clients received the same value at the same time.
        let wait = retry_after.map_or_else(
            || jitter(due),
            |requested| Ok(requested + jitter(self.policy.first_wait)?),
        )?;
        let end = std::time::Instant::now() + wait;
        loop {
            control.check(operation)?;
            let left = end.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            std::thread::sleep(left.min(POLL_INTERVAL));
        }
    }
}

/// A random part of `time`, at least a tenth.
fn jitter(time: Duration) -> Result<Duration> {
    let random = getrandom::u32().map_err(Error::random)?;
    Ok(time.mul_f64(0.1 + 0.9 * f64::from(random) / f64::from(u32::MAX)))
}

/// The wait that the server requests: `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
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
