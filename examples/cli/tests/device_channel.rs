//! `capbundle device install-release` and `update`: a simulated phone installs published releases over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use capbundle::keys::{ContentKey, KeyBits, Overwrite};
use serde_json::{Value, json};

use crate::phone::Phone;
use crate::project::{Run, text_of};
use crate::web::Web;

const SIGNED: &str = "--key .capgo_key_v2";
const BROUGHT: &str = "--keys 1.json --content-key .capbundle_content_key";

/// A publisher, its site, and a phone that reads it.
struct World {
    phone: Phone,
    web: Web,
}

impl World {
    fn new() -> Self {
        let phone = Phone::new();
        let project = &phone.project;
        project.run("key create").succeeds();
        let key = ContentKey::generate(KeyBits::B2048).unwrap();
        key.write(&project.path(".capbundle_content_key"), Overwrite::Never)
            .unwrap();
        let public = project.path(".capbundle_content_key.pub");
        key.public().write(&public, Overwrite::Never).unwrap();
        project
            .run(&format!("keyring create {SIGNED} --to 1.json --json"))
            .document();
        project.run("keyring publish 1.json --to site --json").document();
        let web = Web::serving(&project.path("site"));
        Self { phone, web }
    }

    fn publish(&self, version: &str, more: &str) -> Value {
        let project = &self.phone.project;
        project.write("www/version.txt", version);
        let line = format!("release publish {SIGNED} --bundle {version} {more} --to site --json");
        project.run(&line).document()
    }

    fn try_update(&self, more: &str) -> Run {
        let url = self.web.url();
        let line = format!("update --channel-url {url}/channels/production.json {BROUGHT} {more}");
        self.phone.run(&line)
    }

    fn update(&self, more: &str) -> Value {
        self.try_update(more).document()
    }

    /// Replaces a file of the site by another file of the site.
    fn copy(&self, from: &str, to: &str) {
        let bytes = self.phone.project.read(&format!("site/{from}"));
        self.phone.project.write(&format!("site/{to}"), bytes);
    }
}

#[test]
fn a_phone_installs_and_serves_the_release_of_a_channel() {
    let world = World::new();
    world.publish("1.0.0", "");

    let updated = world.update("");

    assert_eq!(
        (&updated["outcome"], &updated["sequence"]),
        (&json!("installed"), &json!(1))
    );
    assert_eq!(updated["bundle"]["status"], "next");
    assert_eq!(world.update("")["outcome"], "up_to_date");
    assert_eq!(world.phone.launch()["version"], "1.0.0");
    // The same with the URL of the site and the name of the channel.
    let line = format!("update --site {} --channel production {BROUGHT}", world.web.url());
    assert_eq!(world.phone.call(&line)["outcome"], "up_to_date");
}

#[test]
fn accepted_releases_are_kept_between_calls() {
    let world = World::new();
    world.publish("1.0.0", "");
    world.copy("channels/production.json", "old-channel.json");
    world.update("");
    world.publish("1.1.0", "");
    world.update("");
    // An attacker restores the old channel file, then the old release under the new sequence.
    world.copy("channels/production.json", "new-channel.json");
    world.copy("old-channel.json", "channels/production.json");
    let older = world.update("");
    assert_eq!(
        (&older["outcome"], &older["offered"], &older["known"]),
        (&json!("older"), &json!(1), &json!(2))
    );
    world.copy("new-channel.json", "channels/production.json");
    world.copy("releases/production/1.json", "releases/production/2.json");
    let message = world.try_update("").fails("replayed", 1);
    assert!(message.contains("stable release 2"), "{message}");
    assert_eq!(world.phone.launch()["version"], "1.1.0");
}

