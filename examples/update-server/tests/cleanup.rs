//! The folder of archives: abandoned uploads are removed, and foreign files are left alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::test_server::{APP, TestServer};

const TWO_DAYS: Duration = Duration::from_secs(2 * 24 * 3600);
const TIMEOUT: Duration = Duration::from_secs(20);

fn archive(server: &TestServer, upload: &serde_json::Value) -> PathBuf {
    let name = format!("bundles/{APP}/{}.zip", upload["sha256"].as_str().unwrap());
    server.folder.path().join(name)
}

fn make_old(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - TWO_DAYS).unwrap();
}

fn wait_until_gone(path: &Path) {
    let started = Instant::now();
    while path.exists() {
        assert!(started.elapsed() < TIMEOUT, "{} still exists", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_running_server_removes_abandoned_uploads() {
    let server = TestServer::start_with(|config| config.limits.cleanup_interval = Duration::from_millis(50));
    server.publish("1.0.0");
    let referenced = archive(&server, &server.upload(b"the archive of 1.0.0"));
    let fresh = archive(&server, &server.upload(b"just uploaded"));
    let abandoned = archive(&server, &server.upload(b"of two days ago"));
    make_old(&referenced);
    make_old(&abandoned);
    wait_until_gone(&abandoned);
    assert!(referenced.exists() && fresh.exists());
}

#[test]
fn unexpected_files_are_left_alone_and_do_not_prevent_a_start() {
    let mut server = TestServer::start();
    let abandoned = archive(&server, &server.upload(b"of two days ago"));
    make_old(&abandoned);
    let data = server.folder.path().to_owned();
    let incomplete = data.join("incoming/half.part");
    let note = data.join("bundles/README");
    let kept = data.join(format!("bundles/{APP}/notes.txt"));
    let folders = [
        data.join("incoming/folder"),
        data.join("bundles/lost+found"),
        data.join(format!("bundles/{APP}/folder")),
    ];
    for file in [&incomplete, &note, &kept] {
        fs::write(file, "text").unwrap();
        make_old(file);
    }
    for folder in &folders {
        fs::create_dir(folder).unwrap();
    }
    #[cfg(unix)]
    fs::set_permissions(&folders[1], std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    server.restart();
    wait_until_gone(&abandoned);
    assert_eq!(server.send("GET", "/health", &[], b"").status, 200);
    assert!(!incomplete.exists());
    assert!(note.exists() && kept.exists() && folders.iter().all(|folder| folder.exists()));
}
