//! Conversion of numbers, which are signed on the other side of the FFI.

use std::time::Duration;

use crate::error::{Result, invalid_input};

/// A count or size for the other side. None comes close to 2^63.
pub(crate) fn signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A count or size from the other side.
pub(crate) fn unsigned(what: &str, number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| invalid_input(what, format!("expected 0 or more, found {number}")))
}

/// A count of things in memory, from the other side.
pub(crate) fn count(what: &str, number: i64) -> Result<usize> {
    usize::try_from(number).map_err(|_| invalid_input(what, format!("expected a count, found {number}")))
}

/// A duration from the other side, in milliseconds.
pub(crate) fn milliseconds(what: &str, number: i64) -> Result<Duration> {
    unsigned(what, number).map(Duration::from_millis)
}
