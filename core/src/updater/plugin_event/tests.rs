use serde_json::json;

use super::super::bundle_info::tests::record;
use super::*;
use crate::store::Status;

fn bundle() -> BundleInfo {
    BundleInfo::installed(&record(), Status::Installed)
}

fn every_event() -> Vec<PluginEvent> {
    let bundle = bundle();
    let version = "2.0.0".to_owned();
    vec![
        PluginEvent::Download {
            percent: 70,
            bundle: bundle.clone(),
        },
        PluginEvent::DownloadComplete { bundle: bundle.clone() },
        PluginEvent::DownloadFailed {
            version: version.clone(),
            error: None,
        },
        PluginEvent::DownloadFailed {
            version: version.clone(),
            error: Some("insufficient_disk_space".to_owned()),
        },
        PluginEvent::UpdateAvailable { bundle: bundle.clone() },
        PluginEvent::NoNeedUpdate { bundle: bundle.clone() },
        PluginEvent::UpdateCheckResult {
            kind: StatusKind::UpToDate,
            error: "no_new_version_available".to_owned(),
            message: "No new version available".to_owned(),
            status_code: 200,
            version: version.clone(),
            bundle: bundle.clone(),
        },
        PluginEvent::UpdateFailed { bundle: bundle.clone() },
        PluginEvent::MajorAvailable {
            version: version.clone(),
        },
        PluginEvent::BreakingAvailable { version },
        PluginEvent::ChannelPrivate {
            channel: "beta".to_owned(),
            message: "The channel is private".to_owned(),
        },
        PluginEvent::Set { bundle: bundle.clone() },
        PluginEvent::SetNext { bundle: bundle.clone() },
        PluginEvent::AppReady {
            bundle,
            status: "update installed".to_owned(),
        },
        PluginEvent::AppReloaded,
    ]
}

#[test]
fn each_event_has_the_name_and_the_payload_of_the_plugin() {
    let bundle = bundle().to_json();
    let expected = [
        ("download", json!({"percent": 70, "bundle": bundle})),
        ("downloadComplete", json!({"bundle": bundle})),
        ("downloadFailed", json!({"version": "2.0.0"})),
        (
            "downloadFailed",
            json!({"version": "2.0.0", "error": "insufficient_disk_space"}),
        ),
        ("updateAvailable", json!({"bundle": bundle})),
        ("noNeedUpdate", json!({"bundle": bundle})),
        (
            "updateCheckResult",
            json!({
                "kind": "up_to_date", "error": "no_new_version_available", "message": "No new version available",
                "statusCode": 200, "version": "2.0.0", "bundle": bundle
            }),
        ),
        ("updateFailed", json!({"bundle": bundle})),
        ("majorAvailable", json!({"version": "2.0.0"})),
        ("breakingAvailable", json!({"version": "2.0.0"})),
        (
            "channelPrivate",
            json!({"channel": "beta", "message": "The channel is private"}),
        ),
        ("set", json!({"bundle": bundle})),
        ("setNext", json!({"bundle": bundle})),
        ("appReady", json!({"bundle": bundle, "status": "update installed"})),
        ("appReloaded", json!({})),
    ];
    let events = every_event();
    assert_eq!(events.len(), expected.len());
    for (event, (name, payload)) in events.iter().zip(expected) {
        assert_eq!((event.name(), event.payload()), (name, payload));
    }
}

#[test]
fn only_events_around_a_reload_wait_for_a_listener() {
    let events = every_event();
    let retained = events.iter().filter(|event| event.retain_until_consumed());
    assert_eq!(retained.map(PluginEvent::name).collect::<Vec<_>>(), ["set", "appReady"]);
}

#[test]
fn a_breaking_update_is_announced_under_both_names() {
    let events = PluginEvent::breaking("3.0.0");
    assert_eq!(
        events.each_ref().map(PluginEvent::name),
        ["breakingAvailable", "majorAvailable"]
    );
    for event in events {
        assert_eq!(event.payload(), json!({"version": "3.0.0"}));
    }
}
