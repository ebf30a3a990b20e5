#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver as Incoming};

use tempfile::TempDir;

use super::*;
use crate::download::{DownloadOptions, Downloaded, RemoteFile, download};
use crate::http::ResponseSink;
use crate::progress::CancelToken;

const BODY: &[u8] = b"what the file holds";

/// A transport that runs a closure and counts its calls.
struct MockTransport<F> {
    act: F,
    calls: AtomicUsize,
}

impl<F> HttpTransport for MockTransport<F>
where
    F: Fn(HttpRequest, &Arc<dyn ResponseSink>) -> Result<(), TransportError> + Send + Sync,
{
    fn send(&self, request: HttpRequest, sink: Arc<dyn ResponseSink>) -> Result<(), TransportError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        (self.act)(request, &sink)
    }
}

fn transport<F>(act: F) -> Arc<MockTransport<F>>
where
    F: Fn(HttpRequest, &Arc<dyn ResponseSink>) -> Result<(), TransportError> + Send + Sync,
{
    let calls = AtomicUsize::new(0);
    Arc::new(MockTransport { act, calls })
}

fn head(status: i32) -> HttpResponseHead {
    let fields = [("Content-Length", BODY.len().to_string()), ("ETag", "\"1\"".to_owned())];
    let headers = fields.map(|(name, value)| HttpHeader {
        name: name.to_owned(),
        value,
    });
    HttpResponseHead {
        status,
        headers: headers.into(),
    }
}

fn broken(reason: &str) -> TransportError {
    let reason = reason.to_owned();
    TransportError::Broken { reason }
}

fn fetch(transport: Arc<dyn HttpTransport>, cancel: Option<Arc<CancelToken>>) -> (Result<Downloaded>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = RemoteFile {
        url: "https://example.com/app.zip?token=1".to_owned(),
        headers: Vec::new(),
        digest: None,
        size: None,
        key: None,
    };
    let options = DownloadOptions {
        max_size: 1 << 20,
        connect_timeout_ms: 0,
        stall_timeout_ms: 50,
        min_rate: 0,
        attempts: 2,
        first_wait_ms: 1,
        allow_cleartext: false,
        space_margin: 0,
    };
    let path = folder.path().to_str().unwrap();
    let result = download(transport, file, path, Some(options), cancel, None);
    (result, folder)
}

/// The error of an operation whose transport is called exactly once.
fn refused_at_once<F>(act: F) -> CapBundleError
where
    F: Fn(HttpRequest, &Arc<dyn ResponseSink>) -> Result<(), TransportError> + Send + Sync + 'static,
{
    let transport = transport(act);
    let (result, _folder) = fetch(Arc::clone(&transport) as _, None);
    assert_eq!(transport.calls.load(Ordering::Relaxed), 1, "the request was retried");
    result.unwrap_err()
}

#[test]
fn the_pieces_that_the_host_passes_become_the_file() {
    let (result, _folder) = fetch(
        transport(|request, sink| {
            assert_eq!(
                (request.method, request.url.as_str()),
                (HttpMethod::Get, "https://example.com/app.zip?token=1")
            );
            sink.begin(head(200)).unwrap();
            BODY.chunks(5).for_each(|piece| sink.write(piece.to_vec()).unwrap());
            Ok(())
        }),
        None,
    );
    let downloaded = result.unwrap();
    assert_eq!(fs::read(downloaded.path).unwrap(), BODY);
    assert_eq!(downloaded.received, 19);
}

#[test]
fn a_broken_connection_is_resumed() {
    let requests: Arc<Mutex<Vec<HttpRequest>>> = Arc::default();
    let seen = Arc::clone(&requests);
    let (result, _folder) = fetch(
        transport(move |request, sink| {
            let first = seen.lock().unwrap().is_empty();
            seen.lock().unwrap().push(request);
            if first {
                sink.begin(head(200)).unwrap();
                sink.write(BODY[..7].to_vec()).unwrap();
                return Err(broken("connection reset"));
            }
            let mut rest = head(206);
            rest.headers[0].value = "12".to_owned();
            rest.headers.push(HttpHeader {
                name: "Content-Range".to_owned(),
                value: "bytes 7-18/19".to_owned(),
            });
            sink.begin(rest).unwrap();
            sink.write(BODY[7..].to_vec()).unwrap();
            Ok(())
        }),
        None,
    );
    assert_eq!(fs::read(result.unwrap().path).unwrap(), BODY);
    let requests = requests.lock().unwrap();
    let field = |name: &str| requests[1].headers.iter().find(|header| header.name == name);
    assert_eq!(field("Range").unwrap().value, "bytes=7-");
    assert_eq!(field("If-Range").unwrap().value, "\"1\"");
}

