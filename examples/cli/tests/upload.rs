//! `capbundle bundle upload`: the documented examples as they are written, against real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

mod project;
mod publishing;

use project::{Project, text_of};
use publishing::{Cdn, Store, Updates, with};

#[test]
fn a_bundle_goes_to_a_bucket_and_into_a_channel() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new());
    let Some(cdn) = Cdn::before(&store, "a_bundle_goes_to_a_bucket_and_into_a_channel") else {
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
    assert_eq!(document["url"], cdn.address("com.example.app/1.2.3.zip").as_str());
    assert_eq!(document["registered"], true);
    assert_eq!(document["updatedChannels"][0], "production");
    assert_eq!(store.keys(), ["com.example.app/1.2.3.zip"]);

    let list = updates.run(&project, "channel list --json").document();
    assert_eq!(list["channels"][0]["version"], "1.2.3");
    let bundles = updates.run(&project, "bundle list --json").document();
    assert_eq!(bundles["bundles"][0]["comment"], "first");
    assert_eq!(bundles["bundles"][0]["checksum"], document["checksum"]);
}

#[test]
fn with_a_key_here_the_bundle_is_encrypted_and_a_device_opens_it() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new().with_keys());
    let Some(cdn) = Cdn::before(&store, "with_a_key_here_the_bundle_is_encrypted_and_a_device_opens_it") else {
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
fn an_encrypted_archive_goes_to_a_bucket_with_its_session_key() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new().with_keys());
    let Some(cdn) = Cdn::before(&store, "an_encrypted_archive_goes_to_a_bucket_with_its_session_key") else {
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
    // RSA with this padding is deterministic: the checksum is the very one that encrypting gave.
    assert_eq!(document["checksum"], sealed["checksum"]);
    assert_eq!(
        store.object("com.example.app/1.2.3.zip"),
        project.read(&text_of(&sealed, "filename"))
    );
}

#[test]
fn an_archive_that_is_there_already_is_registered_by_its_address() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new());
    let Some(cdn) = Cdn::before(&store, "an_archive_that_is_there_already_is_registered_by_its_address") else {
        return;
    };
    with(&project, "bundle upload --no-register", &[&store.options()]).succeeds();
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
fn an_encrypted_archive_is_registered_by_its_address_and_the_session_key() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new().with_keys());
    let test = "an_encrypted_archive_is_registered_by_its_address_and_the_session_key";
    let Some(cdn) = Cdn::before(&store, test) else { return };
    let sealed = project.encrypted();
    let session = text_of(&sealed, "ivSessionKey");
    let upload = format!(
        "bundle upload --no-register --zip {} --iv-session-key {session}",
        text_of(&sealed, "filename")
    );
    with(&project, &upload, &[&store.options()]).succeeds();
    // As the seeds write it: the session key and nothing else.
    let address = cdn.address("com.example.app/1.2.3.zip");
    let line = format!("bundle upload --external {address} --iv-session-key {session} --json");
    let options: [&[String]; 2] = [&updates.options(), &cdn.certificate()];
    let document = with(&project, &line, &options).document();
    assert_eq!(document["checksum"], sealed["checksum"]);
    let bundles = updates.run(&project, "bundle list --json").document();
    assert_eq!(bundles["bundles"][0]["session_key"], session.as_str());
}

#[test]
fn a_server_of_ones_own_takes_the_archive_and_devices_get_it() {
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
fn what_is_only_uploaded_says_how_to_register_it() {
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
    assert_eq!(store.keys(), ["com.example.app/1.2.3.zip", "x/com.example.app-1.2.3"]);
}

#[test]
fn the_same_archive_is_sent_once() {
    let (store, project) = (Store::start(), Project::new());
    let upload = || with(&project, "bundle upload --no-register --json", &[&store.options()]).document();
    assert_eq!(upload()["alreadyThere"], false);
    assert_eq!(upload()["alreadyThere"], true);
}

#[test]
fn a_version_that_exists_is_no_error_if_that_is_said() {
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
fn a_dry_run_asks_nobody_and_shows_every_step() {
    let project = Project::new();
    // There is no such server: whoever asked it would be told.
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
        "verify that https://bundles.s3.us-east-1.amazonaws.com/com.example.app/1.2.3.zip",
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
