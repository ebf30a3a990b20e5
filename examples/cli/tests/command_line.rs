//! Help, errors of the command line, completions and man pages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use crate::project::Project;

const COMMANDS: [&str; 70] = [
    "",
    "bundle",
    "key",
    "device",
    "bundle zip",
    "bundle encrypt",
    "bundle decrypt",
    "bundle seal",
    "bundle open",
    "bundle verify",
    "bundle unpack",
    "bundle inspect",
    "bundle check",
    "bundle upload",
    "bundle list",
    "bundle delete",
    "bundle cleanup",
    "bundle metadata",
    "channel",
    "channel set",
    "channel list",
    "app",
    "app debug",
    "key create",
    "key save",
    "key show",
    "release",
    "release create",
    "release sign",
    "release inspect",
    "release check",
    "release publish",
    "release promote",
    "release rollout",
    "release rollback",
    "release pause",
    "release renew",
    "release list",
    "release verify",
    "release gc",
    "keyring",
    "keyring create",
    "keyring rotate",
    "keyring sign",
    "keyring inspect",
    "keyring check",
    "keyring publish",
    "device install",
    "device launch",
    "device run",
    "device started",
    "device confirm",
    "device expired",
    "device background",
    "device foreground",
    "device status",
    "device log",
    "device list",
    "device set",
    "device next",
    "device reset",
    "device delete",
    "device fail",
    "device failure",
    "device adopt",
    "device forget",
    "device clean",
    "device verify",
    "completions",
    "man",
];

#[test]
fn every_command_has_help_with_an_example() {
    let project = Project::empty();
    for command in COMMANDS {
        let run = project.run(&format!("{command} --help"));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(
            run.stdout.contains("Example")
                && run
                    .stdout
                    .contains(format!("\n  capbundle {command}").trim_end_matches(' ')),
            "{}",
            run.stdout
        );
        assert!(!run.stdout.contains('\u{1b}'));
    }
}

#[test]
fn help_documents_the_exit_codes() {
    let help = Project::empty().run("--help").stdout;
    assert!(
        help.contains("Exit codes") && help.contains("the message states the reason"),
        "{help}"
    );
}

#[test]
fn every_capgo_option_of_the_replaced_commands_is_accepted() {
    let project = Project::empty();
    for (command, options) in [
        (
            "bundle zip",
            "--path --bundle --name --json --no-code-check --ignore-notify-app-ready --key-v2 --package-json",
        ),
        ("bundle encrypt", "--key --key-data --json --package-json"),
        ("bundle decrypt", "--key --key-data --checksum --package-json"),
        (
            "bundle upload",
            "--apikey --path --channel --external --iv-session-key --encrypted-checksum --s3-endpoint --s3-region --s3-apikey \
             --s3-apisecret --s3-bucket-name --s3-port --no-s3-ssl --key-v2 --key-data-v2 --no-key --no-code-check \
             --ignore-notify-app-ready --display-iv-session --bundle --link --comment --min-update-version --timeout --zip \
             --package-json --version-exists-ok",
        ),
        ("key save", "--force --key --key-data --capacitor-config"),
        ("key create", "--force --capacitor-config"),
    ] {
        let help = project.run(&format!("{command} --help")).stdout;
        for option in options.split(' ') {
            assert!(
                help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")),
                "{command} {option}\n{help}"
            );
        }
    }
}

#[test]
fn a_wrong_command_line_is_reported_as_json() {
    let project = Project::empty();
    project.run("bundle zip --json --frobnicate").fails("unknown_option", 2);
    project.run("bundle frobnicate --json").fails("unknown_command", 2);
    project.run("bundle encrypt --json").fails("missing_argument", 2);
    project.run("bundle verify a.zip -j").fails("missing_argument", 2);
    project
        .run("bundle inspect a.zip --top many --json")
        .fails("invalid_argument", 2);
    project
        .run("key create --bits 1024 --json")
        .fails("invalid_argument", 2);
    project
        .run("bundle zip --threads 0 --json")
        .fails("invalid_argument", 2);
}

#[test]
fn a_wrong_command_line_is_explained_on_standard_error() {
    let project = Project::empty();
    for line in ["", "bundle", "key", "bundle zip --frobnicate", "frobnicate"] {
        let run = project.run(line);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{line}");
        assert!(run.stderr.contains("Usage"), "{line}: {}", run.stderr);
    }
}

#[test]
fn a_long_option_can_be_joined_to_its_value() {
    let project = Project::new();
    assert_eq!(
        project.run("bundle zip --bundle=4.5.6 -p=www -j").document()["bundle"],
        "4.5.6"
    );
}

#[test]
fn completions_contain_the_commands_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = Project::empty().run(&format!("completions {shell}"));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(
            run.stdout.contains("encrypt") && run.stdout.contains("capbundle"),
            "{shell}"
        );
    }
}

#[test]
fn the_man_page_is_printed_and_all_pages_are_written() {
    let project = Project::empty();
    let run = project.run("man");
    assert!(
        run.stdout.contains(".TH capbundle 1") && run.stdout.contains("Exit codes"),
        "{}",
        run.stdout
    );
    project.run("man --to pages/man1").succeeds();
    for page in ["capbundle.1", "capbundle-bundle-zip.1", "capbundle-key-create.1"] {
        assert!(project.has(&format!("pages/man1/{page}")), "{page}");
    }
}

#[test]
fn the_example_app_packs_without_a_warning() {
    let app = concat!(env!("CARGO_MANIFEST_DIR"), "/../web-app");
    let project = Project::empty();
    let out = project.path("app.zip");
    let run = project.run_in(app, &["bundle", "zip", "--json", "--name", out.to_str().unwrap()]);
    let document = run.document();
    assert_eq!((&document["bundle"], &document["files"]), (&"1.0.0".into(), &5.into()));
    assert_eq!(document["warnings"], serde_json::json!([]));
}
