//! A device that updates from a static channel over real sockets, with an attacker who controls the site and its
//! server.
//!
//! Each attack is reported with the right error, changes nothing on the device, leaves an app that launches, and does
//! not prevent the next valid release from being installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use capbundle::bundle::{PackOptions, pack};
use capbundle::digest::Sha256Digest;
use capbundle::http::Http;
use capbundle::http::download::DownloadOptions;
use capbundle::keys::{ContentKey, KeyBits, SigningKey};
use capbundle::native::{NativeApp, NativeVersion};
use capbundle::progress::Control;
use capbundle::release::{
    ArchiveIdentity, BundleIdentity, Candidate, ChannelFile, FileList, Release, ReleaseTarget, RingDocument,
    SealedIdentity, SignedKeyRing, paths, sign, sign_ring,
};
use capbundle::sealed;
use capbundle::store::{
    BundleRef, ChannelOutcome, ChannelSource, ChannelUpdate, ReleaseOptions, RequiredProof, Store, StoreOptions,
};
use capbundle::time::Timestamp;
use capbundle::update::channel::Site;
use capbundle::{Error, ErrorKind, Limits, VerifiedArchive};
use capbundle_tests::folder_server::{FolderServer, LengthFault};
use tempfile::TempDir;

pub(crate) const APP: &str = "com.example.app";
const DAY: u64 = 24 * 60 * 60;

pub(crate) static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| (0..4).map(|_| SigningKey::generate(KeyBits::B2048).unwrap()).collect());
static CONTENT_KEY: LazyLock<Arc<ContentKey>> =
    LazyLock::new(|| Arc::new(ContentKey::generate(KeyBits::B2048).unwrap()));

/// A static site, the publisher of its releases, and the stores of devices that update from it.
pub(crate) struct TestSite {
    pub(crate) folder: TempDir,
    pub(crate) server: FolderServer,
}

pub(crate) struct Published {
    pub(crate) release: Release,
    pub(crate) archive: String,
    files: String,
}

