//! Recorded bodies for every row of the protocol's tables.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{Error, ErrorKind};

const ASKED: &str = "https://plugin.example/updates";

fn parse(status: u16, body: &str) -> crate::Result<UpdateResponse> {
    UpdateResponse::parse(ASKED, status, body.as_bytes())
}

fn answer(body: &str) -> UpdateResponse {
    parse(200, body).unwrap()
}

fn error(status: u16, body: &str) -> Error {
    parse(status, body).unwrap_err()
}

#[test]
fn a_request_has_the_members_of_the_plugin() {
    let body = json!({
        "platform": "android", "device_id": "0f4f5a3e-7c0a-4d3c-9d7e-2b1d6c6f0a11", "app_id": "com.example.app", "custom_id": "",
        "version_build": "1.2.0", "version_code": "12", "version_os": "14", "version_name": "builtin", "plugin_version": "8.51.14",
        "is_emulator": false, "is_prod": true, "install_source": "com.android.vending", "defaultChannel": "production",
        "key_id": "MIIBCgKCAQEA5fsV"
    });
    let request: UpdateRequest = serde_json::from_value(body.clone()).unwrap();
    assert_eq!(request.platform, Platform::Android.as_str());
    assert_eq!(request.default_channel.as_deref(), Some("production"));
    assert_eq!(serde_json::to_value(&request).unwrap(), body);
}

#[test]
fn a_request_may_have_numbers_nulls_and_missing_members() {
    let request: UpdateRequest =
        serde_json::from_str(r#"{"version_code": 12, "custom_id": null, "is_prod": null, "defaultChannel": ""}"#)
            .unwrap();
    assert_eq!(request.version_code, "12");
    assert_eq!((request.custom_id.as_str(), request.is_prod), ("", false));
    assert_eq!(request.default_channel, None);
}

#[test]
fn a_bundle_with_all_members_is_an_offer() {
    let answer = answer(
        r#"{"version":"1.2.3","url":"https://cdn.example/a.zip?sig=1","session_key":"aXY=:a2V5","checksum":"00ff",
            "manifest":[{"file_name":"index.html","file_hash":"00","download_url":null}],"link":"https://notes.example","comment":"ok"}"#,
    );
    let UpdateResponse::Offer(offer) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(
        (offer.version.as_str(), offer.url.as_str()),
        ("1.2.3", "https://cdn.example/a.zip?sig=1")
    );
    assert_eq!(
        (offer.checksum.as_deref(), offer.session_key.as_deref()),
        (Some("00ff"), Some("aXY=:a2V5"))
    );
    assert_eq!(
        (offer.link.as_deref(), offer.comment.as_deref()),
        (Some("https://notes.example"), Some("ok"))
    );
    assert_eq!(offer.manifest[0].file_name.as_deref(), Some("index.html"));
}

