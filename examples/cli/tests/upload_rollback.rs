//! A failed or stopped upload is rolled back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::project::{Project, Run};
use crate::publishing::{SECRET, Store, Updates, with};

/// A URL that can be registered; it is not requested.
const PUBLIC: &str = "--no-url-check --s3-public-url https://cdn.example.com/{key}";

#[test]
fn an_upload_is_removed_if_its_registration_fails() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new());
    let reader = updates.reader();
    let line = format!(
        "bundle upload {PUBLIC} --api-url {} --apikey {reader} --json",
        updates.server.url()
    );
    let run = with(&project, &line, &[&store.options()]);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["error"], "cannot_create_bundle", "{document}");
    let undone = document["undone"][0].as_str().unwrap();
    assert!(
        undone.starts_with("s3://your-bucket-name/com.example.app/1.2.3-"),
        "{document}"
    );
    assert_eq!(document["left"].as_array().unwrap().len(), 0);
    assert!(store.keys().is_empty());
    for secret in [SECRET, &reader] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret));
    }
}

#[test]
fn a_bundle_with_a_wrong_url_is_not_registered_and_removed() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new());
    // The URL of the store itself, which requires signed requests like a private bucket.
    let options: [&[String]; 2] = [&store.options(), &updates.options()];
    let message = with(&project, "bundle upload --json", &options).fails("server", 1);
    assert!(message.contains("403"), "{message}");
    assert!(store.keys().is_empty());
    assert!(
        updates.run(&project, "bundle list --json").code != 0,
        "the app is not known to the server"
    );
}

#[test]
fn an_archive_on_your_own_server_is_removed_if_its_registration_fails() {
    let (updates, project) = (Updates::requiring_encryption(), Project::new());
    let run = updates.run(&project, "bundle upload --json");
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["error"], "encryption_required", "{document}");
    let undone = document["undone"][0].as_str().unwrap();
    assert!(undone.contains("archive folder of http"), "{document}");
    assert_eq!(document["left"].as_array().unwrap().len(), 0);
    assert!(updates.archives().is_empty());
}

#[test]
fn an_archive_that_was_on_the_server_before_is_kept() {
    let (updates, project) = (Updates::requiring_encryption(), Project::new());
    let (zip, _) = project.zipped();
    let to = format!("{}/upload/com.example.app", updates.server.url());
    let first = [
        "--put-url",
        &to,
        "--header",
        &format!("Authorization: {}", updates.key),
        "--zip",
        &zip,
    ];
    project
        .run_args(&[&["bundle", "upload", "--no-register"][..], &first].concat())
        .succeeds();
    let document = updates.run(&project, &format!("bundle upload --zip {zip} --json"));
    let document: serde_json::Value = serde_json::from_str(&document.stdout).unwrap();
    assert_eq!(document["error"], "encryption_required", "{document}");
    assert_eq!(document["undone"].as_array().unwrap().len(), 0);
    assert_eq!(updates.archives().len(), 1);
}

#[test]
fn steps_that_cannot_be_rolled_back_are_listed() {
    let (updates, project) = (Updates::requiring_encryption(), Project::new());
    let to = format!("{}/upload/com.example.app", updates.server.url());
    let header = format!("Authorization: {}", updates.key);
    let options = [
        "--put-url",
        &to,
        "--header",
        &header,
        "--public-url",
        "https://cdn.example.com/app.zip",
    ];
    let more = [&updates.options(), &options.map(str::to_owned)[..]];
    let run = with(&project, "bundle upload --no-url-check --json", &more);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["error"], "encryption_required", "{document}");
    assert!(
        document["left"][0]
            .as_str()
            .unwrap()
            .contains("/upload/com.example.app"),
        "{document}"
    );
}

#[test]
fn a_missing_channel_is_reported_before_the_upload() {
    let (store, updates, project) = (Store::start(), Updates::start(), Project::new());
    let options: [&[String]; 2] = [&store.options(), &updates.options()];
    with(&project, &format!("bundle upload {PUBLIC}"), &options).succeeds();
    let line = format!("bundle upload {PUBLIC} --bundle 1.2.4 --channel produktion --json");
    let message = with(&project, &line, &options).fails("invalid_input", 1);
    assert!(message.contains("produktion"), "{message}");
    let keys = store.keys();
    assert!(
        keys.len() == 1 && keys[0].starts_with("com.example.app/1.2.3-"),
        "{keys:?}"
    );
    assert_eq!(updates.versions(&project), ["1.2.3"]);
}

