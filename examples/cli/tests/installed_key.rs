//! Bundles must be signed with the key of the app, which is in `capacitor.config`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use capbundle::keys::{KeyBits, SigningKey};
use serde_json::Value;

use crate::project::{Project, codes_of, text_of};
use crate::publishing::Updates;

/// Capgo's id of the public key in the config.
fn installed_id(project: &Project) -> String {
    let document = project.run("key show --json").document();
    let keys = document["keys"].as_array().unwrap();
    let of_config = keys
        .iter()
        .find(|key| key["origin"].as_str().unwrap().starts_with("publicKey"));
    text_of(of_config.unwrap(), "capgoKeyId")
}

/// A project with the private key of one pair and the public key of another in its config.
fn with_another_key() -> (Project, String, String) {
    let other = Project::new().with_keys();
    let project = Project::new().with_keys();
    let installed = installed_id(&project);
    let signs = installed_id(&other);
    project.write(".capgo_key_v2", other.read(".capgo_key_v2"));
    let project = project.without(".capgo_key_v2.pub");
    (project, signs, installed)
}

/// A project after `key create` with a config that is a program.
fn with_script() -> Project {
    Project::new()
        .without("capacitor.config.json")
        .with(
            "capacitor.config.ts",
            "export default { appId: 'com.example.app', webDir: 'www' }",
        )
        .with_keys()
}

#[test]
fn an_upload_signed_with_another_key_is_rejected_with_both_ids() {
    let (project, signs, installed) = with_another_key();
    let updates = Updates::start();
    updates.make_channel("com.example.app", "production");

    let message = updates
        .run(&project, "bundle upload --channel production --json")
        .fails("key_mismatch", 1);

    assert!(message.contains(&signs) && message.contains(&installed), "{message}");
    assert!(message.contains("--allow-other-key"), "{message}");
    assert!(updates.archives().is_empty());
    let document = updates
        .run(&project, "bundle upload --channel production --allow-other-key --json")
        .document();
    assert!(codes_of(&document["warnings"]).contains(&"key_mismatch"), "{document}");
}

#[test]
fn an_archive_encrypted_with_another_key_is_rejected() {
    let (project, ..) = with_another_key();
    let (zip, checksum) = project.zipped();
    let sealed = project
        .run(&format!("bundle encrypt {zip} {checksum} --allow-other-key --json"))
        .document();
    let session = text_of(&sealed, "ivSessionKey");
    let updates = Updates::start();
    updates
        .run(&project, &format!("bundle upload --iv-session-key {session} --json"))
        .fails("key_mismatch", 1);
}

#[test]
fn an_upload_for_an_app_without_a_key_is_rejected_with_the_lines_to_paste() {
    let project = with_script();
    let updates = Updates::start();

    let message = updates
        .run(&project, "bundle upload --json")
        .fails("missing_public_key", 1);

    assert!(message.contains("capacitor.config.ts"), "{message}");
    assert!(
        message.contains("publicKey: '-----BEGIN RSA PUBLIC KEY-----"),
        "{message}"
    );
    assert!(updates.archives().is_empty());
    let pasted = message.split_once("\n\n").unwrap().1;
    let config = format!("export default {{ appId: 'com.example.app', webDir: 'www',\n{pasted}\n}}");
    project.write("capacitor.config.ts", config);
    updates.run(&project, "bundle upload").succeeds();
}

#[test]
fn an_app_without_a_key_can_be_allowed() {
    let project = with_script();
    let updates = Updates::start();
    let document = updates
        .run(&project, "bundle upload --allow-other-key --json")
        .document();
    assert!(
        codes_of(&document["warnings"]).contains(&"missing_public_key"),
        "{document}"
    );
}

#[test]
fn without_a_config_of_the_app_the_key_check_is_a_warning() {
    let (project, ..) = with_another_key();
    let updates = Updates::start();
    let document = updates
        .run(&project, "bundle upload com.example.other --json")
        .document();
    assert!(
        codes_of(&document["warnings"]).contains(&"public_key_unknown"),
        "{document}"
    );
    let project = Project::new().without("capacitor.config.json").with_keys();
    let document = updates
        .run(&project, "bundle upload com.example.app --path www --json")
        .document();
    assert!(
        codes_of(&document["warnings"]).contains(&"public_key_unknown"),
        "{document}"
    );
}