#[test]
fn a_rejected_ring_is_reported_and_does_not_prevent_an_update() {
    let world = World::new();
    world.publish("1.0.0", "");
    assert_eq!(world.update("")["ringProblem"], Value::Null);
    world.publish("1.1.0", "");
    world.copy("keys/1.json", "keys/2.json");
    let updated = world.update("");
    assert_eq!(
        (&updated["outcome"], &updated["ring"], &updated["ringProblem"]["code"]),
        (&json!("installed"), &json!(1), &json!("wrong_number"))
    );
}

#[test]
fn a_candidate_is_only_for_devices_in_its_rollout() {
    let world = World::new();
    world.publish("1.0.0", "");
    world.publish("1.1.0", "--candidate 50%");
    let mut inside = 0;
    for number in 0..12 {
        let updated = world.update(&format!("--device-id phone-{number} --store phone-{number}"));
        let is_inside = updated["rollout"]["inside"] == true;
        let version = text_of(&updated["bundle"], "version");
        assert_eq!(version, if is_inside { "1.1.0" } else { "1.0.0" }, "{updated}");
        assert_eq!(updated["rollout"]["bucket"].as_u64().unwrap() < 5_000, is_inside);
        inside += usize::from(is_inside);
    }
    // The probability that twelve devices are all inside or all outside is 1 in 2048.
    assert!((1..12).contains(&inside), "{inside}");
}

#[test]
fn a_release_is_installed_from_local_files() {
    let world = World::new();
    world.publish("1.0.0", "");
    let names = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(world.phone.project.path(&format!("site/{folder}"))).unwrap();
        entries
            .map(|entry| format!("site/{folder}/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect()
    };
    let line = |channel: &str| {
        format!(
            "install-release site/releases/production/1.json --archive {} --files {} --channel {channel} {BROUGHT} --next",
            names("archives")[0],
            names("files")[0]
        )
    };
    world.phone.run(&line("beta")).fails("wrong_channel", 1);
    world
        .phone
        .run(&format!("{} --built-in-sequence 1", line("production")))
        .fails("built_in_is_newer", 1);
    let installed = world.phone.call(&line("production"));
    assert_eq!((&installed["sequence"], &installed["next"]), (&json!(1), &json!(true)));
    assert_eq!(world.phone.launch()["version"], "1.0.0");
    // An update from the app store contains the same release or a newer one.
    let launch = world.phone.call("launch --built-in-sequence 1");
    assert_eq!(
        (&launch["bundle"], &launch["reason"]),
        (&json!("builtin"), &json!("built_in_is_newer"))
    );
}

#[test]
fn a_phone_goes_back_to_the_built_in_bundle() {
    let world = World::new();
    world.publish("1.0.0", "");
    world.update("");
    world.phone.launch();
    world.phone.call("started");
    world.phone.call("confirm");
    world
        .phone
        .project
        .run("release rollback --built-in --key .capgo_key_v2 --to site --json")
        .document();

    let taken = world.update("");

    assert_eq!(
        (&taken["outcome"], &taken["sequence"]),
        (&json!("built_in_next"), &json!(2))
    );
    assert_eq!(world.phone.launch()["bundle"], "builtin");
    assert_eq!(world.update("")["outcome"], "built_in_up_to_date");
    // The same with the release file.
    let line = format!("install-release site/releases/production/2.json --channel production {BROUGHT}");
    let accepted = world.phone.call(&line);
    assert_eq!((&accepted["next"], &accepted["sequence"]), (&json!(false), &json!(2)));
    let line = format!("install-release site/releases/production/1.json --channel production {BROUGHT}");
    world.phone.run(&line).fails("replayed", 1);
}

#[test]
fn a_url_that_is_not_a_channel_is_rejected() {
    let world = World::new();
    let line = format!("update --channel-url {}/production.json {BROUGHT}", world.web.url());
    world.phone.run(&line).fails("invalid_input", 1);
    let line = format!("update --site {} {BROUGHT}", world.web.url());
    assert_eq!(world.phone.run(&line).code, 2);
    world.try_update("").fails("server", 1);
}
