#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
mod hostile;
mod origins;

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;
use crate::http::Cleartext;
use crate::http::mock_transport::{Answer, MockTransport};
use crate::progress::CancelToken;

const URL: &str = "https://example.com/app.zip?signature=secret";

struct Device {
    folder: TempDir,
    remote: Remote,
    options: DownloadOptions,
    file: Vec<u8>,
}

impl Device {
    fn new() -> Self {
        let file: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        let mut remote = Remote::new(URL.parse().unwrap());
        remote.digest = Some(Sha256Digest::of(&file));
        let options = DownloadOptions {
            first_wait: Duration::from_millis(1),
            space_margin: 0,
            ..DownloadOptions::default()
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            remote,
            options,
            file,
        }
    }

    fn without_digest(mut self) -> Self {
        self.remote.digest = None;
        self
    }

    fn download(&self, transport: &MockTransport) -> Result<Downloaded> {
        self.download_with(transport, &Control::new())
    }

    fn download_with(&self, transport: &MockTransport, control: &Control) -> Result<Downloaded> {
        download(transport, &self.wanted(&self.options), control)
    }

    fn wanted<'a>(&'a self, options: &'a DownloadOptions) -> Download<'a> {
        Download {
            remote: &self.remote,
            folder: self.folder.path(),
            options,
        }
    }

    /// A response with the whole file.
    fn whole(&self) -> Answer {
        Answer::new(200, &self.file)
            .with("Content-Length", &self.file.len().to_string())
            .with("ETag", "\"1\"")
    }

    /// A response whose connection breaks after this many bytes.
    fn cut(&self, length: usize) -> Answer {
        Answer::new(200, &self.file[..length])
            .with("Content-Length", &self.file.len().to_string())
            .with("ETag", "\"1\"")
            .then_breaks()
    }

    /// A response with the range from this byte to the end.
    fn rest(&self, from: usize) -> Answer {
        let range = format!("bytes {from}-{}/{}", self.file.len() - 1, self.file.len());
        Answer::new(206, &self.file[from..])
            .with("Content-Range", &range)
            .with("ETag", "\"1\"")
    }

    fn assert_downloaded(&self, result: Result<Downloaded>) -> Downloaded {
        let downloaded = result.unwrap();
        assert!(fs::read(&downloaded.path).unwrap() == self.file, "the content differs");
        assert_eq!(self.names(), [downloaded.path.file_name().unwrap().to_str().unwrap()]);
        downloaded
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn part_length(&self) -> u64 {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap());
        let part = entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "part"));
        part.map(|entry| entry.metadata().unwrap().len()).sum()
    }
}

