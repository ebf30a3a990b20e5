//! Headers that say how long a response is and which part of a file it carries.

use crate::http::transport::Headers;

/// The value of `Content-Length`.
#[must_use]
pub fn content_length(headers: &Headers) -> Option<u64> {
    headers.get("content-length")?.trim().parse().ok()
}

/// The first byte of the range, and the size of the whole file if it is given: `bytes 5-9/10` is `(5, Some(10))`.
#[must_use]
pub fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = range.split_once('-')?;
    let (from, to): (u64, u64) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    (from <= to && total.is_none_or(|total| to < total)).then_some((from, total))
}

/// The size of the whole file in the response to an unsatisfiable range: `bytes */10`.
pub(super) fn unsatisfied_range(value: &str) -> Option<u64> {
    value.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
