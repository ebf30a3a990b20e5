#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
mod reading;
mod resuming;
mod tampering;

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::*;
use crate::digest::Sha256Digest;
use crate::error::{ErrorKind, Result};
use crate::keys::{ContentKey, KeyBits, PublicContentKey};
use crate::progress::{CancelToken, Control};
use crate::verified::{Proof, VerifiedArchive};

/// The maximum number of recipients, of all key sizes.
static KEYS: LazyLock<Vec<ContentKey>> = LazyLock::new(|| {
    let sizes = [KeyBits::B2048, KeyBits::B3072].into_iter().cycle();
    sizes.take(16).map(|bits| ContentKey::generate(bits).unwrap()).collect()
});
static KEY: LazyLock<ContentKey> = LazyLock::new(|| ContentKey::generate(KeyBits::B2048).unwrap());

const SEGMENT: usize = 65_536;

/// An archive and its sealed form.
struct Case {
    folder: TempDir,
    plain: Vec<u8>,
    sealed: PathBuf,
    parts: Sealed,
}

fn sealed(size: usize) -> Case {
    sealed_for(size, &[KEY.public().clone()])
}

fn sealed_for(size: usize, recipients: &[PublicContentKey]) -> Case {
    // No two segments are equal.
    let plain: Vec<u8> = (0_u32..)
        .flat_map(|number| (number / 3).to_be_bytes())
        .take(size)
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (source, sealed) = (folder.path().join("a.zip"), folder.path().join("a.sealed"));
    fs::write(&source, &plain).unwrap();
    fs::create_dir(folder.path().join("staging")).unwrap();
    let digest = Sha256Digest::of(&plain);
    let parts = seal(
        &source,
        &sealed,
        &Sealing {
            expected: &digest,
            recipients,
        },
        &Control::new(),
    )
    .unwrap();
    Case {
        folder,
        plain,
        sealed,
        parts,
    }
}

impl Case {
    fn staging(&self) -> PathBuf {
        self.folder.path().join("staging")
    }

    fn expected(&self) -> ExpectedSealed {
        ExpectedSealed {
            size: self.parts.size,
            header_digest: self.parts.header_digest,
            plain_size: self.parts.plain_size,
            digest: self.parts.digest,
        }
    }

    fn open_with(&self, key: &ContentKey, expected: &ExpectedSealed) -> Result<VerifiedArchive> {
        let control = Control::new();
        open(&self.sealed, &self.staging(), &[key], expected, Proof::Digest, &control)
    }

    fn assert_opens(&self, key: &ContentKey) {
        let archive = self.open_with(key, &self.expected()).unwrap();
        let mut plain = Vec::new();
        archive.reader().read_to_end(&mut plain).unwrap();
        assert!(plain == self.plain, "{} bytes", self.plain.len());
        assert_eq!(archive.size(), self.parts.plain_size);
        drop(archive);
        self.assert_nothing_staged();
    }

    fn assert_nothing_staged(&self) {
        assert_eq!(fs::read_dir(self.staging()).unwrap().count(), 0);
    }
}

#[test]
fn sealing_round_trips_at_every_boundary() {
    for size in [
        0,
        1,
        SEGMENT - 1,
        SEGMENT,
        SEGMENT + 1,
        4 * SEGMENT,
        4 * SEGMENT + 1,
        // Large enough for several threads.
        (2 << 20) - 1,
        2 << 20,
        (5 << 20) + 12_345,
    ] {
        let case = sealed(size);
        let header = read_header(&case.sealed).unwrap();
        assert_eq!(header.segments(), size.div_ceil(SEGMENT).max(1) as u64);
        assert_eq!(header.plain_size(), size as u64);
        assert_eq!(header.sealed_size(), case.parts.size);
        assert_eq!(header.digest(), case.parts.header_digest);
        assert_eq!(fs::metadata(&case.sealed).unwrap().len(), case.parts.size);
        case.assert_opens(&KEY);
    }
}

#[test]
fn every_recipient_and_no_other_key_opens_it() {
    for count in [1, 2, 16] {
        let recipients: Vec<_> = KEYS.iter().take(count).map(|key| key.public().clone()).collect();
        let case = sealed_for(100_000, &recipients);
        KEYS.iter().take(count).for_each(|key| case.assert_opens(key));
        let error = case.open_with(&KEY, &case.expected()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DecryptionFailed);
        assert!(error.to_string().contains(&recipients[0].id().to_string()), "{error}");
        case.assert_nothing_staged();
    }
}

