//! `capbundle release publish …` to a folder and a bucket, and `release verify` over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use serde_json::Value;

use crate::project::{Project, codes_of, text_of};
use crate::publishing::{BUCKET, KEY, REGION, SECRET, Store, with};
use crate::web::Web;

const SIGNED: &str = "--key .capgo_key_v2";

/// A project with keys and the first ring on the site.
fn project(to: &str, options: &[String]) -> Project {
    let project = Project::new().with_keys();
    project
        .run(&format!("keyring create {SIGNED} --to 1.json --json"))
        .document();
    with(
        &project,
        &format!("keyring publish 1.json --to {to} --json"),
        &[options],
    )
    .document();
    project
}

fn on_folder() -> Project {
    project("site", &[])
}

fn run(project: &Project, line: &str) -> Value {
    project.run(&format!("release {line} --to site --json")).document()
}

fn publish(project: &Project, version: &str, more: &str) -> Value {
    project.write("www/version.txt", version);
    run(project, &format!("publish {SIGNED} --bundle {version} {more}"))
}

#[test]
fn a_release_is_published_rolled_out_promoted_and_rolled_back() {
    let project = on_folder();
    let first = publish(&project, "1.0.0", "");
    assert_eq!((&first["stable"], &first["changed"]), (&1.into(), &true.into()));
    let second = publish(&project, "1.1.0", "--candidate 5% --comment new");
    assert_eq!(second["candidate"]["rolloutBps"], 500);
    assert_eq!(run(&project, "rollout 25%")["candidate"]["rolloutBps"], 2500);
    let lower = project
        .run("release rollout 1% --to site --json")
        .fails("invalid_input", 1);
    assert!(lower.contains("--lower"), "{lower}");
    assert_eq!(run(&project, "promote")["stable"], 2);
    assert_eq!(run(&project, &format!("rollback {SIGNED} --sequence 1"))["stable"], 3);
    publish(&project, "1.2.0", "--candidate 1");
    assert_eq!(run(&project, "pause")["candidate"], Value::Null);
    let renewed = run(&project, &format!("renew {SIGNED} --expires-in 200d"));
    assert_eq!(renewed["stable"], 5);
    let list = run(&project, "list");
    let sequences: Vec<_> = list["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["sequence"].clone())
        .collect();
    assert_eq!(sequences, [5, 4, 3, 2, 1]);
    assert_eq!(list["releases"][0]["version"], "1.0.0");
    assert_eq!(list["releases"][3]["comment"], "new");
    assert_eq!(list["channels"][0]["stable"], 5);
}

#[test]
fn the_list_is_printed_as_a_table() {
    let project = on_folder();
    publish(&project, "1.0.0", "--expires-in 100h");
    let shown = project.run("release list --to site").stdout;
    assert!(
        shown.starts_with("CHANNEL     SEQUENCE  VERSION  OFFERED TO  EXPIRES"),
        "{shown}"
    );
    assert!(
        shown.contains("production  1         1.0.0    all         in 4 d"),
        "{shown}"
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let project = on_folder();
    let before = crate::project::tree(&project.path("site"));
    let dry = publish(&project, "1.0.0", "--dry-run");
    assert_eq!((&dry["changed"], &dry["stable"]), (&false.into(), &1.into()));
    assert_eq!(dry["steps"].as_array().unwrap().len(), 4);
    assert_eq!(crate::project::tree(&project.path("site")), before);
}

#[test]
fn publishing_again_changes_nothing() {
    let project = on_folder();
    publish(&project, "1.0.0", "");
    let again = publish(&project, "1.0.0", "");
    assert_eq!((&again["changed"], &again["stable"]), (&false.into(), &1.into()));
    assert!(codes_of(&again["notes"]).contains(&"already_done"));
}

#[test]
fn the_archive_is_sealed_if_there_is_a_content_key() {
    let project = on_folder();
    project.run("key create --content --json").document();
    publish(&project, "1.0.0", "");
    let list = run(&project, "list");
    assert_eq!(list["releases"][0]["sealed"], true);
    publish(&project, "1.1.0", "--plain");
    assert_eq!(run(&project, "list")["releases"][0]["sealed"], false);
    let web = Web::serving(&project.path("site"));
    let line = format!(
        "release verify {} --ring 1.json --full --content-key .capbundle_content_key --json",
        web.url()
    );
    assert_eq!(project.run(&line).document()["releases"][0]["sequence"], 2);
}

#[test]
fn a_release_signed_elsewhere_is_published() {
    let project = on_folder();
    let (zip, _) = project.zipped();
    let create =
        format!("release create --archive {zip} --bundle 1.2.3 --channel production --sequence 9 {SIGNED} --json");
    project.run(&create).document();
    let published = run(
        &project,
        &format!("publish --signed release.json --files files.json --zip {zip}"),
    );
    assert_eq!(published["stable"], 9);
    let line =
        format!("release publish --signed release.json --files files.json --zip {zip} --bundle 2.0.0 --to site --json");
    project.run(&line).fails("conflicting_arguments", 2);
}

#[test]
fn the_first_release_is_rolled_back_to_the_built_in_bundle() {
    let project = on_folder();
    let none = format!("release rollback --built-in {SIGNED} --to site --json");
    project.run(&none).fails("channel_not_found", 1);
    publish(&project, "1.0.0", "");
    let unclear = project
        .run(&format!("release rollback {SIGNED} --to site --json"))
        .fails("invalid_input", 1);
    assert!(unclear.contains("built-in bundle"), "{unclear}");

    let back = run(&project, &format!("rollback --built-in --comment white {SIGNED}"));

    assert_eq!(
        (&back["stable"], &back["sequences"]),
        (&2.into(), &serde_json::json!([2]))
    );
    let again = run(&project, &format!("rollback --built-in --comment white {SIGNED}"));
    assert_eq!((&again["changed"], &again["stable"]), (&false.into(), &2.into()));
    let listed = &run(&project, "list")["releases"];
    let newest = &listed[0];
    assert_eq!(
        (&newest["builtIn"], &newest["version"]),
        (&true.into(), &"builtin".into())
    );
    assert_eq!((&newest["checksum"], &newest["size"]), (&Value::Null, &Value::Null));
    assert_eq!(
        (&newest["sealed"], &newest["comment"]),
        (&false.into(), &"white".into())
    );
    assert_eq!(
        (&listed[1]["builtIn"], &listed[1]["stable"]),
        (&false.into(), &false.into())
    );
    let table = project.run("release list --to site").stdout;
    assert!(table.contains("(built-in)"), "{table}");
    let shown = project
        .run("release inspect site/releases/production/2.json --json")
        .document();
    assert_eq!((&shown["builtIn"], &shown["checksum"]), (&true.into(), &Value::Null));
    assert_eq!(shown["critical"], serde_json::json!(["built_in"]));
    let words = project.run("release inspect site/releases/production/2.json");
    assert!(
        words.stdout.contains("bundle inside the native app"),
        "{}",
        words.stdout
    );

    let web = Web::serving(&project.path("site"));
    let verified = project
        .run(&format!("release verify {} --ring 1.json --full --json", web.url()))
        .document();
    assert_eq!(verified["releases"][0]["builtIn"], true);
    // Renew it, then publish a bundle again.
    assert_eq!(run(&project, &format!("renew --expires-in 200d {SIGNED}"))["stable"], 3);
    assert_eq!(publish(&project, "1.0.1", "")["stable"], 4);
}

#[test]
fn a_rollback_to_the_built_in_bundle_can_be_signed_elsewhere() {
    let project = on_folder();
    publish(&project, "1.0.0", "");
    let made = project
        .run("release create --built-in --channel production --sequence 2 --native-min 3.0 --to back.json --json")
        .document();
    assert_eq!((&made["builtIn"], &made["filesFilename"]), (&true.into(), &Value::Null));
    assert!(!project.path("files.json").exists());
    let both = project.run("release create --built-in --archive app.zip --channel production --sequence 2");
    assert_eq!(both.code, 2);
    project.run(&format!("release sign back.json {SIGNED}")).succeeds();
    let check = project
        .run("release check back.json --ring 1.json --channel production --native-version 3.1 --json")
        .document();
    assert_eq!(check["builtIn"], true);
    let part = run(&project, "publish --signed back.json --candidate 5%");
    assert_eq!(part["candidate"]["sequence"], 2);
    assert_eq!(run(&project, "promote")["stable"], 2);
    let alone = project.run("release publish --signed back.json --files back.json --to site --json");
    alone.fails("missing_argument", 2);
}

#[test]
fn a_key_that_devices_do_not_trust_cannot_sign() {
    let project = on_folder();
    let other = Project::new().with_keys();
    project.write("other.key", other.read(".capgo_key_v2"));
    let refused = project
        .run("release publish --to site --key other.key --json")
        .fails("key_invalid", 1);
    assert!(refused.contains("not in ring 1"), "{refused}");
    assert!(!project.has("site/releases"));
    project.run("release publish --to site --json").fails("missing_key", 1);
}

#[test]
fn invalid_site_locations_are_rejected() {
    let project = Project::new();
    project
        .run("release pause --to https://example.com/app --json")
        .fails("invalid_argument", 2);
    project
        .run("release pause --to site --s3-region eu --json")
        .fails("conflicting_arguments", 2);
    project
        .run("release pause --to s3://bucket --s3-apikey k --json")
        .fails("missing_argument", 2);
    project
        .run("release pause --to site --channel .hidden --json")
        .fails("invalid_channel", 2);
    project
        .run("release rollout 101% --to site --json")
        .fails("invalid_argument", 2);
}

#[test]
fn verify_reports_valid_warning_and_broken_by_its_exit_code() {
    let project = on_folder();
    publish(&project, "1.0.0", "--expires-in 30d");
    let web = Web::serving(&project.path("site"));
    let verify = |more: &str| project.run(&format!("release verify {} --ring 1.json {more} --json", web.url()));
    let sound = verify("--full").document();
    assert_eq!(
        (&sound["ring"], &sound["releases"][0]["version"]),
        (&1.into(), &"1.0.0".into())
    );
    let by_channel = format!(
        "release verify {}/channels/production.json --ring 1.json --json",
        web.url()
    );
    project.run(&by_channel).document();
    verify("--expires-within 60d").fails("expires_soon", 4);
    verify("--channel beta").fails("not_found", 3);

    let archive = std::fs::read_dir(project.path("site/archives"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(&archive, b"short").unwrap();
    let broken = verify("");
    let document: Value = serde_json::from_str(&broken.stdout).unwrap();
    assert_eq!((broken.code, &document["error"]), (3, &"archive_differs".into()));
    assert_eq!(document["findings"][0]["severity"], "error");
    drop(web);
}

#[test]
fn an_unreachable_site_is_not_reported_as_broken() {
    let project = on_folder();
    let gone = Web::serving(&project.path("site")).url();
    project
        .run(&format!("release verify {gone} --json"))
        .fails("network", 1);
}

#[test]
fn patches_are_made_and_the_sizes_of_all_ways_are_shown() {
    let project = on_folder();
    assert_eq!(publish(&project, "1.0.0", "")["downloads"], Value::Array(Vec::new()));
    let plain = &publish(&project, "1.1.0", "")["downloads"][0];
    assert_eq!(plain["from"], 1);
    assert!(plain["patch"].as_u64() < plain["ranges"].as_u64(), "{plain}");
    let none = publish(&project, "1.2.0", "--patches 0");
    assert_eq!(none["downloads"], Value::Array(Vec::new()));

    project.run("key create --content --json").document();
    publish(&project, "1.3.0", "--previous cache");
    let without = publish(&project, "1.4.0", "--patches 1");
    assert_eq!(without["downloads"][0]["noPatch"], "not_at_hand");
    assert!(codes_of(&without["notes"]).contains(&"no_patch"), "{without}");
    for options in ["--patches 2 --previous cache", "--content-key .capbundle_content_key"] {
        let version = if options.contains("cache") { "1.5.0" } else { "1.6.0" };
        let sealed = publish(&project, version, options);
        let from_cache = sealed["downloads"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["from"] == 4);
        assert!(
            from_cache.unwrap()["noPatch"].as_str() != Some("not_at_hand"),
            "{sealed}"
        );
    }
}

#[test]
fn unreferenced_files_are_removed_after_the_grace_period() {
    let project = on_folder();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        publish(&project, version, "");
    }
    let gc = |more: &str| {
        project
            .run(&format!("release gc --to site --keep 1 {more} --json"))
            .document()
    };
    assert_eq!(gc("")["removed"].as_array().unwrap().len(), 0);
    let would = gc("--grace 0s --dry-run");
    let done = gc("--grace 0s");
    assert_eq!(would["removed"], done["removed"]);
    assert_eq!(done["removed"].as_array().unwrap().len(), 7);
    project.write("site/channels/beta.json", "not a channel file");
    project
        .run("release gc --to site --keep 0 --grace 0s --json")
        .fails("malformed", 1);
}

#[test]
fn a_site_in_a_bucket_works_like_a_folder() {
    let store = Store::start();
    let options: Vec<String> = {
        let endpoint = format!("http://{}", store.address);
        let options = [
            ("--s3-region", REGION),
            ("--s3-apikey", KEY),
            ("--s3-apisecret", SECRET),
            ("--s3-endpoint", endpoint.as_str()),
        ];
        options
            .iter()
            .flat_map(|(option, value)| [*option, *value])
            .map(str::to_owned)
            .collect()
    };
    let to = format!("s3://{BUCKET}/app");
    let project = project(&to, &options);
    let act = |line: &str| with(&project, &format!("release {line} --to {to} --json"), &[&options]).document();
    assert_eq!(act(&format!("publish {SIGNED}"))["stable"], 1);
    project.write("www/more.txt", "more");
    let candidate = act(&format!("publish {SIGNED} --bundle 1.3.0 --candidate 10%"));
    assert!(
        !codes_of(&candidate["notes"]).contains(&"preconditions_unsupported"),
        "{candidate}"
    );
    assert_eq!(act("promote")["stable"], 2);
    assert_eq!(act(&format!("rollback {SIGNED} --sequence 1"))["stable"], 3);
    assert_eq!(act("gc --grace 0s --keep 0")["removed"].as_array().unwrap().len(), 5);
    let mut kinds: Vec<String> = store.keys();
    kinds.retain(|key| !key.contains("metadata"));
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    assert_eq!(text_of(&act("list"), "site"), to);
}
