//! `capbundle device run`: whole lives of an app against the update server, a scripted server and a static site.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "tests fail by panicking"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::project::{Project, Run};
use crate::publishing::Updates;
use crate::web::Web;

/// A phone in a project, and where its app gets updates.
struct App<'a> {
    project: &'a Project,
    options: String,
}

/// What a run printed.
struct Life(Vec<Value>);

impl<'a> App<'a> {
    fn of_server(project: &'a Project, base: &str) -> Self {
        let options = format!("--native-version 1.0.0 --update-url {base}/updates");
        Self { project, options }
    }

    fn with(mut self, more: &str) -> Self {
        self.options.push(' ');
        self.options.push_str(more);
        self
    }

    fn start(&self, flags: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_capbundle"))
            .args("device run --store phone".split(' '))
            .args(self.options.split_whitespace())
            .args(flags.split_whitespace())
            .current_dir(self.project.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a script, one command a word; `_` is a space within a command.
    fn run(&self, script: &str, flags: &str) -> Run {
        let mut process = self.start(flags);
        let lines: Vec<String> = script.split_whitespace().map(|line| line.replace('_', " ")).collect();
        // A script that is refused may not be read to its end.
        let _ = process
            .stdin
            .take()
            .unwrap()
            .write_all((lines.join("\n") + "\n").as_bytes());
        Run::from(process.wait_with_output().unwrap())
    }

    fn live(&self, script: &str) -> Life {
        let run = self.run(script, "--json");
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        Life(
            run.stdout
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        )
    }
}

impl Life {
    fn named(&self, name: &str) -> Vec<&Value> {
        self.0.iter().filter(|event| event["event"] == name).collect()
    }

    /// The version and the reason of everything that was loaded.
    fn loads(&self) -> Vec<(&str, &str)> {
        let loads = self.named("load").into_iter();
        loads
            .map(|load| {
                (
                    load["version"].as_str().unwrap_or("builtin"),
                    load["reason"].as_str().unwrap(),
                )
            })
            .collect()
    }

    /// The entries of the log about this event.
    fn log(&self, event: &str) -> Vec<&Value> {
        let entries = self.named("log").into_iter().map(|line| &line["entry"]);
        entries.filter(|entry| entry["event"] == event).collect()
    }

    /// The names of the events of the plugin, without the percentages of downloads.
    fn plugin_events(&self) -> Vec<&str> {
        let names = self
            .named("plugin")
            .into_iter()
            .map(|event| event["name"].as_str().unwrap());
        names.filter(|name| *name != "download").collect()
    }

    fn last(&self, name: &str) -> &Value {
        self.named(name).last().unwrap()
    }
}

fn publish(updates: &Updates, project: &Project, version: &str) {
    project.write("www/version.txt", version);
    let line = format!("bundle upload --channel production --bundle {version}");
    updates.run(project, &line).succeeds();
}

#[test]
fn an_update_is_found_applied_in_the_background_and_confirmed() {
    let (updates, project) = (Updates::start(), Project::new());
    publish(&updates, &project, "2.0.0");
    let app = App::of_server(&project, updates.server.url());

    let life = app.live("ready status background foreground ready status");

    assert_eq!(life.loads(), [("builtin", "current"), ("2.0.0", "next_applied")]);
    assert_eq!(life.named("load")[1]["onTrial"], true);
    let statuses = life.named("status");
    assert_eq!(
        (&statuses[0]["current"], &statuses[0]["bundles"]),
        (&json!("builtin"), &json!(1))
    );
    assert_eq!(statuses[1]["current"], statuses[1]["fallback"]);
    assert_eq!(life.log("confirmed")[0]["version"], "2.0.0");
    let events = life.plugin_events();
    for expected in ["downloadComplete", "updateAvailable", "setNext", "set", "appReady"] {
        assert!(events.contains(&expected), "{expected}: {events:?}");
    }
    let done: Vec<_> = life
        .named("done")
        .iter()
        .map(|event| event["command"].as_str().unwrap())
        .collect();
    assert_eq!(
        done,
        [
            "start",
            "ready",
            "status",
            "background",
            "foreground",
            "ready",
            "status"
        ]
    );

    let next = app.live("ready check");
    assert_eq!(next.loads(), [("2.0.0", "current")]);
    assert_eq!(next.named("load")[0]["onTrial"], false);
    assert_eq!(next.last("check")["status"], "queued");
    assert!(next.log("download_started").is_empty());
}

#[test]
fn a_version_that_hangs_falls_back_and_is_never_installed_again() {
    let (updates, project) = (Updates::start(), Project::new());
    publish(&updates, &project, "2.0.0");
    let app = App::of_server(&project, updates.server.url()).with("--app-ready-timeout 1s");
    app.live("ready background foreground ready");
    publish(&updates, &project, "3.0.0");

    let life = app.live("ready background foreground hang wait_1.5 ready restart hang wait_1.5 ready status");

    assert_eq!(
        life.loads(),
        [
            ("2.0.0", "current"),
            ("3.0.0", "next_applied"),
            ("2.0.0", "trial_expired"),
            ("3.0.0", "current"),
            ("2.0.0", "trial_expired"),
        ]
    );
    assert!(life.named("hang")[0]["readyWithinMs"].as_u64().unwrap() <= 1000);
    let status = life.last("status");
    assert_eq!(status["failed"][0]["version"], "3.0.0");

    let next = app.live("ready check status");
    assert_eq!(next.loads(), [("2.0.0", "current")]);
    let refused = next.log("download_failed");
    assert_eq!(
        (&refused[0]["version"], &refused[0]["error"]),
        (&json!("3.0.0"), &json!("not_trusted"))
    );
    assert!(next.plugin_events().contains(&"downloadFailed"));
}

#[test]
fn a_process_that_is_killed_on_trial_used_an_attempt() {
    let (updates, project) = (Updates::start(), Project::new());
    publish(&updates, &project, "2.0.0");
    let app = App::of_server(&project, updates.server.url());

    let first = app.live("ready background foreground kill ready");
    assert_eq!(first.loads(), [("builtin", "current"), ("2.0.0", "next_applied")]);
    assert_eq!(
        first.last("done")["command"],
        "foreground",
        "nothing follows the end of the process"
    );
    let second = app.live("kill");
    assert_eq!(second.loads(), [("2.0.0", "current")]);
    let third = app.live("ready");
    assert_eq!(third.loads(), [("builtin", "trial_failed")]);

    // The other commands continue with the same device.
    let status = project.run("device status --store phone --json").document();
    assert_eq!(status["failed"][0]["version"], "2.0.0");
    assert_eq!(status["nativeVersion"], "1.0.0");
    let log = project.run("device log --store phone --json").document();
    let entries = log["entries"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["event"] == "fell_back"), "{log}");
}

#[test]
fn a_page_that_crashes_on_trial_is_replaced_at_once() {
    let (updates, project) = (Updates::start(), Project::new());
    publish(&updates, &project, "2.0.0");
    let app = App::of_server(&project, updates.server.url()).with("--mode always");

    let life = app.live("crash ready");

    // Applied at once, while the built-in page had not confirmed yet.
    assert_eq!(life.loads()[..2], [("builtin", "current"), ("2.0.0", "set_current")]);
    assert_eq!(life.loads().last().unwrap().0, "builtin");
    assert_eq!(life.last("ready")["bundle"], "builtin");
}

#[test]
fn calls_of_javascript_are_carried_out_and_rejected() {
    let (updates, project) = (Updates::start(), Project::new());
    let app = App::of_server(&project, updates.server.url()).with("--mode off");

    let life = app.live(r#"ready call_current call_next_{"id":"0123456789"} call_dance check"#);

    let calls = life.named("call");
    assert_eq!(calls[0]["result"]["bundle"]["id"], "builtin");
    assert_eq!((&calls[1]["method"], calls[1].get("result")), (&json!("next"), None));
    assert!(calls[1]["error"]["message"].is_string());
    assert!(calls[2]["error"]["message"].as_str().unwrap().contains("dance"));
    assert_eq!(life.last("check")["status"], "unavailable");
}

#[test]
fn people_read_what_is_loaded_and_why() {
    let (updates, project) = (Updates::start(), Project::new());
    publish(&updates, &project, "2.0.0");
    let app = App::of_server(&project, updates.server.url());

    let text = app.run("ready background help", "").stdout;

    for expected in [
        "Loads the built-in bundle: the bundle is current",
        "  installed           2.0.0",
        "  event updateAvailable: 2.0.0",
        "the built-in bundle works",
        "on trial: the conditions of the next bundle are met",
        "wait SECONDS      let time pass",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("download:"), "{text}");
}

#[test]
fn a_script_with_an_unknown_command_is_refused_with_its_line() {
    let project = Project::new();
    let app = App::of_server(&project, "http://127.0.0.1:9").with("--mode off");
    let run = app.run("ready # dance quit", "--json");
    assert_eq!(run.code, 2, "{}", run.stdout);
    let last: Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["event"], &last["error"]),
        (&json!("error"), &json!("invalid_argument"))
    );
    assert!(
        last["message"]
            .as_str()
            .unwrap()
            .starts_with("line 3 of standard input: unknown command")
    );
}

