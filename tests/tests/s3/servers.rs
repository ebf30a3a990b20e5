//! S3 servers with one bucket each.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use capbundle::http::Http;
use capbundle::progress::Control;
use capbundle_publish::s3::{Bucket, BucketOptions, Credentials, Object};
use capbundle_tests::peers::target_folder;
use capbundle_tests::s3_store::{S3Store, Settings};
use capbundle_tests::skip::skipped;
use tempfile::TempDir;

pub(crate) const KEY: &str = "AKIDTESTS";
pub(crate) const SECRET: &str = "secret/of+the/tests";
pub(crate) const REGION: &str = "eu-test-1";
pub(crate) const BUCKET: &str = "bundles";
/// The domain of the servers in virtual-hosted URLs.
pub(crate) const DOMAIN: &str = "s3.test";

/// An S3 server with one bucket. Stopped and removed on drop.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    /// Whether the server returns checksums of parts and lists open uploads.
    pub(crate) knows_checksums: bool,
    running: Running,
}

enum Running {
    Here(#[allow(dead_code, reason = "runs until it is dropped")] S3Store),
    Process(Child),
}

impl Server {
    /// `s3s-fs` in this process.
    pub(crate) fn s3s() -> Self {
        let folder = folder_with_bucket();
        let settings = Settings {
            credentials: (KEY, SECRET),
            domains: &[DOMAIN],
            public: false,
        };
        let store = S3Store::start(&folder.path().join("data"), settings);
        Self {
            address: store.address,
            folder,
            knows_checksums: false,
            running: Running::Here(store),
        }
    }

    /// `versitygw` for a folder, in its own process. `None` if it is not installed; the test is then skipped.
    pub(crate) fn versity() -> Option<Self> {
        let program = versitygw()?;
        let folder = folder_with_bucket();
        let address = free_address();
        let child = Command::new(program)
            .args([
                "--access",
                KEY,
                "--secret",
                SECRET,
                "--region",
                REGION,
                "--port",
                &address.to_string(),
            ])
            .args(["--quiet", "--keep-alive", "--virtual-domain", DOMAIN])
            .arg("posix")
            .arg("--sidecar")
            .arg(folder.path().join("sidecar"))
            .arg(folder.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Self {
            address,
            folder,
            knows_checksums: true,
            running: Running::Process(child),
        };
        server.wait_until_it_listens();
        Some(server)
    }

    fn wait_until_it_listens(&mut self) {
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(self.address).is_err() {
            let Running::Process(child) = &mut self.running else {
                return;
            };
            if child.try_wait().unwrap().is_some() || Instant::now() > end {
                let mut output = String::new();
                let _ = child.kill();
                child.stderr.take().unwrap().read_to_string(&mut output).unwrap();
                panic!("versitygw does not listen: {output}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn options(&self) -> BucketOptions {
        options_at(self.address)
    }

    pub(crate) fn bucket(&self) -> Bucket {
        bucket(&self.options())
    }

    /// The file in which the server stores an object.
    pub(crate) fn object(&self, key: &str) -> PathBuf {
        self.folder.path().join("data").join(BUCKET).join(key)
    }

    /// The stored bytes of an object.
    pub(crate) fn stored(&self, key: &str) -> Vec<u8> {
        fs::read(self.object(key)).unwrap()
    }

    /// The files of open multipart uploads.
    pub(crate) fn open_parts(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().join("data")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let is_part = name.starts_with(".upload") || path.to_string_lossy().contains("/.sgwtmp/multipart/");
                if path.is_dir() {
                    folders.push(path);
                } else if is_part {
                    found.push(path);
                }
            }
        }
        found
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Running::Process(child) = &mut self.running {
            // The server has no files that need a clean shutdown.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) fn options_at(address: SocketAddr) -> BucketOptions {
    let mut options = BucketOptions::new(REGION, BUCKET);
    options.endpoint = Some(format!("http://{address}"));
    options
}

pub(crate) fn bucket(options: &BucketOptions) -> Bucket {
    let credentials = Credentials::new(KEY, SECRET, None).unwrap();
    Bucket::new(options, credentials, Arc::new(Http::new())).unwrap()
}

/// Both servers, or only `s3s-fs` if `versitygw` is not installed.
pub(crate) fn all() -> Vec<Server> {
    [Some(Server::s3s()), Server::versity()].into_iter().flatten().collect()
}

pub(crate) fn head(bucket: &Bucket, key: &str) -> Option<Object> {
    bucket.head(key, &Control::new()).unwrap()
}

fn folder_with_bucket() -> TempDir {
    let folder = tempfile::tempdir_in(target_folder()).unwrap();
    fs::create_dir_all(folder.path().join("data").join(BUCKET)).unwrap();
    fs::create_dir_all(folder.path().join("sidecar")).unwrap();
    folder
}

/// A free address. Another process is unlikely to receive it before the server binds it.
fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

/// The program, which `tests/run` installs.
fn versitygw() -> Option<PathBuf> {
    let installed = target_folder().join("tools/bin/versitygw");
    if installed.is_file() {
        return Some(installed);
    }
    skipped("versitygw is not installed: run `tests/run s3`");
    None
}

/// The first line that a child prints.
pub(crate) fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    line.trim_end().to_owned()
}

/// A file of noise, in which no two parts are equal.
pub(crate) fn file(folder: &Path, size: usize) -> (PathBuf, Vec<u8>) {
    let bytes = capbundle_tests::peers::noise(size, 7);
    let path = folder.join(format!("{size}.zip"));
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}
