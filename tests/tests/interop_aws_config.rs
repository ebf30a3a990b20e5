//! The AWS environment and the files in `~/.aws`: we find the same settings as boto3, or refuse them with a reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use capbundle_publish::s3::{Credentials, Settings};
use capbundle_tests::peers::python_script_with_packages;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The environment, the files and the requested profile of one machine.
#[derive(Default)]
struct Machine {
    name: &'static str,
    config: &'static str,
    credentials: &'static str,
    environment: &'static [(&'static str, &'static str)],
    profile: Option<&'static str>,
}

/// The environment variables of the key and the secret.
const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "ENVKEY"), ("AWS_SECRET_ACCESS_KEY", "envsecret")];
const DEFAULT_KEYS: &str = "[default]\naws_access_key_id = FILEKEY\naws_secret_access_key = secret\n";

/// Machines on which boto3 and capbundle find the same settings.
const SAME: [Machine; 26] = [
    Machine {
        name: "nothing",
        ..EMPTY
    },
    Machine {
        name: "default profile",
        config: "[default]\nregion = eu-west-1\nendpoint_url = https://s3.example\n",
        credentials: DEFAULT_KEYS,
        ..EMPTY
    },
    Machine {
        name: "services of the default profile",
        config: "[default]\nservices = stores\nendpoint_url = https://all.example\n[services stores]\ns3 = \n  endpoint_url = https://s3.example\n",
        ..EMPTY
    },
    Machine {
        name: "services for something else",
        config: "[default]\nservices = stores\nendpoint_url = https://all.example\n[services stores]\ndynamodb =\n  endpoint_url = https://db.example\n",
        ..EMPTY
    },
    Machine {
        name: "services with blanks in the name",
        config: "[default]\nservices = my stores\n[services \"my stores\"]\ns3 =\n  addressing_style = path\n  endpoint_url = https://s3.example\n",
        ..EMPTY
    },
    Machine {
        name: "services although keys and region are in the environment",
        config: "[profile r2]\nservices = r2\n[services r2]\ns3 =\n  endpoint_url = https://r2.example\n",
        environment: &[KEYS[0], KEYS[1], ("AWS_DEFAULT_REGION", "auto"), ("AWS_PROFILE", "r2")],
        ..EMPTY
    },
    Machine {
        name: "endpoint of the environment before that of services",
        config: "[default]\nservices = x\n[services x]\ns3 =\n  endpoint_url = https://s3.example\n",
        environment: &[("AWS_ENDPOINT_URL", "https://env.example")],
        ..EMPTY
    },
    Machine {
        name: "endpoint for S3 before that for all",
        environment: &[
            ("AWS_ENDPOINT_URL", "https://env.example"),
            ("AWS_ENDPOINT_URL_S3", "https://s3.example"),
        ],
        ..EMPTY
    },
    Machine {
        name: "configured endpoints switched off by the environment",
        config: "[default]\nendpoint_url = https://all.example\n",
        environment: &[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")],
        ..EMPTY
    },
    Machine {
        name: "configured endpoints switched off by the profile",
        config: "[default]\nignore_configured_endpoint_urls = true\nendpoint_url = https://all.example\n",
        ..EMPTY
    },
    Machine {
        name: "indented keys",
        config: "[default]\n    region = eu-west-1\n    endpoint_url = https://s3.example\n",
        credentials: "[default]\n  aws_access_key_id = FILEKEY\n  aws_secret_access_key = secret\n",
        ..EMPTY
    },
    Machine {
        name: "indented less and less",
        config: "[default]\n    region = eu-west-1\n  s3 =\n    addressing_style = path\nendpoint_url = https://s3.example\n",
        ..EMPTY
    },
    Machine {
        name: "comments, blank lines, colons and capitals",
        config: "# one\n; two\n[default]\n\nRegion: eu-west-1\n  # three\nENDPOINT_URL=https://s3.example\n",
        ..EMPTY
    },
    Machine {
        name: "profile of two words",
        config: "[profile \"two words\"]\nregion = eu-west-1\nendpoint_url = https://s3.example\n",
        credentials: "[two words]\naws_access_key_id = TWOKEY\naws_secret_access_key = secret\n",
        profile: Some("two words"),
        ..EMPTY
    },
    Machine {
        name: "profile of two words in single quotes",
        config: "[profile 'two words']\nregion = eu-west-1\n",
        environment: &[("AWS_PROFILE", "two words")],
        ..EMPTY
    },
    Machine {
        name: "profile of the environment by its old name",
        config: "[profile work]\nregion = eu-west-1\n",
        environment: &[("AWS_DEFAULT_PROFILE", "work")],
        ..EMPTY
    },
    Machine {
        name: "credentials file before config",
        config: "[default]\naws_access_key_id = CONFIGKEY\naws_secret_access_key = secret\nregion = eu-west-1\n",
        credentials: "[default]\naws_access_key_id = FILEKEY\naws_secret_access_key = secret\naws_session_token = token\nregion = eu-west-2\n",
        ..EMPTY
    },
    Machine {
        name: "credentials of the config alone",
        config: "[default]\naws_access_key_id = CONFIGKEY\naws_secret_access_key = secret\n",
        ..EMPTY
    },
    Machine {
        name: "the token's old name",
        credentials: "[default]\naws_access_key_id = FILEKEY\naws_secret_access_key = secret\naws_security_token = token\n",
        ..EMPTY
    },
    Machine {
        name: "environment before files",
        credentials: DEFAULT_KEYS,
        environment: &KEYS,
        ..EMPTY
    },
    Machine {
        name: "a named profile has its own credentials or none",
        config: "[profile bare]\nregion = eu-west-1\n",
        environment: &KEYS,
        profile: Some("bare"),
        ..EMPTY
    },
    Machine {
        name: "keys in the credentials file before a process",
        config: "[default]\ncredential_process = program\n",
        credentials: DEFAULT_KEYS,
        ..EMPTY
    },
    Machine {
        name: "keys in the environment before web identity",
        environment: &[
            KEYS[0],
            KEYS[1],
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
        ],
        ..EMPTY
    },
    Machine {
        name: "keys in a profile before a container",
        credentials: DEFAULT_KEYS,
        environment: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x")],
        ..EMPTY
    },
    Machine {
        name: "a file named from the home folder",
        environment: &[
            ("AWS_CONFIG_FILE", "~/elsewhere"),
            ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/config"),
        ],
        config: DEFAULT_KEYS,
        ..EMPTY
    },
    Machine {
        name: "a role that only a variable names",
        credentials: DEFAULT_KEYS,
        environment: &[("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")],
        ..EMPTY
    },
];

/// Sources of credentials that boto3 supports and capbundle does not, with a word of the error.
const UNSUPPORTED: [(Machine, &str); 8] = [
    (
        Machine {
            name: "role",
            config: "[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\nregion = eu-west-1\n",
            credentials: "[base]\naws_access_key_id = BASE\naws_secret_access_key = secret\n[default]\naws_access_key_id = FILEKEY\naws_secret_access_key = secret\n",
            ..EMPTY
        },
        "role_arn",
    ),
    (
        Machine {
            name: "web identity of the environment",
            credentials: DEFAULT_KEYS,
            environment: &[
                ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
                ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
            ],
            ..EMPTY
        },
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ),
    (
        Machine {
            name: "web identity of a profile",
            config: "[default]\nrole_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = /token\n",
            ..EMPTY
        },
        "web_identity_token_file",
    ),
    (
        Machine {
            name: "single sign-on",
            config: "[default]\nsso_start_url = https://x.example/start\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n",
            credentials: DEFAULT_KEYS,
            ..EMPTY
        },
        "sso_start_url",
    ),
    (
        Machine {
            name: "single sign-on by a session",
            config: "[default]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n[sso-session corp]\nsso_start_url = https://x.example/start\nsso_region = eu-west-1\n",
            ..EMPTY
        },
        "sso_session",
    ),
    (
        Machine {
            name: "process",
            config: "[default]\ncredential_process = program\naws_access_key_id = CONFIGKEY\naws_secret_access_key = secret\n",
            ..EMPTY
        },
        "credential_process",
    ),
    (
        Machine {
            name: "container",
            environment: &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")],
            ..EMPTY
        },
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ),
    (
        Machine {
            name: "login",
            config: "[default]\nlogin_session = arn:aws:iam::1:user/x\n",
            ..EMPTY
        },
        "login_session",
    ),
];

/// Machines that both refuse.
const ERRORS: [Machine; 9] = [
    Machine {
        name: "no such profile",
        config: "[profile one]\nregion = eu-west-1\n",
        profile: Some("two"),
        ..EMPTY
    },
    Machine {
        name: "no such profile, named by the environment that has all else",
        environment: &[KEYS[0], KEYS[1], ("AWS_DEFAULT_REGION", "auto"), ("AWS_PROFILE", "two")],
        ..EMPTY
    },
    Machine {
        name: "two words without quotes",
        config: "[profile two words]\nregion = eu-west-1\n",
        profile: Some("two words"),
        ..EMPTY
    },
    Machine {
        name: "no such services",
        config: "[default]\nservices = x\n[services y]\ns3 =\n  endpoint_url = https://s3.example\n",
        ..EMPTY
    },
    Machine {
        name: "a nested line without a value",
        config: "[default]\nservices = x\n[services x]\ns3 =\n  endpoint_url\n",
        ..EMPTY
    },
    Machine {
        name: "a line without a value",
        config: "[default]\nregion\n",
        ..EMPTY
    },
    Machine {
        name: "a value before any section",
        config: "endpoint_url = https://s3.example\n",
        ..EMPTY
    },
    Machine {
        name: "a region that goes on",
        config: "[default]\nregion = eu-west-1\n  endpoint_url = https://s3.example\n",
        ..EMPTY
    },
    Machine {
        name: "a key without its secret",
        credentials: "[default]\naws_access_key_id = FILEKEY\n",
        ..EMPTY
    },
];

const EMPTY: Machine = Machine {
    name: "",
    config: "",
    credentials: "",
    environment: &[],
    profile: None,
};

impl Machine {
    /// Creates its home folder.
    fn home(&self) -> TempDir {
        let home = tempfile::tempdir().unwrap();
        let aws = home.path().join(".aws");
        fs::create_dir(&aws).unwrap();
        for (name, text) in [("config", self.config), ("credentials", self.credentials)] {
            if !text.is_empty() {
                fs::write(aws.join(name), text).unwrap();
            }
        }
        home
    }

    fn settings(&self, home: &TempDir) -> capbundle_publish::Result<Settings> {
        let home = home.path().to_str().unwrap();
        let variable = |name: &str| match name {
            "HOME" => Some(home.to_owned()),
            name => {
                let found = self.environment.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            }
        };
        Settings::find_with(&variable, self.profile)
    }
}

/// The settings that boto3 finds on each machine.
fn boto3_settings(machines: &[(&Machine, &TempDir)]) -> Option<Vec<Value>> {
    let mut command = python_script_with_packages("aws_config.py")?;
    let cases: Vec<Value> = machines
        .iter()
        .map(|(machine, home)| {
            let environment: serde_json::Map<String, Value> = machine
                .environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)))
                .collect();
            json!({ "home": home.path().to_str().unwrap(), "environment": environment, "profile": machine.profile })
        })
        .collect();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(serde_json::to_string(&cases).unwrap().as_bytes())
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn aws_environment_and_files_are_interpreted_as_by_boto3() {
    let all: Vec<&Machine> = SAME
        .iter()
        .chain(UNSUPPORTED.iter().map(|(machine, _)| machine))
        .chain(&ERRORS)
        .collect();
    let homes: Vec<TempDir> = all.iter().map(|machine| machine.home()).collect();
    let pairs: Vec<(&Machine, &TempDir)> = all.iter().copied().zip(&homes).collect();
    let Some(answers) = boto3_settings(&pairs) else { return };
    let mut differences = Vec::new();
    for (at, ((machine, home), theirs)) in pairs.iter().zip(&answers).enumerate() {
        let ours = machine.settings(home);
        let is_right = if at < SAME.len() {
            ours.as_ref().is_ok_and(|ours| is_same(ours, theirs))
        } else if let Some((_, word)) = UNSUPPORTED.get(at - SAME.len()) {
            theirs["source"].is_string() && ours.as_ref().is_ok_and(|ours| is_unsupported(ours, word))
        } else {
            theirs["error"].is_string() && ours.is_err()
        };
        if !is_right {
            differences.push(format!("{}: boto3 {theirs}, capbundle {ours:?}", machine.name));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn is_same(ours: &Settings, theirs: &Value) -> bool {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let key = ours.credentials.as_ref().map(Credentials::key);
    theirs["error"].is_null()
        && theirs["source"].is_null()
        && text(&theirs["endpoint"]) == ours.endpoint
        && text(&theirs["region"]) == ours.region
        && theirs["key"].as_str() == key
        && theirs["token"].is_string() == ours.credentials.as_ref().is_some_and(Credentials::has_token)
}

/// Whether the credentials are refused with a reason that contains this word.
fn is_unsupported(ours: &Settings, word: &str) -> bool {
    let refused = ours.clone().into_credentials().err();
    refused.is_some_and(|error| error.to_string().contains(&format!("{word}, which is not supported")))
}
