//! Numbers on their way across the border, where they are signed.

use std::time::Duration;

use crate::error::{Result, invalid_input};

/// A count or size as the other side sees it. None comes near 2^63.
pub(crate) fn signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A count or size that the other side gave.
pub(crate) fn unsigned(what: &str, number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| invalid_input(what, format!("expected 0 or more, found {number}")))
}

/// The same for a number of things in memory.
pub(crate) fn count(what: &str, number: i64) -> Result<usize> {
    usize::try_from(number).map_err(|_| invalid_input(what, format!("expected a number of things, found {number}")))
}

/// A span of time that the other side gave in milliseconds.
pub(crate) fn milliseconds(what: &str, number: i64) -> Result<Duration> {
    unsigned(what, number).map(Duration::from_millis)
}
