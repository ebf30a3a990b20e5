#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;
use crate::keys::KeyBits;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());

struct Case {
    folder: TempDir,
    sealed: PathBuf,
    parts: Encrypted,
}

fn encrypted(plain: &[u8], form: ChecksumForm) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let (source, sealed) = (folder.path().join("a.zip"), folder.path().join("a.zip_encrypted.zip"));
    fs::write(&source, plain).unwrap();
    fs::create_dir(folder.path().join("staging")).unwrap();
    let parts = encrypt(
        &source,
        &sealed,
        &Encryption {
            expected: &Sha256Digest::of(plain),
            key: &KEY,
            form,
        },
        &Control::new(),
    )
    .unwrap();
    Case { folder, sealed, parts }
}

impl Case {
    fn open(&self) -> Result<Vec<u8>> {
        self.open_with(&self.parts.iv_session_key, &self.parts.checksum)
    }

    fn open_with(&self, iv_session_key: &IvSessionKey, checksum: &SignedChecksum) -> Result<Vec<u8>> {
        let key = KEY.verifying_key();
        let staging = self.folder.path().join("staging");
        let archive = decrypt(
            &self.sealed,
            &staging,
            &Decryption {
                iv_session_key,
                checksum,
                key: &key,
            },
            &Control::new(),
        )?;
        assert_eq!(archive.proof(), &Proof::CapgoSigned(key.id()));
        let mut plain = Vec::new();
        archive.reader().read_to_end(&mut plain).unwrap();
        Ok(plain)
    }

    fn assert_refused(&self, kind: ErrorKind) {
        let error = self.open().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(fs::read_dir(self.folder.path().join("staging")).unwrap().count(), 0);
    }
}

#[test]
fn encryption_round_trips_at_every_block_and_chunk_boundary() {
    for size in [
        0,
        1,
        15,
        16,
        17,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        CHUNK + 15,
        CHUNK + 16,
        CHUNK + 17,
        2 * CHUNK,
        3 * CHUNK + 5,
        9 * CHUNK - 16,
        9 * CHUNK,
        9 * CHUNK + 17,
    ] {
        let plain: Vec<u8> = (0..=255).cycle().take(size).collect();
        let case = encrypted(&plain, ChecksumForm::V3);
        assert_eq!(case.parts.size, (size / 16 + 1) as u64 * 16);
        assert_eq!(fs::metadata(&case.sealed).unwrap().len(), case.parts.size);
        assert_eq!(case.open().unwrap(), plain, "{size}");
    }
}

#[test]
fn both_checksum_forms_have_capgos_length_and_verify() {
    let v3 = encrypted(b"bundle", ChecksumForm::V3);
    assert_eq!(v3.parts.checksum.to_string().len(), 512);
    let v2 = encrypted(b"bundle", ChecksumForm::V2);
    assert_eq!(v2.parts.checksum.to_string().len(), 344);
    assert_eq!(v2.open().unwrap(), b"bundle");
}

#[test]
fn the_text_forms_round_trip() {
    let case = encrypted(b"bundle", ChecksumForm::V3);
    let text = case.parts.iv_session_key.to_string();
    assert_eq!(text.parse::<IvSessionKey>().unwrap(), case.parts.iv_session_key);
    let checksum = SignedChecksum::parse(&case.parts.checksum.to_string().to_uppercase(), ChecksumForm::V3).unwrap();
    assert_eq!(
        case.open_with(&case.parts.iv_session_key, &checksum).unwrap(),
        b"bundle"
    );
}

#[test]
fn two_encryptions_of_one_archive_share_only_the_signature() {
    let (first, second) = (
        encrypted(b"bundle", ChecksumForm::V3),
        encrypted(b"bundle", ChecksumForm::V3),
    );
    assert_ne!(first.parts.iv_session_key, second.parts.iv_session_key);
    assert_ne!(fs::read(&first.sealed).unwrap(), fs::read(&second.sealed).unwrap());
    assert_eq!(first.parts.checksum, second.parts.checksum);
}

#[test]
fn the_form_of_a_checksum_is_never_detected() {
    let (v2, v3) = (
        encrypted(b"bundle", ChecksumForm::V2),
        encrypted(b"bundle", ChecksumForm::V3),
    );
    let refused = |text: &str, form| SignedChecksum::parse(text, form).unwrap_err().kind();
    assert_eq!(
        refused(&v2.parts.checksum.to_string(), ChecksumForm::V3),
        ErrorKind::NotTrusted
    );
    assert_eq!(refused("", ChecksumForm::V3), ErrorKind::NotTrusted);
    assert_eq!(
        refused(&Sha256Digest::of(b"bundle").to_string(), ChecksumForm::V3),
        ErrorKind::NotTrusted
    );
    assert_eq!(refused("cbf43926", ChecksumForm::V2), ErrorKind::NotTrusted);
    // Hexadecimal text is valid base64 too, but has the wrong length.
    let misread = SignedChecksum::parse(&v3.parts.checksum.to_string(), ChecksumForm::V2).unwrap();
    assert_eq!(
        misread.verify(&KEY.verifying_key()).unwrap_err().kind(),
        ErrorKind::NotTrusted
    );
}

