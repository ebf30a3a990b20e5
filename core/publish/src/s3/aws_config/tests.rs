//! Where credentials are searched, and ambiguous or unsupported ones.

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
    addressing_style = path
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

/// Finds the settings if credentials are given, and a region unless it is empty.
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
fn the_environment_takes_precedence_over_the_default_profile() {
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
    assert_eq!(settings.endpoint, None);
}

#[test]
fn a_given_profile_takes_precedence_over_the_environment() {
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
fn the_endpoint_of_s3_takes_precedence_over_that_of_all_services() {
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
fn incomplete_or_missing_credentials_are_errors_that_name_the_cause() {
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
        (problem(&[], Some("unknown")), "no such profile"),
        (problem(&[], Some("empty")), "no credentials"),
        (problem(&[], Some("sso")), "sso_session, which is not supported"),
        (
            problem(
                &[("AWS_ACCESS_KEY_ID", "a b"), ("AWS_SECRET_ACCESS_KEY", "s3cret")],
                None,
            ),
            "copied correctly",
        ),
        (
            problem(
                &[("AWS_ACCESS_KEY_ID", "s3/cret"), ("AWS_SECRET_ACCESS_KEY", "KEY")],
                None,
            ),
            "swapped",
        ),
    ];
    for (problem, expected) in cases {
        assert!(problem.contains(expected), "{expected}: {problem}");
        assert!(!problem.contains("s3cret") && !problem.contains("s3/cret"), "{problem}");
    }
}

#[test]
fn without_any_configuration_there_are_no_settings() {
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
fn errors_in_settings_that_are_not_needed_are_ignored() {
    let home = home();
    let given = |variables: &[(&str, &str)]| find_besides("eu-west-1", home.path(), variables, None).unwrap();
    given(&[("AWS_ACCESS_KEY_ID", "key")]);
    given(&[
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "not\ncopied right"),
    ]);
    given(&[("AWS_PROFILE", "unknown")]);
    given(&[("AWS_PROFILE", "half")]);
    let folder = home.path().to_str().unwrap();
    given(&[("AWS_SHARED_CREDENTIALS_FILE", folder), ("AWS_CONFIG_FILE", folder)]);
    // A key without a secret in a profile that is read for its region.
    let half = [("AWS_PROFILE", "half"), ("AWS_REGION", "eu-west-1")];
    find_besides("", home.path(), &half, None).unwrap();
}

#[test]
fn settings_that_are_not_given_are_searched() {
    let home = home();
    let work = find_besides("eu-west-1", home.path(), &[("AWS_PROFILE", "work")], None).unwrap();
    assert_eq!(work.endpoint.as_deref(), Some("https://s3.example.com"));
    let region = find_besides("", home.path(), &[], None).unwrap().region;
    assert_eq!(region.as_deref(), Some("eu-central-1"));
    // A given profile must exist, and so must a named one from which the region is needed.
    find_besides("eu-west-1", home.path(), &[], Some("unknown")).unwrap_err();
    find_besides("", home.path(), &[("AWS_PROFILE", "unknown")], None).unwrap_err();
}

/// A home folder with this `~/.aws/config`.
fn home_with(config: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/config"), config).unwrap();
    home
}

const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "ENVKEY"),
    ("AWS_SECRET_ACCESS_KEY", "envsecret"),
    ("AWS_REGION", "auto"),
];

#[test]
fn the_endpoint_of_a_services_section_is_used() {
    let config = "[default]\nservices = other stores\nendpoint_url = https://all.example\n\
                  [services \"other stores\"]\ns3control =\n  endpoint_url = https://control.example\n\
                  s3 = \n  endpoint_url = https://s3.example\n  addressing_style = path\n";
    let home = home_with(config);
    let endpoint = |variables: &[(&str, &str)]| find(home.path(), variables, None).unwrap().endpoint;
    assert_eq!(endpoint(&[]).as_deref(), Some("https://s3.example"));
    // Credentials and region in the environment do not affect the endpoint.
    assert_eq!(endpoint(&KEYS).as_deref(), Some("https://s3.example"));
    let with_variable = [KEYS.as_slice(), &[("AWS_ENDPOINT_URL", "https://env.example")]].concat();
    assert_eq!(endpoint(&with_variable).as_deref(), Some("https://env.example"));
    assert_eq!(endpoint(&[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]), None);
}

#[test]
fn the_profile_in_aws_profile_sets_the_endpoint_even_if_the_environment_has_credentials() {
    let home = home_with("[profile r2]\nendpoint_url = https://r2.example\n");
    let named = [KEYS.as_slice(), &[("AWS_PROFILE", "r2")]].concat();
    let settings = find(home.path(), &named, None).unwrap();
    assert_eq!(
        (key(&settings), settings.endpoint.as_deref()),
        (Some("ENVKEY"), Some("https://r2.example"))
    );
    let unknown = [KEYS.as_slice(), &[("AWS_PROFILE", "r3")]].concat();
    find(home.path(), &unknown, None).unwrap_err();
}

