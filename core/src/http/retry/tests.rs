#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Instant;

use super::*;
use crate::error::ErrorKind;
use crate::progress::CancelToken;

fn asked(value: &str) -> Option<Duration> {
    let mut headers = Headers::new();
    headers.add("Retry-After", value).unwrap();
    let now = httpdate::parse_http_date("Sat, 14 Nov 2026 10:00:00 GMT").unwrap();
    retry_after(&headers, now)
}

#[test]
fn servers_say_when_to_come_back_in_two_ways() {
    assert_eq!(asked("120"), Some(Duration::from_secs(120)));
    assert_eq!(asked("Sat, 14 Nov 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
    assert_eq!(asked("Sat, 14 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
    assert_eq!(asked("soon"), None);
    assert_eq!(retry_after(&Headers::new(), SystemTime::now()), None);
}

#[test]
fn waits_grow_and_end() {
    let mut backoff = Backoff::new(4).with_first_wait(Duration::from_millis(10));
    let started = Instant::now();
    let waits: Vec<bool> = (0..4)
        .map(|_| backoff.wait(None, &Control::new(), "test").unwrap())
        .collect();
    assert_eq!(waits, [true, true, true, false]);
    assert!(started.elapsed() >= Duration::from_millis(7), "a tenth of 10 + 20 + 40");
    backoff.reset();
    assert!(backoff.wait(None, &Control::new(), "test").unwrap());
}

#[test]
fn nobody_waits_for_hours() {
    let mut backoff = Backoff::new(4);
    assert!(
        !backoff
            .wait(Some(Duration::from_secs(3600)), &Control::new(), "test")
            .unwrap()
    );
}

#[test]
fn a_wait_ends_when_it_is_cancelled() {
    let token = CancelToken::new();
    token.cancel();
    let control = Control::new().with_cancel_token(&token);
    let error = Backoff::new(4)
        .wait(Some(Duration::from_secs(60)), &control, "test")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}
