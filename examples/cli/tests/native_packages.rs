//! The native packages of a project are registered with its bundle.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use crate::project::Project;

/// A server with the documented API and no bundles; sends the registrations to the receiver.
fn server() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut reader = BufReader::new(connection.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|count| count > 0) {}
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let answer = if head.starts_with("POST") {
                sender.send(serde_json::from_slice(&body).unwrap()).unwrap();
                r#"{"status":"ok"}"#
            } else {
                r#"{"data":[]}"#
            };
            let length = answer.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}");
            let _ = reader.into_inner().write_all(answer.as_bytes());
        }
    });
    (base, receiver)
}

fn registered(project: &Project, more: &str) -> Value {
    let (base, registered) = server();
    let line = format!(
        "bundle upload --external https://cdn.example.com/a.zip --no-url-check --api-url {base} --apikey k {more} --json"
    );
    project.run(&line).document();
    registered.recv().unwrap()["native_packages"].clone()
}

#[test]
fn packages_with_native_code_are_registered_with_the_versions_of_package_json() {
    let project = Project::new()
        .with(
            "package.json",
            r#"{"version":"1.2.3","dependencies":{"@capacitor/camera":"^7.0.1","react":"19.0.0","swift-only":"~1.2.0"},
                "devDependencies":{"vite":"6.0.0"}}"#,
        )
        .with(
            "node_modules/@capacitor/camera/android/src/main/java/Camera.java",
            "class Camera {}",
        )
        .with("node_modules/swift-only/ios/Plugin.swift", "")
        .with("node_modules/react/index.js", "")
        // A package nested in another package does not belong to it.
        .with("node_modules/react/node_modules/x/X.java", "");
    let expected = json!([
        { "name": "@capacitor/camera", "version": "^7.0.1" },
        { "name": "swift-only", "version": "~1.2.0" }
    ]);
    assert_eq!(registered(&project, ""), expected);
}

#[test]
fn packages_that_are_not_installed_are_registered() {
    let project = Project::new().with(
        "package.json",
        r#"{"version":"1.2.3","dependencies":{"@capacitor/camera":"7.0.1"}}"#,
    );
    let expected = json!([{ "name": "@capacitor/camera", "version": "7.0.1" }]);
    assert_eq!(registered(&project, ""), expected);
    // In a monorepo.
    let project = project
        .with(
            "apps/one/package.json",
            r#"{"version":"2.0.0","dependencies":{"a":"1.0.0"}}"#,
        )
        .with("packages/a/index.js", "");
    let line = "--package-json apps/one/package.json,package.json --node-modules packages";
    assert_eq!(registered(&project, line), expected);
}

#[test]
fn a_project_without_dependencies_registers_no_packages() {
    assert_eq!(registered(&Project::new(), ""), Value::Null);
}