#[test]
fn encrypting_rejects_another_key_and_warns_about_a_missing_one() {
    let (project, signs, installed) = with_another_key();
    let (zip, checksum) = project.zipped();
    let line = format!("bundle encrypt {zip} {checksum} --json");
    let message = project.run(&line).fails("key_mismatch", 1);
    assert!(message.contains(&signs) && message.contains(&installed), "{message}");
    assert!(!project.has(&format!("{zip}_encrypted.zip")));

    let project = with_script();
    let (zip, checksum) = project.zipped();
    let document = project
        .run(&format!("bundle encrypt {zip} {checksum} --json"))
        .document();
    assert!(
        codes_of(&document["warnings"]).contains(&"missing_public_key"),
        "{document}"
    );
}

#[test]
fn encrypting_without_a_config_works_as_documented() {
    let project = Project::new();
    let (zip, checksum) = project.zipped();
    let project = project.without("capacitor.config.json").with_keys();
    let document = project
        .run(&format!("bundle encrypt {zip} {checksum} --json"))
        .document();
    assert_eq!(document["warnings"], serde_json::json!([]));
}

/// Adds the public key of the private key to the config, after the one that is there.
fn install_both_keys(project: &Project) {
    let signing_key = SigningKey::from_pem(str::from_utf8(&project.read(".capgo_key_v2")).unwrap()).unwrap();
    let mut config: Value = serde_json::from_slice(&project.read("capacitor.config.json")).unwrap();
    let public_key = &mut config["plugins"]["CapacitorUpdater"]["publicKey"];
    *public_key = (public_key.as_str().unwrap().to_owned() + &signing_key.verifying_key().to_pem()).into();
    project.write("capacitor.config.json", config.to_string());
}

#[test]
fn every_key_of_the_config_is_shown_and_opens_what_it_signed() {
    let (project, signs, installed) = with_another_key();
    install_both_keys(&project);

    let shown = project.run("key show --json").document();
    let keys = shown["keys"].as_array().unwrap();
    let ids: Vec<_> = keys.iter().map(|key| text_of(key, "capgoKeyId")).collect();
    assert_eq!(ids, [signs.as_str(), installed.as_str(), signs.as_str()]);
    assert_eq!(shown["warnings"], serde_json::json!([]), "one of them is the own one");

    let sealed = project.encrypted();
    let (file, session) = (text_of(&sealed, "filename"), text_of(&sealed, "ivSessionKey"));
    let checksum = text_of(&sealed, "checksum");
    for proof in [format!("--checksum {checksum}"), "--unverified".to_owned()] {
        let line = format!("bundle decrypt {file} {session} {proof} --json");
        assert_eq!(
            project.run(&line).document()["verified"],
            proof.starts_with("--checksum")
        );
    }
}

#[test]
fn a_bundle_without_the_id_of_its_key_reaches_apps_whose_first_key_is_another_one() {
    let (project, ..) = with_another_key();
    install_both_keys(&project);
    let updates = Updates::start();
    updates.make_channel("com.example.app", "production");
    let upload = |more: &str| {
        let line = format!("bundle upload --channel production --json {more}");
        updates.run(&project, &line).document()
    };
    let url = format!("{}/updates", updates.server.url());
    let debug = format!("app debug --native-version 1.0.0 --update-url {url} --json");

    upload("--bundle 2.0.0");
    project.run(&debug).fails("key_id_mismatch", 1);

    upload("--bundle 3.0.0 --no-key-id");
    assert_eq!(project.run(&debug).document()["proof"], "capgo_signed");
}

#[test]
fn a_config_with_several_keys_accepts_a_bundle_that_one_of_them_signed() {
    let (project, signs, installed) = with_another_key();
    let (zip, checksum) = project.zipped();
    let line = format!("bundle encrypt {zip} {checksum} --json");
    project.run(&line).fails("key_mismatch", 1);

    install_both_keys(&project);
    project.run(&line).document();

    project.write(
        ".capgo_key_v2",
        SigningKey::generate(KeyBits::B2048)
            .unwrap()
            .to_pem()
            .unwrap()
            .as_bytes(),
    );
    let message = project.run(&line).fails("key_mismatch", 1);
    assert!(message.contains(&format!("{installed} or {signs}")), "{message}");
}