#[test]
fn the_host_learns_immediately_that_a_response_is_refused() {
    let error = refused_at_once(|_, sink| {
        let refused = sink.begin(head(404)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Server, "{refused}");
        assert!(!sink.is_wanted());
        assert_eq!(sink.write(Vec::new()).unwrap_err().kind(), ErrorKind::Cancelled);
        Err(broken("the sink refused the response"))
    });
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
}

#[test]
fn a_transport_that_breaks_its_contract_fails_with_a_callback_error() {
    type Act = fn(&Arc<dyn ResponseSink>) -> Result<()>;
    let faults: [(Act, &str); 4] = [
        (|_| Ok(()), "without a response"),
        (
            |sink| sink.begin(head(200)).and_then(|()| sink.begin(head(200))),
            "twice",
        ),
        (|sink| sink.write(vec![1]), "before begin"),
        (|sink| sink.begin(head(-7)), "status -7"),
    ];
    for (act, expected) in faults {
        let error = refused_at_once(move |_, sink| act(sink).map_err(|error| broken(&error.to_string())));
        assert_eq!(error.kind(), ErrorKind::Callback, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn an_unexpected_exception_of_the_transport_is_reported() {
    let reason = "java.lang.IllegalStateException: boom".to_owned();
    let error = refused_at_once(move |_, _| Err(TransportError::Unexpected { reason: reason.clone() }));
    assert_eq!(error.kind(), ErrorKind::Callback);
    assert_eq!(
        error.to_string(),
        "the HTTP transport of the app threw: java.lang.IllegalStateException: boom"
    );
    let error = refused_at_once(|_, _| panic!("on purpose"));
    assert_eq!(error.kind(), ErrorKind::Callback, "{error}");
}

#[test]
fn transport_errors_become_download_errors() {
    let reason = || "as the system says".to_owned();
    let refused = refused_at_once(move |_, _| Err(TransportError::Refused { reason: reason() }));
    assert_eq!(refused.kind(), ErrorKind::NotTrusted);
    let cancelled = refused_at_once(move |_, _| Err(TransportError::Cancelled { reason: reason() }));
    assert_eq!(cancelled.kind(), ErrorKind::Cancelled);
    let offline = transport(move |_, _| Err(TransportError::Offline { reason: reason() }));
    let (result, _folder) = fetch(Arc::clone(&offline) as _, None);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("as the system says"), "{error}");
    assert_eq!(offline.calls.load(Ordering::Relaxed), 2);
}

/// A transport that waits until the test releases it, with the result of its late call.
fn silent() -> (Arc<dyn HttpTransport>, mpsc::Sender<()>, Incoming<Result<()>>) {
    let (release, released) = mpsc::channel();
    let (report, reported) = mpsc::channel();
    let (released, report) = (Mutex::new(released), Mutex::new(report));
    let transport = transport(move |_, sink: &Arc<dyn ResponseSink>| {
        assert!(
            released.lock().unwrap().recv().is_err(),
            "the test releases the transport by dropping its end"
        );
        let result = sink.begin(head(200));
        drop(report.lock().unwrap().send(result));
        Ok(())
    });
    (transport, release, reported)
}

#[test]
fn a_host_that_never_returns_is_abandoned_and_its_late_calls_fail() {
    let (transport, release, reported) = silent();
    let (result, _folder) = fetch(transport, None);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.to_string().contains("made no call for"), "{error}");
    drop(release);
    assert_eq!(reported.recv().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn cancelling_does_not_wait_for_a_silent_host() {
    let (started, begun) = mpsc::channel();
    let (started, token) = (Mutex::new(started), CancelToken::new());
    let (say, wanted) = mpsc::channel();
    let say = Mutex::new(say);
    let cancel = Arc::clone(&token);
    let canceller = thread::spawn(move || {
        begun.recv().unwrap();
        cancel.cancel();
    });
    let (result, folder) = fetch(
        transport(move |_, sink: &Arc<dyn ResponseSink>| {
            sink.begin(head(200)).unwrap();
            sink.write(BODY[..7].to_vec()).unwrap();
            started.lock().unwrap().send(()).unwrap();
            while sink.is_wanted() {
                thread::yield_now();
            }
            say.lock().unwrap().send(sink.write(BODY[7..].to_vec())).unwrap();
            Ok(())
        }),
        Some(token),
    );
    canceller.join().unwrap();
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(wanted.recv().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    let mut left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let part = left.find(|path| path.extension().is_some_and(|extension| extension == "part"));
    assert_eq!(
        fs::read(part.unwrap()).unwrap(),
        BODY[..7],
        "the partial download can be resumed"
    );
}