impl TestSite {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        for inner in ["channels", "keys", "releases/production", "files", "archives"] {
            fs::create_dir_all(site.join(inner)).unwrap();
        }
        let server = FolderServer::serving(&site);
        Self { folder, server }
    }

    pub(crate) fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join("site").join(path), bytes).unwrap();
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.folder.path().join("site").join(path)).unwrap()
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.folder.path().join("site").join(path)).unwrap();
    }

    /// Packs, seals and publishes a version as release `sequence`, signed with `KEYS[key]`.
    pub(crate) fn publish(&self, version: &str, sequence: u64, key: usize) -> Published {
        let (www, zip) = (self.folder.path().join("www"), self.folder.path().join("app.zip"));
        fs::create_dir_all(&www).unwrap();
        let page = format!("<title>{version}</title><script>CapacitorUpdater.notifyAppReady()</script>");
        fs::write(www.join("index.html"), page).unwrap();
        let packed = pack(&www, &zip, &PackOptions::default(), &Control::new()).unwrap();
        let archive = VerifiedArchive::from_digest(&zip, &packed.digest, &Control::new()).unwrap();
        let files = FileList::of_archive(&archive, &Limits::default(), &Control::new()).unwrap();
        let files = files.to_bytes().unwrap();
        let to = self.folder.path().join("app.sealed");
        let recipients = [CONTENT_KEY.public().clone()];
        let sealed = sealed::seal(
            &zip,
            &to,
            &sealed::Sealing {
                expected: &packed.digest,
                recipients: &recipients,
            },
            &Control::new(),
        )
        .unwrap();
        let now = Timestamp::now().0;
        let target = ReleaseTarget::Bundle(BundleIdentity {
            archive: ArchiveIdentity {
                size: archive.size(),
                digest: archive.digest(),
            },
            sealed: Some(SealedIdentity {
                size: sealed.size,
                header_digest: sealed.header_digest,
            }),
            files_digest: Sha256Digest::of(&files),
        });
        let release = Release::new(APP.parse().unwrap(), "production".parse().unwrap(), sequence, target)
            .with_version(version)
            .with_validity(Timestamp(now - DAY + sequence), Timestamp(now + DAY));
        let published = Published {
            archive: paths::sealed_archive_path(&sealed.header_digest),
            files: paths::file_list_path(&Sha256Digest::of(&files)),
            release,
        };
        self.put(&published.archive, fs::read(to).unwrap());
        self.put(&published.files, files);
        self.sign(&published.release, key);
        published
    }

    pub(crate) fn sign(&self, release: &Release, key: usize) {
        let path = format!("releases/production/{}.json", release.sequence);
        self.put(&path, sign(release, &[&KEYS[key]], &[]).unwrap().to_json().unwrap());
    }

    pub(crate) fn offer(&self, stable: Option<u64>, candidate: Option<(u64, u16)>) {
        let candidate = candidate.map(|(sequence, rollout_bps)| Candidate { sequence, rollout_bps });
        let file = ChannelFile::empty(APP.parse().unwrap(), "production".parse().unwrap())
            .with_stable(stable)
            .with_candidate(candidate);
        self.put("channels/production.json", file.to_json().unwrap());
    }

    pub(crate) fn store(&self, device: &str) -> Store {
        let mut options = StoreOptions::default();
        options.required_proof = RequiredProof::Release;
        options.space_margin = 0;
        options.auto_delete_previous = false;
        Store::open(&self.folder.path().join(device), options).unwrap()
    }

    pub(crate) fn source(&self, device: &str) -> ChannelSource {
        let mut release = ReleaseOptions::new(
            APP.parse().unwrap(),
            "production".parse().unwrap(),
            first_ring(),
            NativeVersion::new("1.0"),
        );
        release.content_keys.push(Arc::clone(&CONTENT_KEY));
        let mut source = ChannelSource::new(Site::new(self.server.url().parse().unwrap()), release);
        source.device_id = Some(device.to_owned());
        source
    }

    fn try_update(&self, device: &str) -> capbundle::Result<ChannelUpdate> {
        let mut options = fast_retries();
        options.attempts = 1;
        self.update_with(device, &options)
    }

    fn update_with(&self, device: &str, options: &DownloadOptions) -> capbundle::Result<ChannelUpdate> {
        let (http, source) = (Http::new(), self.source(device));
        self.store(device)
            .update_from_channel(&http, &source, options, &Control::new())
    }

    fn update(&self, device: &str) -> ChannelUpdate {
        self.try_update(device).unwrap()
    }

    /// Starts the app, which confirms its bundle; returns the version that it runs.
    fn start(&self, device: &str) -> Option<String> {
        let store = self.store(device);
        let launch = store.launch(&NativeApp::new("1.0", "1"));
        if let BundleRef::Bundle(id) = &launch.bundle {
            store.trial_started(id).unwrap();
        }
        store.confirm(&launch.bundle).unwrap();
        launch.version
    }

    /// A site with release 7, and a device that runs it.
    fn with_release_7() -> Self {
        let site = Self::new();
        site.publish("1.0", 7, 0);
        site.offer(Some(7), None);
        site.update("phone");
        assert_eq!(site.start("phone").as_deref(), Some("1.0"));
        site
    }

    /// Expects that the update is refused for this reason, changes nothing, and that the app still starts.
    fn expect_refused(&self, expected: &str) {
        let before = self.state();
        let update = self.update("phone");
        let last = update.passed_over.last().map(|passed| code_of(&passed.error));
        assert_eq!(
            (&update.outcome, last.as_deref()),
            (&ChannelOutcome::Refused, Some(expected)),
            "{update:?}"
        );
        assert_eq!(self.state(), before, "{expected}");
        assert_eq!(self.start("phone").as_deref(), Some("1.0"), "{expected}");
        assert_eq!(downloaded_bytes(self), 0, "{expected}: a refused download is left");
    }

    fn state(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("phone/state.json")).unwrap()
    }
}