#[test]
fn a_file_is_downloaded_and_verified() {
    let device = Device::new();
    let downloaded = device.assert_downloaded(device.download(&MockTransport::new([device.whole()])));
    assert_eq!(
        (downloaded.size, downloaded.received, downloaded.verified),
        (200_000, 200_000, true)
    );
    let path = downloaded.path.clone();
    downloaded.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_broken_download_is_resumed() {
    let device = Device::new();
    let transport = MockTransport::new([device.cut(70_000), device.rest(70_000)]);
    let downloaded = device.assert_downloaded(device.download(&transport));
    assert_eq!(downloaded.received, 200_000);
    assert_eq!(transport.request_headers("Range"), ["-", "bytes=70000-"]);
    assert_eq!(transport.request_headers("If-Range"), ["-", "\"1\""]);
}

#[test]
fn the_next_call_resumes_even_with_another_signed_url() {
    let mut device = Device::new();
    device.options.attempts = 1;
    let error = device.download(&MockTransport::new([device.cut(70_000)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    device.remote.url = "https://other.example.com/x?signature=new".parse().unwrap();
    let transport = MockTransport::new([device.rest(70_000)]);
    let downloaded = device.assert_downloaded(device.download(&transport));
    assert_eq!(downloaded.received, 130_000);
}

#[test]
fn a_server_that_ignores_the_range_restarts_the_download() {
    let device = Device::new();
    let transport = MockTransport::new([device.cut(70_000), device.whole()]);
    let downloaded = device.assert_downloaded(device.download(&transport));
    assert_eq!(downloaded.received, 270_000);
}

#[test]
fn a_range_that_does_not_continue_the_part_is_not_appended() {
    let device = Device::new();
    for wrong in [
        device.rest(60_000),
        Answer::new(206, b"x"),
        Answer::new(206, b"x").with("Content-Range", "bytes 70000-70000/199999"),
        Answer::new(206, b"x").with("Content-Range", "bytes 70000-69999/200000"),
        Answer::new(206, b"x")
            .with("Content-Range", "bytes 70000-70000/200000")
            .with("ETag", "\"2\""),
        Answer::new(416, b""),
        Answer::new(416, b"").with("Content-Range", "bytes */60000"),
    ] {
        let transport = MockTransport::new([device.cut(70_000), wrong, device.whole()]);
        let downloaded = device.assert_downloaded(device.download(&transport));
        assert_eq!(transport.request_headers("Range"), ["-", "bytes=70000-", "-"]);
        downloaded.remove().unwrap();
    }
}

#[test]
fn a_complete_part_is_not_requested_again() {
    let device = Device::new();
    let all = device.cut(device.file.len());
    let downloaded = device.assert_downloaded(device.download(&MockTransport::new([all.clone()])));
    downloaded.remove().unwrap();

    // Chunked: only the 416 response contains the total size.
    let chunked = Answer::new(200, &device.file).with("ETag", "\"1\"").then_breaks();
    let refusal = Answer::new(416, b"").with("Content-Range", "bytes */200000");
    let transport = MockTransport::new([chunked, refusal]);
    device.assert_downloaded(device.download(&transport));
}

#[test]
fn without_a_validator_or_digest_a_download_restarts() {
    let weak = |device: &Device| {
        let length = device.file.len().to_string();
        Answer::new(200, &device.file[..70_000])
            .with("Content-Length", &length)
            .with("ETag", "W/\"1\"")
            .then_breaks()
    };
    let device = Device::new().without_digest();
    let transport = MockTransport::new([weak(&device), device.whole()]);
    assert!(!device.assert_downloaded(device.download(&transport)).verified);
    assert_eq!(transport.request_headers("Range"), ["-", "-"]);

    let device = Device::new();
    let transport = MockTransport::new([weak(&device), device.rest(70_000)]);
    device.assert_downloaded(device.download(&transport));
    assert_eq!(
        transport.request_headers("Range"),
        ["-", "bytes=70000-"],
        "the digest identifies the file"
    );
    assert_eq!(transport.request_headers("If-Range"), ["-", "-"]);
}

#[test]
fn an_old_modification_time_is_a_validator_and_a_recent_one_is_not() {
    for (modified, expected) in [
        ("Fri, 13 Nov 2026 10:00:00 GMT", "bytes=70000-"),
        ("Sat, 14 Nov 2026 09:59:30 GMT", "-"),
    ] {
        let device = Device::new().without_digest();
        let first = Answer::new(200, &device.file[..70_000])
            .with("Content-Length", "200000")
            .with("Date", "Sat, 14 Nov 2026 10:00:00 GMT")
            .with("Last-Modified", modified)
            .then_breaks();
        let transport = MockTransport::new([first, device.whole()]);
        device.assert_downloaded(device.download(&transport));
        assert_eq!(transport.request_headers("Range"), ["-", expected]);
    }
}

#[test]
fn a_file_with_a_wrong_digest_is_removed_so_that_the_next_call_can_succeed() {
    let device = Device::new();
    let other = Answer::new(200, b"something else");
    let error = device.download(&MockTransport::new([other])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch);
    assert!(device.names().is_empty(), "{:?}", device.names());
    device.assert_downloaded(device.download(&MockTransport::new([device.whole()])));
}

#[test]
fn a_part_of_another_file_costs_one_more_attempt_and_no_error() {
    let device = Device::new();
    let wrong = Answer::new(200, &vec![7; 70_000])
        .with("Content-Length", "200000")
        .then_breaks();
    let transport = MockTransport::new([
        wrong,
        Answer::new(206, &device.file[70_000..]).with("Content-Range", "bytes 70000-199999/200000"),
    ]);
    let mut once = device.options.clone();
    once.attempts = 1;
    // The process ends after the first attempt.
    download(&transport, &device.wanted(&once), &Control::new()).unwrap_err();
    let transport = MockTransport::new([
        Answer::new(206, &device.file[70_000..]).with("Content-Range", "bytes 70000-199999/200000"),
        device.whole(),
    ]);
    device.assert_downloaded(device.download(&transport));
}

#[test]
fn a_response_longer_than_declared_or_allowed_is_refused() {
    let mut device = Device::new();
    let longer = || Answer::new(200, &vec![1; 5000]).with("Content-Length", "3000");
    let transport = MockTransport::new(std::iter::repeat_with(longer).take(6));
    let error = device.download(&transport).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(device.part_length(), 0);

    device.options.max_size = 100_000;
    let declared = device.download(&MockTransport::new([device.whole()])).unwrap_err();
    assert_eq!(declared.kind(), ErrorKind::LimitExceeded);
    let endless = Answer::new(200, &vec![1; 1_000_000]);
    let error = device.download(&MockTransport::new([endless])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(device.part_length(), 0, "a part of a file that is too large is removed");
}

#[test]
fn a_response_with_a_content_encoding_is_refused() {
    let device = Device::new();
    let error = device
        .download(&MockTransport::new([device.whole().with("Content-Encoding", "gzip")]))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("gzip"), "{error}");
}

#[test]
fn a_refusal_is_not_retried_and_says_what_to_do() {
    for (status, word) in [
        (401, "token"),
        (403, "expired"),
        (404, "no such file"),
        (501, "501"),
        (302, "redirects"),
    ] {
        let device = Device::new();
        let transport = MockTransport::new([Answer::new(status, b"<Error>AccessDenied</Error>")]);
        let error = device.download(&transport).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        let message = error.to_string();
        assert!(message.contains(word), "{message}");
        assert!(!message.contains("secret"), "{message}");
        assert_eq!(transport.requests().len(), 1, "{status}");
    }
}

#[test]
fn a_busy_server_is_retried_after_the_wait_it_requests() {
    let device = Device::new();
    for busy in [
        Answer::new(503, b"").with("Retry-After", "0"),
        Answer::new(429, b"").with("Retry-After", "Fri, 13 Nov 2020 10:00:00 GMT"),
        Answer::new(500, b""),
        Answer::new(408, b""),
    ] {
        let transport = MockTransport::new([busy, device.whole()]);
        device.assert_downloaded(device.download(&transport)).remove().unwrap();
        assert_eq!(transport.requests().len(), 2);
    }
    let transport = MockTransport::new([Answer::new(429, b"").with("Retry-After", "3600"), device.whole()]);
    let error = device.download(&transport).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(transport.requests().len(), 1, "a wait of an hour is not retried");
}

#[test]
fn a_download_fails_without_progress_and_continues_with_progress() {
    let device = Device::new();
    let transport = MockTransport::new([]);
    let error = device.download(&transport).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert_eq!(transport.requests().len(), 6);
    assert!(error.to_string().contains("6 attempts"), "{error}");

    let mut device = Device::new();
    device.file = (0..=255).cycle().take(2_000_000).collect();
    device.remote.digest = Some(Sha256Digest::of(&device.file));
    let pieces = (1..20).map(|number| {
        let (from, to) = (number * 100_000, (number + 1) * 100_000);
        let range = format!("bytes {from}-1999999/2000000");
        Answer::new(206, &device.file[from..to])
            .with("Content-Range", &range)
            .then_breaks()
    });
    let transport = MockTransport::new([device.cut(100_000)].into_iter().chain(pieces));
    let downloaded = device.assert_downloaded(device.download(&transport));
    assert_eq!(downloaded.received, 2_000_000);
}

#[test]
fn a_cancelled_download_keeps_the_received_bytes() {
    let device = Device::new();
    let token = CancelToken::new();
    let cancel = token.clone();
    let observer = move |progress: crate::progress::Progress| {
        if progress.done >= 50_000 {
            cancel.cancel();
        }
    };
    let control = Control::new()
        .with_cancel_token(&token)
        .with_observer(std::sync::Arc::new(observer));
    // Progress is reported at the start, for each MiB and at the end.
    let mut larger = device;
    larger.file = (0..=255).cycle().take(4_000_000).collect();
    larger.remote.digest = Some(Sha256Digest::of(&larger.file));
    let error = larger
        .download_with(&MockTransport::new([larger.whole()]), &control)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let kept = larger.part_length();
    assert!((1_000_000..4_000_000).contains(&kept), "{kept}");
    let from = usize::try_from(kept).unwrap();
    let downloaded = larger.assert_downloaded(larger.download(&MockTransport::new([larger.rest(from)])));
    assert_eq!(downloaded.received, 4_000_000 - kept);
}

#[test]
fn a_download_that_is_cancelled_while_it_is_hashed_keeps_the_file() {
    let device = Device::new();
    let token = CancelToken::new();
    let cancel = token.clone();
    let observer = move |progress: crate::progress::Progress| {
        if progress.phase == crate::progress::Phase::Download && progress.done == progress.total {
            cancel.cancel();
        }
    };
    let control = Control::new()
        .with_cancel_token(&token)
        .with_observer(std::sync::Arc::new(observer));
    let error = device
        .download_with(&MockTransport::new([device.whole()]), &control)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let downloaded = device.assert_downloaded(device.download(&MockTransport::new([])));
    assert_eq!(downloaded.received, 0, "nothing is downloaded twice");
}

#[test]
fn a_web_page_in_place_of_the_file_is_detected() {
    let device = Device::new().without_digest();
    let page =
        || Answer::new(200, b" <!DOCTYPE html><title>Welcome to our hotel</title>").with("Content-Type", "text/html");
    let error = device
        .download(&MockTransport::new(std::iter::repeat_with(page).take(6)))
        .unwrap_err();
    assert!(error.to_string().contains("web page"), "{error}");
    let mislabelled = device.whole().with("Content-Type", "text/html; charset=utf-8");
    device.assert_downloaded(device.download(&MockTransport::new([page(), mislabelled])));
}

#[test]
fn free_space_is_checked_before_the_body() {
    let mut device = Device::new();
    device.options.space_margin = u64::MAX / 2;
    let error = device.download(&MockTransport::new([device.whole()])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert_eq!(device.part_length(), 0);
}

#[test]
fn a_part_without_valid_resume_info_is_downloaded_from_its_start() {
    for info in [b"{".to_vec(), Vec::new(), vec![b' '; 100_000]] {
        let mut device = Device::new().without_digest();
        device.options.attempts = 1;
        device.download(&MockTransport::new([device.cut(70_000)])).unwrap_err();
        let name = device.names().into_iter().find(|name| name.contains(".json")).unwrap();
        fs::write(device.folder.path().join(name), info).unwrap();
        let transport = MockTransport::new([device.whole()]);
        device.assert_downloaded(device.download(&transport));
        assert_eq!(transport.request_headers("Range"), ["-"]);
    }
}

#[test]
fn a_finished_file_is_not_downloaded_again() {
    for device in [Device::new(), Device::new().without_digest()] {
        let first = device.assert_downloaded(device.download(&MockTransport::new([device.whole()])));
        let again = device.assert_downloaded(device.download(&MockTransport::new([])));
        assert_eq!((&again.path, again.received), (&first.path, 0));
    }
    let device = Device::new();
    let first = device.assert_downloaded(device.download(&MockTransport::new([device.whole()])));
    fs::write(&first.path, "damaged").unwrap();
    device.assert_downloaded(device.download(&MockTransport::new([device.whole()])));
}

#[test]
fn a_second_call_for_the_same_file_is_busy_and_does_not_wait() {
    let device = Device::new();
    let _held = Part::open(device.folder.path(), &device.remote.name()).unwrap();
    let error = device.download(&MockTransport::new([device.whole()])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    let text = error.to_string();
    assert!(
        text.contains("did not wait for it") && text.contains("retry when"),
        "{text}"
    );
}

#[test]
fn the_progress_of_a_restarted_download_never_decreases() {
    let device = Device::new();
    let wrong = Answer::new(200, &vec![7; 70_000])
        .with("Content-Length", "200000")
        .then_breaks();
    let mut once = device.options.clone();
    once.attempts = 1;
    let first = MockTransport::new([wrong]);
    download(&first, &device.wanted(&once), &Control::new()).unwrap_err();
    // The part is of another file, which only the digest shows.
    let transport = MockTransport::new([
        Answer::new(206, &device.file[70_000..]).with("Content-Range", "bytes 70000-199999/200000"),
        device.whole(),
    ]);
    let reported = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let reports = std::sync::Arc::clone(&reported);
    let observer = move |progress: crate::progress::Progress| reports.lock().unwrap().push(progress);
    let control = Control::new().with_observer(std::sync::Arc::new(observer));

    device.assert_downloaded(device.download_with(&transport, &control));

    let reported = reported.lock().unwrap();
    for phase in [crate::progress::Phase::Download, crate::progress::Phase::Hash] {
        let of_phase: Vec<_> = reported.iter().filter(|progress| progress.phase == phase).collect();
        assert!(of_phase.is_sorted_by_key(|progress| progress.done), "{of_phase:?}");
    }
}

#[cfg(unix)]
#[test]
fn an_entry_of_another_type_in_place_of_a_download_file_is_replaced() {
    use std::process::Command;

    type Make = fn(&Path);
    let makes: [(&str, Make); 4] = [
        ("folder", |path| fs::create_dir_all(path.join("deep")).unwrap()),
        ("pipe", |path| {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
        ("link to nowhere", |path| {
            std::os::unix::fs::symlink("/nowhere/at/all", path).unwrap();
        }),
        ("link to itself", |path| std::os::unix::fs::symlink(path, path).unwrap()),
    ];
    for (what, make) in makes {
        for ending in ["part", "part.json", "download"] {
            let device = Device::new();
            make(&device.folder.path().join(format!("{}.{ending}", device.remote.name())));
            let result = device.download(&MockTransport::new([device.whole()]));
            assert!(result.is_ok(), "{what} as .{ending}: {result:?}");
            device.assert_downloaded(result);
        }
    }
}

#[test]
fn a_file_of_another_size_than_the_known_one_is_refused() {
    let mut device = Device::new().without_digest();
    device.remote.size = Some(199_999);
    let error = device.download(&MockTransport::new([device.whole()])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(device.names().is_empty());
}

#[test]
fn a_file_of_unknown_size_does_not_fill_the_disk() {
    let mut device = Device::new().without_digest();
    device.file = vec![7; 3 << 20];
    device.options.space_margin = u64::MAX >> 1;
    let error = device
        .download(&MockTransport::new([
            Answer::new(200, &device.file).with("ETag", "\"1\"")
        ]))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    assert!(device.names().is_empty(), "{:?}", device.names());
}
