//! Whole lives: an update comes, is confirmed, fails, is interrupted.

use std::sync::atomic::{AtomicBool, Ordering};

use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::store::BundleRef;
use capbundle::updater::policy::Request;
use capbundle::updater::{LogEvent, PolicyOptions, ServerSource, Source, UpdateMode};
use capbundle_tests::scripted_server::{Fault, Reply};
use serde_json::json;

use super::app::{App, Behaviour, Published, new_key};

#[test]
fn an_update_is_found_downloaded_applied_in_the_background_and_confirmed() {
    let update = Published::plain("2.0.0", 100);
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&update));
    let mut process = app.process();
    process.confirm();
    process.work();
    assert_eq!(process.version(), "builtin");
    process.background();
    assert_eq!(process.title(), "2.0.0");
    process.foreground();
    process.confirm();
    process.work();
    drop(process);
    assert_eq!(app.process().title(), "2.0.0");
    assert_eq!(app.requests("/bundle.zip").len(), 1);
}

#[test]
fn a_bundle_that_is_installed_is_announced_again_and_not_downloaded_again() {
    let update = Published::plain("2.0.0", 100);
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&update));
    let mut process = app.process();
    process.confirm();
    process.work();
    app.told.events.lock().unwrap().clear();
    process.call("triggerUpdateCheck", &json!({})).unwrap();
    process.work();
    let events = app.told.events.lock().unwrap();
    assert!(
        events
            .iter()
            .all(|(name, _)| *name != "download" && *name != "downloadComplete"),
        "{events:?}"
    );
    assert!(events.iter().any(|(name, _)| *name == "setNext"));
    assert_eq!(app.requests("/bundle.zip").len(), 1);
}

#[test]
fn a_version_that_never_confirms_falls_back_and_is_never_downloaded_again() {
    let broken = Published::plain("2.0.0", 100);
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&broken));
    let mut first = app.process();
    first.confirm();
    first.work();
    drop(first);
    for _ in 0..2 {
        let process = app.process();
        assert_eq!(process.version(), "2.0.0");
        // Its page starts, and the process ends.
        process.updater.page_started();
    }
    let mut process = app.process();
    assert_eq!(process.version(), "builtin");
    process.confirm();
    app.told.names();
    process.work();
    assert_eq!(app.requests("/bundle.zip").len(), 1);
    assert!(app.told.names().contains(&"downloadFailed"));
    let log = process.updater.log().entries().unwrap();
    let words: Vec<_> = log.iter().map(|entry| entry.event.as_str()).collect();
    assert!(words.contains(&"fell_back") && words.contains(&"failed"), "{words:?}");
}

#[test]
fn a_page_that_hangs_is_replaced_by_the_background_thread() {
    let broken = Published::plain("2.0.0", 100);
    let mut app = App::new(UpdateMode::AtBackground, Behaviour::offering(&broken));
    app.store.app_ready_timeout = std::time::Duration::from_secs(1);
    let mut process = app.process();
    process.confirm();
    process.work();
    process.background();
    process.foreground();
    let page = process.updater.page_started();
    assert!(page.deadline().is_some());
    std::thread::sleep(page.deadline().unwrap());
    process.work();
    assert_eq!(process.version(), "builtin");
    assert_eq!(page.ready(), capbundle::updater::Ready::Replaced);
}

#[test]
fn a_download_that_a_process_could_not_finish_continues_in_the_next_one() {
    let update = Published::plain("2.0.0", 300_000);
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&update));
    let bytes = update.bytes.clone();
    let mut cut = Behaviour::offering(&update);
    cut.archive = Box::new(move |request| match request.headers.get("range") {
        None => Reply::file(request, &bytes, "\"1\"").with(Fault::Cut(200_000)),
        Some(_) => Reply::new(503, ""),
    });
    app.behave(cut);
    let mut process = app.process();
    process.confirm();
    process.work();
    assert_eq!(process.version(), "builtin");
    drop(process);
    app.behave(Behaviour::offering(&update));
    let sent = app.server.sent();
    let mut process = app.process();
    process.confirm();
    process.work();
    process.background();
    assert_eq!(process.title(), "2.0.0");
    let wasted = app.server.sent() - sent;
    assert!(wasted < 150_000, "{wasted} bytes for the rest of 300,000");
}

#[test]
fn an_app_with_keys_takes_bundles_of_any_of_them_and_of_no_other() {
    let (old, new, foreign) = (new_key(), new_key(), new_key());
    for (key, is_accepted) in [(&old, true), (&new, true), (&foreign, false)] {
        let update = Published::encrypted("2.0.0", key);
        let mut app = App::new(UpdateMode::AtBackground, Behaviour::offering(&update));
        let keys = capbundle::VerifyingKeys::new(vec![old.verifying_key(), new.verifying_key()]).unwrap();
        app.store.required_proof = capbundle::store::RequiredProof::CapgoSigned((&keys).into());
        let source = ServerSource::new(app.server.url("/updates").parse().unwrap()).with_keys(keys);
        app.options.source = Source::Server(source);
        let mut process = app.process();
        process.confirm();
        process.work();
        process.background();
        assert_eq!(process.version() == "2.0.0", is_accepted);
        let request = app.requests("/updates")[0].json();
        assert_eq!(request["key_id"].as_str().unwrap().len(), 20);
    }
}

