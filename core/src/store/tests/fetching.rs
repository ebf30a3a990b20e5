//! Installing from a URL.

use std::fs;
use std::sync::{Arc, Mutex};

use super::device::{Device, native};
use super::*;
use crate::capgo;
use crate::capgo::ChecksumForm;
use crate::digest::Sha256Digest;
use crate::error::ErrorKind;
use crate::http::download::DownloadOptions;
use crate::http::mock_transport::{Answer, MockTransport};
use crate::keys::{KeyBits, SigningKey};
use crate::progress::{Control, Observer, Phase, Progress};

fn options() -> DownloadOptions {
    DownloadOptions {
        first_wait: Duration::from_millis(1),
        attempts: 1,
        space_margin: 0,
        ..DownloadOptions::default()
    }
}

/// An archive on a server.
struct Served {
    bytes: Vec<u8>,
    from: RemoteArchive,
}

impl Served {
    fn plain(device: &Device, version: &str) -> Self {
        let digest = device.archive(version).digest();
        Self::new(
            fs::read(device.beside(&format!("{version}.zip"))).unwrap(),
            ExpectedProof::Digest(digest),
            version,
        )
    }

    fn sealed(device: &Device, version: &str, key: &SigningKey) -> Self {
        let digest = device.archive(version).digest();
        let (plain, sealed) = (device.beside(&format!("{version}.zip")), device.beside("sealed.zip"));
        let made = capgo::encrypt(
            &plain,
            &sealed,
            &capgo::Encryption {
                expected: &digest,
                key,
                form: ChecksumForm::V3,
            },
            &Control::new(),
        )
        .unwrap();
        let proof = ExpectedProof::CapgoSealed {
            iv_session_key: made.iv_session_key,
            checksum: made.checksum,
            keys: key.verifying_key().into(),
        };
        Self::new(fs::read(sealed).unwrap(), proof, version)
    }

    fn new(bytes: Vec<u8>, proof: ExpectedProof, version: &str) -> Self {
        let url = format!("https://example.com/{version}.zip?signed=1").parse().unwrap();
        Self {
            bytes,
            from: RemoteArchive::new(url, proof, NewBundle::new(version)),
        }
    }

    fn whole(&self) -> Answer {
        Answer::new(200, &self.bytes)
            .with("ETag", "\"1\"")
            .with("Content-Length", &self.bytes.len().to_string())
    }

    fn install(&self, store: &Store, answers: impl IntoIterator<Item = Answer>) -> (Result<BundleRecord>, usize) {
        let transport = MockTransport::new(answers);
        let result = store.install_from(&transport, &self.from, &options(), &Control::new());
        (result, transport.requests().len())
    }
}

fn downloads(device: &Device) -> usize {
    fs::read_dir(device.root().join("downloads")).map_or(0, Iterator::count)
}

fn staged(device: &Device) -> usize {
    fs::read_dir(device.root().join("staging")).unwrap().count()
}

#[test]
fn a_bundle_comes_from_a_url_and_serves() {
    let key = SigningKey::generate(KeyBits::B2048).unwrap();
    for sealed in [false, true] {
        let device = Device::new();
        let served = if sealed {
            Served::sealed(&device, "1", &key)
        } else {
            Served::plain(&device, "1")
        };
        let store = device.open();
        let (installed, _) = served.install(&store, [served.whole()]);
        let id = installed.unwrap().id;
        store.set_next(&id.clone().into()).unwrap();
        drop(store);
        assert_eq!(device.open().launch(&native()).bundle, id.into());
        assert_eq!((downloads(&device), staged(&device)), (0, 0));
    }
}

#[test]
fn an_installed_or_failed_bundle_is_not_downloaded() {
    let device = Device::new();
    let store = device.open();
    let served = Served::plain(&device, "1");
    let (first, _) = served.install(&store, [served.whole()]);
    let first = first.unwrap();
    let (again, asked) = served.install(&store, []);
    assert_eq!((again.unwrap(), asked), (first.clone(), 0));

    store.mark_failed(&first.id).unwrap();
    let (refused, asked) = served.install(&store, []);
    assert_eq!((refused.unwrap_err().kind(), asked), (ErrorKind::NotTrusted, 0));
}

#[test]
fn an_archive_that_a_killed_process_left_after_its_installation_is_removed() {
    let device = Device::new();
    let store = device.open();
    let served = Served::plain(&device, "1");
    served.install(&store, [served.whole()]).0.unwrap();
    fs::write(
        device
            .root()
            .join("downloads/0123456789abcdef0123456789abcdef.download"),
        "left",
    )
    .unwrap();
    let (again, asked) = served.install(&store, []);
    assert_eq!((again.is_ok(), asked, downloads(&device)), (true, 0, 0));
    assert!(store.take_warnings().is_empty());
}

