#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::fs;
use std::io::Read as _;
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::mock_transport::{Answer, MockTransport};
use capbundle::ErrorKind;
use capbundle::http::{Receiver, TransportError};
use capbundle::progress::CancelToken;

const TOKEN: &str = "YOUR_TOKEN";

struct Sender {
    folder: TempDir,
    options: HttpUploadOptions,
}

impl Sender {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("my-app-1.2.3.zip"), b"PK-archive").unwrap();
        let mut options = HttpUploadOptions {
            first_wait: Duration::ZERO,
            ..HttpUploadOptions::default()
        };
        options.headers.add("Authorization", format!("Bearer {TOKEN}")).unwrap();
        Self { folder, options }
    }

    fn put(&self, transport: &dyn Transport, control: &Control) -> Result<HttpUploaded> {
        self.put_to(transport, &address(), &self.path(), control)
    }

    fn put_to(&self, transport: &dyn Transport, url: &Url, file: &Path, control: &Control) -> Result<HttpUploaded> {
        let options = &self.options;
        put(transport, &HttpUpload { url, file, options }, control)
    }

    fn post(&self, transport: &dyn Transport) -> Result<HttpUploaded> {
        let upload = HttpUpload {
            url: &address(),
            file: &self.path(),
            options: &self.options,
        };
        post_form(transport, &upload, &Control::new())
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("my-app-1.2.3.zip")
    }
}

fn address() -> Url {
    "https://files.example.com/bundles/my-app-1.2.3.zip?signature=hidden"
        .parse()
        .unwrap()
}

fn body_of(request: &Request) -> String {
    let mut text = String::new();
    request
        .body
        .as_ref()
        .unwrap()
        .reader()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.len() as u64, request.body.as_ref().unwrap().length());
    text
}

#[test]
fn a_file_is_put_with_the_configured_headers() {
    let transport = MockTransport::new([Answer::new(201, b"")]);
    let stored = Sender::new().put(&transport, &Control::new()).unwrap();
    assert_eq!((stored.status, stored.url), (201, None));
    let request = transport.requests().remove(0);
    assert_eq!(
        (request.method, body_of(&request).as_str()),
        (Method::Put, "PK-archive")
    );
    assert_eq!(request.headers.get("authorization"), Some("Bearer YOUR_TOKEN"));
    assert_eq!(request.headers.get("content-type"), Some("application/zip"));
}

#[test]
fn a_form_equals_that_of_curl() {
    let transport = MockTransport::new([Answer::new(200, b"")]);
    let mut sender = Sender::new();
    sender.options.fields = vec![("folder".to_owned(), "bundles".to_owned())];
    sender.options.file_name = Some("my \"app\"\r\n.zip".to_owned());
    sender.post(&transport).unwrap();
    let request = transport.requests().remove(0);
    let kind = request.headers.get("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let expected = [
        format!("--{boundary}"),
        r#"Content-Disposition: form-data; name="folder""#.to_owned(),
        String::new(),
        "bundles".to_owned(),
        format!("--{boundary}"),
        r#"Content-Disposition: form-data; name="file"; filename="my %22app%22%0D%0A.zip""#.to_owned(),
        "Content-Type: application/zip".to_owned(),
        String::new(),
        "PK-archive".to_owned(),
        format!("--{boundary}--\r\n"),
    ];
    assert_eq!(
        (request.method, body_of(&request)),
        (Method::Post, expected.join("\r\n"))
    );
}

