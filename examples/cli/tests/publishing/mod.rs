//! Real servers on this machine: a store of the S3 protocol with signature checks, the update server of this
//! repository, and a web server with TLS before the store.
#![allow(dead_code, reason = "each test file uses another part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use capbundle::http::{Body, Head, Http, Method, Receiver, Request, Transport as _};
use capbundle_tests::s3_store::{S3Store, Settings};
use capbundle_update_server::{Access, AppRules, Config, Keys, Server, create_app};
use tempfile::TempDir;

use crate::project::{Project, Run};

pub(crate) const KEY: &str = "AKIDTESTS";
pub(crate) const SECRET: &str = "secret/of+the/tests";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const BUCKET: &str = "your-bucket-name";

/// A store with one bucket. It stops when dropped.
pub(crate) struct Store {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    _running: S3Store,
}

impl Store {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let settings = Settings {
            credentials: (KEY, SECRET),
            domains: &[],
            public: false,
        };
        let running = S3Store::start(folder.path(), settings);
        Self {
            address: running.address,
            folder,
            _running: running,
        }
    }

    /// The options of the documented complete example, for this store.
    pub(crate) fn options(&self) -> Vec<String> {
        let port = self.address.port().to_string();
        let options = [
            ("--s3-region", REGION),
            ("--s3-apikey", KEY),
            ("--s3-apisecret", SECRET),
            ("--s3-endpoint", "127.0.0.1"),
            ("--s3-bucket-name", BUCKET),
            ("--s3-port", &port),
        ];
        let words = options.iter().flat_map(|(option, value)| [*option, *value]);
        words.chain(["--no-s3-ssl"]).map(str::to_owned).collect()
    }

    /// The keys of all objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        let bucket = self.folder.path().join(BUCKET);
        let files = crate::project::tree(&bucket).into_iter();
        files.map(|(path, _)| path.to_string_lossy().into_owned()).collect()
    }

    pub(crate) fn object(&self, key: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(BUCKET).join(key)).unwrap()
    }
}

/// The update server of this repository, with an unrestricted API key.
pub(crate) struct Updates {
    pub(crate) server: Server,
    pub(crate) key: String,
    data: TempDir,
}

impl Updates {
    pub(crate) fn start() -> Self {
        Self::start_on(tempfile::tempdir().unwrap())
    }

    /// A server that accepts the archives of plain bundles but rejects their registration.
    pub(crate) fn requiring_encryption() -> Self {
        let data = tempfile::tempdir().unwrap();
        let rules = AppRules {
            encryption_required: true,
            ..AppRules::default()
        };
        create_app(data.path(), "com.example.app", &rules).unwrap();
        Self::start_on(data)
    }

    fn start_on(data: TempDir) -> Self {
        let keys = Keys::open(data.path()).unwrap();
        let key = keys.create("tests", &Access::Everything).unwrap().text().to_owned();
        let server = Server::start(Config::loopback(data.path())).unwrap();
        Self { server, key, data }
    }

    pub(crate) fn options(&self) -> Vec<String> {
        ["--api-url", self.server.url(), "--apikey", &self.key]
            .map(str::to_owned)
            .to_vec()
    }

    /// The stored archives.
    pub(crate) fn archives(&self) -> Vec<PathBuf> {
        let files = crate::project::tree(&self.data.path().join("bundles"));
        files.into_iter().map(|(path, _)| path).collect()
    }

    /// The paths of the stored archives.
    pub(crate) fn archive_paths(&self) -> Vec<PathBuf> {
        let folder = self.data.path().join("bundles");
        self.archives().iter().map(|path| folder.join(path)).collect()
    }

    /// Creates the app, if it does not exist, and a public channel of this name.
    pub(crate) fn make_channel(&self, app: &str, name: &str) {
        create_app(self.data.path(), app, &AppRules::default()).unwrap();
        let mut request = Request::new(Method::Post, format!("{}/channel", self.server.url()).parse().unwrap());
        request.headers.add("authorization", self.key.clone()).unwrap();
        request.headers.add("content-type", "application/json").unwrap();
        let body = format!(r#"{{"app_id":"{app}","channel":"{name}","public":true}}"#);
        request.body = Some(Body::Bytes(body.into_bytes()));
        let mut status = Status(0);
        Http::new().send(&request, &mut status).unwrap();
        assert_eq!(status.0, 200);
    }

    /// A read-only API key.
    pub(crate) fn reader(&self) -> String {
        let access = Access::Limited {
            apps: Vec::new(),
            writes: false,
        };
        let keys = Keys::open(self.data.path()).unwrap();
        keys.create("reader", &access).unwrap().text().to_owned()
    }

    /// The listed versions, newest first.
    pub(crate) fn versions(&self, project: &Project) -> Vec<String> {
        let document = self.run(project, "bundle list --json").document();
        let bundles = document["bundles"].as_array().unwrap();
        bundles
            .iter()
            .map(|bundle| bundle["version"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Runs a command with this server.
    pub(crate) fn run(&self, project: &Project, line: &str) -> Run {
        with(project, line, &[&self.options()])
    }
}

struct Status(u16);

impl Receiver for Status {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.0 = head.status;
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> capbundle::Result<()> {
        Ok(())
    }
}

/// Runs the words of `line` followed by the options.
pub(crate) fn with(project: &Project, line: &str, options: &[&[String]]) -> Run {
    let words = line.split_whitespace();
    let options = options.iter().flat_map(|options| options.iter().map(String::as_str));
    let arguments: Vec<&str> = words.chain(options).collect();
    project.run_args(&arguments)
}

/// `openssl s_server` for the files of a store, like a CDN in front of a bucket.
pub(crate) struct Cdn {
    folder: TempDir,
    process: Child,
    port: u16,
}

impl Cdn {
    /// `None` without openssl: the test is skipped.
    pub(crate) fn before(store: &Store, test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut request = Command::new("openssl");
        request.current_dir(folder.path());
        request.args("req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem".split(' '));
        request.args(["-subj", "/CN=capbundle test", "-addext", "subjectAltName=IP:127.0.0.1"]);
        request.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        if !request.output().is_ok_and(|output| output.status.success()) {
            println!("SKIPPED {test}: openssl is not installed");
            assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped");
            return None;
        }
        let path = |name: &str| folder.path().join(name);
        let mut process = Command::new("openssl")
            .args(["s_server", "-WWW", "-accept", "127.0.0.1:0", "-cert"])
            .args([path("cert.pem"), PathBuf::from("-key"), path("key.pem")])
            .current_dir(store.folder.path().join(BUCKET))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.strip_prefix("ACCEPT ")?.rsplit_once(':')?;
            port.trim().parse().ok()
        });
        Some(Self {
            port: port.expect("it says its port"),
            folder,
            process,
        })
    }

    pub(crate) fn options(&self) -> Vec<String> {
        let certificate = self.folder.path().join("cert.pem").to_string_lossy().into_owned();
        ["--s3-public-url", &self.address("{key}"), "--ca-file", &certificate]
            .map(str::to_owned)
            .to_vec()
    }

    pub(crate) fn address(&self, key: &str) -> String {
        format!("https://127.0.0.1:{}/{key}", self.port)
    }

    pub(crate) fn certificate(&self) -> Vec<String> {
        vec![
            "--ca-file".to_owned(),
            self.folder.path().join("cert.pem").to_string_lossy().into_owned(),
        ]
    }
}

impl Drop for Cdn {
    fn drop(&mut self) {
        // It has no open files that need a clean shutdown.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
