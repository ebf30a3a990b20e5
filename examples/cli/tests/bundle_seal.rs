//! `capbundle bundle encrypt`, `decrypt` and `verify`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use serde_json::Value;

use crate::project::{Project, codes_of, text_of};

/// The arguments to decrypt the bundle described by `encrypted`.
fn decrypt<'a>(encrypted: &'a Value, more: &[&'a str]) -> Vec<&'a str> {
    let member = |name: &str| encrypted[name].as_str().unwrap();
    let mut arguments = vec![
        "bundle",
        "decrypt",
        "--json",
        member("filename"),
        member("ivSessionKey"),
    ];
    arguments.extend_from_slice(more);
    arguments
}

#[test]
fn an_encrypted_file_decrypts_to_the_same_bytes() {
    let project = Project::new().with_keys();
    let encrypted = project.encrypted();
    assert_eq!(encrypted["filename"], "com.example.app_1.2.3.zip_encrypted.zip");
    assert_eq!(text_of(&encrypted, "checksum").len(), 512);
    let checksum = text_of(&encrypted, "checksum");
    let decrypted = project
        .run_args(&decrypt(&encrypted, &["--checksum", &checksum]))
        .document();
    assert_eq!(decrypted["verified"], true);
    let result = text_of(&decrypted, "filename");
    assert_eq!(result, "com.example.app_1.2.3.zip_encrypted.zip_decrypted.zip");
    assert_eq!(project.read(&result), project.read("com.example.app_1.2.3.zip"));
    assert_eq!(text_of(&decrypted, "checksum"), project.zipped().1);
}

#[test]
fn decrypting_without_a_signed_checksum_requires_unverified() {
    let project = Project::new().with_keys();
    let encrypted = project.encrypted();
    let message = project.run_args(&decrypt(&encrypted, &[])).fails("not_trusted", 1);
    assert!(
        message.contains("--unverified") && message.contains("--checksum"),
        "{message}"
    );
    let plain = project.zipped().1;
    project
        .run_args(&decrypt(&encrypted, &["--checksum", &plain]))
        .fails("not_trusted", 1);
    assert!(!project.has("com.example.app_1.2.3.zip_encrypted.zip_decrypted.zip"));
    let document = project.run_args(&decrypt(&encrypted, &["--unverified"])).document();
    assert_eq!(document["verified"], false);
    assert_eq!(codes_of(&document["warnings"]), ["unverified"]);
    let checksum = text_of(&encrypted, "checksum");
    project
        .run_args(&decrypt(&encrypted, &["--unverified", "--checksum", &checksum]))
        .fails("conflicting_arguments", 2);
}

#[test]
fn a_changed_byte_is_rejected_and_leaves_no_file() {
    let project = Project::new().with_keys();
    let encrypted = project.encrypted();
    let file = text_of(&encrypted, "filename");
    let mut bytes = project.read(&file);
    bytes[40] ^= 1;
    project.write(&file, &bytes);
    let before = project.names();
    let checksum = text_of(&encrypted, "checksum");
    project
        .run_args(&decrypt(&encrypted, &["--checksum", &checksum]))
        .fails("digest_mismatch", 1);
    assert_eq!(project.names(), before);
}

#[test]
fn checks_run_in_capgos_order_with_capgos_codes() {
    let project = Project::new();
    let (zip, sha256) = project.zipped();
    let encrypt = |arguments: &str| project.run(&format!("bundle encrypt --json {arguments}"));
    encrypt("").fails("missing_argument", 2);
    encrypt(&zip).fails("missing_argument", 2);
    encrypt("nowhere.zip zzz").fails("invalid_checksum", 1);
    encrypt(&format!("nowhere.zip {sha256}")).fails("zip_not_found", 1);
    encrypt(&format!("{zip} {sha256}")).fails("missing_key", 1);
    encrypt(&format!("{zip} {sha256} --key nowhere")).fails("missing_key", 1);
    project.write("garbage", "garbage");
    encrypt(&format!("{zip} {sha256} --key garbage")).fails("invalid_private_key", 1);
    encrypt(&format!("{zip} {sha256} --key-data garbage")).fails("invalid_private_key", 1);
    encrypt(&format!("{zip} {sha256} --key a --key-data b")).fails("conflicting_arguments", 2);
    assert!(!project.has(&format!("{zip}_encrypted.zip")));
}

#[test]
fn the_checksum_must_be_the_sha256_of_the_file() {
    let project = Project::new().with_keys();
    let (zip, sha256) = project.zipped();
    let other = sha256.replace(&sha256[..1], if sha256.starts_with('0') { "1" } else { "0" });
    project
        .run(&format!("bundle encrypt {zip} {other} --json"))
        .fails("digest_mismatch", 1);
    let message = project
        .run(&format!("bundle encrypt {zip} deadbeef --json"))
        .fails("invalid_checksum", 1);
    assert!(message.contains("CRC-32") && message.contains("SHA-256"), "{message}");
    assert!(!project.has(&format!("{zip}_encrypted.zip")));
    let upper = sha256.to_uppercase();
    project.run(&format!("bundle encrypt {zip} {upper} --json")).document();
}

#[test]
fn a_swapped_key_is_explained() {
    let project = Project::new().with_keys();
    let (zip, sha256) = project.zipped();
    let message = project
        .run(&format!("bundle encrypt {zip} {sha256} --key .capgo_key_v2.pub --json"))
        .fails("invalid_private_key", 1);
    assert!(message.contains("public key"), "{message}");
    let encrypted = project.encrypted();
    let message = project
        .run_args(&decrypt(&encrypted, &["--unverified", "--key", ".capgo_key_v2"]))
        .fails("invalid_public_key", 1);
    assert!(message.contains("private key"), "{message}");
}

#[test]
fn key_data_may_have_escaped_or_windows_line_breaks() {
    let project = Project::new().with_keys();
    let (zip, sha256) = project.zipped();
    let pem = project.text(".capgo_key_v2");
    for data in [
        pem.clone(),
        pem.replace('\n', "\\n"),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\\r\\n"),
    ] {
        let document = project
            .run_args(&["bundle", "encrypt", &zip, &sha256, "--json", "--key-data", &data])
            .document();
        let checksum = text_of(&document, "checksum");
        let public = project.text(".capgo_key_v2.pub").replace('\n', "\\n");
        let more = ["--checksum", &checksum, "--key-data", &public];
        assert_eq!(
            project.run_args(&decrypt(&document, &more)).document()["verified"],
            true
        );
    }
}

#[test]
fn the_output_never_contains_key_material() {
    let project = Project::new().with_keys();
    let (zip, sha256) = project.zipped();
    let pem = project.text(".capgo_key_v2");
    let damaged = pem.replace("MIIE", "MIIX");
    for data in [&pem, &damaged] {
        let run = project.run_args(&["bundle", "encrypt", &zip, &sha256, "--json", "--key-data", data]);
        for line in pem.lines().filter(|line| !line.starts_with('-')) {
            assert!(!run.stdout.contains(line) && !run.stderr.contains(line));
        }
    }
}

#[test]
fn the_legacy_encoding_is_used_only_on_request() {
    let project = Project::new().with_keys();
    let (zip, sha256) = project.zipped();
    let legacy = project
        .run(&format!(
            "bundle encrypt {zip} {sha256} --json --checksum-form v2 --package-json x/package.json"
        ))
        .document();
    let checksum = text_of(&legacy, "checksum");
    assert!(checksum.ends_with('='), "{checksum}");
    let message = project
        .run_args(&decrypt(&legacy, &["--checksum", &checksum]))
        .fails("not_trusted", 1);
    assert!(message.contains("--checksum-form v2"), "{message}");
    let more = ["--checksum", &checksum, "--checksum-form", "v2"];
    assert_eq!(project.run_args(&decrypt(&legacy, &more)).document()["verified"], true);
}

#[test]
fn a_key_that_capgo_devices_cannot_use_is_a_warning() {
    let project = Project::new();
    let created = project.run("key create --bits 3072 --json").document();
    assert_eq!(codes_of(&created["warnings"]), ["key_too_large_for_capgo"]);
    let encrypted = project.encrypted();
    assert_eq!(codes_of(&encrypted["warnings"]), ["key_too_large_for_capgo"]);
    let checksum = text_of(&encrypted, "checksum");
    assert_eq!(checksum.len(), 768);
    assert_eq!(
        project
            .run_args(&decrypt(&encrypted, &["--checksum", &checksum]))
            .document()["verified"],
        true
    );
}

#[test]
fn the_public_key_is_from_the_option_else_the_file_else_the_config() {
    let project = Project::new().with_keys();
    let encrypted = project.encrypted();
    let checksum = text_of(&encrypted, "checksum");
    let run = project.run_args(&decrypt(&encrypted, &["--checksum", &checksum]));
    assert!(run.stderr.contains("from .capgo_key_v2.pub"), "{}", run.stderr);
    std::fs::remove_file(project.path(".capgo_key_v2.pub")).unwrap();
    let run = project.run_args(&decrypt(&encrypted, &["--checksum", &checksum]));
    assert!(
        run.stderr.contains("from publicKey of capacitor.config.json"),
        "{}",
        run.stderr
    );
    assert_eq!(run.document()["verified"], true);
    std::fs::remove_file(project.path("capacitor.config.json")).unwrap();
    project
        .run_args(&decrypt(&encrypted, &["--checksum", &checksum]))
        .fails("missing_public_key", 1);
}

#[test]
fn malformed_session_keys_are_rejected() {
    let project = Project::new().with_keys();
    let encrypted = project.encrypted();
    let file = text_of(&encrypted, "filename");
    for session in ["", ":", "aa:bb", "AAAA:AAAA", "a:b:c"] {
        project
            .run_args(&["bundle", "decrypt", &file, session, "--unverified", "--json"])
            .fails("invalid_iv_session_key", 1);
    }
    project
        .run("bundle decrypt nowhere.zip x --json")
        .fails("zip_not_found", 1);
}

#[test]
fn verify_expects_a_plain_checksum_without_and_a_signed_one_with_a_key() {
    let project = Project::new().with_keys();
    let signed = text_of(&project.encrypted(), "checksum");
    let (zip, plain) = project.zipped();
    let verify = |arguments: &str| project.run(&format!("bundle verify --json {zip} --checksum {arguments}"));
    assert_eq!(verify(&plain).document()["proof"], "digest");
    assert_eq!(
        verify(&format!("{signed} --key .capgo_key_v2.pub")).document()["proof"],
        "capgo_signed"
    );
    verify(&format!("{plain} --key .capgo_key_v2.pub")).fails("not_trusted", 1);
    assert!(verify(&signed).fails("invalid_checksum", 1).contains("--key"));
    assert!(verify("deadbeef").fails("invalid_checksum", 1).contains("CRC-32"));
    verify(&"0".repeat(64)).fails("digest_mismatch", 1);
    let message = project
        .run(&format!(
            "bundle verify --json {zip}_encrypted.zip --checksum {signed} --key .capgo_key_v2.pub"
        ))
        .fails("digest_mismatch", 1);
    assert!(message.contains("bundle decrypt"), "{message}");
    project.run("key create --force").succeeds();
    verify(&format!("{signed} --key .capgo_key_v2.pub")).fails("signature_invalid", 1);
}

#[test]
#[cfg(unix)]
fn only_the_owner_can_read_a_decrypted_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::new().with_keys();
    let sealed = project.encrypted();
    let [file, session, checksum] = ["filename", "ivSessionKey", "checksum"].map(|member| text_of(&sealed, member));
    for proof in [format!("--checksum {checksum}"), "--unverified".to_owned()] {
        project
            .run(&format!("bundle decrypt {file} {session} {proof}"))
            .succeeds();
        let decrypted = project.path(&format!("{file}_decrypted.zip"));
        let mode = std::fs::metadata(&decrypted).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{proof}");
        std::fs::remove_file(decrypted).unwrap();
        assert!(!project.names().iter().any(|name| name.starts_with(".capbundle-")));
    }
}
