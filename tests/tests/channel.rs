//! A device before a static channel: real sockets, a folder behind a web server, and somebody who holds both.
//!
//! Each attack is told by its right name, changes nothing, leaves an app that launches, and does not keep the next good
//! release from coming.
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
use capbundle::native::{NativeApp, NativeRange, NativeVersion};
use capbundle::progress::Control;
use capbundle::release::{
    ArchiveIdentity, BundleIdentity, Candidate, ChannelFile, FileList, NewKeyRing, NewRelease, ReleaseTarget,
    SealedIdentity, SignedKeyRing, paths, sign, sign_ring,
};
use capbundle::sealed;
use capbundle::store::{
    BundleRef, ChannelOutcome, ChannelSource, ChannelUpdate, ReleaseOptions, RequiredProof, Store, StoreOptions,
};
use capbundle::time::Timestamp;
use capbundle::update::channel::Site;
use capbundle::{Error, ErrorKind, Limits, VerifiedArchive};
use capbundle_tests::folder_server::{FolderServer, Lie};
use tempfile::TempDir;

const APP: &str = "com.example.app";
const DAY: u64 = 24 * 60 * 60;

static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| (0..4).map(|_| SigningKey::generate(KeyBits::B2048).unwrap()).collect());
static CONTENT_KEY: LazyLock<Arc<ContentKey>> =
    LazyLock::new(|| Arc::new(ContentKey::generate(KeyBits::B2048).unwrap()));

/// A site, who publishes on it, and a device that reads it.
struct World {
    folder: TempDir,
    server: FolderServer,
}

struct Made {
    release: NewRelease,
    archive: String,
    files: String,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        for inner in ["channels", "keys", "releases/production", "files", "archives"] {
            fs::create_dir_all(site.join(inner)).unwrap();
        }
        let server = FolderServer::serving(&site);
        Self { folder, server }
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join("site").join(path), bytes).unwrap();
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.folder.path().join("site").join(path)).unwrap()
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.folder.path().join("site").join(path)).unwrap();
    }

    /// Packs, seals and publishes a version as release `sequence`, signed by this key.
    fn publish(&self, version: &str, sequence: u64, key: usize) -> Made {
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
        let release = NewRelease {
            app_id: APP.parse().unwrap(),
            channel: "production".parse().unwrap(),
            version: version.to_owned(),
            sequence,
            created_at: Timestamp(now - DAY + sequence),
            expires_at: Timestamp(now + DAY),
            native: NativeRange::default(),
            target: ReleaseTarget::Bundle(BundleIdentity {
                archive: ArchiveIdentity {
                    size: archive.size(),
                    digest: archive.digest(),
                },
                sealed: Some(SealedIdentity {
                    size: sealed.size,
                    header_digest: sealed.header_digest,
                }),
                files_digest: Sha256Digest::of(&files),
            }),
            link: None,
            comment: None,
            critical: Vec::new(),
        };
        let made = Made {
            archive: paths::sealed_archive_path(&sealed.header_digest),
            files: paths::file_list_path(&Sha256Digest::of(&files)),
            release,
        };
        self.put(&made.archive, fs::read(to).unwrap());
        self.put(&made.files, files);
        self.sign(&made.release, key);
        made
    }

    fn sign(&self, release: &NewRelease, key: usize) {
        let path = format!("releases/production/{}.json", release.sequence);
        self.put(&path, sign(release, &[&KEYS[key]], &[]).unwrap().to_json().unwrap());
    }

    fn offer(&self, stable: Option<u64>, candidate: Option<(u64, u16)>) {
        let file = ChannelFile {
            app_id: APP.parse().unwrap(),
            channel: "production".parse().unwrap(),
            stable,
            candidate: candidate.map(|(sequence, rollout_bps)| Candidate { sequence, rollout_bps }),
        };
        self.put("channels/production.json", file.to_json().unwrap());
    }

    fn store(&self, device: &str) -> Store {
        let mut options = StoreOptions::default();
        options.required_proof = RequiredProof::Release;
        options.space_margin = 0;
        options.auto_delete_previous = false;
        Store::open(&self.folder.path().join(device), options).unwrap()
    }

    fn source(&self, device: &str) -> ChannelSource {
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
        let mut options = patient();
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

    /// The version that the next start of the app serves, which then works.
    fn start(&self, device: &str) -> Option<String> {
        let store = self.store(device);
        let launch = store.launch(&NativeApp::new("1.0", "1"));
        if let BundleRef::Bundle(id) = &launch.bundle {
            store.trial_started(id).unwrap();
        }
        store.confirm(&launch.bundle).unwrap();
        launch.version
    }

    /// A site with release 7, which the device serves.
    fn serving() -> Self {
        let world = Self::new();
        world.publish("1.0", 7, 0);
        world.offer(Some(7), None);
        world.update("phone");
        assert_eq!(world.start("phone").as_deref(), Some("1.0"));
        world
    }

    /// Nothing changed by what was refused for this reason, and the app goes on.
    fn expect_refused(&self, expected: &str) {
        let before = self.state();
        let update = self.update("phone");
        let last = update.passed_over.last().map(|passed| word_of(&passed.error));
        assert_eq!(
            (&update.outcome, last.as_deref()),
            (&ChannelOutcome::Refused, Some(expected)),
            "{update:?}"
        );
        assert_eq!(self.state(), before, "{expected}");
        assert_eq!(self.start("phone").as_deref(), Some("1.0"), "{expected}");
        assert_eq!(left_of_downloads(self), 0, "{expected}: what is refused is removed");
    }

    fn state(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("phone/state.json")).unwrap()
    }
}