#[cfg(unix)]
#[test]
fn a_signal_ends_an_app_that_waits_for_a_command() {
    let project = Project::new();
    let app = App::of_server(&project, "http://127.0.0.1:9").with("--mode off");
    let mut process = app.start("--json");
    // Its input stays open.
    let _input = process.stdin.take();
    let mut lines = BufReader::new(process.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line == r#"{"event":"done","command":"start"}"#));

    let kill = format!("kill -TERM {}", process.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());

    let last: Value = serde_json::from_str(&lines.last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["error"]), (&json!("error"), &json!("cancelled")));
    assert_eq!(process.wait().unwrap().code(), Some(143));
}

#[test]
fn an_app_without_a_source_of_updates_is_refused() {
    let project = Project::new();
    project
        .run("device run --store phone --json")
        .fails("missing_argument", 2);
    let line = "device run --store phone --site https://cdn.example.com --channel production --json";
    project.run(line).fails("missing_argument", 2);
    let line = "device run --store phone --update-url https://a.example --site https://b.example --json";
    assert_eq!(project.run(line).code, 2);
    assert!(!project.has("phone"));
}

#[test]
fn the_update_url_of_the_config_is_the_default() {
    let updates = Updates::start();
    let url = updates.server.url();
    let project = Project::new();
    publish(&updates, &project, "2.0.0");
    let config =
        format!(r#"{{"appId":"com.example.app","plugins":{{"CapacitorUpdater":{{"updateUrl":"{url}/updates"}}}}}}"#);
    project.write("capacitor.config.json", config);
    let options = "--native-version 1.0.0".to_owned();
    let app = App {
        project: &project,
        options,
    };
    assert_eq!(app.live("ready").log("installed")[0]["version"], "2.0.0");
}

/// A server whose answers a test chooses: the offer for every `POST`, and the archive.
#[derive(Clone)]
struct Scripted {
    base: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// Offers this archive with this checksum. The first `GET` gets half of it, and then nothing more.
    fn stalling(archive: Vec<u8>, checksum: &str) -> Self {
        Self::start(archive, checksum, true)
    }

    fn offering(archive: Vec<u8>, checksum: &str) -> Self {
        Self::start(archive, checksum, false)
    }

    fn start(archive: Vec<u8>, checksum: &str, stalls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let offer = json!({ "version": "2.0.0", "url": format!("{base}/app.zip"), "checksum": checksum });
        let server = Self {
            base,
            requests: Arc::default(),
        };
        let requests = Arc::clone(&server.requests);
        thread::spawn(move || {
            let mut kept = Vec::new();
            let mut stalls = stalls;
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let head = read_request(&mut connection);
                let answer = if head.starts_with("POST") {
                    response("200 OK", "", offer.to_string().as_bytes())
                } else {
                    archive_response(&archive, &head)
                };
                let is_archive = head.starts_with("GET");
                requests.lock().unwrap().push(head);
                if is_archive && std::mem::take(&mut stalls) {
                    let _ = connection.write_all(&answer[..answer.len() / 2]);
                    kept.push(connection);
                } else {
                    let _ = connection.write_all(&answer);
                }
            }
        });
        server
    }

    /// The ranges that were asked for, one for each request of the archive.
    fn ranges(&self) -> Vec<Option<String>> {
        let requests = self.requests.lock().unwrap();
        let archives = requests.iter().filter(|head| head.starts_with("GET"));
        let range = |head: &String| {
            let mut lines = head.lines();
            lines.find_map(|line| line.to_ascii_lowercase().strip_prefix("range: ").map(str::to_owned))
        };
        archives.map(range).collect()
    }
}

