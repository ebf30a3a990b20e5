//! The program: its commands, signals and logs, and its data after a kill.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::test_server::https::{Https, certificate};
use crate::test_server::{APP, CHECKSUM, connect, receive, request, send};
use capbundle::digest::Sha256Digest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_capbundle-update-server");

/// A server in its own process, killed on drop.
struct Process {
    child: Child,
    address: SocketAddr,
    log: Option<JoinHandle<String>>,
}

impl Process {
    fn start(data: &Path) -> Self {
        Self::start_with(data, &[], &[])
    }

    fn start_with(data: &Path, options: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--log-format",
                "json",
                "--rate-address",
                "1000000",
                "--rate-key",
                "1000000",
            ])
            .args(options)
            .arg("--data")
            .arg(data)
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        let address = loop {
            first.clear();
            assert!(
                log.read_line(&mut first).unwrap() > 0,
                "the server ended before it listened"
            );
            let line: Value = serde_json::from_str(&first).unwrap();
            if line["message"] == "listening" {
                break line["address"].as_str().unwrap().parse().unwrap();
            }
        };
        let log = std::thread::spawn(move || {
            let mut rest = String::new();
            log.read_to_string(&mut rest).unwrap();
            first + &rest
        });
        Self {
            child,
            address,
            log: Some(log),
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end. Returns its exit code and its log.
    fn wait(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        (status.code(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(data: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .arg("--data")
        .arg(data)
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn create_key(data: &Path) -> String {
    let created = command(data, &["key", "create", "--name", "ci"]);
    assert!(created.status.success(), "{created:?}");
    text(&created.stdout).trim().to_owned()
}

#[test]
fn keys_are_created_listed_and_revoked_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let key = create_key(data);
    assert!(key.starts_with("cbk_") && key.len() == 47, "{key}");
    let limited = ["key", "create", "--name", "one app", "--app", APP, "--read-only"];
    assert!(command(data, &limited).status.success());
    let listed = text(&command(data, &["key", "list"]).stdout);
    assert!(
        listed.contains("1\tci\tevery app\t") && listed.contains(&format!("2\tone app\t{APP} (read-only)\t")),
        "{listed}"
    );
    assert!(!listed.contains(&key));
    assert!(command(data, &["key", "revoke", "1"]).status.success());
    let again = command(data, &["key", "revoke", "1"]);
    assert_eq!(
        (again.status.code(), text(&again.stderr).as_str()),
        (
            Some(1),
            "error: cannot revoke key 1: no active key has this number; see `key list`\n"
        )
    );
    assert!(text(&command(data, &["key", "list"]).stdout).contains("\trevoked "));
    let wrong = command(data, &["key", "create", "--name", "x", "--app", "com..app"]);
    assert!(text(&wrong.stderr).contains("com.example.app"), "{wrong:?}");
    let database = std::fs::read(data.join("capbundle.sqlite")).unwrap();
    let contains = |text: &[u8]| database.windows(text.len()).any(|window| window == text);
    assert!(!contains(key.as_bytes()), "the database must not contain the key");
}

#[test]
fn help_shows_every_command_with_examples() {
    let help = text(&command(Path::new("unused"), &["--help"]).stdout);
    for word in ["serve", "key", "app", "Examples:", "CAPBUNDLE_SERVER_DATA"] {
        assert!(help.contains(word), "{word}\n{help}");
    }
}

/// A proxy could reach hosts that the server must not, and would hide where the connection goes.
#[test]
fn verification_ignores_the_proxy_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let key = create_key(folder.path());
    let archives = Https::with_file(b"the archive");
    // No server listens on this port.
    let dead = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, "http://127.0.0.1:1"));
    let authority = certificate();
    let options = [
        "--verify-external",
        "--allow-verify-from",
        "127.0.0.0/8,::1",
        "--verify-ca-file",
        authority.to_str().unwrap(),
        "--api-shape",
        "backend",
    ];
    let server = Process::start_with(folder.path(), &options, &dead);
    let register = |app_id: &str, checksum: &Sha256Digest| {
        let body = json!({"app_id": app_id, "version": "1.0.0", "external_url": archives.url("/a.zip"), "checksum": checksum.to_string()});
        let headers = [("authorization", key.as_str())];
        let answer = send(server.address, "POST", "/bundle", &headers, body.to_string().as_bytes());
        (answer.status, answer.json())
    };
    assert_eq!(
        register(APP, &Sha256Digest::of(b"other")).1["error"],
        "checksum_mismatch"
    );
    let (status, answer) = register(APP, &Sha256Digest::of(b"the archive"));
    assert_eq!((status, &answer["status"]), (200, &json!("success")), "{answer}");
    // Changes the rules of an app while the server runs.
    let relaxed = ["app", "create", "com.example.relaxed", "--verify-external", "false"];
    assert!(command(folder.path(), &relaxed).status.success());
    assert_eq!(register("com.example.relaxed", &Sha256Digest::of(b"other")).0, 200);
    let odd = command(folder.path(), &["app", "create", "app_123"]);
    assert!(odd.status.success() && text(&odd.stderr).contains("warning"), "{odd:?}");
}

#[test]
fn a_stop_finishes_running_requests_and_accepts_no_more() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        let key = create_key(folder.path());
        let server = Process::start(folder.path());
        let mut upload = connect(server.address);
        let head = format!(
            "PUT /upload/{APP} HTTP/1.1\r\nhost: x\r\nauthorization: {key}\r\nexpect: 100-continue\r\ncontent-length: 8\r\n\r\n"
        );
        upload.write_all(head.as_bytes()).unwrap();
        let mut status = [0; 25];
        // The server has started to read the body.
        upload.read_exact(&mut status).unwrap();
        assert!(status.starts_with(b"HTTP/1.1 100"));
        upload.write_all(b"half").unwrap();
        server.signal(signal);
        while std::net::TcpStream::connect(server.address).is_ok() {
            std::thread::yield_now();
        }
        upload.write_all(b"half").unwrap();
        let response = receive(&mut upload);
        assert_eq!(
            (response.status, response.json()["sha256"].as_str().unwrap()),
            (201, Sha256Digest::of(b"halfhalf").to_string().as_str())
        );
        let (code, log) = server.wait();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("\"stopped\""), "{log}");
    }
}

