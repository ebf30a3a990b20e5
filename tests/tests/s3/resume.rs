//! Resuming an upload whose process was killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use capbundle::progress::Control;
use capbundle_publish::s3::{Checked, UploadOptions};
use capbundle_tests::measure::sibling_program;

use super::proxy::{Fault, Proxy, Rule};
use super::servers::{BUCKET, KEY, REGION, SECRET, Server, bucket, file, first_line, options_at};

const MIB: usize = 1 << 20;
/// Eight parts.
const SIZE: usize = 60 * MIB;

pub(crate) fn uploader(address: std::net::SocketAddr, key: &str, file: &Path) -> Command {
    let mut command = Command::new(sibling_program("s3-upload"));
    command
        .args([&format!("http://{address}"), REGION, BUCKET, key])
        .arg(file)
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_REGION", REGION)
        .env("AWS_PROFILE", "")
        .stdin(Stdio::null());
    command
}

/// Starts an upload in a process and kills it while it sends the sixth part.
fn kill_an_upload(server: &Server, file: &Path) {
    let held = Arc::new(AtomicBool::new(false));
    let rule = Rule {
        method: "PUT",
        target: "partNumber=6",
        times: 1,
        fault: Fault::HoldAfter(4_000_000, Arc::clone(&held)),
    };
    let proxy = Proxy::start(server.address, vec![rule]);
    let mut child: Child = uploader(proxy.address, "app.zip", file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(first_line(&mut child).starts_with("out "));
    let end = Instant::now() + Duration::from_secs(30);
    // Parts are sent concurrently: on a busy machine the sixth may be in transit before the server has stored one.
    while (!held.load(Ordering::Relaxed) || server.open_parts().is_empty()) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(held.load(Ordering::Relaxed), "the upload never reached its sixth part");
    assert!(
        !server.open_parts().is_empty(),
        "the killed process left no open upload"
    );
}

#[test]
fn the_next_run_sends_only_the_missing_parts() {
    let Some(server) = Server::versity() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = file(folder.path(), SIZE);
    kill_an_upload(&server, &path);

    let proxy = Proxy::start(server.address, Vec::new());
    let through = bucket(&options_at(proxy.address));
    let uploaded = through
        .upload(&path, "app.zip", &UploadOptions::default(), &Control::new())
        .unwrap();
    assert!(uploaded.resumed_parts >= 1, "{uploaded:?}");
    assert_eq!(proxy.count("PUT", "partNumber"), 8 - uploaded.resumed_parts as usize);
    assert_eq!((uploaded.checked, uploaded.confirmed), (Checked::ByServer, true));
    assert_eq!(proxy.count("POST", "uploads"), 0, "no second upload was opened");
    assert!(server.stored("app.zip") == bytes);
    assert_eq!(server.open_parts(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn parts_of_another_file_are_never_reused() {
    let Some(server) = Server::versity() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (path, mut bytes) = file(folder.path(), SIZE);
    kill_an_upload(&server, &path);
    for part in 0..8 {
        bytes[part * 8 * MIB] ^= 1;
    }
    std::fs::write(&path, &bytes).unwrap();
    let uploaded = server
        .bucket()
        .upload(&path, "app.zip", &UploadOptions::default(), &Control::new())
        .unwrap();
    assert_eq!(uploaded.resumed_parts, 0);
    assert!(server.stored("app.zip") == bytes);
    assert_eq!(server.open_parts(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn the_metadata_of_an_open_upload_is_not_reused() {
    let Some(server) = Server::versity() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = file(folder.path(), SIZE);
    kill_an_upload(&server, &path);
    let mut options = UploadOptions::default();
    options.content_type = "application/octet-stream".to_owned();
    let bucket = server.bucket();
    bucket.upload(&path, "app.zip", &options, &Control::new()).unwrap();
    let object = super::servers::head(&bucket, "app.zip").unwrap();
    assert_eq!(object.content_type.as_deref(), Some("application/octet-stream"));
    assert!(server.stored("app.zip") == bytes);
    assert_eq!(server.open_parts(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn parts_without_checksums_are_sent_again() {
    let server = Server::s3s();
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = file(folder.path(), SIZE);
    kill_an_upload(&server, &path);
    let uploaded = server
        .bucket()
        .upload(&path, "app.zip", &UploadOptions::default(), &Control::new())
        .unwrap();
    assert_eq!((uploaded.resumed_parts, uploaded.checked), (0, Checked::BySize));
    assert!(server.stored("app.zip") == bytes);
}