/// The size of all partial and complete downloads of the device.
fn downloaded_bytes(site: &TestSite) -> u64 {
    let downloads = fs::read_dir(site.folder.path().join("phone/downloads")).unwrap();
    downloads.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// The default number of attempts, without the waits between them.
pub(crate) fn fast_retries() -> DownloadOptions {
    let mut options = DownloadOptions::default();
    options.first_wait = Duration::from_millis(2);
    options.space_margin = 0;
    options
}

fn code_of(error: &Error) -> String {
    match error {
        Error::ReleaseRefused { reason, .. } => reason.as_str().to_owned(),
        other => other.kind().as_str().to_owned(),
    }
}

fn installed(update: &ChannelUpdate) -> &str {
    match &update.outcome {
        ChannelOutcome::Installed(record) => &record.version,
        other => panic!("expected a bundle, found {other:?} in {update:?}"),
    }
}

pub(crate) fn first_ring() -> Vec<u8> {
    let new = RingDocument::new(APP.parse().unwrap(), vec![KEYS[0].verifying_key()], Timestamp(1));
    sign_ring(&new, &[&KEYS[0]]).unwrap().to_json().unwrap()
}

/// The successor of `ring`, in which key `new` replaces key `old`.
fn rotated(ring: &[u8], old: usize, new: usize) -> Vec<u8> {
    let mut next = RingDocument::next(SignedKeyRing::parse(ring).unwrap().ring(), Timestamp(2));
    next.retire(KEYS[old].verifying_key().id()).unwrap();
    next.keys.push(KEYS[new].verifying_key());
    sign_ring(&next, &[&KEYS[old], &KEYS[new]]).unwrap().to_json().unwrap()
}

#[test]
fn an_attacker_who_controls_the_site_can_only_hold_a_device_back() {
    let site = TestSite::with_release_7();
    let accepted = site.read("releases/production/7.json");
    site.publish("0.9", 6, 0);
    let old = site.read("releases/production/6.json");
    let good = site.publish("1.1", 8, 0);
    site.offer(Some(8), None);
    let (archive, files) = (site.read(&good.archive), site.read(&good.files));
    let resigned = |change: &dyn Fn(&mut Release), key: usize| {
        let mut release = good.release.clone();
        change(&mut release);
        site.sign(&release, key);
    };

    resigned(&|_| {}, 1);
    site.expect_refused("signatures");
    resigned(&|release| release.app_id = "com.example.other".parse().unwrap(), 0);
    site.expect_refused("wrong_app");
    resigned(&|release| release.channel = "beta".parse().unwrap(), 0);
    site.expect_refused("wrong_channel");
    resigned(&|release| release.expires_at = Timestamp(Timestamp::now().0 - 1), 0);
    site.expect_refused("expired");
    resigned(&|release| release.native.min = Some(NativeVersion::new("2")), 0);
    site.expect_refused("native_out_of_range");
    site.put("releases/production/8.json", &old);
    site.expect_refused("replayed");
    // The accepted release itself is not a replay, but its sequence is not the requested one.
    site.put("releases/production/8.json", &accepted);
    site.expect_refused("malformed");
    site.put("releases/production/8.json", vec![b' '; 1 << 20]);
    site.expect_refused("server");
    site.remove("releases/production/8.json");
    site.expect_refused("server");
    site.sign(&good.release, 0);

    let other = site.publish("1.2", 9, 0);
    site.put(&good.archive, site.read(&other.archive));
    site.expect_refused("digest_mismatch");
    for cut in [0, 1, 100, archive.len() - 16, archive.len() - 1] {
        site.put(&good.archive, &archive[..cut]);
        let update = site.update("phone");
        assert_eq!(update.outcome, ChannelOutcome::Refused, "{cut} bytes: {update:?}");
    }
    site.put(&good.archive, &archive);
    site.put(&good.files, site.read(&other.files));
    site.expect_refused("digest_mismatch");
    site.remove(&good.files);
    site.expect_refused("server");
    site.put(&good.files, &files);

    assert_eq!(installed(&site.update("phone")), "1.1");
    assert_eq!(site.start("phone").as_deref(), Some("1.1"));
    site.offer(Some(7), None);
    let outcome = site.update("phone").outcome;
    assert_eq!(outcome, ChannelOutcome::Older { offered: 7, known: 8 });
}

#[test]
fn an_archive_of_wrong_or_endless_length_costs_its_signed_size_and_the_stable_release_is_installed() {
    // More than any disk holds, and within the limit that the options set.
    for fault in [LengthFault::Length(1 << 60), LengthFault::Endless] {
        let site = TestSite::with_release_7();
        site.publish("1.1", 8, 0);
        let candidate = site.publish("1.2", 9, 0);
        site.offer(Some(8), Some((9, 10_000)));
        site.server.set_length_fault(&candidate.archive, fault);
        let mut options = fast_retries();
        options.max_size = u64::MAX;

        let first = site.update_with("phone", &options).unwrap();

        assert_eq!(installed(&first), "1.1", "{fault:?}");
        assert_eq!(code_of(&first.passed_over[0].error), "server", "{first:?}");
        let requests = site.server.take_requests();
        let of_candidate = requests.iter().filter(|path| **path == candidate.archive).count();
        assert_eq!(of_candidate, 1, "{requests:?}");
        // The socket buffers are filled before the client aborts.
        assert!(site.server.sent() < 64 << 20, "{fault:?}: {} bytes", site.server.sent());
        assert_eq!(site.start("phone").as_deref(), Some("1.1"));
        assert_eq!(downloaded_bytes(&site), 0);
    }
}

#[test]
fn an_interrupted_download_resumes_where_it_stopped() {
    let site = TestSite::with_release_7();
    let good = site.publish("1.1", 8, 0);
    site.offer(Some(8), None);
    site.server.cut(&good.archive, 400);
    assert_eq!(site.try_update("phone").unwrap_err().kind(), ErrorKind::Network);
    assert_eq!(site.start("phone").as_deref(), Some("1.0"));
    let _ = site.server.take_requests();

    assert_eq!(installed(&site.update("phone")), "1.1");
    let requests = site.server.take_requests();
    assert!(requests.contains(&format!("{} from 400", good.archive)), "{requests:?}");
}

#[test]
fn a_device_that_missed_three_key_rotations_follows_them_and_rejects_retired_keys() {
    let site = TestSite::with_release_7();
    let second = rotated(&first_ring(), 0, 1);
    let third = rotated(&second, 1, 2);
    let fourth = rotated(&third, 2, 3);
    for (number, ring) in [(2, &second), (3, &third), (4, &fourth)] {
        site.put(&format!("keys/{number}.json"), ring);
    }
    let made = site.publish("1.1", 8, 0);
    site.offer(Some(8), None);
    site.expect_refused("signatures");
    site.sign(&made.release, 3);
    let update = site.update("phone");
    assert_eq!((installed(&update), update.ring), ("1.1", 4));
    // The site removes the key rings; the device keeps them.
    for number in 2..=4 {
        site.remove(&format!("keys/{number}.json"));
    }
    site.publish("1.2", 9, 0);
    site.offer(Some(9), None);
    let update = site.update("phone");
    assert_eq!(
        (code_of(&update.passed_over[0].error).as_str(), update.ring),
        ("signatures", 4)
    );
}

#[test]
fn a_growing_rollout_only_adds_devices_and_a_pause_removes_none() {
    let site = TestSite::new();
    site.publish("1.0", 7, 0);
    site.publish("1.1", 8, 0);
    let devices: Vec<String> = (0..25).map(|number| format!("phone-{number}")).collect();
    let mut had: Vec<&String> = Vec::new();
    for share in [0, 500, 5_000, 0, 5_000, 10_000] {
        site.offer(Some(7), Some((8, share)));
        let mut has = Vec::new();
        for device in &devices {
            site.update(device);
            match site.start(device).as_deref() {
                Some("1.1") => has.push(device),
                other => assert_eq!(other, Some("1.0")),
            }
        }
        assert!(
            had.iter().all(|device| has.contains(device)),
            "{share}: before {had:?}, after {has:?}"
        );
        had = has;
    }
    assert_eq!(had.len(), devices.len());
}

#[test]
fn a_device_whose_first_update_is_refused_stores_nothing() {
    let site = TestSite::new();
    site.publish("1.0", 7, 2);
    site.offer(Some(7), None);
    assert_eq!(site.update("phone").outcome, ChannelOutcome::Refused);
    let phone: &Path = &site.folder.path().join("phone");
    for folder in ["bundles", "records", "staging", "failed"] {
        assert_eq!(fs::read_dir(phone.join(folder)).unwrap().count(), 0, "{folder}");
    }
    assert!(!phone.join("state.json").exists());
    assert_eq!(site.start("phone"), None);
}
