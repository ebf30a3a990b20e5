//! Registers a bundle exactly once over an unreliable network.

use super::*;
use capbundle::http::Headers;

fn new_bundle() -> BundleRegistration {
    let url = "https://cdn.example.com/1.2.3.zip".parse().unwrap();
    BundleRegistration::new(app(), "1.2.3", url, Sha256Digest::of(b"zip")).unwrap()
}

/// The row of the registered bundle.
fn registered() -> Value {
    let mut row = row(9, "1.2.3");
    row["checksum"] = json!(Sha256Digest::of(b"zip").to_string());
    row
}

fn create(answers: impl IntoIterator<Item = Answer>) -> (Result<Option<RemoteBundle>>, Vec<String>) {
    let (api, transport) = api(answers);
    let result = api.create(&new_bundle(), &Control::new());
    let methods = transport
        .requests()
        .iter()
        .map(|request| request.method.as_str().to_owned())
        .collect();
    (result, methods)
}

/// The response is lost in transit.
fn lost() -> Answer {
    Answer::new(200, b"{").then_breaks()
}

fn exists() -> Answer {
    answer(
        400,
        &json!({ "error": "version_already_exists", "message": "Version 1.2.3 already exists", "moreInfo": {} }),
    )
}

#[test]
fn a_bundle_is_registered_as_documented() {
    let (api, transport) = api([ok()]);
    assert_eq!(api.create(&new_bundle(), &Control::new()).unwrap(), None);
    let digest = Sha256Digest::of(b"zip");
    let body = format!(
        r#"{{"app_id":"com.example.app","checksum":"{digest}","external_url":"https://cdn.example.com/1.2.3.zip","version":"1.2.3"}}"#
    );
    assert_eq!(
        request_lines(&transport),
        [format!("POST https://api.capgo.app/bundle {body}")]
    );
    let headers: Headers = transport.requests()[0].headers.clone();
    assert_eq!(headers.get("authorization"), Some(KEY));
    assert_eq!(headers.get("content-type"), Some("application/json"));
}

#[test]
fn the_bundle_that_the_real_server_returns_is_returned() {
    let (result, _) = create([answer(200, &json!({ "status": "success", "bundle": registered() }))]);
    assert_eq!(result.unwrap().unwrap().id, 9);
}

#[test]
fn a_sealed_bundle_is_registered_with_session_key_and_key_id() {
    let session_key = "AAAAAAAAAAAAAAAAAAAAAA==:AQID";
    let signed = capbundle::capgo::SignedChecksum::parse("0102", capbundle::capgo::ChecksumForm::V3).unwrap();
    let url = "https://cdn.example.com/1.2.3.zip".parse().unwrap();
    let bundle = BundleRegistration::new(app(), "1.2.3", url, signed).unwrap();
    let bundle = bundle
        .sealed(session_key.parse().unwrap(), Some("MIIBCgKCAQEA"))
        .unwrap();
    let (api, transport) = api([ok()]);
    api.create(&bundle, &Control::new()).unwrap();
    let sent = request_lines(&transport).remove(0);
    assert!(
        sent.contains(r#""session_key":"AAAAAAAAAAAAAAAAAAAAAA==:AQID""#),
        "{sent}"
    );
    assert!(
        sent.contains(r#""key_id":"MIIBCgKCAQEA""#) && sent.contains(r#""checksum":"0102""#),
        "{sent}"
    );
}

#[test]
fn a_sealed_bundle_without_a_signature_is_refused_locally() {
    let error = new_bundle()
        .sealed("AAAAAAAAAAAAAAAAAAAAAA==:AQID".parse().unwrap(), None)
        .unwrap_err();
    assert!(error.to_string().contains("needs a signed checksum"), "{error}");
}

#[test]
fn after_a_lost_response_the_list_is_checked_before_a_retry() {
    let (result, methods) = create([lost(), answer(200, &json!([registered()]))]);
    assert_eq!(result.unwrap().unwrap().id, 9);
    assert_eq!(methods, ["POST", "GET"]);
}

#[test]
fn a_registration_without_effect_is_retried() {
    let (result, methods) = create([lost(), answer(200, &json!([row(1, "1.0.0")])), no_page(), ok()]);
    assert_eq!(result.unwrap(), None);
    assert_eq!(methods, ["POST", "GET", "GET", "POST"]);
}

#[test]
fn the_first_bundle_of_an_app_is_retried_too() {
    let (result, methods) = create([answer(502, &json!({})), no_page(), ok()]);
    assert_eq!((result.unwrap(), methods.len()), (None, 3));
}

#[test]
fn our_own_first_attempt_is_not_reported_as_an_existing_version() {
    // 503 means that it was not done, but some proxies send it although it was.
    let overloaded = answer(503, &json!({})).with("retry-after", "0");
    let (result, methods) = create([overloaded, exists(), answer(200, &json!([registered()]))]);
    assert_eq!(result.unwrap().unwrap().id, 9);
    assert_eq!(methods, ["POST", "POST", "GET"]);
}

#[test]
fn an_existing_version_of_another_publisher_is_an_error_at_once() {
    let (result, methods) = create([exists()]);
    let error = refusal(result);
    assert!(error.is("version_already_exists") && methods == ["POST"]);
    assert!(error.to_string().contains("choose a higher one"), "{error}");
}

#[test]
fn a_different_bundle_of_the_same_version_is_not_ours() {
    let overloaded = answer(503, &json!({})).with("retry-after", "0");
    let (result, _) = create([overloaded, exists(), answer(200, &json!([row(9, "1.2.3")])), no_page()]);
    assert!(refusal(result).is("version_already_exists"));
}

#[test]
fn if_the_check_fails_too_the_effect_is_reported_as_unknown() {
    let (result, methods) = create([lost()]);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("is unknown"), "{error}");
    assert_eq!(methods, ["POST", "GET", "GET", "GET", "GET", "GET"]);
}

#[test]
fn a_refused_second_attempt_does_not_hide_an_unchecked_first_one() {
    let (result, methods) = create([
        lost(),
        no_page(),
        exists(),
        answer(401, &json!({ "error": "invalid_apikey" })),
    ]);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    let text = error.to_string();
    assert!(text.contains("is unknown") && text.contains("already exists"), "{text}");
    assert_eq!(methods, ["POST", "GET", "POST", "GET"]);
}

#[test]
fn attempts_are_limited() {
    let round = || {
        [
            answer(500, &json!({ "error": "unknown_error", "message": "Unknown error" })),
            no_page(),
        ]
    };
    let (result, methods) = create((0..9).flat_map(|_| round()));
    assert_eq!((refusal(result).status, methods.len()), (500, 6));
}

#[test]
fn a_registration_that_every_server_refuses_is_not_sent() {
    let url = || "https://cdn.example.com/1.zip".parse().unwrap();
    for version in [
        "", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3 ", "latest", "1.2.3\n",
    ] {
        let error = BundleRegistration::new(app(), version, url(), Sha256Digest::of(b"")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{version}");
    }
    let plain = "http://cdn.example.com/1.zip".parse().unwrap();
    let error = BundleRegistration::new(app(), "1.2.3", plain, Sha256Digest::of(b"")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
}
