//! `capbundle bundle upload --delta`: single files and their manifest, to a bucket, to the update server and to any server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use capbundle::capgo::{ChecksumForm, SignedChecksum};
use capbundle::digest::Sha256Digest;
use capbundle::http::{Body, Head, Http, Method, Receiver, Request, Transport as _};
use capbundle::keys::VerifyingKey;
use capbundle_tests::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};

use crate::project::{Project, text_of};
use crate::publishing::{Cdn, Store, Updates, with};

/// Compresses well, and is large enough.
fn script(version: &str) -> String {
    format!("CapacitorUpdater.notifyAppReady();// {version}\n").repeat(300)
}

fn project() -> Project {
    Project::new()
        .with("www/app.js", script("one"))
        .with("www/empty.txt", "")
        .with("www/with space.css", "a{}")
}

/// A response in memory.
#[derive(Default)]
struct Received(Vec<u8>);

impl Receiver for Received {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        assert_eq!(head.status, 200);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> capbundle::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn get(url: &str) -> Vec<u8> {
    let mut received = Received::default();
    Http::new()
        .send(&Request::new(Method::Get, url.parse().unwrap()), &mut received)
        .unwrap();
    received.0
}

/// The response of the server to a device with this plugin.
fn offer(updates: &Updates, plugin: &str) -> Value {
    offer_with_key(updates, plugin, None)
}

fn offer_with_key(updates: &Updates, plugin: &str, key_id: Option<&str>) -> Value {
    let mut request = Request::new(
        Method::Post,
        format!("{}/updates", updates.server.url()).parse().unwrap(),
    );
    request.headers.add("content-type", "application/json").unwrap();
    let body = json!({
        "platform": "android", "device_id": "0f4f5a3e-7c0a-4d3c-9d7e-2b1d6c6f0a11", "app_id": "com.example.app", "custom_id": "",
        "version_build": "1.0.0", "version_code": "1", "version_os": "14", "version_name": "builtin", "plugin_version": plugin,
        "is_emulator": false, "is_prod": true, "defaultChannel": "", "key_id": key_id,
    });
    request.body = Some(Body::Bytes(body.to_string().into_bytes()));
    let mut received = Received::default();
    Http::new().send(&request, &mut received).unwrap();
    serde_json::from_slice(&received.0).unwrap()
}

fn names(manifest: &Value) -> Vec<&str> {
    let entries = manifest.as_array().unwrap().iter();
    entries.map(|entry| entry["file_name"].as_str().unwrap()).collect()
}

const NAMES: [&str; 4] = ["app.js.br", "empty.txt", "index.html", "with space.css"];

#[test]
fn the_update_server_stores_the_files_and_offers_them_to_plugins_that_take_them() {
    let (updates, project) = (Updates::start(), project());
    updates.make_channel("com.example.app", "production");
    let document = updates
        .run(&project, "bundle upload --delta --channel production --json")
        .document();
    let manifest = &document["manifest"];
    assert_eq!(
        (&manifest["files"], &manifest["compressed"], &manifest["encrypted"]),
        (&json!(4), &json!(1), &json!(false))
    );
    assert_eq!(
        (&manifest["alreadyThere"], &manifest["sent"]),
        (&json!(0), &manifest["size"])
    );

    let offer = offer(&updates, "8.51.23");
    assert_eq!(names(&offer["manifest"]), NAMES);
    for entry in offer["manifest"].as_array().unwrap() {
        let bytes = get(entry["download_url"].as_str().unwrap());
        if text_of(entry, "file_name").strip_suffix(".br").is_none() {
            assert_eq!(text_of(entry, "file_hash"), Sha256Digest::of(&bytes).to_string());
        }
    }
    assert!(text_of(&offer, "url").strip_suffix(".zip").is_some());
    let old = self::offer(&updates, "7.0.34");
    assert!(old["manifest"].is_null() && old["url"].is_string());
}

#[test]
fn the_next_version_sends_only_the_files_that_changed() {
    let (updates, project) = (Updates::start(), project());
    updates.run(&project, "bundle upload --delta").succeeds();
    let project = project.with("www/with space.css", "b{}");
    let document = updates
        .run(&project, "bundle upload --delta --bundle 1.2.4 --json")
        .document();
    assert_eq!(
        (&document["manifest"]["alreadyThere"], &document["manifest"]["sent"]),
        (&json!(3), &json!(3))
    );
}

#[test]
fn without_an_archive_the_bundle_is_only_for_plugins_that_take_files() {
    let (updates, project) = (Updates::start(), project());
    updates.make_channel("com.example.app", "production");
    updates
        .run(&project, "bundle upload --delta-only --channel production")
        .succeeds();
    assert!(updates.archives().iter().all(|path| path.extension().unwrap() == "bin"));
    let offer = offer(&updates, "8.51.23");
    assert_eq!(text_of(&offer, "url"), "https://404.capgo.app/no.zip");
    assert_eq!(names(&offer["manifest"]), NAMES);
    let old = self::offer(&updates, "6.24.0");
    assert_eq!(old["error"], "no_bundle_url");
}

#[test]
fn the_files_of_an_encrypted_bundle_are_encrypted_and_their_hashes_signed() {
    let (updates, project) = (Updates::start(), project().with_keys());
    updates.make_channel("com.example.app", "production");
    let document = updates
        .run(
            &project,
            "bundle upload --delta --encrypt-partial --channel production --json",
        )
        .document();
    assert_eq!(document["manifest"]["encrypted"], true);
    let key = VerifyingKey::read(&project.path(".capgo_key_v2.pub")).unwrap();
    let offer = offer_with_key(&updates, "8.51.23", Some(&key.capgo_key_id()));
    let entries = offer["manifest"].as_array().unwrap();
    let empty = entries.iter().find(|entry| entry["file_name"] == "empty.txt").unwrap();
    let signed = SignedChecksum::parse(&text_of(empty, "file_hash"), ChecksumForm::V3).unwrap();
    assert_eq!(signed.verify(&key).unwrap(), Sha256Digest::of(b""));
    assert_eq!(get(&text_of(empty, "download_url")).len(), 16);
}

#[test]
fn the_files_are_stored_in_a_bucket_and_shared_between_versions() {
    let (store, updates, project) = (
        Store::start(),
        Updates::start(),
        project().without("www/with space.css"),
    );
    let Some(cdn) = Cdn::before(&store, "the_files_are_stored_in_a_bucket_and_shared_between_versions") else {
        return;
    };
    let options: [&[String]; 3] = [&store.options(), &updates.options(), &cdn.options()];
    let document = with(&project, "bundle upload --delta --s3-prefix apps --json", &options).document();
    assert_eq!(
        (&document["manifest"]["files"], &document["registered"]),
        (&json!(3), &json!(true))
    );
    let hash = Sha256Digest::of(Sha256Digest::of(script("one").as_bytes()).to_string().as_bytes());
    let key = format!("apps/com.example.app/delta/{hash}_app.js.br");
    assert!(store.keys().contains(&key), "{:?}", store.keys());

    let next = with(
        &project,
        "bundle upload --delta --s3-prefix apps --bundle 1.2.4 --json",
        &options,
    );
    let next = next.document();
    assert_eq!(
        (&next["manifest"]["alreadyThere"], &next["manifest"]["sent"]),
        (&json!(3), &json!(0))
    );
}

#[test]
fn the_files_are_stored_on_any_server_and_the_manifest_is_printed() {
    let stored: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let seen = Arc::clone(&stored);
    let server = ScriptedServer::start(move |request| {
        let mut stored = seen.lock().unwrap();
        let path = request.path().to_owned();
        match request.method.as_str() {
            "PUT" => {
                stored.insert(path, request.body.len());
                Reply::new(201, "")
            }
            "HEAD" => match stored.get(&path) {
                Some(size) => Reply::new(200, vec![b' '; *size]),
                None => Reply::new(404, ""),
            },
            _ => Reply::new(405, ""),
        }
    });
    let project = project();
    let line = format!(
        "bundle upload --delta --no-register --put-url {} --json",
        server.url("/files/app.zip")
    );
    let document = with(&project, &line, &[]).document();
    let entries = &document["manifest"]["entries"];
    assert_eq!(names(entries), NAMES);
    let spaced = entries.as_array().unwrap().last().unwrap();
    let hash = Sha256Digest::of(Sha256Digest::of(b"a{}").to_string().as_bytes());
    let path = format!("/files/delta/{hash}_with%2520space.css");
    assert_eq!(text_of(spaced, "download_url"), server.url(&path));
    assert_eq!(stored.lock().unwrap().get(&path), Some(&3));
    assert_eq!(stored.lock().unwrap().len(), 5, "four files and the archive");
    let again = with(&project, &line, &[]).document();
    assert_eq!(again["manifest"]["alreadyThere"], 4);
}

#[test]
fn a_dry_run_shows_the_figures_and_sends_nothing() {
    let (updates, project) = (Updates::start(), project());
    let document = updates
        .run(&project, "bundle upload --delta --dry-upload --json")
        .document();
    assert_eq!(
        (&document["manifest"]["files"], &document["reason"]),
        (&json!(4), &json!("DRY_RUN"))
    );
    assert!(document["steps"][0].as_str().unwrap().contains("4 single files"));
    assert!(updates.archives().is_empty());
}

#[test]
fn a_bundle_that_cannot_be_registered_leaves_no_files() {
    let (updates, project) = (Updates::requiring_encryption(), project());
    let run = updates.run(&project, "bundle upload --delta --json");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&document["error"], &document["left"]),
        (&json!("encryption_required"), &json!([]))
    );
    assert_eq!(updates.archives(), [] as [std::path::PathBuf; 0]);
}