#[test]
fn the_url_in_the_response_is_returned() {
    for (answer, expected) in [
        (
            Answer::new(201, b"").with("Location", "/b/1.zip"),
            Some("https://files.example.com/b/1.zip"),
        ),
        (
            Answer::new(200, br#"{"url":"https://cdn.example.com/1.zip"}"#),
            Some("https://cdn.example.com/1.zip"),
        ),
        (Answer::new(200, br#"{"url":"javascript:alert(1)"}"#), None),
        (Answer::new(200, br#"{"url":5}"#), None),
        (Answer::new(204, b""), None),
    ] {
        let stored = Sender::new().post(&MockTransport::new([answer])).unwrap();
        assert_eq!(stored.url.as_ref().map(Url::as_str), expected);
    }
}

#[test]
fn a_put_is_retried_and_a_form_only_if_it_was_not_stored() {
    let broken = || Answer::new(200, b"").then_breaks();
    let transport = MockTransport::new([broken(), Answer::new(500, b""), Answer::new(200, b"")]);
    Sender::new().put(&transport, &Control::new()).unwrap();
    for request in transport.requests() {
        assert_eq!(body_of(&request), "PK-archive");
    }
    let transport = MockTransport::new([broken(), Answer::new(200, b"")]);
    let error = Sender::new().post(&transport).unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Network, 1));
    assert!(
        error.to_string().contains("may have been stored all the same"),
        "{error}"
    );
    let transport = MockTransport::new([Answer::new(503, b"").with("Retry-After", "0"), Answer::new(200, b"")]);
    Sender::new().post(&transport).unwrap();
}

#[test]
fn a_refusal_is_explained_without_secrets() {
    let json = format!(r#"{{"error":"bad","message":"Token {TOKEN} is unknown"}}"#);
    let xml = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    for (status, body, says) in [
        (401, json.as_str(), "Token [secret] is unknown"),
        (403, xml, "(server message: AccessDenied)"),
        (404, "<html>no</html>", "does not accept files"),
        (405, "", "the other of PUT and a form"),
        (413, "Too large\nmore", "(server message: Too large)"),
        (507, "", "no space left"),
    ] {
        let error = Sender::new()
            .post(&MockTransport::new([Answer::new(status, body.as_bytes())]))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
        assert!(!text.contains(TOKEN) && !text.contains("hidden"), "{text}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    for status in [301, 302, 307, 308] {
        let moved = Answer::new(status, b"").with("Location", "https://elsewhere.example/upload?key=hidden");
        let transport = MockTransport::new([moved, Answer::new(200, b"")]);
        let error = Sender::new().put(&transport, &Control::new()).unwrap_err().to_string();
        assert!(
            error.contains("redirects to https://elsewhere.example/upload?…"),
            "{error}"
        );
        assert_eq!(transport.requests().len(), 1);
    }
}

#[test]
fn headers_that_the_transport_sets_are_refused() {
    for name in ["Content-Length", "transfer-encoding", "Host"] {
        let mut sender = Sender::new();
        sender.options.headers.add(name, "1").unwrap();
        let error = sender.put(&MockTransport::new([]), &Control::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let mut sender = Sender::new();
    sender
        .options
        .headers
        .add("Content-Type", "application/octet-stream")
        .unwrap();
    assert!(
        sender
            .post(&MockTransport::new([]))
            .unwrap_err()
            .to_string()
            .contains("boundary")
    );
    let transport = MockTransport::new([Answer::new(200, b"")]);
    sender.put(&transport, &Control::new()).unwrap();
    assert_eq!(transport.request_headers("content-type"), ["application/octet-stream"]);
}

#[test]
fn only_a_regular_file_over_a_secure_connection_is_sent() {
    let sender = Sender::new();
    let plain = "http://files.example.com/".parse().unwrap();
    let refusal = |url: &Url, file: &Path| {
        let refused = sender.put_to(&MockTransport::new([]), url, file, &Control::new());
        refused.unwrap_err().kind()
    };
    assert_eq!(refusal(&plain, &sender.path()), ErrorKind::NotTrusted);
    assert_eq!(refusal(&address(), sender.folder.path()), ErrorKind::InvalidInput);
    let missing = sender.folder.path().join("missing.zip");
    assert_eq!(refusal(&address(), &missing), ErrorKind::NotFound);
}

/// Reports upload progress byte by byte. The first attempt breaks halfway.
#[derive(Debug, Default)]
struct Slow {
    attempts: Mutex<u32>,
}

impl Transport for Slow {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let mut attempts = self.attempts.lock().unwrap();
        *attempts += 1;
        let length = request.body.as_ref().unwrap().length();
        let sends = if *attempts == 1 { length / 2 } else { length };
        let mut sent = 0;
        while sent < sends {
            receiver.sent(1).map_err(TransportError::Receiver)?;
            sent += 1;
        }
        if sent < length {
            return Err(TransportError::Broken("the connection broke".to_owned()));
        }
        let head = capbundle::http::Head::new(200, Headers::new());
        receiver.begin(&head).map_err(TransportError::Receiver)
    }
}

#[test]
fn progress_never_decreases_during_a_retry() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&seen);
    let control = Control::new().with_observer(Arc::new(move |progress: Progress| {
        observed
            .lock()
            .unwrap()
            .push((progress.phase, progress.done, progress.total));
    }));
    Sender::new().put(&Slow::default(), &control).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.is_sorted_by_key(|(_, done, _)| *done), "{seen:?}");
    assert_eq!(seen.last(), Some(&(Phase::Upload, 10, 10)));
}

#[test]
fn an_upload_can_be_cancelled_while_it_is_sent() {
    let token = CancelToken::new();
    let cancel = token.clone();
    let observer = Arc::new(move |_: Progress| cancel.cancel());
    let control = Control::new().with_observer(observer).with_cancel_token(&token);
    let transport = Slow::default();
    let error = Sender::new().put(&transport, &control).unwrap_err();
    assert_eq!(
        (error.kind(), *transport.attempts.lock().unwrap()),
        (ErrorKind::Cancelled, 1)
    );
}

#[test]
fn a_large_file_is_sent_only_after_100_continue() {
    let sender = Sender::new();
    sender
        .put(&MockTransport::new([Answer::new(200, b"")]), &Control::new())
        .unwrap();
    fs::write(sender.path(), vec![0; 2 << 20]).unwrap();
    // Some servers do not support `Expect`.
    let transport = MockTransport::new([Answer::new(417, b""), Answer::new(200, b"")]);
    sender.put(&transport, &Control::new()).unwrap();
    assert_eq!(transport.request_headers("expect"), ["100-continue", "-"]);
    let transport = MockTransport::new([Answer::new(401, b"")]);
    assert_eq!(sender.post(&transport).unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(transport.request_headers("expect"), ["100-continue"]);
}
