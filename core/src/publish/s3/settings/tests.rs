//! Where credentials are looked for, and what is unclear about them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::super::BucketOptions;
use super::*;

const CREDENTIALS: &str = "\
# a comment
[default]
aws_access_key_id = DEFAULTKEY
aws_secret_access_key=default/secret=
[ work ]
aws_access_key_id = WORKKEY
aws_secret_access_key = worksecret
aws_session_token = worktoken
[half]
aws_access_key_id = HALFKEY
[empty]
";
const CONFIG: &str = "\
[default]
region = eu-central-1
s3 =
    endpoint_url = nested
[profile work]
region = eu-west-1
endpoint_url = https://s3.example.com
[profile sso]
sso_session = corp
region = us-east-1
";

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/credentials"), CREDENTIALS).unwrap();
    fs::write(home.path().join(".aws/config"), CONFIG).unwrap();
    home
}

fn find(home: &Path, variables: &[(&str, &str)], profile: Option<&str>) -> Result<Settings> {
    let mut all: HashMap<&str, &str> = variables.iter().copied().collect();
    all.insert("HOME", home.to_str().unwrap());
    let variable = |name: &str| all.get(name).map(|value| (*value).to_owned());
    Settings::find_in(&variable, profile, Missing::EVERYTHING)
}

/// Credentials are given, and a region or none.
fn find_besides(region: &str, home: &Path, variables: &[(&str, &str)], profile: Option<&str>) -> Result<Settings> {
    let mut all: HashMap<&str, &str> = variables.iter().copied().collect();
    all.insert("HOME", home.to_str().unwrap());
    let credentials = Credentials::new("key", "secret", None).unwrap();
    let missing = Missing::besides(&BucketOptions::new(region, "bucket"), Some(&credentials));
    Settings::find_in(&|name| all.get(name).map(|value| (*value).to_owned()), profile, missing)
}

fn key(settings: &Settings) -> Option<&str> {
    settings.credentials.as_ref().map(Credentials::key)
}

#[test]
fn the_environment_comes_before_the_default_profile() {
    let home = home();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "ENVKEY"),
        ("AWS_SECRET_ACCESS_KEY", " envsecret\n"),
        ("AWS_REGION", "sa-east-1"),
    ];
    let settings = find(home.path(), &variables, None).unwrap();
    assert_eq!(
        (key(&settings), settings.region.as_deref()),
        (Some("ENVKEY"), Some("sa-east-1"))
    );
    assert_eq!(settings.credentials.unwrap().secret(), "envsecret");
    let settings = find(home.path(), &[("AWS_ACCESS_KEY_ID", "")], None).unwrap();
    assert_eq!(
        (key(&settings), settings.region.as_deref()),
        (Some("DEFAULTKEY"), Some("eu-central-1"))
    );
    assert_eq!(settings.credentials.unwrap().secret(), "default/secret=");
    assert_eq!(settings.endpoint, None, "what is nested belongs to something else");
}

#[test]
fn a_profile_that_is_named_comes_before_the_environment() {
    let home = home();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "ENVKEY"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "sa-east-1"),
    ];
    let settings = find(home.path(), &variables, Some("work")).unwrap();
    assert_eq!(
        (key(&settings), settings.region.as_deref()),
        (Some("WORKKEY"), Some("eu-west-1"))
    );
    assert_eq!(settings.endpoint.as_deref(), Some("https://s3.example.com"));
    assert_eq!(settings.credentials.unwrap().token(), Some("worktoken"));
    let settings = find(home.path(), &[("AWS_PROFILE", "work")], None).unwrap();
    assert_eq!(key(&settings), Some("WORKKEY"));
}