#[test]
fn a_damaged_or_truncated_file_is_refused_and_leaves_nothing() {
    let plain = vec![7; 1000];
    let case = encrypted(&plain, ChecksumForm::V3);
    let good = fs::read(&case.sealed).unwrap();
    for (bytes, kind) in [
        (Vec::new(), ErrorKind::DecryptionFailed),
        (good[..999].to_vec(), ErrorKind::DecryptionFailed),
        (
            [&good[..500], &[good[500] ^ 1], &good[501..]].concat(),
            ErrorKind::DigestMismatch,
        ),
    ] {
        fs::write(&case.sealed, bytes).unwrap();
        case.assert_refused(kind);
    }
}

#[test]
fn a_checksum_or_session_key_of_another_bundle_is_refused() {
    let (case, other) = (
        encrypted(b"bundle one", ChecksumForm::V3),
        encrypted(b"bundle two", ChecksumForm::V3),
    );
    let kind = |result: Result<Vec<u8>>| result.unwrap_err().kind();
    assert_eq!(
        kind(case.open_with(&case.parts.iv_session_key, &other.parts.checksum)),
        ErrorKind::DigestMismatch
    );
    let swapped = case.open_with(&other.parts.iv_session_key, &case.parts.checksum);
    assert!(matches!(
        kind(swapped),
        ErrorKind::DecryptionFailed | ErrorKind::DigestMismatch
    ));
}

#[test]
fn a_foreign_key_is_refused() {
    let case = encrypted(b"bundle", ChecksumForm::V3);
    let staging = case.folder.path();
    let open = |key: &VerifyingKey| {
        decrypt(
            &case.sealed,
            staging,
            &Decryption {
                iv_session_key: &case.parts.iv_session_key,
                checksum: &case.parts.checksum,
                key,
            },
            &Control::new(),
        )
        .unwrap_err()
    };
    let same_size = SigningKey::generate(KeyBits::B2048).unwrap().verifying_key();
    assert_eq!(open(&same_size).kind(), ErrorKind::SignatureInvalid);
    let larger = SigningKey::generate(KeyBits::B3072).unwrap().verifying_key();
    assert_eq!(open(&larger).kind(), ErrorKind::NotTrusted);
}

#[test]
fn malformed_session_keys_are_not_trusted() {
    let good = encrypted(b"bundle", ChecksumForm::V3).parts.iv_session_key.to_string();
    let (iv, key) = good.split_once(':').unwrap();
    for text in [
        "",
        ":",
        iv,
        &format!("{iv}:"),
        &format!(":{key}"),
        &format!("{good}:x"),
        &format!("{iv}!:{key}"),
        &format!("AAAA:{key}"),
        &format!(" {good}"),
    ] {
        assert_eq!(
            text.parse::<IvSessionKey>().unwrap_err().kind(),
            ErrorKind::NotTrusted,
            "{text}"
        );
    }
}

#[test]
fn a_file_with_an_unexpected_digest_gives_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.zip"), folder.path().join("out.zip"));
    fs::write(&source, "one").unwrap();
    let error = encrypt(
        &source,
        &target,
        &Encryption {
            expected: &Sha256Digest::of(b"two"),
            key: &KEY,
            form: ChecksumForm::V3,
        },
        &Control::new(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_unencrypted_archive_is_verified_by_its_signature() {
    let case = encrypted(b"bundle", ChecksumForm::V3);
    let plain = case.folder.path().join("a.zip");
    let verify = || verify_signed_only(&plain, &case.parts.checksum, &KEY.verifying_key(), &Control::new());
    assert_eq!(verify().unwrap().digest(), case.parts.digest);
    fs::write(&plain, "bundle!").unwrap();
    assert_eq!(verify().unwrap_err().kind(), ErrorKind::DigestMismatch);
}

#[test]
fn decrypting_unverified_returns_the_digest_of_the_output() {
    let case = encrypted(b"bundle", ChecksumForm::V3);
    let to = case.folder.path().join("plain.zip");
    let digest = decrypt_unverified(
        &case.sealed,
        &to,
        &UnverifiedDecryption {
            iv_session_key: &case.parts.iv_session_key,
            key: &KEY.verifying_key(),
        },
        &Control::new(),
    )
    .unwrap();
    assert_eq!(digest, Sha256Digest::of(b"bundle"));
    assert_eq!(fs::read(&to).unwrap(), b"bundle");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&to).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only the owner can read the decrypted file");
    }
}

#[test]
fn messages_and_debug_output_contain_no_key_material() {
    let case = encrypted(b"bundle", ChecksumForm::V3);
    assert_eq!(format!("{:?}", case.parts.iv_session_key), "IvSessionKey { .. }");
}