#[test]
fn an_insufficient_proof_is_refused_before_any_request() {
    let device = Device::with(|options| {
        let key = SigningKey::generate(KeyBits::B2048).unwrap();
        options.required_proof = RequiredProof::capgo_signed(&key.verifying_key());
    });
    let served = Served::plain(&device, "1");
    let (refused, asked) = served.install(&device.open(), [served.whole()]);
    assert_eq!((refused.unwrap_err().kind(), asked), (ErrorKind::NotTrusted, 0));

    let other = SigningKey::generate(KeyBits::B2048).unwrap();
    let served = Served::sealed(&device, "1", &other);
    let (refused, asked) = served.install(&device.open(), [served.whole()]);
    assert_eq!((refused.unwrap_err().kind(), asked), (ErrorKind::NotTrusted, 0));
}

#[test]
fn a_file_with_another_digest_is_removed_and_the_next_attempt_succeeds() {
    let key = SigningKey::generate(KeyBits::B2048).unwrap();
    let device = Device::new();
    let store = device.open();
    for (served, kind) in [
        (Served::plain(&device, "1"), ErrorKind::DigestMismatch),
        (Served::sealed(&device, "2", &key), ErrorKind::DecryptionFailed),
    ] {
        let damaged = Answer::new(200, &served.bytes[..served.bytes.len() - 17]);
        let (refused, _) = served.install(&store, [damaged]);
        assert_eq!(refused.unwrap_err().kind(), kind);
        assert_eq!((downloads(&device), staged(&device)), (0, 0));
        served.install(&store, [served.whole()]).0.unwrap();
    }
    let mut swapped = Served::sealed(&device, "3", &key);
    swapped.bytes = Served::sealed(&device, "4", &key).bytes;
    let (refused, _) = swapped.install(&store, [swapped.whole()]);
    assert!(matches!(
        refused.unwrap_err().kind(),
        ErrorKind::DecryptionFailed | ErrorKind::DigestMismatch
    ));
    assert_eq!((downloads(&device), staged(&device)), (0, 0));
}

#[test]
fn a_partial_download_is_kept_until_another_archive_is_requested() {
    let key = SigningKey::generate(KeyBits::B2048).unwrap();
    let device = Device::new();
    let store = device.open();
    let served = Served::sealed(&device, "1", &key);
    let length = served.bytes.len().to_string();
    let cut = || {
        Answer::new(200, &served.bytes[..100])
            .with("Content-Length", &length)
            .with("ETag", "\"1\"")
            .then_breaks()
    };
    let (broken, _) = served.install(&store, [cut()]);
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::Network);
    assert!(downloads(&device) > 0);

    let mut renewed = served.from.clone();
    renewed.url = "https://example.com/1.zip?signed=2".parse().unwrap();
    let range = format!("bytes 100-{}/{length}", served.bytes.len() - 1);
    let transport = MockTransport::new([Answer::new(206, &served.bytes[100..]).with("Content-Range", &range)]);
    store
        .install_from(&transport, &renewed, &options(), &Control::new())
        .unwrap();
    assert_eq!(transport.request_headers("Range"), ["bytes=100-"]);

    let (first, second) = (Served::plain(&device, "2"), Served::plain(&device, "3"));
    let cut = Answer::new(200, &first.bytes[..100])
        .with("Content-Length", "100000")
        .with("ETag", "\"1\"")
        .then_breaks();
    first.install(&store, [cut]).0.unwrap_err();
    second.install(&store, [second.whole()]).0.unwrap();
    assert_eq!(downloads(&device), 0, "no call resumes the first");
}

#[test]
fn an_archive_that_is_not_a_bundle_is_not_kept() {
    let device = Device::new();
    let bytes = b"PK but no archive".to_vec();
    let served = Served::new(bytes.clone(), ExpectedProof::Digest(Sha256Digest::of(&bytes)), "1");
    let (refused, _) = served.install(&device.open(), [served.whole()]);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::UnsafeArchive);
    assert_eq!((downloads(&device), staged(&device)), (0, 0));
}

#[test]
fn a_file_that_the_host_downloaded_is_verified_and_installed_the_same_way() {
    let key = SigningKey::generate(KeyBits::B2048).unwrap();
    let device = Device::new();
    let store = device.open();
    let served = Served::sealed(&device, "1", &key);
    let file = device.beside("handed-over.zip");
    let (proof, bundle) = (&served.from.proof, &served.from.bundle);
    let install = || store.install_file(&file, proof, bundle, &Control::new());

    fs::write(&file, &served.bytes[..served.bytes.len() - 16]).unwrap();
    install().unwrap_err();
    fs::write(&file, &served.bytes).unwrap();
    let record = install().unwrap();
    assert!(file.exists(), "the file belongs to the host");
    assert_eq!(staged(&device), 0);
    fs::remove_file(&file).unwrap();
    assert_eq!(install().unwrap(), record, "an installed bundle needs no file");
}

