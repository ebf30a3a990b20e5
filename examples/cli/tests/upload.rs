//! `capbundle bundle upload`: the documented examples with real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use crate::project::{Project, text_of};
use crate::publishing::{Cdn, Store, Updates, with};
use capbundle::digest::Sha256Digest;
use capbundle::http::{Http, Url};
use capbundle::progress::Control;
use capbundle_publish::url_check::{Expected, UrlCheckOptions, check};
use serde_json::Value;

#[test]
fn a_bundle_is_uploaded_to_a_bucket_and_assigned_to_a_channel() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new());
    let Some(cdn) = Cdn::before(&store, "a_bundle_is_uploaded_to_a_bucket_and_assigned_to_a_channel") else {
        return;
    };
    let options: [&[String]; 3] = [&store.options(), &updates.options(), &cdn.options()];
    let run = with(
        &project,
        "bundle upload --channel production --comment first --json",
        &options,
    );
    let document = run.document();
    assert_eq!(document["bundle"], "1.2.3");
    let key = format!("com.example.app/1.2.3-{}.zip", text_of(&document, "checksum"));
    assert_eq!(document["url"], cdn.address(&key).as_str());
    assert_eq!(document["registered"], true);
    assert_eq!(document["updatedChannels"][0], "production");
    assert_eq!(store.keys(), [key]);

    let list = updates.run(&project, "channel list --json").document();
    assert_eq!(list["channels"][0]["version"], "1.2.3");
    let bundles = updates.run(&project, "bundle list --json").document();
    assert_eq!(bundles["bundles"][0]["comment"], "first");
    assert_eq!(bundles["bundles"][0]["checksum"], document["checksum"]);
}

#[test]
fn the_bundle_is_encrypted_if_there_is_a_key_and_a_device_opens_it() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new().with_keys());
    let Some(cdn) = Cdn::before(
        &store,
        "the_bundle_is_encrypted_if_there_is_a_key_and_a_device_opens_it",
    ) else {
        return;
    };
    let options: [&[String]; 3] = [&store.options(), &updates.options(), &cdn.options()];
    let document = with(&project, "bundle upload --channel production --json", &options).document();
    assert_eq!(text_of(&document, "checksum").len(), 512);
    let url = format!("{}/updates", updates.server.url());
    let line = format!("app debug --native-version 1.0.0 --update-url {url} --json");
    let debug = with(&project, &line, &[&cdn.certificate()]).document();
    assert_eq!(debug["proof"], "capgo_signed", "{debug}");
    assert_eq!(debug["version"], "1.2.3");
}

#[test]
fn an_encrypted_archive_is_uploaded_to_a_bucket_with_its_session_key() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new().with_keys());
    let Some(cdn) = Cdn::before(
        &store,
        "an_encrypted_archive_is_uploaded_to_a_bucket_with_its_session_key",
    ) else {
        return;
    };
    let sealed = project.encrypted();
    let line = format!(
        "bundle upload --zip {} --iv-session-key {} --channel production --json",
        text_of(&sealed, "filename"),
        text_of(&sealed, "ivSessionKey")
    );
    let options: [&[String]; 3] = [&store.options(), &updates.options(), &cdn.options()];
    let document = with(&project, &line, &options).document();
    // RSA with this padding is deterministic, so the checksum equals that of `bundle encrypt`.
    assert_eq!(document["checksum"], sealed["checksum"]);
    let stored = store.object(&store.keys()[0]);
    assert_eq!(stored, project.read(&text_of(&sealed, "filename")));
    // The object name has the digest of the stored file, not of the plain archive.
    let digest = Sha256Digest::of(&stored);
    assert_eq!(store.keys(), [format!("com.example.app/1.2.3-{digest}.zip")]);
}

#[test]
fn an_uploaded_archive_is_registered_by_its_url() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new());
    let Some(cdn) = Cdn::before(&store, "an_uploaded_archive_is_registered_by_its_url") else {
        return;
    };
    let fixed = "bundle upload --no-register --s3-key {app}/{version}.zip";
    with(&project, fixed, &[&store.options()]).succeeds();
    let line = format!(
        "bundle upload --external {} --json",
        cdn.address("com.example.app/1.2.3.zip")
    );
    let options: [&[String]; 2] = [&updates.options(), &cdn.certificate()];
    let document = with(&project, &line, &options).document();
    assert_eq!(document["registered"], true);
    assert_eq!(updates.versions(&project), ["1.2.3"]);
}

