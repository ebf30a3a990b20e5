//! Uploads to a store in memory: lost responses, refused headers, and credentials that cannot read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use super::super::{BucketOptions, Credentials};
use super::*;
use capbundle::ErrorKind;
use capbundle::http::{Head, Headers, Receiver, Request, Transport, TransportError};
use capbundle::progress::CancelToken;

/// The failure of a request.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The request takes effect, and its response is lost.
    ResponseLost,
    /// The request takes effect, and the user presses Ctrl-C before its response arrives.
    Cancelled,
    /// The request takes effect, and its response is not valid XML.
    Garbled,
    /// The request is refused with this status and code.
    Refused(u16, &'static str),
    /// The reported size of the object is one byte too large.
    OtherSize,
}

/// Each fault applies to the next request of its kind, in order.
#[derive(Debug, Default)]
struct Store {
    faults: Mutex<Vec<(&'static str, Fault)>>,
    hidden: bool,
    supports_preconditions: bool,
    /// The kinds of requests with a checksum header that are refused, and the status and code. No kinds mean all.
    refuses_checksums: Option<(&'static [&'static str], u16, &'static str)>,
    /// The number of requests with a checksum header.
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
            supports_preconditions: true,
            ..Self::default()
        }
    }

    /// The credentials may write but not read.
    fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    fn with_object(self) -> Self {
        *self.object.lock().unwrap() = Some("theirs");
        self
    }

    /// Refuses each request of these kinds that has a checksum header.
    fn refusing_checksums(mut self, kinds: &'static [&'static str], status: u16, code: &'static str) -> Self {
        self.refuses_checksums = Some((kinds, status, code));
        self
    }

    fn with_checksums(&self) -> usize {
        *self.with_checksums.lock().unwrap()
    }

    /// The kind of the request. Reading the object after the upload is a kind of its own.
    fn kind(&self, request: &Request) -> &'static str {
        match kind(request) {
            "look" if *self.object.lock().unwrap() == Some("ours") => "confirm",
            kind => kind,
        }
    }

    fn store(&self, request: &Request) {
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
        self.store(request);
        let condition = request.headers.get("if-none-match");
        if condition.is_some() && !self.supports_preconditions {
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

/// An S3 error from `code` or `code|message`.
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
        // The list before the upload is not under test.
        let is_tested = kind != "list" || !self.opened.lock().unwrap().is_empty();
        let fault = if is_tested { self.fault(kind) } else { None };
        let (status, mut body) = match fault {
            Some(Fault::Refused(status, code)) => (status, error(code)),
            _ => self.act(kind, request),
        };
        match fault {
            Some(Fault::ResponseLost) => return Err(TransportError::Broken("the connection broke".to_owned())),
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
            if request.method == Method::Head {
                add("content-length", &(*self.size.lock().unwrap() + longer).to_string())?;
            }
            add(DIGEST, &self.digest.lock().unwrap())?;
            add("content-type", "application/zip")?;
        }
        // A response to HEAD has no body.
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
/// Large enough for two parts.
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
fn a_multipart_upload_that_fails_while_it_is_created_is_aborted() {
    for faults in [
        vec![("open", Fault::Cancelled)],
        vec![("open", Fault::Garbled)],
        // Several may be open, and the store refuses another.
        vec![
            ("open", Fault::ResponseLost),
            ("open", Fault::Refused(403, "AccessDenied")),
        ],
        // The upload is open, and listing the others fails at first.
        vec![
            ("open", Fault::ResponseLost),
            ("list", Fault::Refused(400, "InvalidRequest")),
        ],
        vec![
            ("open", Fault::ResponseLost),
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
fn the_error_names_multipart_uploads_that_remain_open() {
    let refused = Fault::Refused(400, "InvalidRequest");
    let (store, error) = fails(Store::new(&[("open", Fault::Cancelled), ("abort", refused)]), LARGE);
    assert_eq!(*store.open.lock().unwrap(), ["id1"]);
    assert!(error.to_string().contains("id1"), "{error}");
    let (_, error) = fails(Store::new(&[("open", Fault::Cancelled)]).hidden(), LARGE);
    assert!(error.to_string().contains("may be left open"), "{error}");
}

#[test]
fn a_refused_multipart_upload_leaves_nothing_to_abort() {
    let refused = Fault::Refused(403, "AccessDenied");
    let (_, error) = fails(Store::new(&[("open", refused)]).hidden(), LARGE);
    assert!(!error.to_string().contains("left open"), "{error}");
}

#[test]
fn an_unreadable_object_is_not_replaced() {
    for size in [SMALL, LARGE] {
        let (store, error) = fails(Store::new(&[]).hidden().with_object(), size);
        assert_eq!(*store.object.lock().unwrap(), Some("theirs"));
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("`--s3-replace`"), "{error}");
        assert!(store.open.lock().unwrap().is_empty());
    }
}

#[test]
fn without_read_access_a_new_object_is_written_and_an_old_one_replaced_on_request() {
    for size in [SMALL, LARGE] {
        let new = Arc::new(Store::new(&[]).hidden());
        let uploaded = upload(&new, size, &UploadOptions::default()).unwrap();
        assert!(!uploaded.confirmed && !uploaded.already_there);
        let mut replaced = Store::new(&[]).hidden().with_object();
        replaced.supports_preconditions = false;
        let replaced = Arc::new(replaced);
        upload(&replaced, size, &replacing()).unwrap();
        assert_eq!(*replaced.object.lock().unwrap(), Some("ours"));
    }
}

#[test]
fn without_read_access_and_preconditions_an_upload_requires_replace() {
    for size in [SMALL, LARGE] {
        let mut store = Store::new(&[]).hidden();
        store.supports_preconditions = false;
        let (store, error) = fails(store, size);
        assert_eq!(*store.object.lock().unwrap(), None);
        let text = error.to_string();
        assert!(text.contains("condition") && text.contains("`--s3-replace`"), "{text}");
        assert!(store.open.lock().unwrap().is_empty(), "{text}");
    }
}

#[test]
fn without_read_access_the_result_of_a_lost_response_is_unknown() {
    let (store, error) = fails(Store::new(&[("put", Fault::ResponseLost)]).hidden(), SMALL);
    assert_eq!(*store.object.lock().unwrap(), Some("ours"));
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.to_string().contains("is unknown"), "{error}");
}

/// The response of Backblaze B2.
const UNSUPPORTED: (u16, &str) = (
    400,
    "InvalidArgument|Unsupported header 'x-amz-checksum-mode' received for this API call.",
);

#[test]
fn a_store_that_refuses_checksum_headers_receives_them_only_once() {
    let responses = [
        UNSUPPORTED,
        (400, ""),
        (400, "InvalidRequest"),
        (403, ""),
        (501, "NotImplemented"),
        (405, ""),
        (422, "Unprocessable|unknown x-amz-checksum-sha256"),
    ];
    for (status, code) in responses {
        for size in [SMALL, LARGE] {
            // For a write, 405 is not retried without the headers.
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
            let requests = store.with_checksums();
            assert_eq!(
                requests, 1,
                "{status} {code} {size}: only the first request has the header"
            );
            *store.object.lock().unwrap() = None;
            *store.size.lock().unwrap() = 0;
            bucket
                .upload(file(size).path(), "app.zip", &UploadOptions::default(), &control)
                .unwrap();
            assert_eq!(store.with_checksums(), requests, "{status} {code} {size}");
        }
    }
}

#[test]
fn a_store_may_refuse_checksum_headers_for_one_kind_of_request() {
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
fn the_permission_to_read_checksums_is_not_required() {
    // Amazon responds so if an object is encrypted with a KMS key that the credentials may only use to encrypt.
    let denied = Fault::Refused(403, "AccessDenied");
    let store = Arc::new(Store::new(&[("confirm", denied), ("confirm", denied)]));
    let uploaded = upload(&store, SMALL, &UploadOptions::default()).unwrap();
    assert!(uploaded.confirmed);
}

#[test]
fn a_small_object_is_written_without_checksum_headers_if_they_are_refused() {
    use crate::s3::{Precondition, Put, SmallObject};
    for (status, code) in [UNSUPPORTED, (400, ""), (403, ""), (501, "NotImplemented")] {
        let store = Arc::new(Store::new(&[]).refusing_checksums(&[], status, code));
        let (bucket, control) = (bucket(&store), Control::new());
        let object = SmallObject {
            bytes: b"{}",
            content_type: "application/json",
            cache_control: "no-cache",
        };
        for key in ["one", "two"] {
            *store.object.lock().unwrap() = None;
            let put = bucket.write(key, &object, Precondition::Absent, &control).unwrap();
            assert_eq!(put, Put::Stored, "{status} {code}");
        }
        assert_eq!(store.with_checksums(), 1, "{status} {code}");
    }
}

#[test]
fn a_refusal_that_persists_without_checksum_headers_is_reported() {
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
fn a_failure_after_the_write_names_the_written_object() {
    let denied = Fault::Refused(403, "AccessDenied");
    let always = vec![("confirm", denied); 3];
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
    let (_, error) = fails(Store::new(&[("put", denied)]), SMALL);
    assert!(!error.to_string().contains("remains at"), "{error}");
}