/// Clears the folder for another archive while one is verified and installed.
struct AnotherCall {
    store: Store,
    /// The number of files left, each time.
    left: Mutex<Vec<usize>>,
}

impl Observer for AnotherCall {
    fn progress(&self, progress: Progress) {
        if progress.phase != Phase::Download {
            let folder = self.store.downloads(&["another"]).unwrap();
            self.left.lock().unwrap().push(fs::read_dir(folder).unwrap().count());
        }
    }
}

#[test]
fn a_call_for_another_archive_leaves_what_is_being_installed_alone() {
    let device = Device::new();
    let store = device.open();
    let served = Served::plain(&device, "1");
    let other = Arc::new(AnotherCall {
        store: device.open(),
        left: Mutex::default(),
    });
    let control = Control::new().with_observer(other.clone());
    let transport = MockTransport::new([served.whole()]);
    store
        .install_from(&transport, &served.from, &options(), &control)
        .unwrap();
    let left = other.left.lock().unwrap();
    assert!(!left.is_empty() && !left.contains(&0), "{left:?}");
    assert_eq!(downloads(&device), 0);
}

/// An archive that a server offers without a checksum.
fn unverified(device: &Device, version: &str) -> Served {
    let mut served = Served::plain(device, version);
    served.from.proof = ExpectedProof::UnverifiedHttps;
    served
}

#[test]
fn an_archive_without_a_digest_is_installed_from_https_only_and_where_a_digest_suffices() {
    let device = Device::new();
    let store = device.open();
    let mut served = unverified(&device, "1");
    let digest = device.archive("1").digest();
    let (installed, _) = served.install(&store, [served.whole()]);
    assert_eq!(installed.unwrap().digest, Some(digest), "hashed after the download");
    assert_eq!((downloads(&device), staged(&device)), (0, 0));

    for url in ["http://localhost/2.zip", "http://example.com/2.zip"] {
        served.from.url = url.parse().unwrap();
        let (refused, asked) = served.install(&store, [served.whole()]);
        assert_eq!((refused.unwrap_err().kind(), asked), (ErrorKind::NotTrusted, 0));
    }
    let file = device.beside("1.zip");
    let refused = store.install_file(&file, &served.from.proof, &served.from.bundle, &Control::new());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotTrusted);
}

#[test]
fn an_archive_without_a_digest_that_is_installed_or_failed_is_recognized() {
    let device = Device::new();
    let store = device.open();
    let served = unverified(&device, "1");
    let first = served.install(&store, [served.whole()]).0.unwrap();
    let (again, _) = served.install(&store, [served.whole()]);
    assert_eq!(again.unwrap(), first);

    store.mark_failed(&first.id).unwrap();
    let (refused, asked) = served.install(&store, [served.whole()]);
    assert_eq!((refused.unwrap_err().kind(), asked), (ErrorKind::NotTrusted, 0));
    let mut renamed = served;
    renamed.from.bundle = NewBundle::new("2");
    let (refused, _) = renamed.install(&store, [renamed.whole()]);
    assert_eq!(
        refused.unwrap_err().kind(),
        ErrorKind::NotTrusted,
        "the same bytes failed"
    );
    // The file is kept, so that each further attempt downloads nothing.
    let (refused, asked) = renamed.install(&store, []);
    assert_eq!((refused.unwrap_err().kind(), asked), (ErrorKind::NotTrusted, 0));
}

#[test]
fn a_part_of_another_version_under_the_same_url_is_not_resumed() {
    let device = Device::new();
    let store = device.open();
    let (mut first, mut second) = (unverified(&device, "1"), unverified(&device, "2"));
    first.from.url = "https://example.com/latest.zip".parse().unwrap();
    second.from.url = first.from.url.clone();
    let cut = Answer::new(200, &first.bytes[..100])
        .with("ETag", "\"1\"")
        .with("Content-Length", "100000");
    first.install(&store, [cut.then_breaks()]).0.unwrap_err();
    let transport = MockTransport::new([second.whole()]);
    let installed = store.install_from(&transport, &second.from, &options(), &Control::new());
    assert_eq!(installed.unwrap().digest, Some(device.archive("2").digest()));
    assert_eq!(transport.request_headers("Range"), ["-"]);
}
