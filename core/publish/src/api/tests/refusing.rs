//! Error responses in every form.

use super::*;

/// Every code of the Bundles API, with its status.
const CODES: &[(u16, &str)] = &[
    (401, "no_key_provided"),
    (401, "invalid_apikey"),
    (401, "invalid_subkey"),
    (404, "not_found"),
    (500, "unknown_error"),
    (400, "invalid_json_parse_body"),
    (400, "missing_app_id"),
    (400, "invalid_app_id"),
    (400, "cannot_get_bundle"),
    (400, "missing_version"),
    (400, "missing_external_url"),
    (400, "missing_checksum"),
    (400, "invalid_version_format"),
    (400, "invalid_protocol"),
    (400, "cannot_create_bundle"),
    (400, "cannot_find_app"),
    (400, "encryption_required"),
    (400, "encryption_key_required"),
    (400, "encryption_key_mismatch"),
    (400, "version_already_exists"),
    (400, "cannot_delete_version"),
    (400, "cannot_delete_linked_version"),
    (400, "cannot_delete_all_version"),
    (400, "cannot_check_linked_channels"),
    (400, "missing_required_fields"),
    (400, "cannot_access_app"),
    (400, "cannot_find_version"),
    (400, "cannot_find_channel"),
    (400, "cannot_set_bundle_to_channel"),
    (400, "no_fields_to_update"),
    (400, "cannot_update_version_metadata"),
];

fn refused_with(answer: &Answer) -> Result<()> {
    // Enough for every attempt.
    let (api, _) = api((0..10).map(|_| answer.clone()));
    api.set_channel(&app(), 1, 2, &Control::new())
}

#[test]
fn every_code_is_reported_with_its_status_the_server_message_and_advice() {
    for (status, code) in CODES {
        let body = json!({ "error": code, "message": "In its own words", "moreInfo": { "app_id": "com.example.app" } });
        let error = refusal(refused_with(&answer(*status, &body)));
        assert!(error.is(code) && error.status == *status, "{error:?}");
        assert!(error.advice.is_some(), "{code}");
        let text = Error::Api(Box::new(error)).to_string();
        let start = format!("https://api.capgo.app/bundle: the server answered {status} {code}: In its own words. ");
        assert!(text.starts_with(&start), "{text}");
    }
}

#[test]
fn documented_refusals_are_recognised() {
    for text in [
        "Bundle not found",
        "Invalid version format",
        "Failed to delete bundle from storage",
        "Insufficient permissions to manage bundles",
    ] {
        // They are documented without a status.
        for status in [200, 400, 404] {
            let error = refusal(refused_with(&answer(status, &json!({ "error": text, "status": "KO" }))));
            assert_eq!((error.code, error.message.as_str(), error.status), (None, text, status));
            assert!(error.advice.is_some(), "{text}");
        }
    }
}

#[test]
fn refusals_of_older_servers_are_recognised() {
    let body = json!({ "status": "Cannot delete bundle", "error": "{\"message\":\"timeout\"}" });
    let error = refusal(refused_with(&answer(400, &body)));
    assert_eq!(error.message, "Cannot delete bundle: {\"message\":\"timeout\"}");
    let error = refusal(refused_with(&answer(
        400,
        &json!({ "status": "You can't access this app" }),
    )));
    assert_eq!(error.message, "You can't access this app");
}

#[test]
fn a_refusal_with_status_200_is_recognised() {
    let error = refusal(refused_with(&answer(
        200,
        &json!({ "error": "cannot_find_app", "message": "No" }),
    )));
    assert!(error.is("cannot_find_app") && error.status == 200);
}

#[test]
fn a_short_requested_wait_is_respected_and_a_long_one_is_reported() {
    let body = json!({ "error": "too_many_requests", "message": "You have made too many requests" });
    let soon = answer(429, &body).with("retry-after", "0");
    let (client, transport) = api([soon.clone(), soon, ok()]);
    client.set_channel(&app(), 1, 2, &Control::new()).unwrap();
    assert_eq!(transport.requests().len(), 3);
    let (client, transport) = api([answer(429, &body).with("retry-after", "3600"), ok()]);
    let error = refusal(client.set_channel(&app(), 1, 2, &Control::new()));
    assert_eq!(
        (error.retry_after, transport.requests().len()),
        (Some(Duration::from_secs(3600)), 1)
    );
    assert!(error.to_string().contains("retry after 3600 s"), "{error}");
}

#[test]
fn a_web_page_is_recognised() {
    let page = |status| Answer::new(status, b"<!DOCTYPE html><title>Sign in</title>").with("content-type", "text/html");
    for (status, says) in [
        (200, "a captive portal or login page"),
        (403, "proxy"),
        (404, "proxy"),
        (502, "proxy"),
    ] {
        let error = refused_with(&page(status)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        let text = error.to_string();
        assert!(
            text.contains("expected JSON, found a web page") && text.contains(says),
            "{status}: {text}"
        );
    }
    let error = refused_with(&Answer::new(200, b"upstream connect error")).unwrap_err();
    assert!(error.to_string().contains("not JSON"), "{error}");
}

#[test]
fn a_redirect_of_a_change_is_explained_and_not_followed() {
    let moved = Answer::new(308, b"").with("location", "https://api.example.org/bundle?token=secret");
    let error = refused_with(&moved).unwrap_err().to_string();
    assert!(
        error.contains("redirects to https://api.example.org/bundle?…; if that is right"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn an_empty_response_with_an_error_status_is_a_refusal() {
    let error = refusal(refused_with(&Answer::new(403, b"")));
    assert_eq!(error.status, 403);
    assert!(error.to_string().contains("may not do that"), "{error}");
}

#[test]
fn server_messages_are_made_safe_for_a_terminal() {
    let message = format!("\u{1b}[31mred\r\n{}", "x".repeat(5_000));
    let error = refusal(refused_with(&answer(
        400,
        &json!({ "error": "unheard_of", "message": message }),
    )));
    assert!(error.message.chars().count() <= 501 && !error.message.chars().any(char::is_control));
    assert!(error.is("unheard_of") && error.advice.is_none());
}
