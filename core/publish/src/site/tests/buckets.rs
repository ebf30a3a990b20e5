//! A site is guarded only if its store supports both preconditions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::super::{BucketSite, SiteStorage, WriteCondition, WriteOutcome};
use crate::error::Result;
use crate::s3::{Bucket, BucketOptions, Credentials};
use capbundle::http::{Body, Head, Headers, Method, Receiver, Request, Transport, TransportError};
use capbundle::progress::Control;

/// A store in memory that may accept a precondition and ignore it.
#[derive(Debug, Default)]
struct Store {
    supports_absent: bool,
    supports_unchanged: bool,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Store {
    fn put(&self, path: String, request: &Request) -> u16 {
        let mut objects = self.objects.lock().unwrap();
        let is_there = objects.contains_key(&path);
        // No object of this store has an entity tag that a test sends.
        let changed = request.headers.get("if-match").is_some() && self.supports_unchanged;
        let taken = request.headers.get("if-none-match").is_some() && is_there && self.supports_absent;
        if changed || taken {
            return 412;
        }
        if let Some(Body::Bytes(bytes)) = &request.body {
            objects.insert(path, bytes.clone());
        }
        200
    }
}

impl Transport for Store {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let path = request.url.path().to_owned();
        let (status, body) = match request.method {
            Method::Put => (self.put(path, request), Vec::new()),
            _ => match self.objects.lock().unwrap().get(&path) {
                Some(bytes) => (200, bytes.clone()),
                None => (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
            },
        };
        let begun = receiver.begin(&Head::new(status, Headers::new()));
        begun
            .and_then(|()| receiver.write(&body))
            .map_err(TransportError::Receiver)
    }
}

fn site(supports_absent: bool, supports_unchanged: bool) -> BucketSite {
    let store = Arc::new(Store {
        supports_absent,
        supports_unchanged,
        ..Store::default()
    });
    let credentials = Credentials::new("key", "secret", None).unwrap();
    let bucket = Bucket::new(&BucketOptions::new("us-east-1", "bucket"), credentials, store).unwrap();
    BucketSite::new(bucket, "app")
}

fn write(site: &BucketSite, path: &str) -> WriteOutcome {
    site.write(path, b"{}", WriteCondition::Absent, &Control::new())
        .unwrap()
}

#[test]
fn a_store_that_ignores_a_precondition_is_detected_with_the_first_release() {
    for (supports_absent, supports_unchanged) in [(true, true), (true, false), (false, true), (false, false)] {
        let site = site(supports_absent, supports_unchanged);
        assert_eq!(write(&site, "releases/production/1.json"), WriteOutcome::Done);
        assert_eq!(site.is_guarded(), supports_absent && supports_unchanged);
    }
}

#[test]
fn writing_existing_bytes_reports_changed_except_for_a_channel_file() {
    let site = site(true, true);
    for path in ["files/1.json", "releases/production/1.json", "keys/1.json"] {
        assert_eq!(write(&site, path), WriteOutcome::Done);
        assert_eq!(
            write(&site, path),
            WriteOutcome::Changed,
            "{path}: the caller must touch it"
        );
    }
    assert_eq!(write(&site, "channels/production.json"), WriteOutcome::Done);
    assert_eq!(
        write(&site, "channels/production.json"),
        WriteOutcome::Done,
        "the response to the first write may have been lost"
    );
}
