//! Uploads to a store in memory: answers that get lost, and credentials that may not look.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use super::super::{BucketOptions, Credentials};
use super::*;
use capbundle::ErrorKind;
use capbundle::http::{Head, Headers, Receiver, Request, Transport, TransportError};
use capbundle::progress::CancelToken;

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
    /// The object is said to be one byte longer than it is.
    OtherSize,
}

/// Faults come in their order, each with the next request of its kind.
#[derive(Debug, Default)]
struct Store {
    faults: Mutex<Vec<(&'static str, Fault)>>,
    hidden: bool,
    knows_conditions: bool,
    /// The kinds of requests, and the answer to those of them that have a header of checksums.
    refuses_checksums: Option<(&'static [&'static str], u16, &'static str)>,
    /// How many requests had one.
    with_checksums: Mutex<usize>,
    size: Mutex<u64>,
    digest: Mutex<String>,
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

    /// It answers so to each request of these kinds that has a header of checksums.
    fn refusing_checksums(mut self, kinds: &'static [&'static str], status: u16, code: &'static str) -> Self {
        self.refuses_checksums = Some((kinds, status, code));
        self
    }

    fn with_checksums(&self) -> usize {
        *self.with_checksums.lock().unwrap()
    }

    /// What is looked at after it was written is another kind.
    fn kind(&self, request: &Request) -> &'static str {
        match kind(request) {
            "look" if *self.object.lock().unwrap() == Some("ours") => "confirm",
            kind => kind,
        }
    }

    fn keep(&self, request: &Request) {
        if let Some(digest) = request.headers.get(DIGEST) {
            digest.clone_into(&mut self.digest.lock().unwrap());
        }
        if matches!(kind(request), "put" | "part") {
            *self.size.lock().unwrap() += request.body.as_ref().unwrap().length();
        }
    }

    fn fault(&self, kind: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(of, _)| *of == kind)?;
        Some(faults.remove(at).1)
    }

    fn act(&self, kind: &str, request: &Request) -> (u16, String) {
        let refused = |status, code: &str| (status, error(code));
        if self.hidden && matches!(kind, "look" | "confirm" | "list" | "parts") {
            return refused(403, "AccessDenied");
        }
        if request
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("x-amz-checksum-"))
        {
            *self.with_checksums.lock().unwrap() += 1;
            if let Some((kinds, status, code)) = self.refuses_checksums
                && (kinds.is_empty() || kinds.contains(&kind))
            {
                return refused(status, code);
            }
        }
        self.keep(request);
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

/// An error of S3, its message behind a bar.
fn error(code: &str) -> String {
    let (code, message) = code.split_once('|').unwrap_or((code, ""));
    format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
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
        let kind = self.kind(request);
        let cancelled = request.control.check("wait for the store");
        cancelled.map_err(TransportError::Receiver)?;
        // What was open before is not what is being tested.
        let is_tested = kind != "list" || !self.opened.lock().unwrap().is_empty();
        let fault = if is_tested { self.fault(kind) } else { None };
        let (status, mut body) = match fault {
            Some(Fault::Refused(status, code)) => (status, error(code)),
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
        let mut add = |name: &str, value: &str| headers.add(name, value).map_err(TransportError::Receiver);
        add("etag", "\"1\"")?;
        if kind == "confirm" {
            let longer = u64::from(matches!(fault, Some(Fault::OtherSize)));
            add("content-length", &(*self.size.lock().unwrap() + longer).to_string())?;
            add(DIGEST, &self.digest.lock().unwrap())?;
            add("content-type", "application/zip")?;
        }
        // No answer to HEAD has a body.
        if request.method == Method::Head {
            body.clear();
        }
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

fn bucket(store: &Arc<Store>) -> Bucket {
    let credentials = Credentials::new("key", "secret", None).unwrap();
    let transport = Arc::clone(store) as Arc<dyn Transport>;
    Bucket::new(&BucketOptions::new("us-east-1", "bucket"), credentials, transport).unwrap()
}

fn file(size: usize) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![7; size]).unwrap();
    file
}

fn upload(store: &Arc<Store>, size: usize, options: &UploadOptions) -> Result<Uploaded> {
    let control = Control::new().with_cancel_token(&store.token);
    bucket(store).upload(file(size).path(), "app.zip", options, &control)
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
        assert!(error.to_string().contains("`--s3-replace`"), "{error}");
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
        assert!(text.contains("condition") && text.contains("`--s3-replace`"), "{text}");
        assert!(store.open.lock().unwrap().is_empty(), "{text}");
    }
}

#[test]
fn an_unseen_upload_whose_answer_was_lost_is_claimed_by_nobody() {
    let (store, error) = fails(Store::new(&[("put", Fault::AnswerLost)]).hidden(), SMALL);
    assert_eq!(*store.object.lock().unwrap(), Some("ours"));
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.to_string().contains("is unknown"), "{error}");
}

/// Backblaze B2's words.
const UNSUPPORTED: (u16, &str) = (
    400,
    "InvalidArgument|Unsupported header 'x-amz-checksum-mode' received for this API call.",
);

