//! Which bytes of an archive a request asks for (RFC 9110 §14).

use axum::http::{HeaderMap, header};

/// What to answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// 200 with all of it.
    All,
    /// 206 with these bytes, the last included.
    Part { first: u64, last: u64 },
    /// 304: the client has it.
    Nothing,
    /// 416: there is no such part.
    Impossible,
}

/// Reads the conditional headers of a request for a file of `size` bytes.
///
/// Ranges in other forms than one span are ignored, as the standard allows: 200 with all of it is always right.
pub(super) fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let listed = |list: &str| {
        list.split(',')
            .any(|item| matches!(item.trim(), tag if tag == "*" || tag.trim_start_matches("W/") == etag))
    };
    if text(header::IF_NONE_MATCH).is_some_and(listed) {
        return Wanted::Nothing;
    }
    // A date never matches: what is served under one address never changes, so there is no date to tell versions by.
    if text(header::IF_RANGE).is_some_and(|validator| validator != etag) {
        return Wanted::All;
    }
    let Some(span) = text(header::RANGE).and_then(|range| range.strip_prefix("bytes=")) else {
        return Wanted::All;
    };
    let Some((from, to)) = span.split_once('-').filter(|_| !span.contains(',')) else {
        return Wanted::All;
    };
    let number = |text: &str| -> Option<u64> { text.trim().parse().ok() };
    let (first, last) = match (from.trim().is_empty(), to.trim().is_empty()) {
        (false, true) => (number(from), Some(u64::MAX)),
        (false, false) => (number(from), number(to)),
        // The last so many bytes.
        (true, false) => match number(to) {
            Some(0) => return Wanted::Impossible,
            count => (count.map(|count| size.saturating_sub(count)), Some(u64::MAX)),
        },
        (true, true) => return Wanted::All,
    };
    match (first, last) {
        (Some(first), Some(last)) if first > last => Wanted::All,
        (Some(first), Some(_)) if first >= size => Wanted::Impossible,
        (Some(first), Some(last)) => Wanted::Part {
            first,
            last: last.min(size - 1),
        },
        _ => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"abc\"";

    fn asked(headers: &[(&'static str, &'static str)]) -> Wanted {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    header::HeaderValue::from_static(value),
                )
            })
            .collect();
        wanted(&headers, ETAG, 100)
    }

    #[test]
    fn a_span_is_cut_to_the_file() {
        assert_eq!(asked(&[("range", "bytes=10-19")]), Wanted::Part { first: 10, last: 19 });
        assert_eq!(asked(&[("range", "bytes=10-")]), Wanted::Part { first: 10, last: 99 });
        assert_eq!(
            asked(&[("range", "bytes=90-500")]),
            Wanted::Part { first: 90, last: 99 }
        );
        assert_eq!(asked(&[("range", "bytes=-5")]), Wanted::Part { first: 95, last: 99 });
        assert_eq!(asked(&[("range", "bytes=-500")]), Wanted::Part { first: 0, last: 99 });
    }

    #[test]
    fn what_is_not_there_is_impossible_and_what_is_no_span_is_ignored() {
        for beyond in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(asked(&[("range", beyond)]), Wanted::Impossible, "{beyond}");
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
            assert_eq!(asked(&[("range", other)]), Wanted::All, "{other}");
        }
    }

    #[test]
    fn a_part_of_another_file_is_answered_with_the_whole() {
        let part = Wanted::Part { first: 10, last: 99 };
        assert_eq!(asked(&[("range", "bytes=10-"), ("if-range", ETAG)]), part);
        assert_eq!(asked(&[("range", "bytes=10-"), ("if-range", "\"other\"")]), Wanted::All);
        assert_eq!(
            asked(&[("range", "bytes=10-"), ("if-range", "Sun, 22 Nov 2026 10:00:00 GMT")]),
            Wanted::All
        );
    }

    #[test]
    fn who_has_it_gets_nothing() {
        for tag in [ETAG, "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert_eq!(asked(&[("if-none-match", tag)]), Wanted::Nothing, "{tag}");
        }
        assert_eq!(asked(&[("if-none-match", "\"x\"")]), Wanted::All);
    }
}
