//! Faults of a server or the network: which requests are retried, how the upload ends, and that it leaves nothing.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use capbundle::ErrorKind;
use capbundle::progress::{CancelToken, Control, Phase, Progress};
use capbundle_publish::s3::{Precondition, Put, SmallObject, UploadOptions, Uploaded};

use super::proxy::{Fault, Proxy, Rule};
use super::servers::{Server, all, bucket, file, options_at};

const MIB: usize = 1 << 20;
/// Four parts.
const SIZE: usize = 30 * MIB;
const SLOW_DOWN: &str = "503 Slow Down\nContent-Type: application/xml\n\n\
    <Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>";
const SLOW_DOWN_A_SECOND: &str = "503 Slow Down\nRetry-After: 1\n\n";

fn rule(method: &'static str, target: &'static str, times: u32, fault: Fault) -> Rule {
    Rule {
        method,
        target,
        times,
        fault,
    }
}

fn upload_through(proxy: &Proxy, size: usize) -> capbundle_publish::Result<Uploaded> {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path(), size);
    let mut options = options_at(proxy.address);
    options.stall_timeout = Duration::from_secs(2);
    bucket(&options).upload(&path, "app.zip", &UploadOptions::default(), &Control::new())
}

fn assert_whole(server: &Server, size: usize) {
    assert!(
        server.stored("app.zip") == capbundle_tests::peers::noise(size, 7),
        "the stored bytes differ"
    );
    assert_eq!(server.open_parts(), Vec::<std::path::PathBuf>::new());
}

