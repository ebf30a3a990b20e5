//! Headers that say how long a response is and which part of a file it carries.

use std::time::Duration;

use crate::http::transport::Headers;

/// A modification time identifies a file as an `ETag` does if it is at least this much older than the response (RFC 9110
/// §8.8.2.2).
const SETTLED: Duration = Duration::from_secs(60);

/// The value of `Content-Length`.
#[must_use]
pub fn content_length(headers: &Headers) -> Option<u64> {
    headers.get("content-length")?.trim().parse().ok()
}

/// The first byte of the range, and the size of the whole file if it is given: `bytes 5-9/10` is `(5, Some(10))`.
#[must_use]
pub fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (from, _, total) = whole_content_range(value)?;
    Some((from, total))
}

/// As [`content_range`], with the last byte of the range in between.
pub(super) fn whole_content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = range.split_once('-')?;
    let (from, to): (u64, u64) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    (from <= to && total.is_none_or(|total| to < total)).then_some((from, to, total))
}

/// The size of the whole file in the response to an unsatisfiable range: `bytes */10`.
pub(super) fn unsatisfied_range(value: &str) -> Option<u64> {
    value.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

/// A value for `If-Range` that identifies these bytes of the file: a strong `ETag`, or a `Last-Modified` that is old enough.
pub(super) fn validator(headers: &Headers) -> Option<&str> {
    let etag = headers.get("etag").filter(|etag| etag.starts_with('"'));
    etag.or_else(|| settled_date(headers))
}

fn settled_date(headers: &Headers) -> Option<&str> {
    let modified = headers.get("last-modified")?;
    let answered = httpdate::parse_http_date(headers.get("date")?).ok()?;
    let age = answered
        .duration_since(httpdate::parse_http_date(modified).ok()?)
        .ok()?;
    (age >= SETTLED).then_some(modified)
}

#[cfg(test)]
mod tests;
