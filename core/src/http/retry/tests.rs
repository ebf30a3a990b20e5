#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Instant;

use super::*;
use crate::error::ErrorKind;
use crate::progress::CancelToken;

fn parsed(value: &str) -> Option<Duration> {
    let mut headers = Headers::new();
    headers.add("Retry-After", value).unwrap();
    let now = httpdate::parse_http_date("Sat, 14 Nov 2026 10:00:00 GMT").unwrap();
    retry_after(&headers, now)
}

#[test]
fn retry_after_is_a_number_of_seconds_or_a_date() {
    assert_eq!(parsed("120"), Some(Duration::from_secs(120)));
    assert_eq!(parsed("Sat, 14 Nov 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
    assert_eq!(parsed("Sat, 14 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
    assert_eq!(parsed("soon"), None);
    assert_eq!(retry_after(&Headers::new(), SystemTime::now()), None);
}

#[test]
fn waits_grow_until_no_attempt_is_left() {
    let mut backoff = Backoff::new(RetryPolicy::new(4).with_first_wait(Duration::from_millis(10)));
    let started = Instant::now();
    let waits: Vec<bool> = (0..4)
        .map(|_| backoff.wait(None, &Control::new(), "test").unwrap())
        .collect();
    assert_eq!(waits, [true, true, true, false]);
    assert!(
        started.elapsed() >= Duration::from_millis(7),
        "a tenth of 10 + 20 + 40 ms"
    );
    backoff.reset();
    assert!(backoff.wait(None, &Control::new(), "test").unwrap());
}

#[test]
fn a_requested_wait_of_an_hour_ends_the_attempts() {
    let mut backoff = Backoff::new(RetryPolicy::new(4));
    assert!(
        !backoff
            .wait(Some(Duration::from_secs(3600)), &Control::new(), "test")
            .unwrap()
    );
}

#[test]
fn a_cancellation_ends_the_wait() {
    let token = CancelToken::new();
    token.cancel();
    let control = Control::new().with_cancel_token(&token);
    let error = Backoff::new(RetryPolicy::new(4))
        .wait(Some(Duration::from_secs(60)), &control, "test")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn only_transient_statuses_are_retried() {
    for status in [408, 425, 429, 500, 502, 503, 504, 522] {
        assert!(is_retryable(status, Idempotency::Idempotent), "{status}");
    }
    for status in [200, 304, 400, 404, 409, 501, 505, 507] {
        assert!(!is_retryable(status, Idempotency::Idempotent), "{status}");
    }
    for status in [200, 408, 500, 502, 504] {
        assert!(!is_retryable(status, Idempotency::NonIdempotent), "{status}");
    }
}
