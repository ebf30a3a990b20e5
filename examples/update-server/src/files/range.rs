//! Conditional and range requests (RFC 9110 §13 and §14).

use axum::http::{HeaderMap, header};

/// How to answer a request for a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RangeOutcome {
    /// 200 with the whole file.
    Whole,
    /// 206 with these bytes, including the last.
    Part { first: u64, last: u64 },
    /// 304: the client has the file.
    NotModified,
    /// 416: the range is beyond the file.
    NotSatisfiable,
}

/// Evaluates the conditional and range headers of a request for a file of `size` bytes.
///
/// Multiple ranges and other units are ignored, as the RFC permits: 200 with the whole file is always correct.
pub(super) fn evaluate(headers: &HeaderMap, etag: &str, size: u64) -> RangeOutcome {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let listed = |list: &str| {
        list.split(',')
            .any(|item| matches!(item.trim(), tag if tag == "*" || tag.trim_start_matches("W/") == etag))
    };
    if text(header::IF_NONE_MATCH).is_some_and(listed) {
        return RangeOutcome::NotModified;
    }
    // A date never matches, because archives have only an ETag.
    if text(header::IF_RANGE).is_some_and(|validator| validator != etag) {
        return RangeOutcome::Whole;
    }
    let Some(range) = text(header::RANGE).and_then(|range| range.strip_prefix("bytes=")) else {
        return RangeOutcome::Whole;
    };
    let Some((from, to)) = range.split_once('-').filter(|_| !range.contains(',')) else {
        return RangeOutcome::Whole;
    };
    let number = |text: &str| -> Option<u64> { text.trim().parse().ok() };
    let (first, last) = match (from.trim().is_empty(), to.trim().is_empty()) {
        (false, true) => (number(from), Some(u64::MAX)),
        (false, false) => (number(from), number(to)),
        // A suffix: the last N bytes.
        (true, false) => match number(to) {
            Some(0) => return RangeOutcome::NotSatisfiable,
            count => (count.map(|count| size.saturating_sub(count)), Some(u64::MAX)),
        },
        (true, true) => return RangeOutcome::Whole,
    };
    match (first, last) {
        (Some(first), Some(last)) if first > last => RangeOutcome::Whole,
        (Some(first), Some(_)) if first >= size => RangeOutcome::NotSatisfiable,
        (Some(first), Some(last)) => RangeOutcome::Part {
            first,
            last: last.min(size - 1),
        },
        _ => RangeOutcome::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"abc\"";

    fn outcome(headers: &[(&'static str, &'static str)]) -> RangeOutcome {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    header::HeaderValue::from_static(value),
                )
            })
            .collect();
        evaluate(&headers, ETAG, 100)
    }

    #[test]
    fn a_range_is_limited_to_the_file() {
        assert_eq!(
            outcome(&[("range", "bytes=10-19")]),
            RangeOutcome::Part { first: 10, last: 19 }
        );
        assert_eq!(
            outcome(&[("range", "bytes=10-")]),
            RangeOutcome::Part { first: 10, last: 99 }
        );
        assert_eq!(
            outcome(&[("range", "bytes=90-500")]),
            RangeOutcome::Part { first: 90, last: 99 }
        );
        assert_eq!(
            outcome(&[("range", "bytes=-5")]),
            RangeOutcome::Part { first: 95, last: 99 }
        );
        assert_eq!(
            outcome(&[("range", "bytes=-500")]),
            RangeOutcome::Part { first: 0, last: 99 }
        );
    }

    #[test]
    fn a_range_beyond_the_file_is_not_satisfiable_and_a_malformed_one_is_ignored() {
        for beyond in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(outcome(&[("range", beyond)]), RangeOutcome::NotSatisfiable, "{beyond}");
        }
        for other in [
            "items=0-1",
            "bytes=0-1,5-6",
            "bytes=",
            "bytes=-",
            "bytes=x-1",
            "bytes=9-3",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(outcome(&[("range", other)]), RangeOutcome::Whole, "{other}");
        }
    }

    #[test]
    fn a_range_of_another_file_gets_the_whole_file() {
        let part = RangeOutcome::Part { first: 10, last: 99 };
        assert_eq!(outcome(&[("range", "bytes=10-"), ("if-range", ETAG)]), part);
        assert_eq!(
            outcome(&[("range", "bytes=10-"), ("if-range", "\"other\"")]),
            RangeOutcome::Whole
        );
        assert_eq!(
            outcome(&[("range", "bytes=10-"), ("if-range", "Sun, 22 Nov 2026 10:00:00 GMT")]),
            RangeOutcome::Whole
        );
    }

    #[test]
    fn a_client_that_has_the_file_gets_not_modified() {
        for tag in [ETAG, "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert_eq!(outcome(&[("if-none-match", tag)]), RangeOutcome::NotModified, "{tag}");
        }
        assert_eq!(outcome(&[("if-none-match", "\"x\"")]), RangeOutcome::Whole);
    }
}