#[test]
fn the_right_key_among_several_is_used() {
    let case = sealed(10);
    let keys: Vec<_> = KEYS.iter().chain([&*KEY]).collect();
    let control = Control::new();
    let archive = open(
        &case.sealed,
        &case.staging(),
        &keys,
        &case.expected(),
        Proof::Digest,
        &control,
    );
    assert_eq!(archive.unwrap().digest(), case.parts.digest);
    let none = open(
        &case.sealed,
        &case.staging(),
        &[],
        &case.expected(),
        Proof::Digest,
        &control,
    );
    assert_eq!(none.unwrap_err().kind(), ErrorKind::DecryptionFailed);
}

#[test]
fn sealing_twice_gives_different_bytes() {
    let (first, second) = (sealed(10), sealed(10));
    assert_ne!(first.parts.header_digest, second.parts.header_digest);
    let bodies = [&first, &second].map(|case| fs::read(&case.sealed).unwrap().split_off(318));
    assert_ne!(bodies[0], bodies[1]);
}

#[test]
fn no_recipients_duplicates_and_too_many_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (source, to) = (folder.path().join("a.zip"), folder.path().join("a.sealed"));
    fs::write(&source, "plain").unwrap();
    let all: Vec<_> = KEYS.iter().chain([&*KEY]).map(|key| key.public().clone()).collect();
    let twice = [&all[..2], &all[..1]].concat();
    for recipients in [&all[..0], &twice, &all] {
        let digest = Sha256Digest::of(b"plain");
        let error = seal(
            &source,
            &to,
            &Sealing {
                expected: &digest,
                recipients,
            },
            &Control::new(),
        )
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_file_with_an_unexpected_digest_gives_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let (source, to) = (folder.path().join("a.zip"), folder.path().join("a.sealed"));
    fs::write(&source, "one").unwrap();
    let recipients = [KEY.public().clone()];
    let digest = Sha256Digest::of(b"two");
    let error = seal(
        &source,
        &to,
        &Sealing {
            expected: &digest,
            recipients: &recipients,
        },
        &Control::new(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_sealed_file_must_match_the_release() {
    let case = sealed(100);
    let other = Sha256Digest::of(b"other");
    let (right, kinds) = (case.expected(), [ErrorKind::DigestMismatch, ErrorKind::NotTrusted]);
    let size = right.size + 1;
    let plain_size = right.plain_size - 1;
    for (expected, kind) in [
        (
            ExpectedSealed {
                header_digest: other,
                ..right
            },
            kinds[0],
        ),
        (ExpectedSealed { digest: other, ..right }, kinds[0]),
        (ExpectedSealed { size, ..right }, kinds[1]),
        (ExpectedSealed { plain_size, ..right }, kinds[1]),
    ] {
        assert_eq!(case.open_with(&KEY, &expected).unwrap_err().kind(), kind);
        case.assert_nothing_staged();
    }
}

#[test]
fn opening_unverified_returns_the_digest_of_the_output() {
    let case = sealed(70_000);
    let to = case.folder.path().join("plain.zip");
    let digest = open_unverified(&case.sealed, &to, &KEY, &Control::new()).unwrap();
    assert_eq!(digest, case.parts.digest);
    assert!(fs::read(&to).unwrap() == case.plain);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&to).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only the owner can read the opened file");
    }
}

#[test]
fn a_cancelled_operation_leaves_nothing() {
    let case = sealed(3 << 20);
    let token = CancelToken::new();
    token.cancel();
    let control = Control::new().with_cancel_token(&token);
    let (source, to) = (case.folder.path().join("a.zip"), case.folder.path().join("b.sealed"));
    let recipients = [KEY.public().clone()];
    let error = seal(
        &source,
        &to,
        &Sealing {
            expected: &case.parts.digest,
            recipients: &recipients,
        },
        &control,
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(!to.exists());
    let expected = case.expected();
    let error = open(
        &case.sealed,
        &case.staging(),
        &[&KEY],
        &expected,
        Proof::Digest,
        &control,
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    case.assert_nothing_staged();
}

#[test]
fn in_memory_sealing_gives_the_same_bytes_for_any_number_of_threads() {
    let archive = in_memory::InMemory::new(3 << 20).unwrap();
    for threads in [0, 2] {
        archive.seal(threads).unwrap();
        archive.open(threads).unwrap();
    }
}

#[test]
fn a_panic_of_the_observer_leaves_no_thread_waiting() {
    let case = sealed(4 << 20);
    let control = Control::new().with_observer(std::sync::Arc::new(|_| panic!("on purpose")));
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        open(
            &case.sealed,
            &case.staging(),
            &[&KEY],
            &case.expected(),
            Proof::Digest,
            &control,
        )
    }));
    assert!(opened.is_err());
    case.assert_nothing_staged();
}