#[test]
fn a_different_archive_of_the_same_name_is_not_replaced() {
    let (store, project) = (Store::start(), Project::new());
    let upload = |more: &str| {
        with(
            &project,
            &format!("bundle upload --no-register --s3-key {{app}}/{{version}}.zip {more}"),
            &[&store.options()],
        )
    };
    upload("").succeeds();
    let before = store.object("com.example.app/1.2.3.zip");
    project.write("www/app.js", "CapacitorUpdater.notifyAppReady(); // other");
    let message = upload("--json").fails("invalid_input", 1);
    assert!(message.contains("--s3-replace"), "{message}");
    assert_eq!(store.object("com.example.app/1.2.3.zip"), before);
    upload("--s3-replace").succeeds();
    assert_ne!(store.object("com.example.app/1.2.3.zip"), before);
}

/// A proxy to the store that forwards all requests except PUT, which gets stuck.
fn stuck_before(store: SocketAddr) -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stuck, is_stuck) = mpsc::channel();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(store).unwrap());
            let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || copy(back_from, back_to, None));
            let stuck = stuck.clone();
            thread::spawn(move || copy(client, server, Some(&stuck)));
        }
    });
    (address, is_stuck)
}

fn copy(mut from: TcpStream, mut to: TcpStream, stuck: Option<&Sender<()>>) {
    let mut buffer = [0; 16 << 10];
    let mut holds = false;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if let Some(stuck) = stuck
            && buffer.starts_with(b"PUT ")
        {
            holds = true;
            // The receiver may be gone.
            let _ = stuck.send(());
        }
        if !holds && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(unix)]
#[test]
fn ctrl_c_during_an_upload_leaves_no_object() {
    let (store, project) = (Store::start(), Project::new());
    let (address, is_stuck) = stuck_before(store.address);
    let mut options = store.options();
    let port = options.iter().position(|option| option == "--s3-port").unwrap() + 1;
    options[port] = address.port().to_string();
    let child = Command::new(env!("CARGO_BIN_EXE_capbundle"))
        .args(["bundle", "upload", "--no-register", "--json"])
        .args(options)
        .current_dir(project.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    is_stuck.recv_timeout(Duration::from_secs(60)).expect("it uploads");
    // The `kill` of the shell, which is always available.
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let run = Run::from(child.wait_with_output().unwrap());
    run.fails("cancelled", 130);
    assert!(store.keys().is_empty());
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_a_stuck_rollback() {
    let (store, project) = (Store::start(), Project::new());
    let (address, is_stuck) = stuck_from_put_on(store.address);
    let mut options = store.options();
    let port = options.iter().position(|option| option == "--s3-port").unwrap() + 1;
    options[port] = address.port().to_string();
    let child = Command::new(env!("CARGO_BIN_EXE_capbundle"))
        .args(["bundle", "upload", "--no-register", "--json"])
        .args(options)
        .current_dir(project.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    is_stuck.recv_timeout(Duration::from_secs(60)).expect("it uploads");
    let kill = format!("kill -TERM {0} && sleep 3 && kill -TERM {0}", child.id());
    let began = Instant::now();
    assert!(
        Command::new("sh").args(["-c", &kill]).status().unwrap().success(),
        "it waits for the store when the second one comes"
    );
    let run = Run::from(child.wait_with_output().unwrap());
    // Without the second signal, the command would wait for minutes.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!((run.code, run.stdout.as_str()), (143, ""));
}

/// A proxy to the store that gets stuck for all requests after the first PUT.
fn stuck_from_put_on(store: SocketAddr) -> (SocketAddr, Receiver<()>) {
    let (address, is_stuck) = stuck_before(store);
    let (stuck, got_stuck) = mpsc::channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    thread::spawn(move || {
        // The sender is gone if there was no upload.
        if is_stuck.recv().is_ok() {
            over.store(true, Ordering::Relaxed);
            let _ = stuck.send(());
        }
    });
    thread::spawn(move || {
        let mut held = Vec::new();
        for client in listener.incoming() {
            let client = client.unwrap();
            if is_over.load(Ordering::Relaxed) {
                held.push(client);
                continue;
            }
            let server = TcpStream::connect(address).unwrap();
            let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || copy(back_from, back_to, None));
            thread::spawn(move || copy(client, server, None));
        }
    });
    (own, got_stuck)
}

#[test]
fn the_timeout_of_an_upload_is_enforced() {
    let (store, project) = (Store::start(), Project::new());
    let (address, _is_stuck) = stuck_before(store.address);
    let mut options = store.options();
    let port = options.iter().position(|option| option == "--s3-port").unwrap() + 1;
    options[port] = address.port().to_string();
    with(&project, "bundle upload --no-register --timeout 2 --json", &[&options]).fails("timeout", 1);
    assert!(store.keys().is_empty());
}
