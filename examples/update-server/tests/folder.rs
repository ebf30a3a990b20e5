//! The folder of archives: what nobody needs goes, what is none of the server's is left alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod running;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use running::{APP, Running};

const TWO_DAYS: Duration = Duration::from_secs(2 * 24 * 3600);
const TIMEOUT: Duration = Duration::from_secs(20);

fn archive(server: &Running, upload: &serde_json::Value) -> PathBuf {
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
        assert!(started.elapsed() < TIMEOUT, "{} is still there", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_server_that_runs_for_weeks_clears_abandoned_uploads_too() {
    let server = Running::start_with(|config| config.limits.clearing = Duration::from_millis(50));
    server.publish("1.0.0");
    let needed = archive(&server, &server.upload(b"the archive of 1.0.0"));
    let fresh = archive(&server, &server.upload(b"just uploaded"));
    let abandoned = archive(&server, &server.upload(b"of two days ago"));
    make_old(&needed);
    make_old(&abandoned);
    wait_until_gone(&abandoned);
    assert!(needed.exists() && fresh.exists());
}

#[test]
fn what_is_odd_in_the_folders_is_left_alone_and_keeps_no_server_from_starting() {
    let mut server = Running::start();
    let abandoned = archive(&server, &server.upload(b"of two days ago"));
    make_old(&abandoned);
    let data = server.folder.path().to_owned();
    let half = data.join("incoming/half.part");
    let note = data.join("bundles/README");
    let kept = data.join(format!("bundles/{APP}/notes.txt"));
    let folders = [
        data.join("incoming/folder"),
        data.join("bundles/lost+found"),
        data.join(format!("bundles/{APP}/folder")),
    ];
    for file in [&half, &note, &kept] {
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
    assert!(!half.exists());
    assert!(note.exists() && kept.exists() && folders.iter().all(|folder| folder.exists()));
}
