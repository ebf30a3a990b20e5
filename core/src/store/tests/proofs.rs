//! The weakest proof that a store accepts for an archive.

use std::fs;
use std::io::Write as _;
use std::sync::LazyLock;

use zip::write::SimpleFileOptions;

use super::*;
use crate::capgo;
use crate::capgo::ChecksumForm;
use crate::keys::{KeyBits, SigningKey};
use crate::progress::Control;
use crate::verified::VerifiedArchive;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());
static OTHER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());

fn signed_by(device: &Device, key: &SigningKey) -> VerifiedArchive {
    let (plain, control) = (device.archive("1"), Control::new());
    let sealed = device.beside("sealed.zip");
    let parts = capgo::encrypt(
        plain.path(),
        &sealed,
        &capgo::Encryption {
            expected: &plain.digest(),
            key,
            form: ChecksumForm::V3,
        },
        &control,
    )
    .unwrap();
    let folder = device.beside("");
    capgo::decrypt(
        &sealed,
        &folder,
        &capgo::Decryption {
            iv_session_key: &parts.iv_session_key,
            checksum: &parts.checksum,
            key: &key.verifying_key(),
        },
        &control,
    )
    .unwrap()
}

fn for_key(key: &SigningKey) -> Device {
    let id = key.verifying_key().id();
    Device::with(|options| options.required_proof = RequiredProof::capgo_signed(id))
}

fn install(device: &Device, archive: &VerifiedArchive) -> Result<BundleRecord> {
    device.open().install(archive, &NewBundle::new("1"), &Control::new())
}

#[test]
fn a_signature_by_the_required_key_is_accepted() {
    let device = for_key(&KEY);
    install(&device, &signed_by(&device, &KEY)).unwrap();
}

#[test]
fn a_plain_digest_is_refused_where_a_signature_is_required() {
    let device = for_key(&KEY);
    let error = install(&device, &device.archive("1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
    assert_eq!(device.names("bundles").len(), 0);
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let device = for_key(&KEY);
    let error = install(&device, &signed_by(&device, &OTHER)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
    let id = OTHER.verifying_key().id().to_string();
    assert!(error.to_string().contains(&id), "{error}");
}

#[test]
fn installed_bytes_do_not_replace_a_proof() {
    let mut device = Device::new();
    install(&device, &device.archive("1")).unwrap();
    device.options.required_proof = RequiredProof::capgo_signed(KEY.verifying_key().id());
    let error = install(&device, &device.archive("1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
}

#[test]
fn where_a_digest_suffices_a_signature_does_too_and_trust_alone_does_not() {
    let device = Device::new();
    install(&device, &signed_by(&device, &OTHER)).unwrap();
    let assumed = VerifiedArchive::assume_trusted(&device.beside("1.zip"), &Control::new()).unwrap();
    let error = install(&Device::new(), &assumed).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
}

#[test]
fn a_migrated_bundle_does_not_replace_the_installation_of_its_archive() {
    let device = Device::new();
    let archive = device.archive("1");
    let installed = install(&device, &archive).unwrap();
    assert_eq!(installed.proof.as_ref().unwrap().kind, ProofKind::Digest);
    let store = device.open();
    for proof in [Some(crate::store::RecordedProof::assumed()), None] {
        let migrated = BundleRecord {
            proof,
            archive_size: 0,
            ..installed.clone()
        };
        store
            .change(|state| {
                state.bundles.retain(|record| record.id == migrated.id);
                state.add(migrated);
                Ok(())
            })
            .unwrap();

        let again = install(&device, &archive).unwrap();

        assert_ne!(again.id, installed.id);
        assert_eq!(store.list().unwrap().len(), 2);
    }
}

#[test]
fn an_archive_with_the_files_of_a_failed_bundle_is_refused_though_it_has_other_bytes() {
    let device = Device::new();
    let first = install(&device, &device.archive("1")).unwrap();
    device.open().mark_failed(&first.id).unwrap();
    let zip = device.beside("again.zip");
    let mut writer = zip::ZipWriter::new(fs::File::create(&zip).unwrap());
    for name in ["index.html", "assets/app.js"] {
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(name, stored).unwrap();
        let bytes = fs::read(device.beside("www-1").join(name)).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap();
    let digest = VerifiedArchive::assume_trusted(&zip, &Control::new()).unwrap().digest();
    let again = VerifiedArchive::from_digest(&zip, &digest, &Control::new()).unwrap();
    assert_ne!(first.digest, Some(again.digest()));

    let refused = device.open().install(&again, &NewBundle::new("2"), &Control::new());

    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotTrusted);
    assert_eq!(device.names("bundles").len() + device.names("staging").len(), 0);
}