fn read_request(connection: &mut TcpStream) -> String {
    let mut reader = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|count| count > 0) {}
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    head
}

fn archive_response(archive: &[u8], head: &str) -> Vec<u8> {
    let lower = head.to_ascii_lowercase();
    let from = lower.lines().find_map(|line| {
        line.strip_prefix("range: bytes=")?
            .split('-')
            .next()?
            .parse::<usize>()
            .ok()
    });
    match from {
        Some(from) => {
            let range = format!(
                "content-range: bytes {from}-{}/{}\r\n",
                archive.len() - 1,
                archive.len()
            );
            response("206 Partial Content", &range, &archive[from..])
        }
        None => response("200 OK", "", archive),
    }
}

fn response(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An app whose archive does not fit into one packet.
fn large_project() -> Project {
    // Bytes that do not compress.
    let mut state = 7_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    })
    .take(400_000)
    .collect();
    Project::new().with("www/noise.bin", noise)
}

#[test]
fn a_process_that_is_killed_in_a_download_continues_it_at_the_next_start() {
    let project = large_project();
    let (zip, checksum) = project.zipped();
    let server = Scripted::stalling(project.read(&zip), &checksum);
    let app = App::of_server(&project, &server.base);

    let mut process = app.start("--json");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let received = lines.any(|line| {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        event["name"] == "download" && event["payload"]["percent"].as_u64().unwrap() >= 10
    });
    assert!(received);
    // So that what was received is on the disk.
    thread::sleep(Duration::from_millis(300));
    process.kill().unwrap();
    process.wait().unwrap();

    let life = app.live("ready background");

    assert_eq!(life.loads(), [("builtin", "current"), ("2.0.0", "next_applied")]);
    let ranges = server.ranges();
    assert_eq!((ranges.len(), &ranges[0]), (2, &None));
    let resumed = ranges[1].as_deref().expect("the rest alone is requested");
    assert!(
        resumed.starts_with("bytes=") && !resumed.starts_with("bytes=0-"),
        "{resumed}"
    );
}