#[test]
fn compression_is_chosen_by_options() {
    let (updates, project) = (Updates::start(), project());
    let compressed = |options: &str| {
        let line = format!("bundle upload --delta --dry-run --json {options}");
        let document = updates.run(&project, &line).document();
        document["manifest"]["compressed"].as_u64().unwrap()
    };
    assert_eq!(compressed(""), 1);
    assert_eq!(compressed("--disable-brotli"), 0);
    assert_eq!(compressed("--no-brotli-patterns *.css,*.js"), 0);
}

#[test]
fn combinations_without_a_meaning_are_refused() {
    let (updates, project) = (Updates::start(), project());
    let bucket = "--s3-bucket-name b --s3-region us-east-1 --s3-apikey k --s3-apisecret s";
    let cases = [
        (
            format!("--delta {bucket} --apikey k"),
            "unsupported_option",
            "--no-register",
        ),
        (
            format!("--delta --external {}", "https://x.example/a.zip"),
            "conflicting_arguments",
            "--external",
        ),
        (
            "--delta --no-register --put-url https://x.example/a.zip?sig=1".to_owned(),
            "unsupported_option",
            "presigned",
        ),
        (
            "--delta --encrypt-partial --no-key --no-register --put-url https://x.example/a.zip".to_owned(),
            "conflicting_arguments",
            "--no-key",
        ),
        (
            "--delta --encrypt-partial --no-register --put-url https://x.example/a.zip".to_owned(),
            "missing_key",
            "key create",
        ),
    ];
    for (options, code, part) in cases {
        let run = project.run(&format!("bundle upload --json {options}"));
        let exit = run.code;
        let message = run.fails(code, exit);
        assert!(message.contains(part) && exit != 0, "{options}: {message}");
    }
    drop(updates);
}
