//! Which conditions a store heeds shows in whether a site is guarded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::super::{BucketSite, SiteStorage, WriteCondition, WriteOutcome};
use crate::error::Result;
use crate::s3::{Bucket, BucketOptions, Credentials};
use capbundle::http::{Body, Head, Headers, Method, Receiver, Request, Transport, TransportError};
use capbundle::progress::Control;

/// A store in memory that may take a condition and not look at it.
#[derive(Debug, Default)]
struct Store {
    heeds_absent: bool,
    heeds_unchanged: bool,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Store {
    fn put(&self, path: String, request: &Request) -> u16 {
        let mut objects = self.objects.lock().unwrap();
        let is_there = objects.contains_key(&path);
        // No object of this store has an entity tag that anybody asks for.
        let changed = request.headers.get("if-match").is_some() && self.heeds_unchanged;
        let taken = request.headers.get("if-none-match").is_some() && is_there && self.heeds_absent;
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
        let told = receiver.begin(&Head::new(status, Headers::new()));
        told.and_then(|()| receiver.write(&body))
            .map_err(TransportError::Receiver)
    }
}

fn site(heeds_absent: bool, heeds_unchanged: bool) -> BucketSite {
    let store = Arc::new(Store {
        heeds_absent,
        heeds_unchanged,
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
fn a_store_that_does_not_look_at_a_condition_is_found_out_with_the_first_release() {
    for (heeds_absent, heeds_unchanged) in [(true, true), (true, false), (false, true), (false, false)] {
        let site = site(heeds_absent, heeds_unchanged);
        assert_eq!(write(&site, "releases/production/1.json"), WriteOutcome::Done);
        assert_eq!(site.is_guarded(), heeds_absent && heeds_unchanged);
    }
}

#[test]
fn whoever_writes_what_is_there_already_is_told_so_but_for_a_channel_file() {
    let site = site(true, true);
    for path in ["files/1.json", "releases/production/1.json", "keys/1.json"] {
        assert_eq!(write(&site, path), WriteOutcome::Done);
        assert_eq!(
            write(&site, path),
            WriteOutcome::Changed,
            "{path}: its age must start anew"
        );
    }
    assert_eq!(write(&site, "channels/production.json"), WriteOutcome::Done);
    assert_eq!(
        write(&site, "channels/production.json"),
        WriteOutcome::Done,
        "the answer may have been lost"
    );
}