#[test]
fn a_version_and_a_url_are_an_offer() {
    let least = answer(r#"{"version":"1.2.3","url":"https://cdn.example/a.zip"}"#);
    let empty = answer(
        r#"{"version":"1.2.3","url":"https://cdn.example/a.zip","checksum":"","session_key":null,"manifest":[],"link":"","comment":null}"#,
    );
    assert_eq!(least, empty);
    let UpdateResponse::Offer(offer) = least else {
        panic!("{least:?}")
    };
    assert_eq!((offer.checksum, offer.session_key), (None, None));
}

#[test]
fn single_files_without_an_archive_are_unsupported() {
    let files = r#""manifest":[{"file_name":"index.html","file_hash":"00","download_url":"https://f.example/1"}]"#;
    for url in ["", r#""url":"https://404.capgo.app/no.zip","#, r#""url":null,"#] {
        let error = error(200, &format!(r#"{{"version":"1.2.3",{url}{files}}}"#));
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(
            text.contains("version 1.2.3") && text.contains("1 single files") && text.contains("as a zip"),
            "{text}"
        );
    }
}

#[test]
fn builtin_is_recognized_with_and_without_a_notice() {
    assert_eq!(answer(r#"{"version":"builtin"}"#), UpdateResponse::BuiltIn(None));
    assert_eq!(
        answer(r#"{"version":"builtin","url":"https://404.capgo.app/no.zip"}"#),
        UpdateResponse::BuiltIn(None)
    );
    let told = answer(
        r#"{"error":"already_on_builtin","message":"Already on builtin","kind":"up_to_date","version":"builtin"}"#,
    );
    assert!(matches!(told, UpdateResponse::BuiltIn(Some(_))), "{told:?}");
    let bare = answer(r#"{"error":"already_on_builtin","message":"Already on builtin","kind":"up_to_date"}"#);
    assert!(matches!(bare, UpdateResponse::UpToDate(_)), "{bare:?}");
}

#[test]
fn every_code_has_a_kind_and_a_meaning() {
    assert_eq!(StatusCode::all().count(), 34);
    for code in StatusCode::all() {
        let kind = code.kind().unwrap();
        assert!(code.meaning().unwrap().len() > 20);
        let word = serde_json::to_value(kind).unwrap();
        let stated = answer(&json!({"error": code, "message": "m", "kind": word}).to_string());
        // Older servers do not send the kind.
        let unstated = answer(&json!({"error": code, "message": "m"}).to_string());
        for answer in [stated, unstated] {
            let (found, notice) = match answer {
                UpdateResponse::UpToDate(notice) => (StatusKind::UpToDate, notice),
                UpdateResponse::Blocked(notice) => (StatusKind::Blocked, notice),
                UpdateResponse::Failed(notice) => (StatusKind::Failed, notice),
                other => panic!("{code}: {other:?}"),
            };
            assert_eq!(
                (found, notice.error, notice.message.as_str()),
                (kind, code.clone(), "m")
            );
        }
    }
}

#[test]
fn the_details_of_a_refusal_are_kept() {
    let answer = answer(
        r#"{"error":"disable_auto_update_to_major","message":"Cannot upgrade major version","kind":"blocked","version":"2.0.0","old":"1.4.0","major":true}"#,
    );
    let UpdateResponse::Blocked(notice) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(
        (notice.version.as_deref(), notice.old.as_deref(), notice.major),
        (Some("2.0.0"), Some("1.4.0"), Some(true))
    );
}

#[test]
fn the_kind_of_the_server_takes_precedence_and_an_unknown_code_is_a_failure() {
    assert!(matches!(
        answer(r#"{"error":"new_code","kind":"blocked"}"#),
        UpdateResponse::Blocked(_)
    ));
    assert!(matches!(
        answer(r#"{"error":"new_code","kind":"new_kind"}"#),
        UpdateResponse::Failed(_)
    ));
    assert!(matches!(answer(r#"{"error":"new_code"}"#), UpdateResponse::Failed(_)));
    assert!(matches!(
        answer(r#"{"kind":"up_to_date"}"#),
        UpdateResponse::UpToDate(_)
    ));
}

#[test]
fn an_invalid_request_is_a_failure() {
    for code in [
        "missing_device_id",
        "invalid_device_id",
        "missing_app_id",
        "invalid_app_id",
        "semver_error",
        "invalid_json_body",
    ] {
        let answer = parse(
            400,
            &json!({"error": code, "message": "m", "moreInfo": {"body": 1}}).to_string(),
        )
        .unwrap();
        assert!(
            matches!(answer, UpdateResponse::Failed(ref notice) if notice.error.as_str() == code),
            "{answer:?}"
        );
    }
}

#[test]
fn a_rate_limit_has_a_retry_after() {
    let premise = parse(429, r#"{"error":"on_premise_app","message":"On-premise app detected"}"#).unwrap();
    assert!(
        matches!(
            premise,
            UpdateResponse::Limited {
                notice: Some(_),
                retry_after: None
            }
        ),
        "{premise:?}"
    );
    let told = |seconds: u64| {
        let body = json!({"error": "too_many_requests", "message": "m", "moreInfo": {"retryAfterSeconds": seconds}})
            .to_string();
        match parse(429, &body).unwrap() {
            UpdateResponse::Limited { retry_after, .. } => retry_after.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told(60), Duration::from_secs(60));
    assert_eq!(told(u64::MAX), Duration::from_secs(24 * 3600));
    for body in ["", "<html>", "{}"] {
        let bare = parse(429, body).unwrap();
        assert_eq!(
            bare,
            UpdateResponse::Limited {
                notice: None,
                retry_after: None
            }
        );
    }
}

#[test]
fn an_overloaded_server_that_says_for_how_long_limits_requests() {
    let overloaded = |body: &str, header: Option<u64>| {
        let header = header.map(Duration::from_secs);
        match UpdateResponse::parse_with_retry_after(ASKED, 503, body.as_bytes(), header).unwrap() {
            UpdateResponse::Limited { retry_after, .. } => retry_after.unwrap().as_secs(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(overloaded("<html>", Some(60)), 60);
    assert_eq!(overloaded("{}", Some(u64::MAX)), 24 * 3600);
    assert_eq!(overloaded(r#"{"error":"busy","retryAfterSeconds":30}"#, None), 30);
    assert_eq!(overloaded(r#"{"error":"busy","retryAfterSeconds":30}"#, Some(60)), 60);
    assert!(parse(503, "").is_err());
    // A header without meaning for this status.
    let wait = Some(Duration::from_secs(60));
    assert!(UpdateResponse::parse_with_retry_after(ASKED, 500, b"", wait).is_err());
}

#[test]
fn details_in_another_form_do_not_hide_the_code() {
    for details in ["1.5", "-1", "\"soon\"", "null", "[]"] {
        for body in [
            format!(r#"{{"error":"too_many_requests","moreInfo":{{"retryAfterSeconds":{details}}}}}"#),
            format!(r#"{{"error":"too_many_requests","moreInfo":{details}}}"#),
        ] {
            let UpdateResponse::Limited { notice, .. } = parse(429, &body).unwrap() else {
                panic!("{body}")
            };
            assert_eq!(notice.unwrap().error.as_str(), "too_many_requests", "{body}");
        }
    }
}

#[test]
fn an_empty_response_and_a_bare_message_are_not_refusals() {
    assert_eq!(answer("{}"), UpdateResponse::Nothing { message: None });
    let message = Some("No update".to_owned());
    assert_eq!(
        answer(r#"{"message":"No update"}"#),
        UpdateResponse::Nothing { message }
    );
}

#[test]
fn an_invalid_response_is_a_server_error_with_a_reason() {
    for (status, body, word) in [
        (
            200,
            "<html>not found</html>",
            "found an HTML page (a captive portal or login page?)",
        ),
        (200, "", "not a response of an update server"),
        (
            200,
            r#"["1.2.3","https://cdn.example/a.zip"]"#,
            "expected a JSON object",
        ),
        (
            200,
            r#"{"version":{},"url":"https://cdn.example/a.zip"}"#,
            "not a response of an update server",
        ),
        (200, r#"{"version":"1.2.3"}"#, "no URL"),
        (200, r#"{"url":"https://cdn.example/a.zip"}"#, "no version"),
        (
            200,
            r#"{"version":"1.2.3","url":"https://cdn.example/a.zip""#,
            "not a response of an update server",
        ),
        (503, "<html>", "503"),
        (404, r#"{"message":"no such\u001b[31m app"}"#, r"no such\u{1b}[31m app"),
    ] {
        let error = error(status, body);
        assert_eq!(error.kind(), ErrorKind::Server, "{body}");
        let text = error.to_string();
        assert!(text.contains(word) && text.contains(ASKED), "{text}");
    }
}

#[test]
fn arbitrary_bytes_do_not_panic() {
    let good = br#"{"version":"1.2.3","url":"u","error":null,"manifest":[{"file_name":"a"}]}"#;
    for position in 0..good.len() {
        for byte in [0, b'"', b'{', b'[', 0xff, b'9'] {
            let mut bytes = good.to_vec();
            bytes[position] = byte;
            let _ = UpdateResponse::parse(ASKED, 200, &bytes);
            let _ = UpdateResponse::parse(ASKED, 429, &bytes[..position]);
        }
    }
    let deep = "[".repeat(100_000);
    assert_eq!(error(200, &format!(r#"{{"version":{deep}"#)).kind(), ErrorKind::Server);
}

#[test]
fn a_notice_prints_without_control_characters() {
    let notice = Notice::new("no_channel", "none\u{1b}[2J");
    assert_eq!(notice.to_string(), r"no_channel: none\u{1b}[2J");
}

#[test]
fn the_four_methods_of_channel_self_are_parsed() {
    let set = ChannelResponse::<ChannelSet>::parse(ASKED, 200, br#"{"status":"ok","allowSet":true}"#).unwrap();
    let expected = ChannelSet {
        status: "ok".to_owned(),
        allow_set: Some(true),
    };
    assert_eq!(set, ChannelResponse::Granted(expected));
    let now =
        ChannelResponse::<CurrentChannel>::parse(ASKED, 200, br#"{"channel":"beta","status":"override"}"#).unwrap();
    let ChannelResponse::Granted(now) = now else {
        panic!("{now:?}")
    };
    assert_eq!(
        (now.channel.as_str(), now.status, now.allow_set),
        ("beta", ChannelOrigin::Override, None)
    );
    let list = br#"[{"id":7,"name":"beta","public":false,"allow_self_set":true}]"#;
    let list = ChannelResponse::<Vec<ChannelInfo>>::parse(ASKED, 200, list).unwrap();
    let ChannelResponse::Granted(list) = list else {
        panic!("{list:?}")
    };
    assert_eq!((list[0].id.as_str(), list[0].allow_self_set), ("7", true));
}

#[test]
fn every_refusal_of_channel_self_is_parsed() {
    for code in [
        "missing_channel",
        "cannot_override",
        "channel_not_found",
        "channel_self_set_not_allowed",
        "public_channel_self_set_not_allowed",
        "override_not_allowed",
    ] {
        let body = json!({"error": code, "message": "m"}).to_string();
        let refused = ChannelResponse::<ChannelSet>::parse(ASKED, 200, body.as_bytes()).unwrap();
        assert!(
            matches!(refused, ChannelResponse::Refused(ref notice) if notice.error.as_str() == code),
            "{refused:?}"
        );
    }
    let html = ChannelResponse::<ChannelSet>::parse(ASKED, 502, b"<html>").unwrap_err();
    assert_eq!(html.kind(), ErrorKind::Server);
}

#[test]
fn a_channel_request_and_an_event_flatten_the_device() {
    let device = UpdateRequest {
        app_id: "com.example.app".to_owned(),
        ..UpdateRequest::default()
    };
    let request = ChannelRequest {
        device: device.clone(),
        channel: Some("beta".to_owned()),
    };
    let value = serde_json::to_value(&request).unwrap();
    assert_eq!(
        (&value["app_id"], &value["channel"]),
        (&json!("com.example.app"), &json!("beta"))
    );
    assert_eq!(serde_json::from_value::<ChannelRequest>(value).unwrap(), request);
    let event = StatsEvent {
        device,
        action: "set".to_owned(),
        old_version_name: "1.0.0".to_owned(),
    };
    let value = serde_json::to_value(&event).unwrap();
    assert_eq!(
        (&value["action"], &value["app_id"]),
        (&json!("set"), &json!("com.example.app"))
    );
    assert_eq!(serde_json::from_value::<StatsEvent>(value).unwrap(), event);
}

#[test]
fn one_report_and_a_batch_have_responses() {
    let single: StatsResponse = serde_json::from_str(r#"{"status":"ok"}"#).unwrap();
    assert_eq!(single.results, None);
    let batch: StatsResponse = serde_json::from_str(
        r#"{"status":"ok","results":[{"status":"ok","index":0},{"status":"error","index":1,"error":"invalid_action"}]}"#,
    )
    .unwrap();
    assert_eq!(batch.results.unwrap()[1].error.as_deref(), Some("invalid_action"));
}

#[test]
fn only_known_actions_are_accepted() {
    for known in [
        "ping",
        "download_0",
        "download_90",
        "app_crash_native",
        "webview_unresponsive",
        "setChannel",
    ] {
        assert!(is_known_action(known), "{known}");
    }
    for other in ["", "download_5", "download_100", "drop table", "webview_\n", "Ping"] {
        assert!(!is_known_action(other), "{other}");
    }
}

#[test]
fn every_action_has_a_word_of_its_own_that_servers_accept() {
    let words: std::collections::BTreeSet<&str> = ReportAction::ALL.iter().map(|action| action.as_str()).collect();
    assert_eq!(words.len(), ReportAction::ALL.len());
    for word in words {
        assert!(is_known_action(word), "{word}");
    }
}

#[test]
fn a_percentage_belongs_to_the_step_of_ten_below_it() {
    for (percent, expected) in [
        (0, "download_0"),
        (9, "download_0"),
        (10, "download_10"),
        (71, "download_70"),
        (99, "download_90"),
        (100, "download_complete"),
        (255, "download_complete"),
    ] {
        assert_eq!(ReportAction::of_download(percent).to_string(), expected);
    }
}

#[test]
fn a_kind_is_written_as_it_is_serialized() {
    for kind in [StatusKind::UpToDate, StatusKind::Blocked, StatusKind::Failed] {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}
