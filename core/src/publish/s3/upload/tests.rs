//! Uploads to a store in memory: answers that get lost, and credentials that may not look.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use super::super::{BucketOptions, Credentials};
use super::*;
use crate::error::ErrorKind;
use crate::progress::CancelToken;
use crate::transport::{Head, Headers, Receiver, Request, Transport, TransportError};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It is done, and the answer gets lost.
    AnswerLost,
    /// It is done, and the user presses Ctrl-C while the answer is awaited.
    Cancelled,
    /// It is done, and the answer is none that can be read.
    Garbled,
    /// It is not done, for this reason.
    Refused(u16, &'static str),
}

/// Faults come in their order, each with the next request of its kind.
#[derive(Debug, Default)]
struct Store {
    faults: Mutex<Vec<(&'static str, Fault)>>,
    hidden: bool,
    knows_conditions: bool,
    token: CancelToken,
    opened: Mutex<Vec<String>>,
    open: Mutex<Vec<String>>,
    object: Mutex<Option<&'static str>>,
}

impl Store {
    fn new(faults: &[(&'static str, Fault)]) -> Self {
        Self {
            faults: Mutex::new(faults.to_vec()),
            knows_conditions: true,
            ..Self::default()
        }
    }

    /// Its credentials may write, and not look.
    fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    fn with_object(self) -> Self {
        *self.object.lock().unwrap() = Some("theirs");
        self
    }

    fn fault(&self, kind: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(of, _)| *of == kind)?;
        Some(faults.remove(at).1)
    }

    fn act(&self, kind: &str, request: &Request) -> (u16, String) {
        let refused = |status, code: &str| (status, format!("<Error><Code>{code}</Code></Error>"));
        if self.hidden && matches!(kind, "look" | "list" | "parts") {
            return refused(403, "AccessDenied");
        }
        let condition = request.headers.get("if-none-match");
        if condition.is_some() && !self.knows_conditions {
            return refused(501, "NotImplemented");
        }
        if condition == Some("*") && self.object.lock().unwrap().is_some() {
            return refused(412, "PreconditionFailed");
        }
        let id = request.url.as_str().split("uploadId=").nth(1).unwrap_or_default();
        match kind {
            "open" => {
                let mut opened = self.opened.lock().unwrap();
                let id = format!("id{}", opened.len() + 1);
                opened.push(id.clone());
                self.open.lock().unwrap().push(id.clone());
                (200, format!("<Result><UploadId>{id}</UploadId></Result>"))
            }
            "list" => {
                let open = self.open.lock().unwrap();
                let upload = |id: &String| format!("<Upload><Key>app.zip</Key><UploadId>{id}</UploadId></Upload>");
                let list: String = open.iter().map(upload).collect();
                (200, format!("<Result><IsTruncated>false</IsTruncated>{list}</Result>"))
            }
            "abort" => {
                self.open.lock().unwrap().retain(|open| open != id);
                (204, String::new())
            }
            "put" | "complete" => {
                *self.object.lock().unwrap() = Some("ours");
                self.open.lock().unwrap().retain(|open| open != id);
                (200, "<Result></Result>".to_owned())
            }
            "look" => (404, String::new()),
            _ => (200, "<Result></Result>".to_owned()),
        }
    }
}

fn kind(request: &Request) -> &'static str {
    let url = request.url.as_str();
    match request.method {
        Method::Post if url.contains("uploads=") => "open",
        Method::Post => "complete",
        Method::Get if url.contains("uploads=") => "list",
        Method::Get if url.contains("uploadId=") => "parts",
        Method::Get | Method::Head => "look",
        Method::Delete => "abort",
        Method::Put if url.contains("partNumber=") => "part",
        Method::Put => "put",
    }
}

impl Transport for Store {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let kind = kind(request);
        let cancelled = request.control.check("wait for the store");
        cancelled.map_err(TransportError::Receiver)?;
        // What was open before is not what is being tested.
        let is_tested = kind != "list" || !self.opened.lock().unwrap().is_empty();
        let fault = if is_tested { self.fault(kind) } else { None };
        let (status, mut body) = match fault {
            Some(Fault::Refused(status, code)) => (status, format!("<Error><Code>{code}</Code></Error>")),
            _ => self.act(kind, request),
        };
        match fault {
            Some(Fault::AnswerLost) => return Err(TransportError::Broken("the connection broke".to_owned())),
            Some(Fault::Cancelled) => {
                self.token.cancel();
                let cancelled = request.control.check("wait for the store");
                return cancelled.map_err(TransportError::Receiver);
            }
            Some(Fault::Garbled) => body = "{}".to_owned(),
            _ => {}
        }
        let mut headers = Headers::new();
        headers.add("etag", "\"1\"").map_err(TransportError::Receiver)?;
        let passed_on = receiver.begin(&Head::new(status, headers));
        passed_on
            .and_then(|()| receiver.write(body.as_bytes()))
            .map_err(TransportError::Receiver)
    }
}

