//! Servers and networks that do not behave. After each fault the app receives the right events, and the next try succeeds
//! once the server behaves.

use capbundle::updater::UpdateMode;
use capbundle_tests::scripted_server::{Fault, Reply};
use serde_json::json;

use super::app::{App, Behaviour, Published};

const PORTAL: &str = "<!DOCTYPE html><html><body>Log in to the Wi-Fi</body></html>";

/// The check meets `fault`, then the server behaves.
fn check_survives(name: &str, fault: impl Fn(&str) -> Reply + Send + 'static) {
    let update = Published::plain("2.0.0", 100);
    let mut bad = Behaviour::offering(&update);
    bad.update = Box::new(fault);
    let app = App::new(UpdateMode::AtBackground, bad);
    let mut process = app.process();
    process.confirm();
    process.work();
    let told = app.told.names();
    assert!(
        told.contains(&"updateCheckResult") && told.contains(&"downloadFailed") && told.contains(&"appReady"),
        "{name}: {told:?}"
    );
    assert!(app.requests("/bundle.zip").is_empty(), "{name}");
    app.behave(Behaviour::offering(&update));
    process.updater.connectivity_returned();
    process.work();
    process.background();
    assert_eq!(process.title(), "2.0.0", "{name}");
}

#[test]
fn a_check_that_meets_a_fault_is_made_again() {
    let offer = |url: &str| Published::plain("2.0.0", 100).offer(url);
    check_survives("refused", |_| Reply::new(200, "").with(Fault::Refuse));
    check_survives("cut", move |url| offer(url).with(Fault::Cut(20)));
    check_survives("stalled", move |url| offer(url).with(Fault::Stall(20)));
    check_survives("dripping", move |url| offer(url).with(Fault::Drip));
    check_survives("endless", |_| Reply::new(200, "{").with(Fault::Endless));
    check_survives("captive portal", |_| {
        Reply::new(200, PORTAL).header("Content-Type", "text/html")
    });
    check_survives("an error page", |_| Reply::new(500, PORTAL));
    check_survives("not found", |_| Reply::new(404, "Not Found"));
    check_survives("redirect loop", |url| {
        Reply::new(307, "").header("Location", &url.replace("bundle.zip", "updates"))
    });
    check_survives("not JSON", |_| Reply::new(200, "OK"));
    check_survives("an array", |_| Reply::new(200, "[]"));
    check_survives("a version without a URL", |_| {
        Reply::json(&json!({ "version": "2.0.0" }))
    });
}

/// The download meets `fault`, then the server behaves.
fn download_survives(name: &str, fault: impl Fn(&[u8]) -> Reply + Send + 'static) {
    let update = Published::plain("2.0.0", 40_000);
    let bytes = update.bytes.clone();
    let mut bad = Behaviour::offering(&update);
    bad.archive = Box::new(move |_| fault(&bytes));
    let app = App::new(UpdateMode::AtBackground, bad);
    let mut process = app.process();
    process.confirm();
    process.work();
    let told = app.told.names();
    assert!(
        told.contains(&"downloadFailed") && told.contains(&"appReady"),
        "{name}: {told:?}"
    );
    process.background();
    assert_eq!(process.version(), "builtin", "{name}");
    process.foreground();
    app.behave(Behaviour::offering(&update));
    process.work();
    process.background();
    assert_eq!(process.title(), "2.0.0", "{name}");
}

#[test]
fn a_download_that_meets_a_fault_is_made_again() {
    download_survives("refused", |_| Reply::new(200, "").with(Fault::Refuse));
    download_survives("cut", |bytes| {
        Reply::new(200, bytes).header("ETag", "\"1\"").with(Fault::Cut(20_000))
    });
    download_survives("stalled", |bytes| Reply::new(200, bytes).with(Fault::Stall(20_000)));
    download_survives("no length, cut", |bytes| {
        Reply::new(200, &bytes[..20_000]).with(Fault::NoLength)
    });
    download_survives("endless", |bytes| Reply::new(200, bytes).with(Fault::Endless));
    download_survives("captive portal", |_| {
        Reply::new(200, PORTAL).header("Content-Type", "text/html")
    });
    download_survives("another file", |bytes| Reply::new(200, vec![0; bytes.len()]));
    download_survives("a shifted range", |bytes| {
        Reply::new(206, bytes).header(
            "Content-Range",
            &format!("bytes 5-{}/{}", bytes.len() + 4, bytes.len() + 5),
        )
    });
    download_survives("416 at once", |_| Reply::new(416, ""));
    download_survives("gone", |_| Reply::new(404, ""));
    download_survives("overloaded", |_| Reply::new(503, ""));
}

#[test]
fn a_server_that_resends_the_whole_file_for_a_range_costs_no_wrong_byte() {
    let update = Published::plain("2.0.0", 40_000);
    let bytes = update.bytes.clone();
    let mut stubborn = Behaviour::offering(&update);
    stubborn.archive = Box::new(move |request| match request.headers.get("range") {
        None => Reply::new(200, bytes.clone())
            .header("ETag", "\"1\"")
            .with(Fault::Cut(20_000)),
        Some(_) => Reply::new(200, bytes.clone()).header("ETag", "\"2\""),
    });
    let app = App::new(UpdateMode::AtBackground, stubborn);
    let mut process = app.process();
    process.confirm();
    process.work();
    process.background();
    assert_eq!(process.title(), "2.0.0");
}

