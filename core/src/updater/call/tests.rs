#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use super::*;
use crate::store::{NativeVersion, Timestamp};
use crate::{Error, ErrorKind};

const ID: &str = "abcDEF0123";

fn parse(method: &str, arguments: &str) -> Result<Call, CallError> {
    Call::parse(method, arguments, UtcOffset::UTC)
}

fn bundle() -> BundleRef {
    ID.parse().unwrap()
}

fn download(json: &str) -> DownloadCall {
    match parse("download", json) {
        Ok(Call::Download(call)) => call,
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_without_arguments_are_parsed() {
    let calls = [
        ("notifyAppReady", Call::NotifyAppReady),
        ("reload", Call::Reload),
        ("cancelDelay", Call::CancelDelay),
        ("resetPreview", Call::ResetPreview),
        ("triggerUpdateCheck", Call::TriggerUpdateCheck),
        ("current", Call::Current),
        ("getNextBundle", Call::GetNextBundle),
        ("getFailedUpdate", Call::GetFailedUpdate),
        ("getDeviceId", Call::GetDeviceId),
        ("getPluginVersion", Call::GetPluginVersion),
        ("getBuiltinVersion", Call::GetBuiltinVersion),
        ("getAppId", Call::GetAppId),
        ("isAutoUpdateEnabled", Call::IsAutoUpdateEnabled),
        ("isAutoUpdateAvailable", Call::IsAutoUpdateAvailable),
        ("getChannel", Call::GetChannel),
        ("listChannels", Call::ListChannels),
    ];
    for (method, expected) in calls {
        for arguments in ["{}", "", "null", r#"{"unknown":[1,2]}"#] {
            assert_eq!(parse(method, arguments).unwrap(), expected, "{method} {arguments}");
        }
    }
}

#[test]
fn arguments_are_parsed_into_their_types() {
    let custom = |id: &str| Call::SetCustomId {
        custom_id: id.to_owned(),
    };
    let url = "https://example.com/updates".to_owned();
    let urls = r#"{"url":"https://example.com/updates"}"#;
    for (method, arguments, expected) in [
        ("next", r#"{"id":"abcDEF0123"}"#, Call::Next(bundle())),
        ("next", r#"{"id":"builtin"}"#, Call::Next(BundleRef::BuiltIn)),
        ("set", r#"{"id":"abcDEF0123","more":1}"#, Call::Set(bundle())),
        ("setPreview", r#"{"id":"abcDEF0123"}"#, Call::SetPreview(bundle())),
        ("delete", r#"{"id":"abcDEF0123"}"#, Call::Delete(bundle())),
        (
            "setBundleError",
            r#"{"id":"abcDEF0123"}"#,
            Call::SetBundleError(bundle()),
        ),
        ("setCustomId", r#"{"customId":"user-1"}"#, custom("user-1")),
        ("setCustomId", r#"{"customId":""}"#, custom("")),
        ("setUpdateUrl", urls, Call::SetUpdateUrl { url: url.clone() }),
        (
            "setUpdateUrl",
            r#"{"url":""}"#,
            Call::SetUpdateUrl { url: String::new() },
        ),
        ("setStatsUrl", urls, Call::SetStatsUrl { url: url.clone() }),
        ("setChannelUrl", urls, Call::SetChannelUrl { url }),
        (
            "setAppId",
            r#"{"appId":"com.example.app"}"#,
            Call::SetAppId("com.example.app".parse().unwrap()),
        ),
        (
            "setMultiDelay",
            r#"{"delayConditions":[{"kind":"kill"},{"kind":"background","value":"300000"}]}"#,
            Call::SetMultiDelay(vec![ApplyCondition::Kill, ApplyCondition::Background(300_000)]),
        ),
        (
            "setMultiDelay",
            r#"{"delayConditions":[{"kind":"nativeVersion","value":"2.0.0"}]}"#,
            Call::SetMultiDelay(vec![ApplyCondition::NativeVersion(NativeVersion::new("2.0.0"))]),
        ),
        (
            "setMultiDelay",
            r#"{"delayConditions":[]}"#,
            Call::SetMultiDelay(vec![]),
        ),
    ] {
        assert_eq!(parse(method, arguments).unwrap(), expected, "{method} {arguments}");
    }
}

#[test]
fn absent_options_have_the_defaults_of_the_plugin() {
    let reset = |to_last_successful, use_pending_bundle| Call::Reset {
        to_last_successful,
        use_pending_bundle,
    };
    let set_channel = |trigger_auto_update| Call::SetChannel {
        channel: "beta".to_owned(),
        trigger_auto_update,
    };
    let unset_channel = |trigger_auto_update| Call::UnsetChannel { trigger_auto_update };
    for (method, arguments, expected) in [
        ("reset", "{}", reset(false, false)),
        ("reset", r#"{"toLastSuccessful":null}"#, reset(false, false)),
        ("reset", r#"{"toLastSuccessful":true}"#, reset(true, false)),
        ("reset", r#"{"usePendingBundle":true}"#, reset(false, true)),
        ("list", "{}", Call::List { raw: false }),
        ("list", r#"{"raw":true}"#, Call::List { raw: true }),
        ("setChannel", r#"{"channel":"beta"}"#, set_channel(false)),
        (
            "setChannel",
            r#"{"channel":"beta","triggerAutoUpdate":true}"#,
            set_channel(true),
        ),
        ("unsetChannel", "{}", unset_channel(false)),
        ("unsetChannel", r#"{"triggerAutoUpdate":true}"#, unset_channel(true)),
        ("getLatest", "{}", Call::GetLatest(LatestCall::default())),
        (
            "getLatest",
            r#"{"channel":"","appId":"  ","includeBundleSize":false}"#,
            Call::GetLatest(LatestCall::default()),
        ),
        (
            "getLatest",
            r#"{"channel":"beta","appId":" com.example.other ","includeBundleSize":true}"#,
            Call::GetLatest(LatestCall {
                channel: Some("beta".to_owned()),
                app_id: Some("com.example.other".parse().unwrap()),
                include_bundle_size: true,
            }),
        ),
    ] {
        assert_eq!(parse(method, arguments).unwrap(), expected, "{method} {arguments}");
    }
}

#[test]
fn a_download_has_its_checksum_session_key_and_files() {
    let call = download(r#"{"url":"https://example.com/a.zip","version":"1.2.3"}"#);
    assert_eq!(
        (call.url.as_str(), call.version.as_str()),
        ("https://example.com/a.zip", "1.2.3")
    );
    assert_eq!((call.session_key, call.checksum, call.manifest), (None, None, None));

    let call = download(r#"{"url":"u","version":"1","sessionKey":"","checksum":"","manifest":null}"#);
    assert_eq!((call.session_key, call.checksum, call.manifest), (None, None, None));

    let call = download(
        r#"{"url":"u","version":"1","sessionKey":"aXY=:a2V5","checksum":"00ff",
            "manifest":[{"file_name":"index.html","file_hash":"00","download_url":null,"extra":true}]}"#,
    );
    assert_eq!(call.session_key.as_deref(), Some("aXY=:a2V5"));
    assert_eq!(call.checksum.as_deref(), Some("00ff"));
    let manifest = call.manifest.unwrap();
    assert_eq!(manifest.len(), 1);
    assert_eq!(manifest[0].file_name.as_deref(), Some("index.html"));
    assert_eq!(manifest[0].file_hash.as_deref(), Some("00"));
    assert_eq!(manifest[0].download_url, None);
}

#[test]
fn the_result_of_get_latest_is_accepted_for_its_files() {
    let latest = r#"{"version":"1.2.3","url":"https://example.com/a.zip","checksum":"00","sessionKey":"aXY=:a2V5",
        "manifest":[{"file_name":"index.html","file_hash":"00","download_url":"https://example.com/1"}]}"#;
    let Ok(Call::GetBundleDownloadSize { manifest, version }) = parse("getBundleDownloadSize", latest) else {
        panic!("not a query for a size")
    };
    assert_eq!((manifest.len(), version.as_deref()), (1, Some("1.2.3")));
    let Ok(Call::GetMissingBundleFiles { manifest, session_key }) = parse("getMissingBundleFiles", latest) else {
        panic!("not a query for files")
    };
    assert_eq!((manifest.len(), session_key.as_deref()), (1, Some("aXY=:a2V5")));
}

#[test]
fn dates_without_an_offset_are_in_local_time() {
    let local = UtcOffset::from_seconds_east(3600).unwrap();
    let arguments = r#"{"delayConditions":[{"kind":"date","value":"1970-01-02T00:00:00"}]}"#;
    let call = Call::parse("setMultiDelay", arguments, local).unwrap();
    assert_eq!(call, Call::SetMultiDelay(vec![ApplyCondition::Date(Timestamp(82_800))]));
}

#[test]
fn a_missing_argument_is_rejected_with_the_message_and_code_of_the_plugin() {
    for (method, arguments, rejection, code) in [
        ("next", "{}", "Next called without id", None),
        ("set", "{}", "Set called without id", None),
        ("set", r#"{"id":5}"#, "Set called without id", None),
        ("set", r#"{"id":null}"#, "Set called without id", None),
        ("delete", "{}", "Delete called without id", None),
        ("setBundleError", "{}", "setBundleError called without id", None),
        ("download", "{}", "Download called without url", None),
        ("download", r#"{"url":"u"}"#, "Download called without version", None),
        (
            "setChannel",
            "{}",
            "setChannel called without channel",
            Some("SETCHANNEL_INVALID_PARAMS"),
        ),
        ("setCustomId", "{}", "setCustomId called without customId", None),
        ("setUpdateUrl", "{}", "setUpdateUrl called without url", None),
        ("setStatsUrl", "{}", "setStatsUrl called without url", None),
        ("setChannelUrl", "{}", "setChannelUrl called without url", None),
        ("setAppId", "{}", "setAppId called without appId", None),
        (
            "setMultiDelay",
            "{}",
            "setMultiDelay called without delayCondition",
            None,
        ),
        (
            "setMultiDelay",
            r#"{"delayConditions":"[]"}"#,
            "setMultiDelay called without delayCondition",
            None,
        ),
        (
            "getMissingBundleFiles",
            "{}",
            "getMissingBundleFiles called without manifest",
            None,
        ),
        (
            "getBundleDownloadSize",
            r#"{"manifest":{}}"#,
            "getBundleDownloadSize called without manifest",
            None,
        ),
    ] {
        let error = parse(method, arguments).unwrap_err();
        assert_eq!(error.method(), method);
        assert_eq!(
            (error.rejection().as_str(), error.code()),
            (rejection, code),
            "{arguments}"
        );
        assert!(error.to_string().starts_with(method), "{error}");
    }
}

#[test]
fn a_wrong_argument_is_refused_with_what_was_expected_and_found() {
    for (method, arguments, expected) in [
        ("next", "{}", "next: id: expected a string, found nothing"),
        ("set", r#"{"id":5}"#, "set: id: expected a string, found 5"),
        (
            "set",
            r#"{"id":"../up"}"#,
            "set: id: bundle id: expected 10 letters and digits, found \"../up\"",
        ),
        (
            "reset",
            r#"{"toLastSuccessful":"yes"}"#,
            "reset: toLastSuccessful: expected a boolean, found \"yes\"",
        ),
        ("list", r#"{"raw":1}"#, "list: raw: expected a boolean, found 1"),
        (
            "download",
            r#"{"url":"u","version":"1","checksum":{}}"#,
            "download: checksum: expected a string, found an object",
        ),
        (
            "download",
            r#"{"url":"u","version":"1","manifest":"x"}"#,
            "download: manifest: expected an array, found \"x\"",
        ),
        (
            "download",
            r#"{"url":"u","version":"1","manifest":[{},7]}"#,
            "download: manifest[1]: expected an object, found 7",
        ),
        (
            "download",
            r#"{"url":"u","version":"1","manifest":[{"file_hash":7}]}"#,
            "download: manifest[0].file_hash: expected a string, found 7",
        ),
        (
            "setMultiDelay",
            r#"{"delayConditions":[{"kind":"background","value":"soon"}]}"#,
            "setMultiDelay: delayConditions[0], kind \"background\": expected a whole number of milliseconds from 0, \
             such as \"300000\", found \"soon\"",
        ),
        (
            "getLatest",
            r#"{"channel":7}"#,
            "getLatest: channel: expected a string, found 7",
        ),
        (
            "reload",
            "[]",
            "reload: expected an object of arguments, found an array",
        ),
    ] {
        let error = parse(method, arguments).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(Error::from(error).kind(), ErrorKind::InvalidInput, "{expected}");
    }
    for (method, arguments, start) in [
        ("reload", "{", "reload: the arguments are not JSON: "),
        (
            "setAppId",
            r#"{"appId":"no app"}"#,
            "setAppId: appId: app id \"no app\": expected ",
        ),
        (
            "getLatest",
            r#"{"appId":"no app"}"#,
            "getLatest: appId: app id \"no app\": expected ",
        ),
    ] {
        let error = parse(method, arguments).unwrap_err();
        assert!(error.to_string().starts_with(start), "{error}");
        assert_eq!(error.rejection(), error.to_string());
    }
}

#[test]
fn an_unknown_method_is_unimplemented() {
    for (method, start) in [
        ("openAppStore", "openAppStore: not a method of the updater"),
        (
            "startPreviewSession",
            "startPreviewSession: not a method of the updater",
        ),
        ("notifyappready", "notifyappready: unknown method"),
        ("", "\"\": unknown method"),
        ("a\nb", "\"a\\nb\": unknown method"),
    ] {
        let error = parse(method, "{}").unwrap_err();
        assert!(error.to_string().starts_with(start), "{error}");
        assert_eq!(
            (error.code(), error.rejection()),
            (Some("UNIMPLEMENTED"), error.to_string())
        );
        assert_eq!(Error::from(error).kind(), ErrorKind::Unsupported, "{method}");
    }
}