#[test]
fn a_store_that_refuses_headers_of_checksums_is_sent_none_for_the_rest_of_the_run() {
    let answers = [
        UNSUPPORTED,
        (400, ""),
        (400, "InvalidRequest"),
        (403, ""),
        (501, "NotImplemented"),
        (405, ""),
        (422, "Unprocessable|unknown x-amz-checksum-sha256"),
    ];
    for (status, code) in answers {
        for size in [SMALL, LARGE] {
            // A write is refused for a reason that can be told from others.
            let kinds: &[&str] = if status == 405 { &["look", "confirm"] } else { &[] };
            let store = Arc::new(Store::new(&[]).refusing_checksums(kinds, status, code));
            let bucket = bucket(&store);
            let control = Control::new();

            let uploaded = bucket
                .upload(file(size).path(), "app.zip", &UploadOptions::default(), &control)
                .unwrap_or_else(|error| panic!("{status} {code} {size}: {error}"));

            assert!(uploaded.confirmed && !uploaded.already_there, "{status} {code} {size}");
            assert_eq!(uploaded.checked, Checked::BySize);
            assert!(store.open.lock().unwrap().is_empty());
            let asked = store.with_checksums();
            assert_eq!(
                asked, 1,
                "{status} {code} {size}: it is remembered from the first request on"
            );
            *store.object.lock().unwrap() = None;
            *store.size.lock().unwrap() = 0;
            bucket
                .upload(file(size).path(), "app.zip", &UploadOptions::default(), &control)
                .unwrap();
            assert_eq!(store.with_checksums(), asked, "{status} {code} {size}");
        }
    }
}

#[test]
fn a_header_of_checksums_may_be_refused_with_one_kind_of_request_only() {
    let kinds: [(&'static [&'static str], usize); 5] = [
        (&["look"], LARGE),
        (&["confirm"], SMALL),
        (&["put"], SMALL),
        (&["open"], LARGE),
        (&["part"], LARGE),
    ];
    for (kinds, size) in kinds {
        for (status, code) in [UNSUPPORTED, (400, ""), (403, ""), (501, "NotImplemented")] {
            let store = Arc::new(Store::new(&[]).refusing_checksums(kinds, status, code));
            let uploaded = upload(&store, size, &UploadOptions::default());
            let uploaded = uploaded.unwrap_or_else(|error| panic!("{kinds:?} {status} {code}: {error}"));
            assert!(uploaded.confirmed, "{kinds:?} {status} {code}");
            assert!(store.open.lock().unwrap().is_empty(), "{kinds:?} {status} {code}");
        }
    }
}

#[test]
fn a_right_that_only_checksums_need_is_not_needed() {
    // As Amazon does for objects that are encrypted with a key of KMS which the credentials may use to encrypt only.
    let denied = Fault::Refused(403, "AccessDenied");
    let store = Arc::new(Store::new(&[("confirm", denied), ("confirm", denied)]));
    let uploaded = upload(&store, SMALL, &UploadOptions::default()).unwrap();
    assert!(uploaded.confirmed);
}

#[test]
fn small_files_are_written_without_headers_of_checksums_too() {
    use crate::s3::{ObjectHeaders, Precondition, Put};
    for (status, code) in [UNSUPPORTED, (400, ""), (403, ""), (501, "NotImplemented")] {
        let store = Arc::new(Store::new(&[]).refusing_checksums(&[], status, code));
        let (bucket, control) = (bucket(&store), Control::new());
        let served = ObjectHeaders::new("application/json", "no-cache");
        for key in ["one", "two"] {
            *store.object.lock().unwrap() = None;
            let put = bucket
                .write(key, b"{}", served, Precondition::Absent, &control)
                .unwrap();
            assert_eq!(put, Put::Stored, "{status} {code}");
        }
        assert_eq!(store.with_checksums(), 1, "{status} {code}");
    }
}

#[test]
fn a_refusal_that_stays_without_the_headers_is_the_one_that_is_told() {
    let (store, error) = fails(
        Store::new(&[("put", Fault::Refused(400, "")), ("put", Fault::Refused(400, "Odd"))]),
        SMALL,
    );
    assert!(error.to_string().contains("Odd"), "{error}");
    assert_eq!(*store.object.lock().unwrap(), None);
    let (_, error) = fails(Store::new(&[("put", Fault::Refused(403, "QuotaExceeded"))]), SMALL);
    assert!(error.to_string().contains("QuotaExceeded"), "{error}");
}

#[test]
fn what_was_written_is_named_whatever_fails_after_it() {
    let not_allowed = Fault::Refused(403, "AccessDenied");
    let always = vec![("confirm", not_allowed); 3];
    for size in [SMALL, LARGE] {
        for faults in [
            always.clone(),
            vec![("confirm", Fault::OtherSize)],
            vec![("confirm", Fault::Cancelled)],
        ] {
            let (store, error) = fails(Store::new(&faults), size);
            assert_eq!(*store.object.lock().unwrap(), Some("ours"));
            assert!(
                error.to_string().contains("remains at s3://bucket/app.zip"),
                "{faults:?}: {error}"
            );
        }
    }
    let (_, error) = fails(Store::new(&[("complete", Fault::Garbled)]), LARGE);
    assert!(error.to_string().contains("remains at s3://bucket/app.zip"), "{error}");
    let (_, error) = fails(Store::new(&[("put", not_allowed)]), SMALL);
    assert!(!error.to_string().contains("remains at"), "{error}");
}