#[test]
fn an_offer_without_a_checksum_is_refused_unless_the_app_allows_it() {
    let mut update = Published::plain("2.0.0", 100);
    update.checksum.clear();
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&update));
    let mut process = app.process();
    process.confirm();
    process.work();
    process.background();
    assert_eq!(process.version(), "builtin");
    assert!(app.requests("/bundle.zip").is_empty());
    process.work();
    let reported = app
        .requests("/stats")
        .iter()
        .any(|request| String::from_utf8_lossy(&request.body).contains("checksum_required"));
    assert!(reported, "the server learns of it");
}

#[test]
fn a_server_that_asks_to_wait_is_left_alone_by_the_next_process_as_well() {
    let mut busy = Behaviour::idle();
    busy.update = Box::new(|_| Reply::new(429, "{}").header("Retry-After", "3600"));
    let app = App::new(UpdateMode::AtBackground, busy);
    let mut process = app.process();
    process.confirm();
    process.work();
    drop(process);
    let mut process = app.process();
    process.confirm();
    process.work();
    assert_eq!(app.requests("/updates").len(), 1);
    let reply = process.call("triggerUpdateCheck", &json!({})).unwrap();
    assert_eq!(reply, json!({ "status": "unavailable", "queued": false }));
}

#[test]
fn a_server_can_return_a_device_to_the_built_in_bundle() {
    let update = Published::plain("2.0.0", 100);
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&update));
    let mut process = app.process();
    process.confirm();
    process.work();
    process.background();
    process.foreground();
    process.confirm();
    let mut back = Behaviour::idle();
    back.update = Box::new(|_| Reply::json(&json!({ "version": "builtin" })));
    app.behave(back);
    process.work();
    process.background();
    assert_eq!(process.version(), "builtin");
    // The next checks change nothing.
    process.foreground();
    process.confirm();
    process.work();
    process.background();
    assert_eq!(process.version(), "builtin");
}

#[test]
fn always_applies_an_update_while_the_app_is_visible() {
    let update = Published::plain("2.0.0", 100);
    let mut app = App::new(UpdateMode::Always, Behaviour::offering(&update));
    app.options.policy = PolicyOptions::new(UpdateMode::Always);
    let mut process = app.process();
    process.confirm();
    process.work();
    assert_eq!(process.title(), "2.0.0");
}

#[test]
fn a_call_gets_its_reply_while_the_background_thread_works() {
    let app = App::new(UpdateMode::AtBackground, Behaviour::idle());
    let process = app.process();
    let gone = Request::Next(BundleRef::Bundle("GoneBundle".parse().unwrap()));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                process.updater.run(&Control::new()).unwrap();
            }
        });
        let replies: Vec<_> = (0..300).map(|_| process.updater.request(gone.clone())).collect();
        is_over.store(true, Ordering::Relaxed);
        let refused = replies.iter().filter(|reply| reply.is_err()).count();
        assert_eq!(refused, 300, "a refusal was lost");
    });
}

#[test]
fn an_installation_is_remembered_until_the_server_answers() {
    let update = Published::plain("2.0.0", 100);
    let mut app = App::new(UpdateMode::AtInstall, Behaviour::idle());
    let mut old = app.process();
    old.confirm();
    old.work();
    drop(old);
    app.native = NativeApp::new("1.1.0", "2");
    // Its first process ends before the check, the second has no network.
    drop(app.process());
    let mut offline = Behaviour::idle();
    offline.update = Box::new(|_| Reply::new(200, "").with(Fault::Refuse));
    app.behave(offline);
    let mut second = app.process();
    second.confirm();
    second.work();
    drop(second);
    app.behave(Behaviour::offering(&update));
    let mut third = app.process();
    third.confirm();
    third.work();
    assert_eq!(third.version(), "2.0.0", "at once");
    third.confirm();
    drop(third);

    app.behave(Behaviour::offering(&Published::plain("3.0.0", 100)));
    let mut fourth = app.process();
    fourth.confirm();
    fourth.work();
    assert_eq!(fourth.version(), "2.0.0", "the user is at work");
}

#[test]
fn the_log_tells_a_crash_from_a_page_that_is_late_and_from_used_up_starts() {
    let broken = Published::plain("2.0.0", 100);
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&broken));
    let mut first = app.process();
    first.confirm();
    first.work();
    drop(first);
    let crashing = app.process();
    let load = crashing.updater.page_started().crashed();
    assert_eq!(load.map(|load| load.version), Some(None));
    drop(crashing);
    let late = app.process();
    let load = late.updater.page_started().timed_out();
    assert_eq!(load.map(|load| load.version), Some(None));
    let log = late.updater.log().entries().unwrap();
    let mut reasons = Vec::new();
    for entry in &log {
        if matches!(entry.event, LogEvent::FellBack | LogEvent::Failed) {
            reasons.push((entry.reason.as_deref().unwrap(), entry.previous.as_deref()));
        }
    }
    assert_eq!(
        reasons,
        [
            ("page_crashed", Some("2.0.0")),
            ("started and never confirmed", None),
            ("trial_expired", Some("2.0.0")),
        ]
    );
}

#[test]
fn a_host_that_panics_in_an_event_receives_the_later_ones() {
    let update = Published::plain("2.0.0", 100);
    let app = App::new(UpdateMode::AtBackground, Behaviour::offering(&update));
    let mut process = app.process();
    process.confirm();
    app.told.panics.store(true, Ordering::Relaxed);
    let work = std::panic::AssertUnwindSafe(|| process.work());
    assert!(std::panic::catch_unwind(work).is_err());
    app.told.names();

    process.call("triggerUpdateCheck", &json!({})).unwrap();
    process.work();
    let told = app.told.names();
    assert!(
        told.contains(&"updateAvailable") && told.contains(&"setNext"),
        "{told:?}"
    );
    process.background();
    assert_eq!(process.title(), "2.0.0");
}
