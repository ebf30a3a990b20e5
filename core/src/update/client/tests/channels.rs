//! Channels of a device.

use super::*;
use crate::update::protocol::ChannelOrigin;

const DONE: &[u8] = br#"{"status":"ok","allowSet":true}"#;

fn granted<T>(response: Result<ChannelResponse<T>>) -> T {
    match response.unwrap() {
        ChannelResponse::Granted(granted) => granted,
        ChannelResponse::Refused(notice) => panic!("{notice}"),
    }
}

#[test]
fn a_device_chooses_leaves_reads_and_lists_channels() {
    let (set, transport) = call([Answer::new(200, DONE)], |client| {
        client.set_channel(&url(), &device(), "beta")
    });
    assert_eq!(granted(set).allow_set, Some(true));
    let request = transport.requests().remove(0);
    assert_eq!((request.method, request.url.as_str()), (Method::Post, URL));
    assert_eq!(body_of(&request)["channel"], "beta");

    let current = br#"{"channel":"beta","status":"override"}"#;
    let (current, transport) = call([Answer::new(200, current)], |client| client.channel(&url(), &device()));
    let current = granted(current);
    assert_eq!(
        (current.channel.as_str(), current.status),
        ("beta", ChannelOrigin::Override)
    );
    assert_eq!(transport.requests()[0].method, Method::Put);
    assert_eq!(
        body_of(&transport.requests()[0]),
        serde_json::to_value(device()).unwrap()
    );

    let (unset, transport) = call([Answer::new(200, DONE)], |client| {
        client.unset_channel(&url(), &device())
    });
    granted(unset);
    assert_eq!(transport.requests()[0].method, Method::Delete);

    let list = br#"[{"id":1,"name":"beta","public":false,"allow_self_set":true}]"#;
    let (list, transport) = call([Answer::new(200, list)], |client| client.channels(&url(), &device()));
    assert_eq!(granted(list)[0].name, "beta");
    assert_eq!(transport.requests()[0].method, Method::Get);
}

#[test]
fn a_device_in_the_query_is_encoded() {
    let device = UpdateRequest {
        custom_id: "a&b=c d/\u{e9}#?+".to_owned(),
        ..device()
    };
    let (_, transport) = call([Answer::new(200, DONE)], |client| client.unset_channel(&url(), &device));
    let request = transport.requests().remove(0);
    let (before, query) = request.url.as_str().split_once("?tenant=secret&").unwrap();
    assert_eq!(before, "https://updates.example.com/updates");
    let pairs: Vec<&str> = query.split('&').collect();
    for pair in [
        "custom_id=a%26b%3Dc%20d%2F%C3%A9%23%3F%2B",
        "app_id=com.example.app",
        "is_prod=false",
    ] {
        assert!(pairs.contains(&pair), "{query}");
    }
    assert!(request.body.is_none());
}

#[test]
fn a_refusal_is_not_an_error() {
    let body = br#"{"error":"channel_self_set_not_allowed","message":"no"}"#;
    let (refused, _) = call([Answer::new(200, body)], |client| {
        client.set_channel(&url(), &device(), "beta")
    });
    let ChannelResponse::Refused(notice) = refused.unwrap() else {
        panic!("not refused")
    };
    assert_eq!(notice.error.as_str(), "channel_self_set_not_allowed");
}

#[test]
fn a_limit_says_when_to_come_back() {
    let notice = br#"{"error":"too_many_requests","message":""}"#;
    let (refused, _) = call([Answer::new(429, notice).with("Retry-After", "90")], |client| {
        client.channels(&url(), &device())
    });
    let ChannelResponse::Refused(notice) = refused.unwrap() else {
        panic!("not refused")
    };
    assert_eq!(notice.more_info.unwrap().retry_after_seconds, Some(90));

    let (failed, _) = call([Answer::new(429, b"").with("Retry-After", "90")], |client| {
        client.channels(&url(), &device())
    });
    let text = failed.unwrap_err().to_string();
    assert!(text.contains("429") && text.contains("retry after 90 s"), "{text}");
}

#[test]
fn a_failing_server_and_a_login_page_are_errors() {
    let internal = br#"{"error":"unknown_error","message":"the database is down"}"#;
    let (failed, transport) = call((0..9).map(|_| Answer::new(500, internal)), |client| {
        client.channel(&url(), &device())
    });
    let error = failed.unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Server, 3));
    assert!(error.to_string().contains("the database is down"), "{error}");

    let (failed, _) = call([Answer::new(200, PAGE)], |client| client.channels(&url(), &device()));
    let error = failed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("captive portal"), "{error}");
}
