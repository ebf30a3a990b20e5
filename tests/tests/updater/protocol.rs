//! Requests, events and reports of an update, as Capgo's plugin sends them, and calls of JavaScript.

use capbundle::updater::UpdateMode;
use capbundle_tests::scripted_server::Reply;
use serde_json::{Value, json};

use super::app::{App, Behaviour, Published};

/// The actions that were reported, in order.
fn reported(app: &App) -> Vec<String> {
    let mut actions = Vec::new();
    for request in app.requests("/stats") {
        let events = match request.json() {
            Value::Array(events) => events,
            event => vec![event],
        };
        actions.extend(events.iter().map(|event| event["action"].as_str().unwrap().to_owned()));
    }
    actions
}

#[test]
fn an_update_sends_the_requests_and_reports_of_the_plugin() {
    let update = Published::plain("2.0.0", 100);
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&update));
    let mut process = app.process();
    process.confirm();
    process.work();
    process.background();
    process.foreground();
    process.confirm();
    process.work();
    let requests = app.requests("/updates");
    let device = requests[0].json()["device_id"].clone();
    assert_eq!(device.as_str().unwrap().len(), 36);
    assert_eq!(
        requests[0].json(),
        json!({
            "platform": "android",
            "device_id": device,
            "app_id": "com.example.app",
            "custom_id": "",
            "version_build": "1.0.0",
            "version_code": "1",
            "version_os": "16",
            "version_name": "builtin",
            "plugin_version": "8.51.23",
            "is_emulator": false,
            "is_prod": true,
        })
    );
    assert_eq!(requests[1].json()["version_name"], "2.0.0");
    assert_eq!(
        requests[0].headers["user-agent"],
        "CapacitorUpdater/8.51.23 (com.example.app) android/16"
    );
    assert_eq!(
        reported(&app),
        [
            "app_launch_ready",
            "download_0",
            "download_70",
            "download_80",
            "download_90",
            "download_complete",
            "set_next",
            "app_moved_to_background",
            "set",
            "app_moved_to_foreground",
            "app_launch_ready",
        ]
    );
}

#[test]
fn listeners_get_the_events_of_the_plugin_in_its_order() {
    let update = Published::plain("2.0.0", 100);
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&update));
    let mut process = app.process();
    process.confirm();
    process.work();
    let info = app.told.last("setNext");
    assert_eq!(info["bundle"]["version"], "2.0.0");
    assert_eq!(info["bundle"]["status"], "pending");
    assert_eq!(info["bundle"]["checksum"], update.checksum.as_str());
    let id = info["bundle"]["id"].clone();
    assert_eq!(app.told.last("download")["bundle"]["id"], id);
    assert_eq!(app.told.last("download")["percent"], 100);
    assert_eq!(
        app.told.names(),
        ["downloadComplete", "updateAvailable", "setNext", "appReady"]
    );
    process.background();
    assert_eq!(app.told.names(), ["set"]);
    process.foreground();
    process.confirm();
    process.work();
    assert_eq!(app.told.names(), ["noNeedUpdate", "appReady"]);
}

#[test]
fn reports_that_do_not_arrive_are_sent_by_a_later_process() {
    let mut down = Behaviour::idle();
    down.other = Box::new(|_| Reply::new(503, ""));
    let app = App::new(UpdateMode::AtBackground, down);
    let mut process = app.process();
    process.confirm();
    process.work();
    drop(process);
    let failed = app.requests("/stats").len();
    assert!(failed > 0);
    app.behave(Behaviour::idle());
    let mut process = app.process();
    process.work();
    let arrived = &app.requests("/stats")[failed..];
    assert!(
        arrived
            .iter()
            .any(|request| String::from_utf8_lossy(&request.body).contains("app_launch_ready"))
    );
}

