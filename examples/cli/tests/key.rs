//! `capbundle key create`, `save` and `show`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use serde_json::Value;

use crate::project::{Project, codes_of, text_of};

fn config_key(project: &Project) -> Value {
    let config: Value = serde_json::from_str(&project.text("capacitor.config.json")).unwrap();
    config["plugins"]["CapacitorUpdater"]["publicKey"].clone()
}

#[test]
fn create_writes_both_keys_and_the_config() {
    let project = Project::new();
    let document = project.run("key create --json").document();
    assert_eq!(
        (&document["bits"], &document["configUpdated"]),
        (&2048.into(), &true.into())
    );
    assert!(
        project
            .text(".capgo_key_v2")
            .starts_with("-----BEGIN RSA PRIVATE KEY-----\n")
    );
    assert!(
        project
            .text(".capgo_key_v2.pub")
            .starts_with("-----BEGIN RSA PUBLIC KEY-----\n")
    );
    assert_eq!(config_key(&project), project.text(".capgo_key_v2.pub").as_str());
    assert!(
        project
            .text(".capgo_key_v2.pub")
            .contains(&text_of(&document, "capgoKeyId"))
    );
    assert!(!project.text("capacitor.config.json").contains("extConfig"));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_private_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::new().with_keys();
    let mode = std::fs::metadata(project.path(".capgo_key_v2"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_rest_of_the_config_is_unchanged() {
    let before = "\u{feff}{\r\n\t\"webDir\" : \"www\",\r\n\t\"plugins\":{ \"B\":{}, \"CapacitorUpdater\":{\"z\":1.50} },\r\n\t\"appId\": \"a.b\"\r\n}";
    let project = Project::new().with("capacitor.config.json", before).with_keys();
    let after = project.text("capacitor.config.json");
    let quoted = serde_json::to_string(&project.text(".capgo_key_v2.pub")).unwrap();
    assert_eq!(after, before.replace("1.50", &format!("1.50,\"publicKey\": {quoted}")));
}

#[test]
fn an_existing_key_is_replaced_only_with_force() {
    let project = Project::new().with_keys();
    let before = (
        project.text(".capgo_key_v2"),
        project.text(".capgo_key_v2.pub"),
        project.text("capacitor.config.json"),
    );
    let message = project.run("key create --json").fails("key_exists", 1);
    assert!(message.contains("--force"), "{message}");
    std::fs::remove_file(project.path(".capgo_key_v2")).unwrap();
    project.run("key create --json").fails("key_exists", 1);
    assert!(!project.has(".capgo_key_v2"));
    assert_eq!(
        (
            &project.text(".capgo_key_v2.pub"),
            &project.text("capacitor.config.json")
        ),
        (&before.1, &before.2)
    );
    let document = project.run("key create -f --json").document();
    assert_eq!(codes_of(&document["warnings"]), ["key_replaced", "public_key_replaced"]);
    assert_ne!(project.text(".capgo_key_v2"), before.0);
    assert_eq!(config_key(&project), project.text(".capgo_key_v2.pub").as_str());
}

#[test]
fn no_key_is_written_if_the_config_cannot_be() {
    let project = Project::new().with("capacitor.config.json", "{ broken");
    project.run("key create --json").fails("invalid_config", 1);
    project
        .run("key create --json --capacitor-config nowhere.json")
        .fails("not_found", 1);
    assert!(!project.has(".capgo_key_v2") && !project.has(".capgo_key_v2.pub"));
}

#[test]
fn a_program_is_not_edited_and_the_lines_to_paste_are_printed() {
    let config = "export default { appId: 'a.b', webDir: 'www' };\n";
    let project = Project::new()
        .without("capacitor.config.json")
        .with("capacitor.config.ts", config);
    let run = project.run("key create --json");
    assert!(
        run.stderr.contains("publicKey: '-----BEGIN RSA PUBLIC KEY-----\\nMII"),
        "{}",
        run.stderr
    );
    let document = run.document();
    assert_eq!(
        (&document["configUpdated"], codes_of(&document["warnings"])),
        (&false.into(), vec!["config_not_edited"])
    );
    assert_eq!(project.text("capacitor.config.ts"), config);
    // An app built now would not have the key, so `save` must fail.
    let message = project.run("key save --json").fails("config_not_edited", 1);
    assert!(message.contains("publicKey: '"), "{message}");
    let pasted = format!(
        "export default {{\n  appId: 'a.b',\n  webDir: 'www',\n{}\n}};\n",
        text_of(&document, "paste")
    );
    project.write("capacitor.config.ts", pasted);
    let saved = project.run("key save --json").document();
    assert_eq!(saved["configUpdated"], false);
    assert_eq!(
        project.run("key show --json").document()["keys"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn keys_are_created_without_a_capacitor_project() {
    let project = Project::empty();
    let document = project.run("key create --json").document();
    assert_eq!(
        (&document["config"], codes_of(&document["warnings"])),
        (&Value::Null, vec!["config_not_found"])
    );
    assert_eq!(project.names(), [".capgo_key_v2", ".capgo_key_v2.pub"]);
    project.run("key save --json").fails("config_not_found", 1);
}

#[test]
fn save_installs_a_public_key_from_a_file_or_text() {
    let other = Project::empty().with_keys_here();
    let pem = other.text(".capgo_key_v2.pub");
    let project = Project::new().with("other.pub", pem.replace('\n', "\r\n"));
    assert_eq!(
        project.run("key save --json --key other.pub").document()["configUpdated"],
        true
    );
    assert_eq!(config_key(&project), pem.as_str());
    let written_out = pem.trim_end().replace('\n', "\\n");
    let again = project
        .run_args(&["key", "save", "--json", "--key-data", &written_out])
        .document();
    assert_eq!(codes_of(&again["warnings"]), Vec::<&str>::new());
    let another = Project::empty().with_keys_here().text(".capgo_key_v2.pub");
    let replaced = project
        .run_args(&["key", "save", "-f", "--json", "--key-data", &another])
        .document();
    assert_eq!(codes_of(&replaced["warnings"]), ["public_key_replaced"]);
}

#[test]
fn save_rejects_a_private_key_with_the_reason() {
    let project = Project::new().with_keys();
    let before = project.text("capacitor.config.json");
    let message = project
        .run("key save --json --key .capgo_key_v2")
        .fails("invalid_public_key", 1);
    assert!(message.contains("private key"), "{message}");
    project
        .run("key save --json --key nowhere.pub")
        .fails("missing_public_key", 1);
    assert_eq!(project.text("capacitor.config.json"), before);
}

#[test]
fn save_removes_an_old_private_key_from_the_config() {
    let project = Project::new().with_keys();
    let config = project
        .text("capacitor.config.json")
        .replace("\"publicKey\"", "\"privateKey\": \"old\",\n      \"publicKey\"");
    project.write("capacitor.config.json", config);
    let document = project.run("key save --json").document();
    assert_eq!(codes_of(&document["warnings"]), ["private_key_removed"]);
    assert!(!project.text("capacitor.config.json").contains("privateKey"));
}

#[test]
fn the_selected_config_is_updated() {
    let project = Project::new().with("apps/one/capacitor.config.json", "{}");
    let before = project.text("capacitor.config.json");
    project
        .run("key create --capacitor-config apps/one/capacitor.config.json")
        .succeeds();
    assert_eq!(project.text("capacitor.config.json"), before);
    assert!(
        project
            .text("apps/one/capacitor.config.json")
            .contains("BEGIN RSA PUBLIC KEY")
    );
}

#[cfg(unix)]
#[test]
fn a_symlinked_config_keeps_its_link_and_mode() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let project = Project::new()
        .without("capacitor.config.json")
        .with("shared/config.json", "{}");
    let shared = project.path("shared/config.json");
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&shared, project.path("capacitor.config.json")).unwrap();
    project.run("key create").succeeds();
    assert!(
        std::fs::symlink_metadata(project.path("capacitor.config.json"))
            .unwrap()
            .is_symlink()
    );
    assert!(project.text("shared/config.json").contains("publicKey"));
    assert_eq!(std::fs::metadata(&shared).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn show_lists_the_keys_and_warns_about_mismatches() {
    let project = Project::new();
    project.run("key show --json").fails("missing_key", 1);
    let project = project.with_keys();
    let document = project.run("key show --json").document();
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    assert!(
        keys.iter()
            .all(|key| key["keyId"] == keys[0]["keyId"] && key["bits"] == 2048)
    );
    assert_eq!(document["warnings"], serde_json::json!([]));
    let other = Project::empty().with_keys_here();
    project.write(".capgo_key_v2.pub", other.text(".capgo_key_v2.pub"));
    let document = project.run("key show --json").document();
    assert_eq!(codes_of(&document["warnings"]), ["key_mismatch"]);
    let run = project.run("key show");
    assert!(
        run.stdout.contains("2048 bits") && !run.stdout.contains("BEGIN"),
        "{}",
        run.stdout
    );
}

#[test]
fn show_lists_the_key_files_with_an_unreadable_config() {
    let project = Project::new()
        .with_keys()
        .with("capacitor.config.ts", "export default { plugins: load() }");
    let document = project.run("key show --json").document();
    assert_eq!(document["keys"].as_array().unwrap().len(), 2);
    assert_eq!(codes_of(&document["warnings"]), ["unreadable_config"]);
}

impl Project {
    /// With a key pair, in a folder that is not a Capacitor project.
    fn with_keys_here(self) -> Self {
        assert_eq!(self.run("key create").code, 0);
        self
    }
}