#[test]
fn a_refused_offer_changes_nothing_and_says_why() {
    let project = Project::new();
    let (zip, checksum) = project.zipped();
    let other = Scripted::offering(project.read(&zip), &"ab".repeat(32));
    let app = App::of_server(&project, &other.base);

    let life = app.live("ready background foreground status");

    assert_eq!(life.loads(), [("builtin", "current")]);
    let failed = life.log("download_failed");
    assert_eq!(
        (&failed[0]["version"], &failed[0]["error"]),
        (&json!("2.0.0"), &json!("digest_mismatch"))
    );
    assert!(life.plugin_events().contains(&"downloadFailed"));
    assert_eq!(life.last("status")["bundles"], 0);

    // An app with a key takes no bundle that is not signed.
    let project = project.with_keys();
    let plain = Scripted::offering(project.read(&zip), &checksum);
    let app = App::of_server(&project, &plain.base).with("--public-key .capgo_key_v2.pub");
    let life = app.live("ready");
    assert_eq!(life.log("download_failed")[0]["version"], "2.0.0");
    assert!(plain.ranges().is_empty(), "nothing was downloaded");
}

#[test]
fn an_app_follows_a_static_channel_of_signed_releases() {
    let project = Project::new().with_keys();
    project
        .run("keyring create --key .capgo_key_v2 --to 1.json --json")
        .document();
    project.run("keyring publish 1.json --to site --json").document();
    let publish = |version: &str| {
        project.write("www/version.txt", version);
        let line = format!("release publish --key .capgo_key_v2 --bundle {version} --to site --json");
        project.run(&line).document();
    };
    publish("2.0.0");
    let web = Web::serving(&project.path("site"));
    let options = format!(
        "--native-version 1.0.0 --site {} --channel production --keys 1.json",
        web.url()
    );
    let app = App {
        project: &project,
        options,
    };

    let life = app.live("ready background foreground ready");
    assert_eq!(life.loads(), [("builtin", "current"), ("2.0.0", "next_applied")]);
    assert_eq!(life.log("confirmed").len(), 1);

    publish("3.0.0");
    let life = app.live("ready background crash");
    assert_eq!(life.loads()[..2], [("2.0.0", "current"), ("3.0.0", "next_applied")]);
}

/// The command on a pseudo terminal, driven by what it prints.
#[cfg(target_os = "linux")]
struct Terminal {
    process: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

#[cfg(target_os = "linux")]
impl Terminal {
    fn start(app: &App<'_>) -> Option<Self> {
        let script = capbundle_tests::skip::tool("script")?;
        let command = env!("CARGO_BIN_EXE_capbundle");
        let line = format!("'{command}' device run --store phone --json {}", app.options);
        let mut process = Command::new(script)
            .args(["-qec", &line, "/dev/null"])
            .current_dir(app.project.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Some(Self { process, lines })
    }

    /// Waits for a JSON line with all of these members.
    fn wait_for(&self, members: &Value) {
        let mut before = Vec::new();
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("no {members} after {before:#?}"));
            let found: Value = serde_json::from_str(&line).unwrap_or_default();
            let mut wanted = members.as_object().unwrap().iter();
            if wanted.all(|(name, value)| found[name] == *value) {
                return;
            }
            before.push(line);
        }
    }

    fn say(&mut self, text: &str) {
        self.process.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_a_background_thread_does_the_work_while_no_line_is_typed() {
    let (updates, project) = (Updates::start(), Project::new());
    publish(&updates, &project, "2.0.0");
    let app = App::of_server(&project, updates.server.url()).with("--app-ready-timeout 1s");
    let Some(mut terminal) = Terminal::start(&app) else {
        return;
    };
    terminal.wait_for(&json!({ "event": "plugin", "name": "setNext" }));
    terminal.say("ready\nbackground\n");
    terminal.wait_for(&json!({ "event": "load", "version": "2.0.0" }));
    // Its page does not confirm, and only the thread watches the time.
    terminal.say("foreground\n");
    terminal.wait_for(&json!({ "event": "load", "bundle": "builtin", "reason": "trial_expired" }));
    terminal.say("\u{4}");
    assert!(terminal.process.wait().unwrap().success());
}
