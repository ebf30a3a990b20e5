//! A store that trusts several Capgo keys, and one that no longer trusts a key.

use std::fs;
use std::sync::LazyLock;

use super::*;
use crate::capgo::{ChecksumForm, Encrypted, Encryption, encrypt};
use crate::http::download::DownloadOptions;
use crate::http::mock_transport::{Answer, MockTransport};
use crate::keys::{KeyBits, SigningKey, VerifyingKeys};
use crate::progress::Control;

static OLD: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());
static NEW: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());
static LATER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());

fn keys(keys: &[&SigningKey]) -> VerifyingKeys {
    VerifyingKeys::new(keys.iter().map(|key| key.verifying_key()).collect()).unwrap()
}

/// The native app, with the keys that it has now.
struct App {
    device: Device,
    keys: VerifyingKeys,
}

impl App {
    fn with(trusted: &[&SigningKey]) -> Self {
        let mut app = Self {
            device: Device::new(),
            keys: keys(trusted),
        };
        app.update_keys(trusted);
        app
    }

    /// A native update.
    fn update_keys(&mut self, trusted: &[&SigningKey]) {
        self.keys = keys(trusted);
        self.device.options.required_proof = RequiredProof::capgo_signed(&self.keys);
        self.device.options.reset_when_native_changes = false;
    }

    fn publish(&self, version: &str, signer: &SigningKey) -> Encrypted {
        let digest = self.device.archive(version).digest();
        let encryption = Encryption {
            expected: &digest,
            key: signer,
            form: ChecksumForm::V3,
        };
        let plain = self.device.beside(&format!("{version}.zip"));
        encrypt(&plain, &self.file(version), &encryption, &Control::new()).unwrap()
    }

    fn file(&self, version: &str) -> PathBuf {
        self.device.beside(&format!("{version}.encrypted"))
    }

    fn proof(&self, parts: &Encrypted) -> ExpectedProof {
        ExpectedProof::CapgoSealed {
            iv_session_key: parts.iv_session_key.clone(),
            checksum: parts.checksum.clone(),
            keys: self.keys.clone(),
        }
    }

    /// What the device does with an offer: the result, and the number of requests.
    fn install(&self, version: &str, proof: ExpectedProof) -> (Result<BundleRecord>, usize) {
        let bytes = fs::read(self.file(version)).unwrap();
        let transport = MockTransport::new([Answer::new(200, &bytes)]);
        let url = "https://example.com/a.zip".parse().unwrap();
        let from = RemoteArchive::new(url, proof, NewBundle::new(version));
        let store = self.device.open();
        let result = store.install_from(&transport, &from, &DownloadOptions::default(), &Control::new());
        (result, transport.requests().len())
    }

    fn install_signed_by(&self, version: &str, signer: &SigningKey) -> (Result<BundleRecord>, usize) {
        let parts = self.publish(version, signer);
        self.install(version, self.proof(&parts))
    }
}

#[test]
fn bundles_by_the_old_and_the_new_key_are_installed_during_a_rotation() {
    let app = App::with(&[&OLD, &NEW]);
    app.install_signed_by("1", &OLD).0.unwrap();
    app.install_signed_by("2", &NEW).0.unwrap();
    let (refused, requests) = app.install_signed_by("3", &LATER);
    assert_eq!(
        (refused.unwrap_err().kind(), requests),
        (ErrorKind::SignatureInvalid, 0)
    );
}

#[test]
fn an_archive_put_together_from_two_keys_is_refused_before_the_download() {
    let app = App::with(&[&OLD, &NEW]);
    let (by_old, by_new) = (app.publish("1", &OLD), app.publish("1", &NEW));
    let mixed = Encrypted {
        checksum: by_old.checksum,
        ..by_new
    };
    let (refused, requests) = app.install("1", app.proof(&mixed));
    let error = refused.unwrap_err();
    assert_eq!((error.kind(), requests), (ErrorKind::SignatureInvalid, 0), "{error}");
    assert!(error.to_string().contains("one key must have made both"), "{error}");
}

#[test]
fn a_removed_key_stops_new_installations_and_not_launches() {
    let mut app = App::with(&[&OLD]);
    let by_old = app.install_signed_by("1", &OLD).0.unwrap().id;
    let store = app.device.open();
    store.set_next(&by_old.clone().into()).unwrap();
    assert_eq!(store.launch(&native()).bundle, by_old.clone().into());
    store.trial_started(&by_old).unwrap();
    store.confirm(&by_old.clone().into()).unwrap();
    drop(store);

    app.update_keys(&[&NEW]);
    assert_eq!(app.device.open().launch(&native()).bundle, by_old.clone().into());
    for version in ["1", "2"] {
        let (refused, requests) = app.install_signed_by(version, &OLD);
        let error = refused.unwrap_err();
        assert_eq!((error.kind(), requests), (ErrorKind::SignatureInvalid, 0), "{error}");
    }
    assert_eq!(app.device.open().launch(&native()).bundle, by_old.into());
    app.install_signed_by("3", &NEW).0.unwrap();
}

#[test]
fn a_store_of_an_app_with_one_key_opens_with_several() {
    let mut app = App::with(&[&OLD]);
    let by_old = app.install_signed_by("1", &OLD).0.unwrap();
    app.update_keys(&[&NEW, &OLD]);
    let (again, requests) = app.install_signed_by("1", &NEW);
    assert_eq!((again.unwrap(), requests), (by_old, 0), "the bytes are the same");
    app.install_signed_by("2", &NEW).0.unwrap();
}

#[test]
fn a_store_refuses_a_proof_by_a_key_that_it_does_not_require_and_names_those_that_it_does() {
    let mut app = App::with(&[&OLD, &NEW]);
    let trusted = app.keys.clone();
    app.keys = keys(&[&LATER]);
    let (refused, requests) = app.install_signed_by("1", &LATER);
    let error = refused.unwrap_err();
    assert_eq!((error.kind(), requests), (ErrorKind::NotTrusted, 0));
    let ids: Vec<String> = trusted.iter().map(|key| key.id().to_string()).collect();
    let expected = format!(
        "signed by the key {}, expected one of the 2 keys {}",
        LATER.verifying_key().id(),
        ids.join(", ")
    );
    assert!(error.to_string().contains(&expected), "{error}");
}

#[test]
fn what_the_host_accepts_without_verification_never_satisfies_a_store_that_requires_a_signature() {
    for required in [RequiredProof::capgo_signed(&keys(&[&OLD])), RequiredProof::Release] {
        let mut app = App::with(&[&OLD]);
        app.publish("1", &OLD);
        app.device.options.required_proof = required;
        let (refused, requests) = app.install("1", ExpectedProof::UnverifiedHttps);
        assert_eq!((refused.unwrap_err().kind(), requests), (ErrorKind::NotTrusted, 0));
    }
}