#[test]
fn an_encrypted_archive_is_registered_by_its_url_and_session_key() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new().with_keys());
    let test = "an_encrypted_archive_is_registered_by_its_url_and_session_key";
    let Some(cdn) = Cdn::before(&store, test) else { return };
    let sealed = project.encrypted();
    let session = text_of(&sealed, "ivSessionKey");
    let upload = format!(
        "bundle upload --no-register --s3-key {{app}}/{{version}}.zip --zip {} --iv-session-key {session}",
        text_of(&sealed, "filename")
    );
    with(&project, &upload, &[&store.options()]).succeeds();
    // As in the documents: only the session key.
    let address = cdn.address("com.example.app/1.2.3.zip");
    let line = format!("bundle upload --external {address} --iv-session-key {session} --json");
    let options: [&[String]; 2] = [&updates.options(), &cdn.certificate()];
    let document = with(&project, &line, &options).document();
    assert_eq!(document["checksum"], sealed["checksum"]);
    let bundles = updates.run(&project, "bundle list --json").document();
    assert_eq!(bundles["bundles"][0]["session_key"], session.as_str());
}

#[test]
fn your_own_server_stores_the_archive_and_devices_get_it() {
    let (updates, project) = (Updates::start(), Project::new());
    let document = updates
        .run(&project, "bundle upload --channel production --json")
        .document();
    assert_eq!(document["registered"], true);
    let url = format!("{}/updates", updates.server.url());
    let debug = project
        .run(&format!("app debug --native-version 1.0.0 --update-url {url} --json"))
        .document();
    assert_eq!(debug["answer"], "update");
    assert_eq!((&debug["version"], &debug["files"]), (&"1.2.3".into(), &2.into()));
    assert_eq!(debug["url"], document["url"]);
}

#[test]
fn an_upload_without_registration_prints_the_registration_data() {
    let (store, project) = (Store::start(), Project::new().with_keys());
    let document = with(&project, "bundle upload --no-register --json", &[&store.options()]).document();
    assert_eq!(document["registered"], false);
    assert!(text_of(&document, "ivSessionKey").contains(':'));
    let again = with(
        &project,
        "bundle upload --no-register --no-key --s3-key {app}-{version} --s3-prefix x --json",
        &[&store.options()],
    );
    assert_eq!(again.document()["ivSessionKey"], serde_json::Value::Null);
    let keys = store.keys();
    assert!(keys[0].starts_with("com.example.app/1.2.3-"), "{keys:?}");
    assert_eq!(keys[1..], ["x/com.example.app-1.2.3"]);
}

#[test]
fn the_same_archive_is_uploaded_once() {
    let (store, project) = (Store::start(), Project::new());
    let upload = || with(&project, "bundle upload --no-register --json", &[&store.options()]).document();
    assert_eq!(upload()["alreadyThere"], false);
    assert_eq!(upload()["alreadyThere"], true);
    assert_eq!(store.keys().len(), 1);
}

#[test]
fn different_bytes_of_the_same_version_are_another_object() {
    let (store, project) = (Store::start(), Project::new());
    let upload = || with(&project, "bundle upload --no-register --json", &[&store.options()]).document();
    let first = upload();
    project.write("www/app.js", "CapacitorUpdater.notifyAppReady(); // other");
    let second = upload();
    assert_eq!(second["alreadyThere"], false);
    assert_ne!(first["url"], second["url"]);
    assert_eq!(store.keys().len(), 2, "devices that know the first one still get it");
}

