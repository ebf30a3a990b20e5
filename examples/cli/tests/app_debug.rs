//! `capbundle app debug` explains why a device gets no update.
//!
//! The successful cases are in `upload.rs`, with the real server. Most servers here are faulty on purpose: they
//! answer every request with the response given by the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    reason = "tests fail by panicking"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use crate::project::Project;
use crate::publishing::Updates;

/// A server with one response for update requests and another for all other requests.
fn answering(update: (u16, String), archive: (u16, Vec<u8>)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let update = (update.0, update.1.replace("BASE", &base).into_bytes());
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
            let (status, answer) = if head.starts_with("POST") { &update } else { &archive };
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                answer.len()
            );
            let mut connection = reader.into_inner();
            // The client may disconnect early.
            let _ = connection
                .write_all(head.as_bytes())
                .and_then(|()| connection.write_all(answer));
        }
    });
    base
}

/// A server that returns updates and the archive, but does not answer CORS requests.
fn without_an_answer_for_pages(update: &str, archive: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let update = update.replace("BASE", &base).into_bytes();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut reader = BufReader::new(connection.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|count| count > 0) {}
            let head = head.to_ascii_lowercase();
            let answer = if head.starts_with("post") { &update } else { &archive };
            if head.starts_with("get") && head.contains("\r\norigin:") {
                continue;
            }
            let length = answer.len();
            let mut connection = reader.into_inner();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = connection
                .write_all(head.as_bytes())
                .and_then(|()| connection.write_all(answer));
        }
    });
    base
}

fn debug(project: &Project, base: &str, more: &str) -> crate::project::Run {
    project.run(&format!(
        "app debug --native-version 1.0.0 --update-url {base}/updates {more} --json"
    ))
}