#[test]
fn javascript_controls_bundles_in_the_words_of_the_plugin() {
    let update = Published::plain("2.0.0", 100);
    let app = App::new(UpdateMode::OnlyDownload, Behaviour::offering(&update));
    let mut process = app.process();
    process.confirm();
    process.work();
    let list = process.call("list", &json!({})).unwrap();
    let id = list["bundles"][0]["id"].clone();
    assert_eq!(process.call("getNextBundle", &json!({})).unwrap(), Value::Null);
    let next = process.call("next", &json!({ "id": id })).unwrap();
    assert_eq!((&next["id"], &next["version"]), (&id, &json!("2.0.0")));
    assert_eq!(process.call("getNextBundle", &json!({})).unwrap()["id"], id);
    process.call("reload", &json!({})).unwrap();
    process.work();
    assert_eq!(process.title(), "2.0.0");
    let ready = process.call("notifyAppReady", &json!({})).unwrap();
    assert_eq!(ready["bundle"]["id"], id);
    let current = process.call("current", &json!({})).unwrap();
    assert_eq!(
        (&current["bundle"]["status"], &current["native"]),
        (&json!("success"), &json!("1.0.0"))
    );
    process.call("reset", &json!({})).unwrap();
    process.work();
    assert_eq!(process.version(), "builtin");
    process.call("delete", &json!({ "id": id })).unwrap();
    assert_eq!(process.call("list", &json!({})).unwrap(), json!({ "bundles": [] }));
    let refused = process.call("next", &json!({ "id": id })).unwrap_err();
    assert_eq!(refused.code, "not_found");
    let refused = process.call("setBundleError", &json!({ "id": id })).unwrap_err();
    assert!(
        refused.message.contains("allowManualBundleError"),
        "{}",
        refused.message
    );
    assert_eq!(
        process.call("isAutoUpdateEnabled", &json!({})).unwrap(),
        json!({ "enabled": true })
    );
}

#[test]
fn a_channel_is_chosen_at_the_server_and_kept() {
    let mut server = Behaviour::idle();
    server.other = Box::new(|request| match (request.method.as_str(), request.path()) {
        ("POST", "/channel_self") if request.json()["channel"] == "beta" => Reply::json(&json!({ "status": "ok" })),
        ("POST", "/channel_self") => {
            Reply::json(&json!({ "error": "channel_self_set_not_allowed", "message": "private" }))
        }
        ("PUT", "/channel_self") => Reply::json(&json!({ "channel": "beta", "status": "override" })),
        ("GET", "/channel_self") => {
            Reply::json(&json!([{ "id": 1, "name": "beta", "public": false, "allow_self_set": true }]))
        }
        _ => Reply::json(&json!({ "status": "ok" })),
    });
    let app = App::new(UpdateMode::AtBackground, server);
    let mut process = app.process();
    process.confirm();
    process.work();
    assert_eq!(
        process.call("setChannel", &json!({ "channel": "beta" })).unwrap(),
        json!({ "status": "ok" })
    );
    assert_eq!(
        process.call("getChannel", &json!({})).unwrap(),
        json!({ "channel": "beta", "status": "override" })
    );
    let channels = process.call("listChannels", &json!({})).unwrap();
    assert_eq!(channels["channels"][0]["name"], "beta");
    let refused = process.call("setChannel", &json!({ "channel": "secret" })).unwrap_err();
    assert_eq!(refused.code, "SETCHANNEL_FAILED");
    assert_eq!(
        app.told.last("channelPrivate"),
        json!({ "channel": "secret", "message": "private" })
    );
    drop(process);
    let mut process = app.process();
    process.work();
    assert_eq!(
        app.requests("/updates").last().unwrap().json()["defaultChannel"],
        "beta"
    );
    process
        .call("unsetChannel", &json!({ "triggerAutoUpdate": true }))
        .unwrap();
    process.work();
    assert_eq!(
        app.requests("/updates").last().unwrap().json().get("defaultChannel"),
        None
    );
}

#[test]
fn settings_change_only_as_the_configuration_allows_and_outlive_a_start() {
    let mut app = App::new(UpdateMode::AtBackground, Behaviour::idle());
    let process = app.process();
    let refused = process
        .call("setUpdateUrl", &json!({ "url": "https://example.com" }))
        .unwrap_err();
    assert_eq!(refused.message, "setUpdateUrl not allowed");
    process.call("setCustomId", &json!({ "customId": "ann" })).unwrap();
    drop(process);
    app.options.permissions.keep_custom_id = true;
    app.options.permissions.modify_urls = true;
    app.options.permissions.keep_urls = true;
    let mut process = app.process();
    process.work();
    assert_eq!(
        app.requests("/updates").last().unwrap().json()["custom_id"],
        "",
        "it was not kept"
    );
    process.call("setCustomId", &json!({ "customId": "bob" })).unwrap();
    process.call("setStatsUrl", &json!({ "url": "" })).unwrap();
    let refused = process
        .call("setUpdateUrl", &json!({ "url": "not a URL" }))
        .unwrap_err();
    assert_eq!(refused.code, "invalid_input");
    drop(process);
    let reports = app.requests("/stats").len();
    let mut process = app.process();
    process.confirm();
    process.work();
    assert_eq!(app.requests("/updates").last().unwrap().json()["custom_id"], "bob");
    assert_eq!(app.requests("/stats").len(), reports, "reports are off");
}
