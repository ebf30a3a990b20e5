#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use serde_json::json;

use super::*;
use crate::native::NativeRange;
use crate::store::{CapgoBundles, Store, StoreOptions};

const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// An installed bundle of version 1.2.3.
pub(in crate::updater) fn record() -> BundleRecord {
    BundleRecord {
        id: "abcDEF0123".parse().unwrap(),
        version: "1.2.3".to_owned(),
        digest: Some(DIGEST.parse().unwrap()),
        content_digest: None,
        proof: None,
        archive_size: 100,
        unpacked_size: 200,
        files: 3,
        installed_at: Timestamp(1_767_225_599),
        proven_at: None,
        proven_build: None,
        proven_version: None,
        native: NativeRange::default(),
        link: None,
        comment: None,
        sequence: None,
        release: None,
    }
}

#[test]
fn an_installed_bundle_is_described_as_the_plugin_does() {
    let mut record = record();
    record.link = Some("https://notes.example/1.2.3".to_owned());
    record.comment = Some("Fixes \"quotes\"".to_owned());
    assert_eq!(
        BundleInfo::installed(&record, Status::Proven).to_json(),
        json!({
            "id": "abcDEF0123", "version": "1.2.3", "downloaded": "2025-12-31T23:59:59.000Z", "checksum": DIGEST,
            "status": "success", "link": "https://notes.example/1.2.3", "comment": "Fixes \"quotes\""
        })
    );
}

#[test]
fn an_unknown_digest_is_an_empty_checksum_and_empty_texts_are_omitted() {
    let mut record = record();
    record.digest = None;
    (record.link, record.comment) = (Some(String::new()), Some(String::new()));
    assert_eq!(
        BundleInfo::installed(&record, Status::Installed).to_json(),
        json!({
            "id": "abcDEF0123", "version": "1.2.3", "downloaded": "2025-12-31T23:59:59.000Z", "checksum": "",
            "status": "pending"
        })
    );
}

#[test]
fn only_a_confirmed_bundle_is_a_success() {
    for (status, expected) in [
        (Status::Installed, "pending"),
        (Status::Next, "pending"),
        (Status::Trial, "pending"),
        (Status::Proven, "success"),
    ] {
        let info = BundleInfo::installed(&record(), status);
        assert_eq!(info.status.as_str(), expected, "{status:?}");
    }
}

#[test]
fn the_built_in_bundle_has_the_version_of_the_native_app() {
    for (native_version, version) in [("4.5.6", "4.5.6"), ("", "builtin")] {
        assert_eq!(
            BundleInfo::built_in(native_version).to_json(),
            json!({
                "id": "builtin", "version": version, "downloaded": "1970-01-01T00:00:00.000Z", "checksum": "",
                "status": "success"
            })
        );
    }
}

#[test]
fn a_bundle_that_is_downloaded_has_no_checksum_yet() {
    let id = "abcDEF0123".parse().unwrap();
    assert_eq!(
        BundleInfo::downloading(&id, "1.2.3", Timestamp(0)).to_json(),
        json!({
            "id": "abcDEF0123", "version": "1.2.3", "downloaded": "1970-01-01T00:00:00.000Z", "checksum": "",
            "status": "downloading"
        })
    );
}

#[test]
fn a_failed_bundle_has_the_status_error_and_the_time_of_the_failure() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store"), StoreOptions::default()).unwrap();
    let info = |checksum| {
        let info = json!({"id": "abcDEF0123", "version": "1.2.3", "checksum": checksum, "status": "error"});
        let bundles = CapgoBundles {
            folder: folder.path().join("versions"),
            infos: vec![info.to_string()],
            ..CapgoBundles::default()
        };
        let migrated = store.migrate_capgo(&bundles).unwrap();
        (BundleInfo::failed(&migrated.failed[0]).to_json(), migrated.failed[0].at)
    };

    let (json, at) = info(DIGEST);

    assert_eq!(
        json,
        json!({
            "id": "abcDEF0123", "version": "1.2.3", "downloaded": at.to_iso8601(), "checksum": DIGEST, "status": "error"
        })
    );
}
