//! Which hosts a download contacts, and which headers they receive.

use super::*;

#[test]
fn plain_http_is_allowed_for_this_machine_only() {
    let mut device = Device::new();
    device.remote.url = "http://example.com/app.zip".parse().unwrap();
    let transport = MockTransport::new([device.whole()]);
    assert_eq!(device.download(&transport).unwrap_err().kind(), ErrorKind::NotTrusted);
    assert!(transport.requests().is_empty(), "no request was sent");
    device.options.cleartext = Cleartext::Allowed;
    device.assert_downloaded(device.download(&transport)).remove().unwrap();
    device.options.cleartext = Cleartext::LoopbackOnly;
    device.remote.url = "http://127.0.0.1:8080/app.zip".parse().unwrap();
    device.assert_downloaded(device.download(&MockTransport::new([device.whole()])));
}

#[test]
fn headers_for_one_origin_are_not_sent_to_another() {
    let mut device = Device::new();
    device.remote.headers.add("Authorization", "Bearer token").unwrap();
    let to = |location: &str| Answer::new(302, b"moved").with("Location", location);
    let transport = MockTransport::new([
        to("/here"),
        to("https://cdn.example.com/app.zip"),
        device.cut(70_000),
        to("https://cdn.example.com/app.zip"),
        device.rest(70_000),
    ]);
    device.assert_downloaded(device.download(&transport));
    let token = "Bearer token";
    assert_eq!(
        transport.request_headers("Authorization"),
        [token, token, "-", token, "-"]
    );
    assert_eq!(transport.request_headers("Range")[4], "bytes=70000-");
    assert_eq!(transport.requests()[1].url.as_str(), "https://example.com/here");
}

#[test]
fn redirects_are_bounded_and_never_lead_to_plain_http() {
    let device = Device::new();
    let to = |location: &str| Answer::new(301, b"").with("Location", location);
    let transport = MockTransport::new(std::iter::repeat_with(|| to("/again")).take(50));
    let error = device.download(&transport).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(transport.requests().len() <= 6, "{}", transport.requests().len());
    for location in ["http://example.com/app.zip", "http://localhost/app.zip"] {
        let error = device
            .download(&MockTransport::new([to(location), device.whole()]))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotTrusted, "{error}");
    }
    for location in [
        "ftp://example.com/x",
        "https://user:pass@example.com/",
        "http:///x",
        "https://[",
    ] {
        let answer = Answer::new(301, b"");
        let error = device
            .download(&MockTransport::new([answer.with("Location", location)]))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{location}: {error}");
    }
}
