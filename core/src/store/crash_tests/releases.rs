//! Signed releases of the tiny bundles, and the successor of the ring in the app.

use std::sync::LazyLock;

use crate::digest::Sha256Digest;
use crate::keys::{KeyBits, SigningKey};
use crate::limits::Limits;
use crate::native::{NativeRange, NativeVersion};
use crate::progress::Control;
use crate::release::{
    ArchiveIdentity, BUILT_IN, BundleIdentity, FileList, Release, ReleaseTarget, RingDocument, sign, sign_ring,
};
use crate::store::ReleaseOptions;
use crate::time::Timestamp;
use crate::verified::VerifiedArchive;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());
static RINGS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [ring(1), ring(2)]);

fn ring(number: u64) -> Vec<u8> {
    let new = RingDocument {
        app_id: "com.example.app".parse().unwrap(),
        number,
        threshold: 1,
        created_at: Timestamp(1),
        keys: vec![KEY.verifying_key()],
        retired: Vec::new(),
    };
    sign_ring(&new, &[&KEY]).unwrap().to_json().unwrap()
}

/// The second ring.
pub(super) fn second_ring() -> &'static [u8] {
    &RINGS[1]
}

pub(super) fn options() -> ReleaseOptions {
    ReleaseOptions::new(
        "com.example.app".parse().unwrap(),
        "production".parse().unwrap(),
        RINGS[0].clone(),
        NativeVersion::new("1.0"),
    )
}

/// A release and its file list.
#[derive(Debug)]
pub(super) struct SignedFiles {
    pub(super) envelope: Vec<u8>,
    pub(super) files: Vec<u8>,
}

impl SignedFiles {
    /// A creation time that follows from its sequence.
    pub(super) fn of(archive: &VerifiedArchive, version: &str, sequence: u64) -> Self {
        let files = FileList::of_archive(archive, &Limits::default(), &Control::new()).unwrap();
        let files = files.to_bytes().unwrap();
        let target = ReleaseTarget::Bundle(BundleIdentity {
            archive: ArchiveIdentity {
                size: archive.size(),
                digest: archive.digest(),
            },
            sealed: None,
            files_digest: Sha256Digest::of(&files),
        });
        let envelope = signed(version, sequence, target, &[]);
        Self { envelope, files }
    }
}

/// A release that selects the built-in bundle.
pub(super) fn built_in(sequence: u64) -> Vec<u8> {
    signed("builtin", sequence, ReleaseTarget::BuiltIn, &[BUILT_IN])
}

fn signed(version: &str, sequence: u64, target: ReleaseTarget, critical: &[&str]) -> Vec<u8> {
    let release = Release {
        app_id: "com.example.app".parse().unwrap(),
        channel: "production".parse().unwrap(),
        version: version.to_owned(),
        sequence,
        created_at: Timestamp(1_000 * sequence),
        expires_at: Timestamp(1 << 40),
        native: NativeRange::default(),
        target,
        patches: Vec::new(),
        link: None,
        comment: None,
        critical: critical.iter().map(ToString::to_string).collect(),
    };
    sign(&release, &[&KEY], &[]).unwrap().to_json().unwrap()
}