/// Bytes that are left of what the phone downloaded.
fn left_of_downloads(world: &World) -> u64 {
    let downloads = fs::read_dir(world.folder.path().join("phone/downloads")).unwrap();
    downloads.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// As many tries as a device has, without their waits.
fn patient() -> DownloadOptions {
    let mut options = DownloadOptions::default();
    options.first_wait = Duration::from_millis(2);
    options.space_margin = 0;
    options
}

fn word_of(error: &Error) -> String {
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

fn first_ring() -> Vec<u8> {
    let new = NewKeyRing {
        app_id: APP.parse().unwrap(),
        number: 1,
        threshold: 1,
        created_at: Timestamp(1),
        keys: vec![KEYS[0].verifying_key()],
        retired: Vec::new(),
    };
    sign_ring(&new, &[&KEYS[0]]).unwrap().to_json().unwrap()
}

/// The ring after `ring`, in which key `new` takes the place of `old`.
fn rotated(ring: &[u8], old: usize, new: usize) -> Vec<u8> {
    let mut next = NewKeyRing::after(SignedKeyRing::parse(ring).unwrap().ring(), Timestamp(2));
    next.retire(KEYS[old].verifying_key().id()).unwrap();
    next.keys.push(KEYS[new].verifying_key());
    sign_ring(&next, &[&KEYS[old], &KEYS[new]]).unwrap().to_json().unwrap()
}

#[test]
fn an_attacker_who_controls_the_site_can_only_hold_a_device_back() {
    let world = World::serving();
    let accepted = world.read("releases/production/7.json");
    world.publish("0.9", 6, 0);
    let old = world.read("releases/production/6.json");
    let good = world.publish("1.1", 8, 0);
    world.offer(Some(8), None);
    let (archive, files) = (world.read(&good.archive), world.read(&good.files));
    let resigned = |change: &dyn Fn(&mut NewRelease), key: usize| {
        let mut release = good.release.clone();
        change(&mut release);
        world.sign(&release, key);
    };

    resigned(&|_| {}, 1);
    world.expect_refused("signatures");
    resigned(&|release| release.app_id = "com.example.other".parse().unwrap(), 0);
    world.expect_refused("wrong_app");
    resigned(&|release| release.channel = "beta".parse().unwrap(), 0);
    world.expect_refused("wrong_channel");
    resigned(&|release| release.expires_at = Timestamp(Timestamp::now().0 - 1), 0);
    world.expect_refused("expired");
    resigned(&|release| release.native.min = Some(NativeVersion::new("2")), 0);
    world.expect_refused("native_out_of_range");
    world.put("releases/production/8.json", &old);
    world.expect_refused("replayed");
    // The very one that was accepted is no replay, but nothing newer either.
    world.put("releases/production/8.json", &accepted);
    world.expect_refused("malformed");
    world.put("releases/production/8.json", vec![b' '; 1 << 20]);
    world.expect_refused("server");
    world.remove("releases/production/8.json");
    world.expect_refused("server");
    world.sign(&good.release, 0);

    let other = world.publish("1.2", 9, 0);
    world.put(&good.archive, world.read(&other.archive));
    world.expect_refused("digest_mismatch");
    for cut in [0, 1, 100, archive.len() - 16, archive.len() - 1] {
        world.put(&good.archive, &archive[..cut]);
        let update = world.update("phone");
        assert_eq!(update.outcome, ChannelOutcome::Refused, "{cut} bytes: {update:?}");
    }
    world.put(&good.archive, &archive);
    world.put(&good.files, world.read(&other.files));
    world.expect_refused("digest_mismatch");
    world.remove(&good.files);
    world.expect_refused("server");
    world.put(&good.files, &files);

    assert_eq!(installed(&world.update("phone")), "1.1");
    assert_eq!(world.start("phone").as_deref(), Some("1.1"));
    world.offer(Some(7), None);
    let outcome = world.update("phone").outcome;
    assert_eq!(outcome, ChannelOutcome::Older { offered: 7, known: 8 });
}

#[test]
fn an_archive_of_wrong_or_endless_length_costs_its_signed_size_and_the_stable_release_is_installed() {
    // More than any disk has, and less than a host may allow.
    for lie in [Lie::Length(1 << 60), Lie::Endless] {
        let world = World::serving();
        world.publish("1.1", 8, 0);
        let candidate = world.publish("1.2", 9, 0);
        world.offer(Some(8), Some((9, 10_000)));
        world.server.lie(&candidate.archive, lie);
        let mut options = patient();
        options.max_size = u64::MAX;

        let first = world.update_with("phone", &options).unwrap();

        assert_eq!(installed(&first), "1.1", "{lie:?}");
        assert_eq!(word_of(&first.passed_over[0].error), "server", "{first:?}");
        let asked = world.server.asked();
        let of_candidate = asked.iter().filter(|path| **path == candidate.archive).count();
        assert_eq!(of_candidate, 1, "{asked:?}");
        // What the sockets on the way hold is sent before anybody refuses it.
        assert!(world.server.sent() < 64 << 20, "{lie:?}: {} bytes", world.server.sent());
        assert_eq!(world.start("phone").as_deref(), Some("1.1"));
        assert_eq!(left_of_downloads(&world), 0);
    }
}

#[test]
fn an_interrupted_download_resumes_where_it_stopped() {
    let world = World::serving();
    let good = world.publish("1.1", 8, 0);
    world.offer(Some(8), None);
    world.server.cut(&good.archive, 400);
    assert_eq!(world.try_update("phone").unwrap_err().kind(), ErrorKind::Network);
    assert_eq!(world.start("phone").as_deref(), Some("1.0"));
    let _ = world.server.asked();

    assert_eq!(installed(&world.update("phone")), "1.1");
    let asked = world.server.asked();
    assert!(asked.contains(&format!("{} from 400", good.archive)), "{asked:?}");
}

#[test]
fn a_device_that_missed_three_key_rotations_follows_them_and_rejects_retired_keys() {
    let world = World::serving();
    let second = rotated(&first_ring(), 0, 1);
    let third = rotated(&second, 1, 2);
    let fourth = rotated(&third, 2, 3);
    for (number, ring) in [(2, &second), (3, &third), (4, &fourth)] {
        world.put(&format!("keys/{number}.json"), ring);
    }
    let made = world.publish("1.1", 8, 0);
    world.offer(Some(8), None);
    world.expect_refused("signatures");
    world.sign(&made.release, 3);
    let update = world.update("phone");
    assert_eq!((installed(&update), update.ring), ("1.1", 4));
    // The site forgets the rings; the device does not.
    for number in 2..=4 {
        world.remove(&format!("keys/{number}.json"));
    }
    world.publish("1.2", 9, 0);
    world.offer(Some(9), None);
    let update = world.update("phone");
    assert_eq!(
        (word_of(&update.passed_over[0].error).as_str(), update.ring),
        ("signatures", 4)
    );
}

#[test]
fn a_growing_rollout_only_adds_devices_and_a_pause_removes_none() {
    let world = World::new();
    world.publish("1.0", 7, 0);
    world.publish("1.1", 8, 0);
    let devices: Vec<String> = (0..25).map(|number| format!("phone-{number}")).collect();
    let mut had: Vec<&String> = Vec::new();
    for share in [0, 500, 5_000, 0, 5_000, 10_000] {
        world.offer(Some(7), Some((8, share)));
        let mut has = Vec::new();
        for device in &devices {
            world.update(device);
            match world.start(device).as_deref() {
                Some("1.1") => has.push(device),
                other => assert_eq!(other, Some("1.0")),
            }
        }
        assert!(
            had.iter().all(|device| has.contains(device)),
            "{share}: {had:?} and then {has:?}"
        );
        had = has;
    }
    assert_eq!(had.len(), devices.len());
}

#[test]
fn a_device_whose_first_update_is_refused_stores_nothing() {
    let world = World::new();
    world.publish("1.0", 7, 2);
    world.offer(Some(7), None);
    assert_eq!(world.update("phone").outcome, ChannelOutcome::Refused);
    let phone: &Path = &world.folder.path().join("phone");
    for folder in ["bundles", "records", "staging", "failed"] {
        assert_eq!(fs::read_dir(phone.join(folder)).unwrap().count(), 0, "{folder}");
    }
    assert!(!phone.join("state.json").exists());
    assert_eq!(world.start("phone"), None);
}