fn offer(more: &str) -> (u16, String) {
    (200, format!(r#"{{"version":"2.0.0","url":"BASE/app.zip"{more}}}"#))
}

#[test]
fn a_url_without_an_update_server_is_explained() {
    let project = Project::new();
    let page = answering(
        (200, "<!doctype html><title>Login</title>".to_owned()),
        (200, Vec::new()),
    );
    assert!(debug(&project, &page, "").fails("html_page", 1).contains("web page"));
    let absent = answering((404, "nothing".to_owned()), (200, Vec::new()));
    assert!(debug(&project, &absent, "").fails("server", 1).contains("/updates"));
    let private = answering((403, "no".to_owned()), (200, Vec::new()));
    assert!(debug(&project, &private, "").fails("server", 1).contains("not public"));
    let message = debug(&project, "http://updates.example.com", "").fails("plain_http", 1);
    assert!(message.contains("block"), "{message}");
}

#[test]
fn every_rule_that_excludes_a_device_is_explained() {
    for verdict in capbundle::update::protocol::StatusCode::all() {
        let code = verdict.as_str();
        let base = answering(
            (200, format!(r#"{{"error":"{code}","message":"said"}}"#)),
            (200, Vec::new()),
        );
        let run = debug(&Project::new(), &base, "");
        if verdict.kind() == Some(capbundle::update::protocol::StatusKind::UpToDate) {
            assert_eq!(run.code, 0, "{code}: {}", run.stderr);
        } else {
            let message = run.fails(code, 1);
            assert!(message.contains(verdict.meaning().unwrap()), "{code}: {message}");
        }
    }
}

#[test]
fn an_archive_that_devices_cannot_download_is_explained() {
    let project = Project::new();
    let (zip, digest) = project.zipped();
    let checksum = format!(r#","checksum":"{digest}""#);
    let message = |status, body: &[u8]| {
        let run = debug(&project, &answering(offer(&checksum), (status, body.to_vec())), "");
        assert_eq!(run.code, 1, "{}", run.stdout);
        run.stdout
    };
    assert!(message(403, b"").contains("not public"));
    assert!(message(404, b"").contains("no archive at the URL"));
    assert!(message(200, b"other bytes").contains("differs from the registered one"));
    let page = debug(&project, &answering(offer(""), (200, b"<html>login".to_vec())), "");
    page.fails("html_page", 1);
    let sound = answering(offer(&checksum), (200, project.read(&zip)));
    assert!(
        debug(&project, &sound, "--web")
            .fails("no_cors", 1)
            .contains("Access-Control-Allow-Origin")
    );
    let native = debug(&project, &sound, "").document();
    assert_eq!(
        (&native["proof"], &native["warnings"][0]["code"]),
        (&"digest".into(), &"no_cors".into())
    );
}

#[test]
fn a_wrong_and_a_missing_signature_are_explained() {
    let (ours, theirs) = (Project::new().with_keys(), Project::new().with_keys());
    let sealed = theirs.encrypted();
    let parts = format!(
        r#","checksum":{},"session_key":{}"#,
        sealed["checksum"], sealed["ivSessionKey"]
    );
    let archive = || (200, theirs.read(&crate::project::text_of(&sealed, "filename")));
    let message = debug(&ours, &answering(offer(&parts), archive()), "").fails("signature_invalid", 1);
    assert!(message.contains("not signed with the private key"), "{message}");
    debug(&theirs, &answering(offer(&parts), archive()), "").document();
    debug(&theirs, &answering(offer(&parts), archive()), "--no-key").fails("missing_public_key", 1);
    debug(&ours, &answering(offer(""), archive()), "").fails("checksum_required", 1);
    let plain = format!(r#","checksum":"{}""#, "ab".repeat(32));
    debug(&ours, &answering(offer(&plain), archive()), "").fails("not_trusted", 1);
}

#[test]
fn rules_of_the_example_server_are_explained() {
    let (updates, project) = (Updates::start(), Project::new());
    updates.run(&project, "bundle upload --channel production").succeeds();
    let url = updates.server.url();
    let run = debug(&project, url, "--running 1.2.3");
    assert_eq!(run.document()["answer"], "up_to_date");
    // A downgrade below the native version, which the channel does not allow.
    let line = format!("app debug --native-version 2.0.0 --update-url {url}/updates --json");
    project.run(&line).fails("disable_auto_update_under_native", 1);
}

#[test]
fn requests_to_an_unresponsive_server_end_after_the_timeout() {
    // Connections are established but never accepted.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    let started = Instant::now();
    debug(&Project::new(), &base, "--timeout 1").fails("timeout", 1);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[test]
fn a_failed_cors_request_is_only_a_warning() {
    let project = Project::new();
    let (zip, digest) = project.zipped();
    let (_, offer) = offer(&format!(r#","checksum":"{digest}""#));
    let base = without_an_answer_for_pages(&offer, project.read(&zip));
    let document = debug(&project, &base, "").document();
    let codes: Vec<_> = document["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| &warning["code"])
        .collect();
    assert_eq!(document["proof"], "digest");
    assert!(codes.contains(&&"cors_unknown".into()), "{document}");
}

/// An update server without an update.
fn up_to_date() -> String {
    answering(
        (
            200,
            r#"{"error":"no_new_version_available","kind":"up_to_date"}"#.to_owned(),
        ),
        (200, Vec::new()),
    )
}

#[test]
fn the_source_of_the_native_version_is_reported() {
    let project = Project::new();
    let base = up_to_date();
    let line = format!("app debug --update-url {base}/updates");
    let assumed = |project: &Project, more: &str| project.run(&format!("{line} {more} --json")).document();

    let of_package = assumed(&project, "");
    assert_eq!(of_package["nativeVersionFrom"], "package.json");
    assert_eq!(
        crate::project::codes_of(&of_package["warnings"]),
        ["no_cors", "native_version_assumed"]
    );
    let said = project.run(&line);
    let said = format!("{}{}", said.stdout, said.stderr);
    assert!(
        said.contains("native version 1.2.3 (package.json)") && said.contains("--native-version"),
        "{said}"
    );

    let project = project.with("android/app/build.gradle", "versionName \"1.0.0\"").with(
        "ios/App/App.xcodeproj/project.pbxproj",
        "\t\tMARKETING_VERSION = 2.0.0;\n",
    );
    let of_android = assumed(&project, "");
    assert_eq!(
        of_android["nativeVersionFrom"],
        "versionName of android/app/build.gradle"
    );
    assert_eq!(of_android["request"]["version_build"], "1.0.0");
    assert_eq!(assumed(&project, "--platform ios")["request"]["version_build"], "2.0.0");
    let given = assumed(&project, "--native-version 0.9.0");
    assert_eq!(given["nativeVersionFrom"], "--native-version");
    assert_eq!(crate::project::codes_of(&given["warnings"]), ["no_cors"]);
}

#[test]
fn your_own_server_is_used_if_the_config_has_no_update_url() {
    let project = Project::new();
    let base = up_to_date();
    let variables = [("CAPBUNDLE_API_URL", base.clone())];
    let of_variable = project.run_where("app debug --json", &variables).document();
    assert_eq!(of_variable["updateUrl"], format!("{base}/updates").as_str());
    assert!(crate::project::codes_of(&of_variable["warnings"]).contains(&"no_update_url"));
    let of_option = project.run(&format!("app debug --api-url {base} --json")).document();
    assert_eq!(of_option["updateUrl"], format!("{base}/updates").as_str());

    // Devices use the URL in the config, not the server that this machine publishes to.
    let config =
        format!(r#"{{"appId":"com.example.app","plugins":{{"CapacitorUpdater":{{"updateUrl":"{base}/updates"}}}}}}"#);
    let project = project.with("capacitor.config.json", config);
    let variables = [("CAPBUNDLE_API_URL", "https://updates.example.com".to_owned())];
    let of_config = project.run_where("app debug --json", &variables).document();
    assert_eq!(of_config["updateUrl"], format!("{base}/updates").as_str());
    assert!(crate::project::codes_of(&of_config["warnings"]).contains(&"other_server"));
}

#[test]
fn capgos_options_for_key_and_device_are_accepted() {
    let (updates, project) = (Updates::start(), Project::new());
    updates.run(&project, "bundle upload --channel production").succeeds();
    let device = "11111111-2222-4333-8444-555555555555";
    let line = format!(
        "app debug com.example.app --native-version 1.0.0 -a {} --api-url {}",
        updates.key,
        updates.server.url()
    );
    for option in ["--device", "-d", "--device-id"] {
        let document = project.run(&format!("{line} {option} {device} --json")).document();
        assert_eq!(document["request"]["device_id"], device);
    }
    let said = project.run(&line).stdout;
    assert!(said.contains("Channels: production serves 1.2.3"), "{said}");
}
