//! Keys, releases and key rings for tests. Each test changes one thing.

use std::sync::LazyLock;

use super::*;
use crate::app_id::AppId;
use crate::digest::Sha256Digest;
use crate::keys::{ContentKey, KeyBits, SigningKey};
use crate::native::{NativeRange, NativeVersion};
use crate::time::Timestamp;

/// Generating keys is slow, so all tests share five.
static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| (0..5).map(|_| SigningKey::generate(KeyBits::B2048).unwrap()).collect());
static CONTENT: LazyLock<ContentKey> = LazyLock::new(|| ContentKey::generate(KeyBits::B2048).unwrap());

pub(super) const CREATED: u64 = 1_795_915_200;
pub(super) const EXPIRES: u64 = CREATED + 90 * 24 * 60 * 60;

pub(super) fn key(place: usize) -> &'static SigningKey {
    &KEYS[place]
}

pub(super) fn content_key() -> &'static ContentKey {
    &CONTENT
}

pub(super) fn app() -> AppId {
    "com.example.app".parse().unwrap()
}

pub(super) fn channel() -> ChannelName {
    "production".parse().unwrap()
}

pub(super) fn new_release() -> Release {
    Release {
        app_id: app(),
        channel: channel(),
        version: "1.2.3".to_owned(),
        sequence: 42,
        created_at: Timestamp(CREATED),
        expires_at: Timestamp(EXPIRES),
        native: NativeRange {
            min: Some(NativeVersion::new("2.0")),
            max: Some(NativeVersion::new("3.4.1")),
        },
        target: ReleaseTarget::Bundle(new_bundle()),
        patches: Vec::new(),
        link: Some("https://example.com/releases/1.2.3".to_owned()),
        comment: Some("Faster start".to_owned()),
        critical: Vec::new(),
    }
}

pub(super) fn new_bundle() -> BundleIdentity {
    BundleIdentity {
        archive: ArchiveIdentity {
            size: 1_234,
            digest: Sha256Digest::of(b"archive"),
        },
        sealed: None,
        files_digest: Sha256Digest::of(b"files"),
    }
}

/// A release that returns devices to the built-in bundle.
pub(super) fn built_in_release() -> Release {
    Release {
        target: ReleaseTarget::BuiltIn,
        critical: vec![BUILT_IN.to_owned()],
        ..new_release()
    }
}

/// An envelope around a release, signed by these keys.
pub(super) fn signed(new: &Release, keys: &[usize]) -> Vec<u8> {
    envelope(create(new).unwrap(), keys).to_json().unwrap()
}

/// An envelope of type release around any payload.
pub(super) fn envelope(payload: Vec<u8>, keys: &[usize]) -> Envelope {
    Envelope::sign(
        RELEASE_TYPE,
        payload,
        &keys.iter().map(|place| key(*place)).collect::<Vec<_>>(),
    )
    .unwrap()
}

/// The first ring, of these keys.
pub(super) fn new_ring(threshold: u64, keys: &[usize]) -> RingDocument {
    RingDocument {
        app_id: app(),
        number: 1,
        threshold,
        created_at: Timestamp(CREATED),
        keys: keys.iter().map(|place| key(*place).verifying_key()).collect(),
        retired: Vec::new(),
    }
}

pub(super) fn signed_ring(new: &RingDocument, keys: &[usize]) -> Vec<u8> {
    let keys: Vec<_> = keys.iter().map(|place| key(*place)).collect();
    sign_ring(new, &keys).unwrap().to_json().unwrap()
}

pub(super) fn ring(threshold: u64, keys: &[usize]) -> KeyRing {
    KeyRing::trusted(&signed_ring(&new_ring(threshold, keys), keys), &app()).unwrap()
}

pub(super) fn reason<T: std::fmt::Debug>(result: crate::Result<T>) -> &'static str {
    match result.unwrap_err() {
        crate::Error::ReleaseRefused { reason, .. } => reason.as_str(),
        other => panic!("{other}"),
    }
}