#[test]
fn each_kind_of_answer_without_an_offer_is_told_in_the_words_of_the_protocol() {
    for (answer, kind, failed) in [
        (
            json!({ "error": "no_new_version_available", "message": "none", "kind": "up_to_date" }),
            "up_to_date",
            false,
        ),
        (
            json!({ "error": "disable_auto_update_to_major", "message": "no", "kind": "blocked", "version": "3.0.0", "major": true }),
            "blocked",
            false,
        ),
        (
            json!({ "error": "no_channel", "message": "none", "kind": "failed" }),
            "failed",
            true,
        ),
        (
            json!({ "error": "key_id_mismatch", "message": "other key" }),
            "blocked",
            false,
        ),
    ] {
        let mut server = Behaviour::idle();
        let body = answer.clone();
        server.update = Box::new(move |_| Reply::json(&body));
        let app = App::new(UpdateMode::AtBackground, server);
        let mut process = app.process();
        process.confirm();
        process.work();
        let told = app.told.last("updateCheckResult");
        assert_eq!((&told["kind"], &told["error"]), (&json!(kind), &answer["error"]));
        let names = app.told.names();
        assert_eq!(names.contains(&"downloadFailed"), failed, "{answer}");
        assert_eq!(
            names.contains(&"breakingAvailable"),
            answer["major"] == json!(true),
            "{answer}"
        );
    }
}

#[test]
fn nothing_new_in_two_braces_is_no_failure() {
    let app = App::new(UpdateMode::AtBackground, Behaviour::idle());
    let mut process = app.process();
    process.confirm();
    process.work();
    let told = app.told.names();
    assert!(
        told.contains(&"noNeedUpdate") && !told.contains(&"downloadFailed"),
        "{told:?}"
    );
}

#[test]
fn an_update_that_the_native_app_cannot_run_is_announced_under_both_names_however_the_server_says_it() {
    for (answer, is_breaking) in [
        (
            json!({ "error": "disable_auto_update_to_major", "message": "no", "version": "3.0.0" }),
            true,
        ),
        (
            json!({ "error": "needs_native", "message": "no", "version": "3.0.0", "breaking": true }),
            true,
        ),
        (
            json!({ "error": "needs_native", "message": "store_update_required", "version": "3.0.0" }),
            true,
        ),
        (
            json!({ "error": "needs_native", "message": "no", "version": "3.0.0", "breaking": false }),
            false,
        ),
        (
            json!({ "error": "needs_native", "message": "no", "version": "3.0.0", "breaking": "?" }),
            false,
        ),
        (
            json!({ "error": "disable_auto_update_to_minor", "message": "no", "version": "3.0.0" }),
            false,
        ),
    ] {
        let mut server = Behaviour::idle();
        let body = answer.clone();
        server.update = Box::new(move |_| Reply::json(&body));
        let app = App::new(UpdateMode::AtBackground, server);
        let mut process = app.process();
        process.confirm();
        process.work();
        if is_breaking {
            assert_eq!(
                app.told.last("breakingAvailable"),
                json!({ "version": "3.0.0" }),
                "{answer}"
            );
            assert_eq!(
                app.told.last("majorAvailable"),
                json!({ "version": "3.0.0" }),
                "{answer}"
            );
        } else {
            let names = app.told.names();
            assert!(
                !names.contains(&"breakingAvailable") && !names.contains(&"majorAvailable"),
                "{answer}"
            );
        }
    }
}

#[test]
fn the_result_of_a_check_has_the_status_of_the_response() {
    let blocked = json!({ "error": "disable_device", "message": "no", "kind": "blocked" }).to_string();
    let failed = json!({ "error": "missing_device_id", "message": "no" }).to_string();
    for (status, body) in [(200, &blocked), (400, &failed), (404, &failed), (429, &failed)] {
        let mut server = Behaviour::idle();
        let body = body.clone();
        server.update = Box::new(move |_| Reply::new(status, body.as_str()));
        let app = App::new(UpdateMode::AtBackground, server);
        let mut process = app.process();
        process.confirm();
        process.work();
        assert_eq!(app.told.last("updateCheckResult")["statusCode"], status);
    }
    for (reply, status) in [
        (Reply::new(500, PORTAL), 500),
        (Reply::new(503, "").header("Retry-After", "60"), 503),
        (Reply::new(200, "").with(Fault::Refuse), 0),
    ] {
        let mut server = Behaviour::idle();
        server.update = Box::new(move |_| reply.clone());
        let app = App::new(UpdateMode::AtBackground, server);
        let mut process = app.process();
        process.confirm();
        process.work();
        assert_eq!(app.told.last("updateCheckResult")["statusCode"], status);
    }
}
