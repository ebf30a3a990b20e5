//! Which hosts receive requests and the key.

use super::*;

fn first_address(base: &str) -> String {
    let (api, transport) = at(base, [ok()]);
    api.set_channel(&app(), 1, 2, &Control::new()).unwrap();
    transport.requests()[0].url.as_str().to_owned()
}

#[test]
fn the_base_may_have_a_slash_a_port_and_a_path() {
    assert_eq!(first_address("https://api.capgo.app"), "https://api.capgo.app/bundle");
    assert_eq!(first_address("https://api.capgo.app/"), "https://api.capgo.app/bundle");
    assert_eq!(
        first_address("https://ota.example.com:8443/v1/"),
        "https://ota.example.com:8443/v1/bundle"
    );
    assert_eq!(first_address("http://127.0.0.1:3000"), "http://127.0.0.1:3000/bundle");
}

#[test]
fn a_base_that_would_expose_the_key_is_refused() {
    let new = |base: &str| {
        let transport = Arc::new(MockTransport::new([]));
        Api::new(transport, &base.parse().unwrap(), ApiKey::new(KEY).unwrap()).unwrap_err()
    };
    assert_eq!(new("http://ota.example.com").kind(), ErrorKind::NotTrusted);
    assert_eq!(new("https://ota.example.com/?x=1").kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_server_that_requires_a_trailing_slash_is_detected_once() {
    let nothing = || Answer::new(404, b"404 Not Found");
    let (api, transport) = api([nothing(), ok(), ok()]);
    api.set_channel(&app(), 1, 2, &Control::new()).unwrap();
    api.clone().set_channel(&app(), 1, 2, &Control::new()).unwrap();
    let addresses: Vec<String> = transport
        .requests()
        .iter()
        .map(|request| request.url.path().to_owned())
        .collect();
    assert_eq!(addresses, ["/bundle", "/bundle/", "/bundle/"]);
}

#[test]
fn a_404_with_a_message_is_a_response_of_the_api() {
    let (api, transport) = api([answer(404, &json!({ "error": "Bundle not found", "status": "KO" }))]);
    let error = refusal(api.set_channel(&app(), 1, 2, &Control::new()));
    assert_eq!(
        (error.message.as_str(), transport.requests().len()),
        ("Bundle not found", 1)
    );
}

#[test]
fn a_server_with_neither_spelling_of_the_path_is_an_error() {
    let nothing = || answer(404, &json!({ "error": "not_found", "message": "Not found" }));
    let (api, _) = api([nothing(), nothing()]);
    let error = refusal(api.set_channel(&app(), 1, 2, &Control::new()));
    assert!(error.to_string().contains("check the base URL"), "{error}");
}

#[test]
fn the_key_is_not_sent_to_another_host_after_a_redirect() {
    let list = answer(200, &json!([row(1, "1.0.0")]));
    let redirect = Answer::new(302, b"").with("location", "https://elsewhere.example/bundle");
    let (api, transport) = api([redirect, list]);
    let control = Control::new();
    assert_eq!(api.bundles(&app(), &control).next().unwrap().unwrap().id, 1);
    assert_eq!(transport.request_headers("authorization"), [KEY, "-"]);
}

#[test]
fn the_key_is_never_printed() {
    let echo =
        json!({ "error": "invalid_apikey", "message": format!("Unknown key {KEY}"), "moreInfo": { "key": KEY } });
    let (api, transport) = api([answer(401, &echo)]);
    let error = api.set_channel(&app(), 1, 2, &Control::new()).unwrap_err();
    let texts = [
        error.to_string(),
        format!("{error:?}"),
        format!("{api:?}"),
        format!("{:?}", transport.requests()),
    ];
    for text in texts {
        assert!(!text.contains(KEY), "{text}");
    }
    assert!(error.to_string().contains("Unknown key [secret]"), "{error}");
}

#[test]
fn a_cancelled_call_ends() {
    let token = capbundle::progress::CancelToken::new();
    token.cancel();
    let (api, transport) = api([ok()]);
    let control = Control::new().with_cancel_token(&token);
    let error = api.delete(&app(), "1.0.0", &control).unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Cancelled, 0));
}

#[test]
fn an_upload_waits_for_a_server_with_remote_storage() {
    let stored = json!({ "url": "https://ota.example.com/bundles/a.zip" });
    let (api, transport) = api([answer(201, &stored)]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let archive = ArchiveUpload {
        version: "1.2.3",
        file: file.path(),
        digest: &Sha256Digest::of(b""),
    };
    api.upload(&app(), &archive, &Control::new()).unwrap();
    let request = &transport.requests()[0];
    assert!(request.answer_timeout >= Some(Duration::from_secs(300)));
    // A stalled connection is still detected early.
    assert_eq!(request.stall_timeout, Duration::from_secs(30));
}