#[test]
fn a_private_bucket_is_read_with_a_presigned_url() {
    let (store, project) = (Store::start(), Project::new());
    let upload = |more: &str| {
        let line = format!("bundle upload --no-register --json {more}");
        with(&project, &line, &[&store.options()]).document()
    };
    // Like a device, without credentials.
    let fetch = |document: &Value| {
        let url: Url = text_of(document, "url").parse().unwrap();
        let digest = text_of(document, "checksum").parse().unwrap();
        let options = UrlCheckOptions::new(Expected::of_digest(digest));
        check(&Http::new(), &url, &options, &Control::new())
    };
    let refused = fetch(&upload("")).unwrap_err();
    assert!(refused.to_string().contains("403"), "{refused}");

    let checked = fetch(&upload("--s3-signed-for 7d")).unwrap();

    assert!(
        checked.notes.iter().any(|note| note.as_str() == "expires"),
        "{checked:?}"
    );
    let line = "bundle upload --no-register --s3-signed-for 1h";
    let messages = with(&project, line, &[&store.options()]).succeeds().stderr;
    assert!(
        messages.contains("X-Amz-Expires=3600") && messages.contains("X-Amz-Signature="),
        "{messages}"
    );
    let line = "bundle upload --no-register --s3-signed-for 8d --json";
    let message = with(&project, line, &[&store.options()]).fails("invalid_input", 1);
    assert!(message.contains("7 days"), "{message}");
}

#[test]
fn an_existing_version_is_accepted_with_the_option() {
    let (updates, project) = (Updates::start(), Project::new());
    updates.run(&project, "bundle upload").succeeds();
    let message = updates.run(&project, "bundle upload --json").fails("invalid_input", 1);
    assert!(message.contains("1.2.3") && message.contains("already"), "{message}");
    let skipped = updates
        .run(&project, "bundle upload --version-exists-ok --json")
        .document();
    assert_eq!(
        (&skipped["skipped"], &skipped["reason"]),
        (&true.into(), &"VERSION_EXISTS".into())
    );
}

#[test]
fn a_dry_run_contacts_no_server_and_shows_every_step() {
    let project = Project::new();
    // The server does not exist, so any request would fail.
    let line = "bundle upload --dry-run --s3-region us-east-1 --s3-apikey K --s3-apisecret TOPSECRET --s3-bucket-name bundles \
                --channel production,beta --comment hello --apikey ALSOSECRET --json";
    let before = project.names();
    let run = project.run(line);
    assert!(
        !run.stdout.contains("SECRET") && !run.stderr.contains("SECRET"),
        "{}{}",
        run.stdout,
        run.stderr
    );
    let document = run.document();
    let steps: Vec<&str> = document["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step.as_str().unwrap())
        .collect();
    let begin = [
        "upload ",
        "verify that https://bundles.s3.us-east-1.amazonaws.com/com.example.app/1.2.3-",
        "register ",
        "set its comment",
    ];
    for (step, begin) in steps.iter().zip(begin) {
        assert!(step.starts_with(begin), "{step}");
    }
    assert_eq!(
        steps[4..],
        [
            "set channel production to version 1.2.3",
            "set channel beta to version 1.2.3"
        ]
    );
    assert_eq!(project.names(), before);
}

#[test]
fn a_dry_run_shows_the_object_and_its_url() {
    let project = Project::new();
    let line = "bundle upload --dry-run --no-register --s3-region auto --s3-apikey K --s3-apisecret TOPSECRET --s3-bucket-name bundles \
                --s3-endpoint https://account.r2.example --s3-key {app}/{version}.zip --s3-public-url https://cdn.example.com/{key}";
    let document = project.run(&format!("{line} --json")).document();
    assert_eq!(
        document["s3"],
        serde_json::json!({
            "endpoint": "https://account.r2.example", "region": "auto", "bucket": "bundles",
            "key": "com.example.app/1.2.3.zip"
        })
    );
    assert_eq!(document["url"], "https://cdn.example.com/com.example.app/1.2.3.zip");
    let messages = project.run(line).succeeds().stderr;
    for line in [
        "S3 endpoint  https://account.r2.example",
        "Bucket       bundles (region auto)",
        "Key          com.example.app/1.2.3.zip",
        "Address      https://cdn.example.com/com.example.app/1.2.3.zip",
    ] {
        assert!(messages.lines().any(|found| found == line), "{line}: {messages}");
    }
}
