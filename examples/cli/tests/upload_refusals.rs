//! Errors of `capbundle bundle upload` that are found before packing or sending a request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use crate::project::Project;

const S3: &str = "--s3-region us-east-1 --s3-bucket-name bundles --s3-apikey K --s3-apisecret HIDDEN";

/// Asserts the code, the exit code and parts of the message of a failing command line.
fn refused(project: &Project, line: &str, code: &str, exit: i32, says: &[&str]) {
    let run = project.run(&format!("bundle upload {line} --apikey HIDDEN --json"));
    assert!(
        !run.stdout.contains("HIDDEN") && !run.stderr.contains("HIDDEN"),
        "{}",
        run.stderr
    );
    let message = run.fails(code, exit);
    for word in says {
        assert!(message.contains(word), "{line}: {message}");
    }
}

#[test]
fn conflicting_options_are_rejected_with_the_reason() {
    let project = Project::new();
    let conflict = |line: &str, says: &[&str]| refused(&project, line, "conflicting_arguments", 2, says);
    let external = "--external https://cdn.example.com/a.zip";
    conflict(
        &format!("{external} {S3}"),
        &["registers an archive that is already uploaded"],
    );
    conflict(
        &format!("{external} --put-url https://a.example/b"),
        &["already uploaded"],
    );
    conflict(&format!("{S3} --put-url https://a.example/b"), &["one destination"]);
    conflict(&format!("{external} --no-register"), &["uploads nothing"]);
    conflict(
        &format!("{S3} --no-register --channel beta"),
        &["--channel", "registered bundle"],
    );
    conflict(&format!("{S3} --no-register --comment x"), &["--comment"]);
    conflict(&format!("{S3} --zip a.zip --path www"), &["--path packs a folder"]);
    conflict(
        &format!("{S3} --encrypted-checksum ab"),
        &["not encrypted", "session key"],
    );
    conflict(
        &format!("{S3} --no-key --iv-session-key a:b --zip a.zip"),
        &["encrypted", "--no-key"],
    );
    conflict(&format!("{S3} --no-key --key-v2 key"), &["--no-key"]);
    conflict(
        &format!("{S3} --key-data-v2 x --key-v2 key"),
        &["both set the private key"],
    );
    conflict(
        "--no-register --api-url https://updates.example.com",
        &["registers an archive when it is uploaded"],
    );
}

#[test]
fn missing_values_are_reported() {
    let project = Project::new();
    let missing = |line: &str, says: &[&str]| refused(&project, line, "missing_argument", 2, says);
    missing("", &["--s3-bucket-name", "--external", "--api-url", "--put-url"]);
    missing("--s3-region eu-central-1", &["--s3-bucket-name"]);
    missing("--s3-bucket-name b --s3-apikey K", &["--s3-apisecret"]);
    missing("--s3-bucket-name b --s3-session-token T", &["--s3-apikey"]);
    missing(
        &format!("{S3} --no-register --iv-session-key {}", session()),
        &["--zip"],
    );
}

/// A well-formed session key for any file.
fn session() -> String {
    let project = Project::new().with_keys();
    crate::project::text_of(&project.encrypted(), "ivSessionKey")
}

#[test]
fn features_of_capgos_cloud_are_rejected_with_an_alternative() {
    let project = Project::new();
    for option in ["--tus", "--self-assign", "--qr-preview", "--bundle-url"] {
        refused(
            &project,
            &format!("{S3} {option}"),
            "unsupported_option",
            2,
            &[option, ":"],
        );
    }
    refused(
        &project,
        &format!("{S3} --supa-host https://x.example"),
        "unsupported_option",
        2,
        &["--api-url"],
    );
    refused(
        &project,
        &format!("{S3} --min-update-version 1.0.0"),
        "unsupported_option",
        2,
        &["public API"],
    );
    refused(
        &project,
        &format!("{S3} --auto-bump"),
        "unsupported_option",
        2,
        &["--bundle"],
    );
}