#[test]
fn endpoints_of_s3_come_before_those_of_everything() {
    let both = [
        ("AWS_ENDPOINT_URL", "https://all.example"),
        ("AWS_ENDPOINT_URL_S3", "https://s3.example"),
    ];
    let home = home();
    assert_eq!(
        find(home.path(), &both, None).unwrap().endpoint.as_deref(),
        Some("https://s3.example")
    );
    assert_eq!(
        find(home.path(), &both[..1], None).unwrap().endpoint.as_deref(),
        Some("https://all.example")
    );
}

#[test]
fn what_is_half_given_or_not_to_be_had_is_said() {
    let home = home();
    let problem = |variables: &[(&str, &str)], profile| {
        let found = find(home.path(), variables, profile).and_then(Settings::into_credentials);
        found.unwrap_err().to_string()
    };
    let cases = [
        (
            problem(&[("AWS_ACCESS_KEY_ID", "ENVKEY")], None),
            "has AWS_ACCESS_KEY_ID but not AWS_SECRET_ACCESS_KEY",
        ),
        (
            problem(&[("AWS_SECRET_ACCESS_KEY", "s3cret")], None),
            "has AWS_SECRET_ACCESS_KEY but not AWS_ACCESS_KEY_ID",
        ),
        (
            problem(&[], Some("half")),
            "profile half has aws_access_key_id but not aws_secret_access_key",
        ),
        (problem(&[], Some("nobody")), "no such profile"),
        (problem(&[], Some("empty")), "there are none"),
        (problem(&[], Some("sso")), "sso_session, which is not supported"),
        (
            problem(
                &[("AWS_ACCESS_KEY_ID", "a b"), ("AWS_SECRET_ACCESS_KEY", "s3cret")],
                None,
            ),
            "not copied right",
        ),
        (
            problem(
                &[("AWS_ACCESS_KEY_ID", "s3/cret"), ("AWS_SECRET_ACCESS_KEY", "KEY")],
                None,
            ),
            "other way round",
        ),
    ];
    for (problem, expected) in cases {
        assert!(problem.contains(expected), "{expected}: {problem}");
        assert!(!problem.contains("s3cret") && !problem.contains("s3/cret"), "{problem}");
    }
}

#[test]
fn a_machine_without_any_has_none() {
    let home = tempfile::tempdir().unwrap();
    let settings = find(home.path(), &[], None).unwrap();
    assert!(settings.credentials.is_none() && settings.region.is_none());
    assert!(
        settings
            .into_credentials()
            .unwrap_err()
            .to_string()
            .contains("AWS_PROFILE")
    );
}

#[test]
fn what_is_wrong_with_what_nobody_needs_is_no_error() {
    let home = home();
    let given = |variables: &[(&str, &str)]| find_besides("eu-west-1", home.path(), variables, None).unwrap();
    given(&[("AWS_ACCESS_KEY_ID", "key")]);
    given(&[
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "not\ncopied right"),
    ]);
    given(&[("AWS_PROFILE", "nobody")]);
    given(&[("AWS_PROFILE", "half")]);
    let folder = home.path().to_str().unwrap();
    given(&[("AWS_SHARED_CREDENTIALS_FILE", folder), ("AWS_CONFIG_FILE", folder)]);
    // A half pair in a profile that is read for its region.
    let half = [("AWS_PROFILE", "half"), ("AWS_REGION", "eu-west-1")];
    find_besides("", home.path(), &half, None).unwrap();
}

#[test]
fn what_is_missing_is_looked_for_all_the_same() {
    let home = home();
    let work = find_besides("eu-west-1", home.path(), &[("AWS_PROFILE", "work")], None).unwrap();
    assert_eq!(work.endpoint.as_deref(), Some("https://s3.example.com"));
    let region = find_besides("", home.path(), &[], None).unwrap().region;
    assert_eq!(region.as_deref(), Some("eu-central-1"));
    // A profile that was named on purpose must be there, and so must one that the region is to come from.
    find_besides("eu-west-1", home.path(), &[], Some("nobody")).unwrap_err();
    find_besides("", home.path(), &[("AWS_PROFILE", "nobody")], None).unwrap_err();
}