#[test]
fn a_section_may_be_indented_as_a_whole() {
    let home = home_with(
        "[profile two]\n    region = eu-west-1\n    s3 =\n        addressing_style = path\n\n    # where\n    \
         endpoint_url: https://s3.example\n    aws_access_key_id = KEY\n  aws_secret_access_key = x\n",
    );
    let settings = find(home.path(), &[], Some("two")).unwrap();
    assert_eq!(
        (key(&settings), settings.region.as_deref(), settings.endpoint.as_deref()),
        (Some("KEY"), Some("eu-west-1"), Some("https://s3.example"))
    );
}

#[test]
fn a_profile_name_with_spaces_is_quoted() {
    let home = home_with("[profile \"two words\"]\nregion = eu-west-1\n[profile 'and three']\nregion = eu-west-3\n");
    let region = |profile| find(home.path(), &[], Some(profile)).unwrap().region;
    assert_eq!(region("two words").as_deref(), Some("eu-west-1"));
    assert_eq!(region("and three").as_deref(), Some("eu-west-3"));
    let home = home_with("[profile two words]\nregion = eu-west-1\n");
    let problem = find(home.path(), &[], Some("two words")).unwrap_err().to_string();
    assert!(problem.contains("[profile \"two words\"]"), "{problem}");
}

#[test]
fn an_unusable_endpoint_is_an_error_and_never_falls_back_to_amazon() {
    let cases = [
        ("[default]\nservices = x\n", "no section [services x]"),
        (
            "[default]\nservices = x\n[services x]\ns3 = on one line\n",
            "indented lines below it",
        ),
        (
            "[default]\nservices = x\n[services x]\ns3 =\n  endpoint_url\n",
            "expected `name = value` in each line below `s3 =`",
        ),
        (
            "[default]\ns3 =\n  endpoint_url = https://plugin.example\n",
            "do not read it",
        ),
        (
            "[default]\nregion = eu-west-1\n  endpoint_url = https://deeper.example\n",
            "indent them as far as `region`",
        ),
        (
            "[default]\nendpoint_url https://s3.example\n",
            "line 2: expected `name = value`",
        ),
        ("endpoint_url = https://s3.example\n", "line 1: expected a section"),
        (
            "[default\nendpoint_url = https://s3.example\n",
            "line 1: a section has no closing bracket",
        ),
    ];
    for (config, expected) in cases {
        let home = home_with(config);
        let problem = find(home.path(), &[], None).unwrap_err().to_string();
        assert!(problem.contains(expected), "{expected}: {problem}");
    }
    // Also if everything but the endpoint is given as options.
    let home = home_with(cases[0].0);
    find_besides("eu-west-1", home.path(), &[], None).unwrap_err();
    let given = [("AWS_ENDPOINT_URL", "https://s3.example")];
    find_besides("eu-west-1", home.path(), &given, None).unwrap();
}

#[test]
fn an_unsupported_source_of_credentials_is_named_and_not_skipped() {
    let keys = "aws_access_key_id = KEY\naws_secret_access_key = secret\n";
    let cases = [
        // A role takes precedence over the keys of the profile, which belong to another user.
        (
            format!("[default]\nrole_arn = arn:x\nsource_profile = default\n{keys}"),
            "",
            "role_arn",
        ),
        (format!("[default]\nsso_session = corp\n{keys}"), "", "sso_session"),
        (
            "[default]\nrole_arn = arn:x\nweb_identity_token_file = /token\n".to_owned(),
            "",
            "web_identity_token_file",
        ),
        (
            format!("[default]\n{keys}"),
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        (
            format!("[default]\ncredential_process = program\n{keys}"),
            "",
            "credential_process",
        ),
        (format!("[default]\nlogin_session = arn:x\n{keys}"), "", "login_session"),
        (
            String::new(),
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        ),
        (
            String::new(),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
    ];
    for (config, variable, expected) in cases {
        let home = home_with(&config);
        let settings = find(home.path(), &[(variable, "set")], None).unwrap();
        let problem = settings.into_credentials().unwrap_err().to_string();
        assert!(
            problem.contains(&format!("{expected}, which is not supported")) && problem.contains("export-credentials"),
            "{expected}: {problem}"
        );
    }
    // Keys in the environment, then those in the credentials file, take precedence.
    let home = home_with("[default]\ncredential_process = program\n");
    fs::write(home.path().join(".aws/credentials"), format!("[default]\n{keys}")).unwrap();
    assert_eq!(key(&find(home.path(), &[], None).unwrap()), Some("KEY"));
    assert_eq!(key(&find(home.path(), &KEYS, None).unwrap()), Some("ENVKEY"));
}

#[test]
fn a_given_profile_without_credentials_does_not_use_those_in_the_environment() {
    let home = home();
    let settings = find(home.path(), &KEYS, Some("empty")).unwrap();
    let problem = settings.into_credentials().unwrap_err().to_string();
    assert!(
        problem.contains("profile empty") && problem.contains("AWS_PROFILE"),
        "{problem}"
    );
}

#[test]
fn a_tilde_in_the_path_of_a_file_is_the_home_folder() {
    let home = home();
    fs::write(
        home.path().join("elsewhere"),
        "[default]\nendpoint_url = https://s3.example\n",
    )
    .unwrap();
    let settings = find(home.path(), &[("AWS_CONFIG_FILE", "~/elsewhere")], None).unwrap();
    assert_eq!(settings.endpoint.as_deref(), Some("https://s3.example"));
}