#[test]
fn a_plain_http_url_is_not_registered() {
    let project = Project::new();
    let says = ["plain http", "https"];
    refused(
        &project,
        "--external http://cdn.example.com/a.zip",
        "invalid_protocol",
        1,
        &says,
    );
    let line = format!("{S3} --s3-endpoint s3.example.com --no-s3-ssl");
    refused(&project, &line, "invalid_protocol", 1, &["--s3-public-url"]);
    refused(
        &project,
        "--put-url http://files.example.com/a.zip",
        "invalid_protocol",
        1,
        &["--public-url"],
    );
}

#[test]
fn an_https_endpoint_without_ssl_is_rejected() {
    let project = Project::new();
    let line = format!("{S3} --s3-endpoint https://s3.your-provider.com --s3-port 443 --no-s3-ssl --no-register");
    let says = [
        "https",
        "SSL",
        "capbundle bundle upload … --s3-endpoint https://s3.your-provider.com --s3-port 443\n",
        "capbundle bundle upload … --s3-endpoint http://s3.your-provider.com --no-s3-ssl",
    ];
    refused(&project, &line, "invalid_input", 1, &says);
}

#[test]
fn an_endpoint_with_the_bucket_is_rejected_with_the_right_one() {
    let project = Project::new();
    for endpoint in [
        "https://account.r2.example/bundles",
        "https://bundles.account.r2.example",
    ] {
        let line = format!("{S3} --s3-endpoint {endpoint} --no-register");
        let says = ["`--s3-endpoint https://account.r2.example`", "bundles as the bucket"];
        refused(&project, &line, "invalid_input", 1, &says);
    }
}

#[test]
fn a_plain_bundle_for_devices_with_a_key_is_rejected() {
    let external = "--external https://cdn.example.com/a.zip";
    let project = Project::new().with_keys();
    refused(
        &project,
        external,
        "encryption_required",
        1,
        &["--no-key", "bundle encrypt"],
    );
    std::fs::remove_file(project.path(".capgo_key_v2")).unwrap();
    refused(
        &project,
        &format!("{S3} --dry-run"),
        "encryption_required",
        1,
        &["public key", "--no-key"],
    );
}

#[test]
fn a_wrong_session_key_is_rejected_before_the_upload() {
    let project = Project::new().with_keys();
    let sealed = project.encrypted();
    let file = crate::project::text_of(&sealed, "filename");
    // From another run, so with another key and IV.
    let other = crate::project::text_of(&project.encrypted(), "ivSessionKey");
    project.write("first.zip", project.read(&file));
    let first = crate::project::text_of(&sealed, "ivSessionKey");
    let swapped = format!(
        "{}:{}",
        first.split(':').next().unwrap(),
        other.split(':').nth(1).unwrap()
    );
    for session in [first.as_str(), swapped.as_str()] {
        let run = project.run(&format!(
            "bundle upload {S3} --no-register --zip {file} --iv-session-key {session} --json"
        ));
        assert_eq!(run.code, 1, "{}", run.stdout);
        assert!(!run.stdout.contains("\"url\""), "{}", run.stdout);
    }
}

#[test]
fn an_encrypted_archive_without_its_session_key_is_rejected() {
    let project = Project::new().with_keys();
    let file = crate::project::text_of(&project.encrypted(), "filename");
    let run = project.run(&format!(
        "bundle upload {S3} --no-register --no-key --zip {file} --json"
    ));
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("--iv-session-key"), "{}", run.stdout);
}

#[test]
fn a_missing_api_key_is_reported_with_its_sources() {
    let project = Project::new();
    let home = project.path("").to_string_lossy().into_owned();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_capbundle"))
        .args(["bundle", "list", "--json"])
        .current_dir(&home)
        .env("HOME", &home)
        .env_remove("CAPGO_TOKEN")
        .output()
        .unwrap();
    let message = crate::project::Run::from(output).fails("missing_apikey", 2);
    assert!(
        message.contains("CAPGO_TOKEN") && message.contains(".capgo"),
        "{message}"
    );
}
