//! Commands fail if the site, channel or app does not exist: a typo must not look like a successful rollback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use crate::project::Project;
use crate::publishing::Updates;

/// All commands that need an existing site; `SIGN` stands for the signing options.
const ON_SITES: [&str; 7] = [
    "release list",
    "release promote",
    "release rollout 50%",
    "release pause",
    "release rollback --sequence 1 SIGN",
    "release renew SIGN",
    "release gc",
];

fn run_on(project: &Project, command: &str, more: &str) -> crate::project::Run {
    let command = command.replace("SIGN", "--key .capgo_key_v2");
    project.run(&format!("{command} {more} --json"))
}

#[test]
fn a_missing_site_is_an_error_and_is_not_created() {
    let project = Project::new().with_keys();
    for command in ON_SITES {
        for more in ["--to ./nope", "--to NOSUCHSITE"] {
            run_on(&project, command, more).fails("site_not_found", 1);
        }
        if !command.contains("list") {
            run_on(&project, command, "--to ./nope --dry-run").fails("site_not_found", 1);
        }
    }
    assert!(!project.has("nope") && !project.has("NOSUCHSITE"));
}

#[test]
fn a_missing_channel_is_an_error_that_lists_the_existing_ones() {
    let project = Project::new().with_keys();
    project.run("keyring create --key .capgo_key_v2 --to 1.json").succeeds();
    project.run("keyring publish 1.json --to site").succeeds();
    project.run("release publish --to site --key .capgo_key_v2").succeeds();
    let before = crate::project::tree(&project.path("site"));
    for command in ON_SITES.iter().filter(|command| !command.contains("gc")) {
        let message = run_on(&project, command, "--to site --channel prodution").fails("channel_not_found", 1);
        assert!(message.contains("it has production"), "{command}: {message}");
    }
    assert_eq!(crate::project::tree(&project.path("site")), before);
}

#[test]
fn an_unknown_app_is_an_error() {
    let (updates, project) = (Updates::start(), Project::new());
    updates.run(&project, "bundle upload").succeeds();
    for command in [
        "bundle cleanup com.example.typo --keep 3",
        "bundle cleanup com.example.typo --older-than 90d",
        "bundle delete --yes-delete-all com.example.typo",
        "channel set production com.example.typo --bundle 1.2.3",
    ] {
        let run = updates.run(&project, &format!("{command} --json"));
        assert_eq!(run.code, 1, "{command}: {}{}", run.stdout, run.stderr);
    }
    assert_eq!(updates.versions(&project), ["1.2.3"]);
}

#[test]
fn the_app_id_of_a_ring_is_the_default() {
    let project = Project::new().with_keys();
    project.run("keyring create --key .capgo_key_v2 --to 1.json").succeeds();
    let project = project.without("capacitor.config.json");
    let document = project.run("keyring publish 1.json --to site --json").document();
    assert_eq!(document["appId"], "com.example.app");
    project
        .run("keyring publish 1.json --to site --app-id com.example.other --json")
        .fails("conflicting_arguments", 2);
    // Commands that check a site use the app id of the ring too.
    let message = project
        .run("release verify https://127.0.0.1:9 --ring 1.json --timeout 2 --json")
        .stdout;
    assert!(!message.contains("app id"), "{message}");
}

#[test]
fn a_value_for_json_is_rejected_as_json() {
    let project = Project::new();
    for line in ["release list --to site --json=true", "bundle list --json=1"] {
        let message = project.run(line).fails("invalid_argument", 2);
        assert!(message.contains("--json"), "{message}");
    }
}

#[test]
fn an_app_id_that_looks_like_an_option_is_rejected() {
    let project = Project::new();
    project.run("bundle zip --json -- -x").fails("invalid_app_id", 2);
    project
        .run("release list --to site --app-id=-x --json")
        .fails("invalid_app_id", 2);
}

#[test]
fn an_app_id_without_a_reverse_domain_is_a_warning_and_an_error_for_releases() {
    let (updates, project) = (Updates::start(), Project::new().with_keys());
    let run = project.run("bundle zip app_123 --json");
    assert!(run.stderr.contains("not a reverse domain"), "{}", run.stderr);
    assert_eq!(run.document()["filename"], "app_123_1.2.3.zip");
    let run = updates.run(&project, "bundle list app_123 --json");
    assert!(run.stderr.contains("not a reverse domain"), "{}", run.stderr);
    let message = project
        .run("release publish --to site --app-id app_123 --key .capgo_key_v2 --json")
        .fails("invalid_app_id", 2);
    assert!(message.contains("reverse domain"), "{message}");
    project
        .run("keyring create app_123 --key .capgo_key_v2 --json")
        .fails("invalid_app_id", 2);
}

#[test]
fn a_channel_given_twice_is_set_once() {
    let (updates, project) = (Updates::start(), Project::new());
    updates.make_channel("com.example.app", "a");
    let document = updates.run(&project, "bundle upload -c a,a --json").document();
    assert_eq!(document["updatedChannels"], serde_json::json!(["a"]));
    let steps = document["steps"].as_array().unwrap();
    let sets = steps
        .iter()
        .filter(|step| step.as_str().unwrap().contains("set channel a"));
    assert_eq!(sets.count(), 1, "{document}");
}
