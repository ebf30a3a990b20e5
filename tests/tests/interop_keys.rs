//! Key files: we read those of Capgo and OpenSSL, and they read ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use capbundle::capgo::{ChecksumForm, SignedChecksum};
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, Overwrite, SigningKey, VerifyingKey};
use capbundle_tests::peers::{CapgoProject, Updater, node_script, run};
use capbundle_tests::skip::tool;

/// Key files made by OpenSSL.
struct OpenSsl {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl OpenSsl {
    fn find() -> Option<Self> {
        Some(Self {
            program: tool("openssl")?,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn run(&self, arguments: &[&str]) -> String {
        run(Command::new(&self.program)
            .current_dir(self.folder.path())
            .args(arguments))
        .expect_success()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `private.pkcs8`, `private.pkcs1`, `public.spki` and `public.pkcs1` of one new key.
    fn make_keys(&self, bits: &str) {
        let size = format!("rsa_keygen_bits:{bits}");
        let _silent = self.run(&[
            "genpkey",
            "-quiet",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            &size,
            "-out",
            "private.pkcs8",
        ]);
        let _silent = self.run(&["rsa", "-in", "private.pkcs8", "-traditional", "-out", "private.pkcs1"]);
        let _silent = self.run(&["rsa", "-in", "private.pkcs8", "-pubout", "-out", "public.spki"]);
        let _silent = self.run(&[
            "rsa",
            "-in",
            "private.pkcs8",
            "-RSAPublicKey_out",
            "-out",
            "public.pkcs1",
        ]);
    }

    /// The modulus of a key file, as OpenSSL reads it.
    fn modulus(&self, options: &[&str], file: &Path) -> String {
        self.run(&[&["rsa", "-noout", "-modulus", "-in", file.to_str().unwrap()], options].concat())
    }
}

fn with_crlf(file: &Path) -> String {
    fs::read_to_string(file).unwrap().replace('\n', "\r\n")
}

/// Expects that the two keys form a pair.
fn assert_pair(private: &SigningKey, public: &VerifyingKey) {
    let digest = Sha256Digest::of(b"archive");
    let signed = SignedChecksum::sign(&digest, private, ChecksumForm::V3).unwrap();
    assert_eq!(signed.verify(public).unwrap(), digest);
}

#[test]
fn we_read_every_form_of_key_that_openssl_writes() {
    let Some(openssl) = OpenSsl::find() else { return };
    for bits in ["2048", "3072", "4096"] {
        openssl.make_keys(bits);
        for (private, public) in [("private.pkcs1", "public.pkcs1"), ("private.pkcs8", "public.spki")] {
            let private = SigningKey::read(&openssl.path(private)).unwrap();
            let public = VerifyingKey::read(&openssl.path(public)).unwrap();
            assert_eq!(public.bits().to_string(), bits);
            assert_pair(&private, &public);
        }
    }
}

#[test]
fn we_read_keys_with_windows_line_ends() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.make_keys("2048");
    for (private, public) in [("private.pkcs1", "public.pkcs1"), ("private.pkcs8", "public.spki")] {
        let private = SigningKey::from_pem(&with_crlf(&openssl.path(private))).unwrap();
        let public = VerifyingKey::from_pem(&with_crlf(&openssl.path(public))).unwrap();
        assert_pair(&private, &public);
    }
}

#[test]
fn openssl_reads_the_keys_that_we_write() {
    let Some(openssl) = OpenSsl::find() else { return };
    let key = SigningKey::generate(KeyBits::B2048).unwrap();
    let (private, public) = (openssl.path("our.key"), openssl.path("our.pub"));
    key.write(&private, Overwrite::Never).unwrap();
    key.verifying_key().write(&public, Overwrite::Never).unwrap();

    let output = openssl.run(&["rsa", "-check", "-noout", "-in", private.to_str().unwrap()]);

    assert!(output.contains("RSA key ok"), "{output}");
    assert_eq!(
        openssl.modulus(&[], &private),
        openssl.modulus(&["-RSAPublicKey_in"], &public)
    );
}

#[test]
fn our_key_id_is_the_sha_256_of_the_spki_that_openssl_makes() {
    let Some(openssl) = OpenSsl::find() else { return };
    openssl.make_keys("2048");
    let _silent = openssl.run(&[
        "rsa",
        "-pubin",
        "-in",
        "public.spki",
        "-outform",
        "DER",
        "-out",
        "public.der",
    ]);
    let expected = Sha256Digest::of(&fs::read(openssl.path("public.der")).unwrap());

    let id = VerifyingKey::read(&openssl.path("public.pkcs1")).unwrap().id();

    assert_eq!(id.as_bytes(), expected.as_bytes());
}

#[test]
fn we_read_the_keys_that_capgo_makes() {
    let Some(project) = CapgoProject::new(Updater::Modern) else {
        return;
    };
    let (private, public) = project.create_keys();
    assert_pair(
        &SigningKey::read(&private).unwrap(),
        &VerifyingKey::read(&public).unwrap(),
    );
}

#[test]
fn we_write_keys_of_capgo_byte_for_byte() {
    let Some(project) = CapgoProject::new(Updater::Modern) else {
        return;
    };
    let (private, public) = project.create_keys();

    let ours_private = SigningKey::read(&private).unwrap().to_pem().unwrap();
    let ours_public = VerifyingKey::read(&public).unwrap().to_pem();

    assert_eq!(*ours_private, fs::read_to_string(private).unwrap());
    assert_eq!(ours_public, fs::read_to_string(public).unwrap());
}

#[test]
fn capgo_saves_the_public_key_that_we_write() {
    let Some(project) = CapgoProject::new(Updater::Modern) else {
        return;
    };
    let key = SigningKey::generate(KeyBits::B2048).unwrap().verifying_key();
    let file = project.path().join("our.pub");
    key.write(&file, Overwrite::Never).unwrap();

    let _output = project
        .capgo(&["key", "save", "--key", file.to_str().unwrap()])
        .expect_success();

    let config = fs::read_to_string(project.path().join("capacitor.config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["plugins"]["CapacitorUpdater"]["publicKey"], key.to_pem());
}

#[test]
fn our_capgo_key_ids_equal_those_of_capgo() {
    let Some(project) = CapgoProject::new(Updater::Modern) else {
        return;
    };
    let (_, public) = project.create_keys();
    let Some(mut command) = node_script("capgo-key-id.cjs") else {
        return;
    };

    let theirs = run(command.arg(&public)).expect_success();

    assert_eq!(VerifyingKey::read(&public).unwrap().capgo_key_id(), theirs.trim_end());
}