fn assert_nothing_left(server: &Server) {
    assert_eq!(super::servers::head(&server.bucket(), "app.zip"), None);
    assert_eq!(server.open_parts(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn every_kind_of_request_is_retried_after_a_failure() {
    // `uploads` comes last: on a server that does not list open uploads, the one whose response was lost cannot be
    // found.
    let kinds = [
        ("PUT", "partNumber=3"),
        ("POST", "uploadId"),
        ("HEAD", "app.zip"),
        ("POST", "uploads"),
    ];
    for server in all() {
        for (method, target) in kinds {
            for fault in [Fault::Answer(SLOW_DOWN), Fault::CutAfter(100), Fault::LoseAnswer] {
                let proxy = Proxy::start(server.address, vec![rule(method, target, 1, fault)]);
                let uploaded =
                    upload_through(&proxy, SIZE).unwrap_or_else(|error| panic!("{method} {target}: {error}"));
                assert_eq!((uploaded.parts, uploaded.already_there), (4, false));
                assert_eq!(
                    proxy.count("PUT", "partNumber=1&"),
                    1,
                    "only the failed request is sent again"
                );
                if server.knows_checksums || target != "uploads" {
                    assert_whole(&server, SIZE);
                }
                server.bucket().delete("app.zip", &Control::new()).unwrap();
            }
        }
    }
}

#[test]
fn only_the_interrupted_part_is_sent_again() {
    for server in all() {
        let cut = rule("PUT", "partNumber=3", 2, Fault::CutAfter(5_000_000));
        let proxy = Proxy::start(server.address, vec![cut]);
        upload_through(&proxy, SIZE).unwrap();
        assert_eq!(proxy.count("PUT", "partNumber=3"), 3);
        assert_eq!(proxy.count("PUT", "partNumber"), 6);
        assert_whole(&server, SIZE);
    }
}

#[test]
fn the_retry_after_header_is_honoured() {
    let server = Server::s3s();
    let busy = rule("PUT", "app.zip", 2, Fault::Answer(SLOW_DOWN_A_SECOND));
    let proxy = Proxy::start(server.address, vec![busy]);
    let started = Instant::now();
    upload_through(&proxy, 1000).unwrap();
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!(proxy.count("PUT", "app.zip"), 3);
    assert_whole(&server, 1000);
}

#[test]
fn an_upload_to_an_overloaded_server_is_aborted_after_five_attempts_and_leaves_nothing() {
    for server in all() {
        let busy = rule("PUT", "partNumber=3", 99, Fault::Answer(SLOW_DOWN));
        let proxy = Proxy::start(server.address, vec![busy]);
        let error = upload_through(&proxy, SIZE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(
            error.to_string().contains("overloaded") && error.to_string().contains("SlowDown"),
            "{error}"
        );
        assert_eq!(proxy.count("PUT", "partNumber=3"), 5);
        assert_eq!(proxy.count("DELETE", "uploadId"), 1);
        assert_nothing_left(&server);
    }
}

#[test]
fn a_part_that_stalls_is_sent_again() {
    for server in all() {
        let proxy = Proxy::start(server.address, vec![rule("PUT", "partNumber=3", 1, Fault::Hang)]);
        let started = Instant::now();
        upload_through(&proxy, SIZE).unwrap();
        assert!(started.elapsed() >= Duration::from_secs(2));
        assert_eq!(proxy.count("PUT", "partNumber=3"), 2);
        assert_whole(&server, SIZE);
    }
}

#[test]
fn an_upload_whose_connections_are_always_cut_fails_and_leaves_nothing() {
    for server in all() {
        let proxy = Proxy::start(
            server.address,
            vec![rule("PUT", "partNumber=3", 99, Fault::CutAfter(100))],
        );
        let error = upload_through(&proxy, SIZE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        assert!(error.to_string().contains("tried 5 times"), "{error}");
        assert_nothing_left(&server);
    }
}

#[test]
fn a_part_that_is_corrupted_in_transit_is_sent_again_or_refused() {
    for server in all() {
        let proxy = Proxy::start(server.address, vec![rule("PUT", "partNumber=2", 1, Fault::Damage)]);
        let uploaded = upload_through(&proxy, SIZE);
        match uploaded {
            Ok(_) => assert_whole(&server, SIZE),
            // Not every server reports a bad digest, which is retried.
            Err(error) => {
                assert!(
                    error
                        .to_string()
                        .contains("the received bytes differ from the sent ones"),
                    "{error}"
                );
                assert_nothing_left(&server);
            }
        }
    }
}

#[test]
fn a_cancelled_upload_leaves_nothing_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path(), SIZE);
    for server in all() {
        let token = CancelToken::new();
        let canceller = token.clone();
        let control = Control::new()
            .with_cancel_token(&token)
            .with_observer(Arc::new(move |progress: Progress| {
                if progress.phase == Phase::Upload && progress.done > 10 << 20 {
                    canceller.cancel();
                }
            }));
        let proxy = Proxy::start(server.address, Vec::new());
        let through = bucket(&options_at(proxy.address));
        let error = through
            .upload(&path, "app.zip", &UploadOptions::default(), &control)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert_eq!(proxy.count("DELETE", "uploadId"), 1);
        assert_nothing_left(&server);
        through
            .upload(&path, "app.zip", &UploadOptions::default(), &Control::new())
            .unwrap();
        assert_whole(&server, SIZE);
    }
}

#[test]
fn an_upload_that_cannot_be_aborted_is_reported() {
    let server = Server::s3s();
    let rules = vec![
        rule("PUT", "partNumber=3", 99, Fault::CutAfter(100)),
        rule("DELETE", "uploadId", 99, Fault::Answer(SLOW_DOWN)),
    ];
    let proxy = Proxy::start(server.address, rules);
    let error = upload_through(&proxy, SIZE).unwrap_err();
    assert!(error.to_string().contains("is left open on the server"), "{error}");
    assert!(!server.open_parts().is_empty());
}

#[test]
fn a_server_that_does_not_support_checksums_receives_none() {
    let refuses = "501 Not Implemented\nContent-Type: application/xml\n\n\
        <Error><Code>NotImplemented</Code><Message>A header you provided is not implemented</Message></Error>";
    let server = Server::s3s();
    for (method, size) in [("PUT", 1000), ("POST", SIZE)] {
        let proxy = Proxy::start(server.address, vec![rule(method, "app.zip", 1, Fault::Answer(refuses))]);
        let uploaded = upload_through(&proxy, size).unwrap();
        assert_eq!(uploaded.checked, capbundle_publish::s3::Checked::BySize);
        assert_whole(&server, size);
        server.bucket().delete("app.zip", &Control::new()).unwrap();
    }
}

/// Responses of Backblaze B2 and other stores to an unknown header.
const UNKNOWN_HEADER: [&str; 4] = [
    "400 Bad Request\nContent-Type: application/xml\n\n<Error><Code>InvalidArgument</Code><Message>Unsupported header \
     'x-amz-checksum-mode' received for this API call.</Message></Error>",
    "400 Bad Request\n\n",
    "403 Forbidden\nContent-Type: text/html\n\n<html>blocked</html>",
    "501 Not Implemented\nContent-Type: application/xml\n\n<Error><Code>NotImplemented</Code></Error>",
];

#[test]
fn uploads_work_on_a_server_that_rejects_every_checksum_header() {
    let server = Server::s3s();
    let folder = tempfile::tempdir().unwrap();
    for refusal in UNKNOWN_HEADER {
        let refuses = ["HEAD", "GET", "PUT", "POST"]
            .map(|method| rule(method, "", u32::MAX, Fault::RefuseHeader("x-amz-checksum-", refusal)));
        let proxy = Proxy::start(server.address, refuses.into());
        let through = bucket(&options_at(proxy.address));
        let (options, control) = (UploadOptions::default(), Control::new());
        for size in [1000, SIZE] {
            let (path, _) = file(folder.path(), size);
            let uploaded = through
                .upload(&path, "app.zip", &options, &control)
                .unwrap_or_else(|error| panic!("{size}: {error}"));
            assert!(uploaded.confirmed && !uploaded.already_there, "{refusal}");
            assert_whole(&server, size);
            assert!(
                through
                    .upload(&path, "app.zip", &options, &control)
                    .unwrap()
                    .already_there
            );
            through.delete("app.zip", &control).unwrap();
        }
        let object = SmallObject {
            bytes: b"{}",
            content_type: "application/json",
            cache_control: "no-cache",
        };
        let written = through.write("a.json", &object, Precondition::None, &control).unwrap();
        assert_eq!(written, Put::Stored);
        assert_eq!(through.head("a.json", &control).unwrap().unwrap().size, 2);
    }
}

#[test]
fn cancelling_ends_a_stalled_upload_at_once() {
    let server = Server::s3s();
    let held = Arc::new(AtomicBool::new(false));
    let proxy = Proxy::start(
        server.address,
        vec![rule("PUT", "app.zip", 9, Fault::HoldAfter(100, Arc::clone(&held)))],
    );
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path(), 1000);
    let token = CancelToken::new();
    let control = Control::new().with_cancel_token(&token);
    let started = Instant::now();
    let through = bucket(&options_at(proxy.address));
    let error = std::thread::scope(|scope| {
        let upload = scope.spawn(|| through.upload(&path, "app.zip", &UploadOptions::default(), &control));
        while !held.load(std::sync::atomic::Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
        }
        token.cancel();
        upload.join().unwrap().unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
    proxy.clear_rules();
    assert_nothing_left(&server);
}
