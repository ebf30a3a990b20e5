//! Every documented option of `capbundle bundle upload` with real servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use serde_json::Value;

use crate::project::{Project, text_of};
use crate::publishing::{BUCKET, KEY, REGION, SECRET, Store, Updates, with};

/// The newest bundle on the server.
fn newest(updates: &Updates, project: &Project) -> Value {
    let list = updates.run(project, "bundle list --json").document();
    list["bundles"][0].clone()
}

#[test]
fn folder_and_version_are_those_of_the_options() {
    let (updates, project) = (Updates::start(), Project::new());
    let project = project
        .with("other/index.html", "<p>no call of notifyAppReady here</p>")
        .with("app/package.json", r#"{"version":"7.8.9"}"#);
    let refused = updates.run(&project, "bundle upload --path other --json");
    assert_eq!(refused.code, 1, "{}", refused.stdout);

    updates
        .run(
            &project,
            "bundle upload com.example.other --path other --no-code-check --bundle 4.5.6",
        )
        .succeeds();
    let line = "bundle upload --path other --ignore-notify-app-ready --package-json app/package.json,package.json";
    updates.run(&project, line).succeeds();

    let list = updates.run(&project, "bundle list com.example.other --json").document();
    assert_eq!(list["bundles"][0]["version"], "4.5.6");
    assert_eq!(newest(&updates, &project)["version"], "7.8.9");
}

#[test]
fn link_comment_and_oldest_native_version_are_registered() {
    let (updates, project) = (Updates::start(), Project::new());
    let line = "bundle upload --link https://example.com/notes --comment first --min-update-version 1.2.0 --timeout 60";

    updates.run(&project, line).succeeds();

    let bundle = newest(&updates, &project);
    assert_eq!(bundle["link"], "https://example.com/notes");
    assert_eq!(
        (&bundle["comment"], &bundle["min_update_version"]),
        (&"first".into(), &"1.2.0".into())
    );
}

#[test]
fn the_key_is_given_as_file_or_text_or_disabled() {
    let project = Project::new().with_keys();
    let pem = project.text(".capgo_key_v2");
    project.write("elsewhere/key", &pem);
    let project = project.without(".capgo_key_v2").without(".capgo_key_v2.pub");
    // The config has the public key, so a plain bundle is an error unless it is allowed.
    let updates = Updates::start();
    updates
        .run(&project, "bundle upload --json")
        .fails("encryption_required", 1);

    let upload = |version: &str, more: &[&str]| {
        let options = [&["bundle", "upload", "--bundle", version, "--json"][..], more].concat();
        let given = updates.options();
        let all: Vec<&str> = options.into_iter().chain(given.iter().map(String::as_str)).collect();
        project.run_args(&all).document()
    };
    let of_file = upload("1.0.1", &["--key-v2", "elsewhere/key"]);
    let of_text = upload("1.0.2", &["--key-data-v2", &pem]);
    let on_one_line = upload("1.0.3", &["--key-data-v2", &pem.replace('\n', "\\n")]);
    let none = upload("1.0.4", &["--no-key"]);

    for sealed in [&of_file, &of_text, &on_one_line] {
        assert!(text_of(sealed, "ivSessionKey").contains(':'));
        assert_eq!(sealed["checksum"], of_file["checksum"]);
    }
    assert_eq!(
        (text_of(&none, "checksum").len(), &none["ivSessionKey"]),
        (64, &Value::Null)
    );
    assert_eq!(newest(&updates, &project)["session_key"], Value::Null);
}

#[test]
fn an_archive_encrypted_elsewhere_is_uploaded_with_its_session_key_and_checksum() {
    let (updates, project) = (Updates::start(), Project::new().with_keys());
    let sealed = project.encrypted();
    // The private key is on another machine. The public key is in the config.
    let project = project.without(".capgo_key_v2");
    let (session, checksum) = (text_of(&sealed, "ivSessionKey"), text_of(&sealed, "checksum"));
    let line = format!("bundle upload --iv-session-key {session} --encrypted-checksum {checksum} --display-iv-session");

    let messages = updates.run(&project, &line).succeeds().stderr;

    assert!(messages.contains(&format!("ivSessionKey {session}")), "{messages}");
    assert!(
        messages.contains("Opening com.example.app_1.2.3.zip_encrypted.zip"),
        "{messages}"
    );
    let bundle = newest(&updates, &project);
    assert_eq!(
        (&bundle["checksum"], &bundle["session_key"]),
        (&sealed["checksum"], &sealed["ivSessionKey"])
    );
    let without = format!("bundle upload --bundle 1.2.4 --zip x.zip --iv-session-key {session} --json");
    assert_eq!(updates.run(&project, &without).code, 1);
}

#[test]
fn an_archive_is_uploaded_with_put_and_registered_by_its_download_url() {
    let (updates, project) = (Updates::start(), Project::new());
    let (zip, digest) = project.zipped();
    let server = updates.server.url();
    let to = format!("{server}/upload/com.example.app");
    let public = format!("{server}/bundles/com.example.app/{digest}.zip");
    let header = format!("Authorization: Bearer {}", updates.key);
    let options = [
        "--put-url",
        &to,
        "--header",
        &header,
        "--public-url",
        &public,
        "--zip",
        &zip,
    ];

    let document = with(
        &project,
        "bundle upload --json",
        &[&updates.options(), &options.map(str::to_owned)],
    )
    .document();

    assert_eq!(
        (&document["url"], &document["registered"]),
        (&public.as_str().into(), &true.into())
    );
    assert_eq!(newest(&updates, &project)["checksum"], digest.as_str());
}

#[test]
fn a_profile_supplies_missing_options() {
    let (store, project) = (Store::start(), Project::new());
    let credentials = format!("[work]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n");
    let config = format!(
        "[profile work]\nregion = {REGION}\nendpoint_url = http://{}\n",
        store.address
    );
    let project = project.with("aws/credentials", credentials).with("aws/config", config);
    let path = |name: &str| project.path(name).to_string_lossy().into_owned();
    let variables = [
        ("AWS_SHARED_CREDENTIALS_FILE", path("aws/credentials")),
        ("AWS_CONFIG_FILE", path("aws/config")),
        // A given profile has precedence.
        ("AWS_ACCESS_KEY_ID", "another".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "another".to_owned()),
    ];
    let line =
        format!("bundle upload --no-register --s3-profile work --s3-bucket-name {BUCKET} --s3-style path --json");

    project.run_where(&line, &variables).document();

    assert!(store.keys()[0].starts_with("com.example.app/1.2.3-"));
}

#[test]
fn complete_options_ignore_the_environment() {
    let project = Project::new();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "without its secret".to_owned()),
        ("AWS_PROFILE", "unknown".to_owned()),
    ];
    let line = format!(
        "bundle upload --no-register --dry-run --s3-apikey {KEY} --s3-apisecret {SECRET} --s3-region {REGION} \
         --s3-bucket-name {BUCKET} --json"
    );
    project.run_where(&line, &variables).document();
}
