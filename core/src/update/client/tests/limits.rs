//! Servers that say when to come back.

use super::*;

/// The wait in seconds, and the number of requests.
fn limited(answers: impl IntoIterator<Item = Answer>) -> (Option<u64>, usize) {
    let (answer, transport) = asked(answers);
    match answer.unwrap() {
        UpdateResponse::Limited { retry_after, .. } => {
            (retry_after.map(|wait| wait.as_secs()), transport.requests().len())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_short_wait_is_part_of_the_call() {
    for status in [429, 503] {
        let (answer, transport) = asked([Answer::new(status, b"").with("Retry-After", "0"), up_to_date()]);
        assert!(matches!(answer.unwrap(), UpdateResponse::UpToDate(_)));
        assert_eq!(transport.requests().len(), 2);
    }
    let started = Instant::now();
    let body = br#"{"error":"too_many_requests","moreInfo":{"retryAfterSeconds":1}}"#;
    let (answer, _) = asked([Answer::new(429, body), up_to_date()]);
    answer.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_long_wait_is_returned_at_once() {
    let started = Instant::now();
    for status in [429, 503] {
        let answer = || Answer::new(status, b"busy");
        assert_eq!(limited([answer().with("Retry-After", "60")]), (Some(60), 1));
        // Too long to be true.
        assert_eq!(limited([answer().with("Retry-After", "999999999")]), (Some(86_400), 1));
        let date = answer()
            .with("Date", "Fri, 13 Nov 2020 10:00:00 GMT")
            .with("Retry-After", "Fri, 13 Nov 2020 10:01:30 GMT");
        assert_eq!(limited([date]), (Some(90), 1));
        let body = br#"{"error":"too_many_requests","moreInfo":{"retryAfterSeconds":59.5}}"#;
        assert_eq!(limited([Answer::new(status, body)]), (Some(60), 1));
        // The header takes precedence, as in Capgo's plugin.
        assert_eq!(
            limited([Answer::new(status, body).with("Retry-After", "120")]),
            (Some(120), 1)
        );
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_limit_keeps_the_notice_of_the_server() {
    let body = br#"{"error":"on_premise_app","message":"On-premise app detected"}"#;
    let (answer, transport) = asked([Answer::new(429, body)]);
    let UpdateResponse::Limited { notice, retry_after } = answer.unwrap() else {
        panic!("no limit")
    };
    assert_eq!(notice.unwrap().error.as_str(), "on_premise_app");
    assert_eq!((retry_after, transport.requests().len()), (None, 1));
}

#[test]
fn a_limit_without_a_wait_is_not_retried() {
    for body in [b"".as_slice(), PAGE, b"{}"] {
        assert_eq!(limited([Answer::new(429, body)]), (None, 1));
    }
    assert_eq!(limited([Answer::new(429, b"").with("Retry-After", "soon")]), (None, 1));
}

#[test]
fn an_overloaded_server_without_a_wait_is_an_error_after_all_attempts() {
    let (failed, transport) = asked((0..9).map(|_| Answer::new(503, b"")));
    assert!(matches!(failed, Err(Error::Server { status: 503, .. })));
    assert_eq!(transport.requests().len(), 3);
}

#[test]
fn a_wait_longer_than_the_timeout_is_returned_at_once() {
    let answer = Answer::new(503, b"").with("Retry-After", "2");
    let (limited, transport) = call([answer], |client| {
        client
            .clone()
            .with_timeout(Duration::from_secs(1))
            .ask(&url(), &device())
    });
    let limited = limited.unwrap();
    assert!(
        matches!(limited, UpdateResponse::Limited { retry_after, .. } if retry_after == Some(Duration::from_secs(2))),
        "{limited:?}"
    );
    assert_eq!(transport.requests().len(), 1);
}
