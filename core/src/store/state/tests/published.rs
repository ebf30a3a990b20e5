//! Published bundles.

use super::*;
use crate::native::{NativeRange, NativeVersion};

/// The published bundles: few enough that sequences contain the same bytes and the same version again.
pub(super) const RELEASES: [Release; 6] = [
    Release {
        version: "1",
        digest: Some(1),
        sequence: Some(1),
        range: (None, None),
    },
    Release {
        version: "2",
        digest: Some(2),
        sequence: Some(2),
        range: (None, None),
    },
    Release {
        version: "2",
        digest: Some(3),
        sequence: Some(3),
        range: (Some("2"), None),
    },
    Release {
        version: "3",
        digest: None,
        sequence: None,
        range: (None, None),
    },
    Release {
        version: "3",
        digest: Some(4),
        sequence: Some(4),
        range: (None, Some("2")),
    },
    Release {
        version: "4",
        digest: None,
        sequence: Some(5),
        range: (Some("1"), Some("3")),
    },
];

pub(super) struct Release {
    pub(super) version: &'static str,
    digest: Option<u8>,
    pub(super) sequence: Option<u64>,
    range: (Option<&'static str>, Option<&'static str>),
}

impl Release {
    pub(super) fn digest(&self) -> Option<Sha256Digest> {
        self.digest.map(digest_of)
    }

    pub(super) fn record(&self, id: BundleId, installed_at: Timestamp) -> BundleRecord {
        let bound = |text: Option<&str>| text.map(NativeVersion::new);
        BundleRecord {
            native: NativeRange {
                min: bound(self.range.0),
                max: bound(self.range.1),
            },
            digest: self.digest(),
            sequence: self.sequence,
            ..record(id, self.version, installed_at)
        }
    }
}

pub(super) fn digest_of(number: u8) -> Sha256Digest {
    Sha256Digest::of(&[number])
}

pub(super) fn record(id: BundleId, version: &str, installed_at: Timestamp) -> BundleRecord {
    BundleRecord {
        id,
        version: version.to_owned(),
        digest: None,
        content_digest: None,
        proof: None,
        archive_size: 1,
        unpacked_size: 1,
        files: 1,
        installed_at,
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