/// Small enough for one request.
const SMALL: usize = 100;
/// Two parts.
const LARGE: usize = 9 << 20;

fn upload(store: &Arc<Store>, size: usize, options: &UploadOptions) -> Result<Uploaded> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![7; size]).unwrap();
    let credentials = Credentials::new("key", "secret", None).unwrap();
    let transport = Arc::clone(store) as Arc<dyn Transport>;
    let bucket = Bucket::new(&BucketOptions::new("us-east-1", "bucket"), credentials, transport).unwrap();
    let control = Control::new().cancelled_by(&store.token);
    bucket.upload(file.path(), "app.zip", options, &control)
}

fn fails(store: Store, size: usize) -> (Arc<Store>, Error) {
    let store = Arc::new(store);
    let error = upload(&store, size, &UploadOptions::default()).unwrap_err();
    (store, error)
}

fn replacing() -> UploadOptions {
    UploadOptions {
        replace: true,
        ..UploadOptions::default()
    }
}

#[test]
fn an_upload_that_is_cancelled_or_fails_while_it_is_opened_leaves_none_open() {
    for faults in [
        vec![("open", Fault::Cancelled)],
        vec![("open", Fault::Garbled)],
        // Several are open, and the store takes no more.
        vec![
            ("open", Fault::AnswerLost),
            ("open", Fault::Refused(403, "AccessDenied")),
        ],
        // It is open, and the others cannot be found at first.
        vec![
            ("open", Fault::AnswerLost),
            ("list", Fault::Refused(400, "InvalidRequest")),
        ],
        vec![
            ("open", Fault::AnswerLost),
            ("abort", Fault::Refused(400, "InvalidRequest")),
        ],
    ] {
        let (store, error) = fails(Store::new(&faults), LARGE);
        assert!(!store.opened.lock().unwrap().is_empty(), "{faults:?}");
        assert!(store.open.lock().unwrap().is_empty(), "{faults:?}: {error}");
        let cancelled = matches!(faults[0].1, Fault::Cancelled);
        assert_eq!(error.kind() == ErrorKind::Cancelled, cancelled, "{error}");
    }
}

#[test]
fn uploads_that_stay_open_are_named() {
    let refused = Fault::Refused(400, "InvalidRequest");
    let (store, error) = fails(Store::new(&[("open", Fault::Cancelled), ("abort", refused)]), LARGE);
    assert_eq!(*store.open.lock().unwrap(), ["id1"]);
    assert!(error.to_string().contains("id1"), "{error}");
    let (_, error) = fails(Store::new(&[("open", Fault::Cancelled)]).hidden(), LARGE);
    assert!(error.to_string().contains("may be left open"), "{error}");
}

#[test]
fn nothing_is_looked_for_when_the_store_refused_to_open_an_upload() {
    let refused = Fault::Refused(403, "AccessDenied");
    let (_, error) = fails(Store::new(&[("open", refused)]).hidden(), LARGE);
    assert!(!error.to_string().contains("left open"), "{error}");
}

#[test]
fn what_nobody_may_look_at_is_not_replaced() {
    for size in [SMALL, LARGE] {
        let (store, error) = fails(Store::new(&[]).hidden().with_object(), size);
        assert_eq!(*store.object.lock().unwrap(), Some("theirs"));
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("may be replaced"), "{error}");
        assert!(store.open.lock().unwrap().is_empty());
    }
}

#[test]
fn what_is_new_or_may_be_replaced_is_written_unseen() {
    for size in [SMALL, LARGE] {
        let new = Arc::new(Store::new(&[]).hidden());
        let uploaded = upload(&new, size, &UploadOptions::default()).unwrap();
        assert!(!uploaded.confirmed && !uploaded.already_there);
        let mut replaced = Store::new(&[]).hidden().with_object();
        replaced.knows_conditions = false;
        let replaced = Arc::new(replaced);
        upload(&replaced, size, &replacing()).unwrap();
        assert_eq!(*replaced.object.lock().unwrap(), Some("ours"));
    }
}

#[test]
fn a_store_without_conditions_is_written_to_unseen_on_an_explicit_word_only() {
    for size in [SMALL, LARGE] {
        let mut store = Store::new(&[]).hidden();
        store.knows_conditions = false;
        let (store, error) = fails(store, size);
        assert_eq!(*store.object.lock().unwrap(), None);
        let text = error.to_string();
        assert!(text.contains("condition") && text.contains("may be replaced"), "{text}");
        assert!(store.open.lock().unwrap().is_empty(), "{text}");
    }
}

#[test]
fn an_unseen_upload_whose_answer_was_lost_is_claimed_by_nobody() {
    let (store, error) = fails(Store::new(&[("put", Fault::AnswerLost)]).hidden(), SMALL);
    assert_eq!(*store.object.lock().unwrap(), Some("ours"));
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.to_string().contains("not known"), "{error}");
}