#[test]
fn logs_are_one_json_object_per_line_without_keys_queries_or_bodies() {
    let folder = tempfile::tempdir().unwrap();
    let key = create_key(folder.path());
    let server = Process::start(folder.path());
    let body = json!({"app_id": APP, "version": "1.0.0", "external_url": "https://cdn.example/a.zip?X-Amz-Signature=secret", "checksum": CHECKSUM});
    let headers = [("authorization", key.as_str())];
    assert_eq!(
        send(server.address, "POST", "/bundle", &headers, body.to_string().as_bytes()).status,
        200
    );
    assert_eq!(
        send(
            server.address,
            "GET",
            &format!("/bundle?app_id={APP}&token=secret"),
            &headers,
            b""
        )
        .status,
        200
    );
    assert_eq!(
        send(
            server.address,
            "GET",
            "/bundle",
            &[("authorization", "cbk_wrong_secret")],
            b""
        )
        .status,
        401
    );
    server.signal(Signal::TERM);
    let (_, log) = server.wait();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let request = lines
        .iter()
        .find(|line| line["route"] == "/bundle" && line["method"] == "POST")
        .unwrap();
    assert_eq!(
        (&request["status"], request["client"].as_str().unwrap()),
        (&json!(200), "127.0.0.1")
    );
    assert!(!log.contains("secret") && !log.contains(&key), "{log}");
}

#[test]
fn a_kill_loses_no_acknowledged_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let key = create_key(folder.path());
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    for round in 0..4_u32 {
        let mut server = Process::start(folder.path());
        let (address, running) = (server.address, AtomicBool::new(true));
        let from_writers: Vec<_> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..3_u32)
                .map(|writer| {
                    let (key, running) = (&key, &running);
                    scope.spawn(move || {
                        let versions = (0_u32..).map(|number| format!("{round}.{writer}.{number}"));
                        versions
                            .take_while(|_| running.load(Ordering::Relaxed))
                            .map_while(|version| publish(address, key, &version).map(|path| (version, path)))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            let started = std::time::Instant::now();
            let enough = || files_in(&folder.path().join("bundles").join(APP)) >= 12 * (round as usize + 1);
            while !enough() && started.elapsed().as_secs() < 60 {
                std::thread::yield_now();
            }
            server.child.kill().unwrap();
            running.store(false, Ordering::Relaxed);
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
        });
        assert!(from_writers.len() >= 4, "round {round}: {from_writers:?}");
        acknowledged.extend(from_writers);
    }
    let server = Process::start(folder.path());
    assert_eq!(
        files_in(&folder.path().join("incoming")),
        0,
        "incomplete uploads are removed"
    );
    let mut listed = Vec::new();
    for page in 0.. {
        let list = send(
            server.address,
            "GET",
            &format!("/bundle?app_id={APP}&page={page}"),
            &[("authorization", &key)],
            b"",
        );
        let list = list.json();
        let rows = list["data"].as_array().unwrap();
        if rows.is_empty() {
            break;
        }
        listed.extend(rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
    }
    for (version, path) in &acknowledged {
        assert!(listed.contains(version), "{version} was acknowledged and is lost");
        let archive = send(server.address, "GET", path, &[], b"");
        assert_eq!((archive.status, archive.body), (200, archive_of(version)), "{version}");
    }
}

fn files_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn archive_of(version: &str) -> Vec<u8> {
    version.repeat(5000).into_bytes()
}

/// Uploads and registers a bundle. Returns the path of its archive if both were acknowledged.
fn publish(address: SocketAddr, key: &str, version: &str) -> Option<String> {
    let headers = [("authorization", key)];
    let upload = try_send(
        address,
        "PUT",
        &format!("/upload/{APP}"),
        &headers,
        &archive_of(version),
    )?;
    let (url, digest) = (upload["url"].as_str()?, upload["sha256"].as_str()?);
    let body = json!({"app_id": APP, "version": version, "external_url": url, "checksum": digest});
    try_send(address, "POST", "/bundle", &headers, body.to_string().as_bytes())?;
    Some(format!("/bundles/{APP}/{digest}.zip"))
}

/// The response, if it arrived completely before the server was killed.
fn try_send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Value> {
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head = format!("{head}{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 2")
        .then(|| serde_json::from_str(body).ok())?
}

#[test]
fn an_acknowledged_promotion_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let key = create_key(folder.path());
    let mut server = Process::start(folder.path());
    publish(server.address, &key, "2.0.0").unwrap();
    let body = json!({"app_id": APP, "version_id": 1, "channel_id": 1}).to_string();
    let promoted = send(
        server.address,
        "PUT",
        "/bundle",
        &[("authorization", &key)],
        body.as_bytes(),
    );
    server.child.kill().unwrap();
    assert_eq!(promoted.status, 200);
    drop(server);
    let server = Process::start(folder.path());
    let answer = send(
        server.address,
        "POST",
        "/updates",
        &[],
        request().to_string().as_bytes(),
    )
    .json();
    assert_eq!(answer["version"], "2.0.0");
}
