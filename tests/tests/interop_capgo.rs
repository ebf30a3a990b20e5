//! Capgo v2 encryption with every key size and checksum form: the Capgo CLI decrypts our bundles, and we decrypt its
//! bundles.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use capbundle::capgo;
use capbundle::capgo::{ChecksumForm, SignedChecksum};
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, Overwrite, SigningKey, VerifyingKey};
use capbundle::progress::Control;
use capbundle::{ErrorKind, Proof, VerifiedArchive};
use capbundle_tests::peers::{CapgoProject, Encrypted, Listing, Updater, ours, write_sample};

const FORMS: [(Updater, ChecksumForm); 2] = [(Updater::Modern, ChecksumForm::V3), (Updater::Legacy, ChecksumForm::V2)];

/// A Capgo project with a web app, and our archive of it.
struct Project {
    capgo: CapgoProject,
    app: PathBuf,
    archive: PathBuf,
    digest: Sha256Digest,
}

impl Project {
    fn new(updater: Updater) -> Option<Self> {
        let capgo = CapgoProject::new(updater)?;
        let app = capgo.path().join("www");
        write_sample(&app);
        let archive = capgo.path().join("app.zip");
        let digest = ours::pack(&app, &archive).digest;
        Some(Self {
            capgo,
            app,
            archive,
            digest,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.capgo.path().join(name)
    }

    /// Writes a new key pair; returns its files.
    fn write_keys(&self, bits: KeyBits) -> (PathBuf, PathBuf) {
        let key = SigningKey::generate(bits).unwrap();
        let (private, public) = (self.path("our.key"), self.path("our.pub"));
        key.write(&private, Overwrite::Never).unwrap();
        key.verifying_key().write(&public, Overwrite::Never).unwrap();
        (private, public)
    }

    /// Encrypts the archive with the core; returns the parameters that the Capgo CLI would print.
    fn seal(&self, private_key: &Path, form: ChecksumForm) -> Encrypted {
        let file = self.path("app.zip_encrypted.zip");
        let key = SigningKey::read(private_key).unwrap();
        let sealed = capgo::encrypt(
            &self.archive,
            &file,
            &capgo::Encryption {
                expected: &self.digest,
                key: &key,
                form,
            },
            &Control::new(),
        )
        .unwrap();
        let (iv_session_key, checksum) = (sealed.iv_session_key.to_string(), sealed.checksum.to_string());
        Encrypted {
            file,
            iv_session_key,
            checksum,
        }
    }

    /// Decrypts with the core.
    fn open(&self, sealed: &Encrypted, public_key: &Path, form: ChecksumForm) -> capbundle::Result<VerifiedArchive> {
        let key = VerifyingKey::read(public_key)?;
        let decryption = capgo::Decryption {
            iv_session_key: &sealed.iv_session_key.parse()?,
            checksum: &SignedChecksum::parse(&sealed.checksum, form)?,
            key: &key,
        };
        capgo::decrypt(&sealed.file, self.capgo.path(), &decryption, &Control::new())
    }

    /// Decrypts and unpacks with the core, and compares the files with the app.
    fn assert_opens(&self, sealed: &Encrypted, public_key: &Path, form: ChecksumForm) {
        let opened = self.open(sealed, public_key, form).unwrap();
        assert!(matches!(opened.proof(), Proof::CapgoSigned(_)));
        ours::unpack(&opened)
            .unwrap()
            .assert_same(&Listing::of_folder(&self.app), "decrypted by us");
    }

    /// Decrypts with the Capgo CLI, which checks the checksum, and compares the result with the archive.
    fn assert_capgo_opens(&self, sealed: &Encrypted, public_key: &Path) {
        let plain = self.capgo.decrypt(sealed, public_key);
        assert!(
            fs::read(plain).unwrap() == fs::read(&self.archive).unwrap(),
            "the decrypted bytes differ"
        );
    }
}

#[test]
fn the_capgo_cli_opens_what_we_seal_in_both_checksum_forms() {
    for (updater, form) in FORMS {
        let Some(project) = Project::new(updater) else { return };
        let (private, public) = project.write_keys(KeyBits::B2048);
        let sealed = project.seal(&private, form);
        project.assert_capgo_opens(&sealed, &public);
    }
}

#[test]
fn the_capgo_cli_opens_what_we_seal_with_large_keys() {
    for bits in [KeyBits::B3072, KeyBits::B4096] {
        let Some(project) = Project::new(Updater::Modern) else {
            return;
        };
        let (private, public) = project.write_keys(bits);
        let sealed = project.seal(&private, ChecksumForm::V3);
        project.assert_capgo_opens(&sealed, &public);
    }
}

#[test]
fn we_open_what_the_capgo_cli_encrypts_in_both_checksum_forms() {
    for (updater, form) in FORMS {
        let Some(project) = Project::new(updater) else { return };
        let (private, public) = project.capgo.create_keys();
        let sealed = project
            .capgo
            .encrypt(&project.archive, &project.digest.to_string(), &private);
        project.assert_opens(&sealed, &public, form);
    }
}

#[test]
fn we_open_what_the_capgo_cli_encrypts_with_large_keys_of_ours() {
    for bits in [KeyBits::B3072, KeyBits::B4096] {
        let Some(project) = Project::new(Updater::Modern) else {
            return;
        };
        let (private, public) = project.write_keys(bits);
        let sealed = project
            .capgo
            .encrypt(&project.archive, &project.digest.to_string(), &private);
        project.assert_opens(&sealed, &public, ChecksumForm::V3);
    }
}

#[test]
fn we_open_and_unpack_what_the_capgo_cli_zipped_and_encrypted() {
    let Some(project) = Project::new(Updater::Modern) else {
        return;
    };
    let (private, public) = project.capgo.create_keys();
    let (archive, checksum) = project.capgo.zip(&project.app, &[]);
    let sealed = project.capgo.encrypt(&archive, &checksum, &private);
    project.assert_opens(&sealed, &public, ChecksumForm::V3);
}

#[test]
fn both_tools_create_the_same_signed_checksum() {
    // PKCS#1 type-1 padding has no randomness: one key and one digest give one signature.
    for (updater, form) in FORMS {
        let Some(project) = Project::new(updater) else { return };
        let (private, _) = project.capgo.create_keys();
        let theirs = project
            .capgo
            .encrypt(&project.archive, &project.digest.to_string(), &private)
            .checksum;
        let ours = project.seal(&private, form).checksum;
        assert_eq!(ours, theirs, "{form:?}");
    }
}

#[test]
fn a_checksum_in_the_other_form_is_refused_and_never_guessed() {
    let Some(project) = Project::new(Updater::Legacy) else {
        return;
    };
    let (private, public) = project.capgo.create_keys();
    let sealed = project
        .capgo
        .encrypt(&project.archive, &project.digest.to_string(), &private);
    let refused = project.open(&sealed, &public, ChecksumForm::V3).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotTrusted, "{refused}");
}

#[test]
fn neither_tool_opens_a_modified_file() {
    let Some(project) = Project::new(Updater::Modern) else {
        return;
    };
    let (private, public) = project.write_keys(KeyBits::B2048);
    let sealed = project.seal(&private, ChecksumForm::V3);
    let mut bytes = fs::read(&sealed.file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&sealed.file, bytes).unwrap();

    let theirs = project.capgo.try_decrypt(&sealed, &public);
    let ours = project.open(&sealed, &public, ChecksumForm::V3).unwrap_err();

    assert!(!theirs.stdout.contains("Checksum matches"), "{}", theirs.transcript());
    assert_eq!(ours.kind(), ErrorKind::DigestMismatch, "{ours}");
}
