//! Reports of events.

use super::*;

fn event(action: &str) -> StatsEvent {
    StatsEvent {
        device: device(),
        action: action.to_owned(),
        old_version_name: String::new(),
    }
}

fn events() -> [StatsEvent; 3] {
    ["set", "unknown", "ping"].map(event)
}

fn report(answers: impl IntoIterator<Item = Answer>, events: &[StatsEvent]) -> (Report, MockTransport) {
    let (report, transport) = call(answers, |client| client.report(&url(), events));
    (report.unwrap(), transport)
}

fn refused(reason: &str) -> EventOutcome {
    EventOutcome::Refused(reason.to_owned())
}

#[test]
fn one_event_is_an_object_and_several_are_an_array() {
    let (one, transport) = report([Answer::new(200, br#"{"status":"ok"}"#)], &events()[..1]);
    assert_eq!(one.events, [EventOutcome::Accepted]);
    assert_eq!(body_of(&transport.requests()[0])["action"], "set");

    let (several, transport) = report([Answer::new(200, br#"{"status":"ok"}"#)], &events()[..2]);
    assert_eq!(several.events, [EventOutcome::Accepted, EventOutcome::Accepted]);
    assert_eq!(body_of(&transport.requests()[0])[1]["action"], "unknown");

    let (nothing, transport) = report([], &[]);
    assert!(nothing.events.is_empty() && transport.requests().is_empty());
}

#[test]
fn each_event_has_its_own_outcome() {
    let body = br#"{"status":"ok","results":[
        {"status":"error","index":1,"error":"invalid_action"},
        {"status":"ok","index":0},
        {"status":"ok","index":9}]}"#;
    let (report, _) = report([Answer::new(200, body)], &events());
    // The response has no result for the last event.
    assert_eq!(
        report.events,
        [EventOutcome::Accepted, refused("invalid_action"), EventOutcome::Later]
    );
    assert!(report.problem.is_none());
}

#[test]
fn events_that_an_update_server_refuses_are_not_sent_again() {
    let body = br#"{"error":"invalid_action","message":"Invalid action"}"#;
    for status in [200, 400] {
        let (report, _) = report([Answer::new(status, body)], &events()[1..2]);
        assert_eq!(report.events, [refused("invalid_action: Invalid action")]);
    }
}

#[test]
fn events_that_no_update_server_received_are_sent_later() {
    let answers = [
        Answer::new(500, b""),
        Answer::new(403, b"blocked by the proxy"),
        Answer::new(200, PAGE),
        Answer::new(302, b"").with("Location", "http://portal.example.com/"),
        Answer::new(200, b"{").then_breaks(),
        Answer::new(307, b"").with("Location", "http://portal.example.com/"),
    ];
    for answer in answers {
        let (report, transport) = report([answer], &events());
        assert_eq!(report.events, vec![EventOutcome::Later; 3]);
        assert!(report.problem.is_some() && report.retry_after.is_none());
        // An event that arrived would be counted twice.
        assert_eq!(transport.requests().len(), 1);
    }
}

#[test]
fn a_report_to_a_server_that_limits_requests_is_sent_later() {
    let body = br#"{"error":"too_many_requests","message":"","moreInfo":{"retryAfterSeconds":30}}"#;
    let (limited, _) = report([Answer::new(429, body)], &events());
    assert_eq!(limited.events, vec![EventOutcome::Later; 3]);
    assert_eq!(limited.retry_after, Some(Duration::from_secs(30)));

    let busy = Answer::new(503, b"").with("Retry-After", "0");
    let (accepted, transport) = report([busy, Answer::new(200, br#"{"status":"ok"}"#)], &events());
    assert_eq!(accepted.events, vec![EventOutcome::Accepted; 3]);
    assert_eq!(transport.requests().len(), 2);
}
