//! A static site in a bucket of real servers: preconditions, crashes, concurrent publishers and garbage collection.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use capbundle::ChannelName;
use capbundle::bundle::{PackOptions, pack};
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, SigningKey};
use capbundle::progress::Control;
use capbundle::release::{
    ChannelFile, MAX_CHANNEL_FILE_BYTES, MAX_ENVELOPE_BYTES, RingDocument, SignedRelease, paths, sign_ring,
};
use capbundle::time::Timestamp;
use capbundle::{AppId, ErrorKind, Limits};
use capbundle_publish::site::{
    Audience, BucketSite, Bundle, Content, ExecutionOptions, Item, LockGuard, NewRelease, Outcome, Publisher,
    PutOutcome, ReleaseMetadata, Signing, SiteStorage, WriteCondition, WriteOutcome, gc, publish_ring,
};
use capbundle_publish::{Error, Result};

use super::servers::{self, Server};

/// A storage that fails after `left` changes, as if its process had crashed.
#[derive(Debug)]
struct CrashingStorage<'a> {
    site: &'a BucketSite,
    left: AtomicUsize,
    /// Whether the failing change is applied, and only its response is lost.
    applies_last: bool,
}

impl CrashingStorage<'_> {
    fn change<T>(&self, change: impl FnOnce() -> Result<T>) -> Result<T> {
        let died = || {
            Error::Core(capbundle::Error::Network {
                url: "bucket".to_owned(),
                problem: "the process crashed".to_owned(),
            })
        };
        match self.left.load(Ordering::Relaxed) {
            0 if self.applies_last => {
                self.left.store(usize::MAX, Ordering::Relaxed);
                change()?;
                Err(died())
            }
            0 | usize::MAX => Err(died()),
            left => {
                self.left.store(left - 1, Ordering::Relaxed);
                change()
            }
        }
    }
}

impl SiteStorage for CrashingStorage<'_> {
    fn place(&self) -> String {
        self.site.place()
    }
    fn lock(&self, control: &Control) -> Result<LockGuard> {
        self.site.lock(control)
    }
    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Content>> {
        self.site.read(path, limit, control)
    }
    fn read_start(&self, path: &str, length: u64, control: &Control) -> Result<Option<Vec<u8>>> {
        self.site.read_start(path, length, control)
    }
    fn head(&self, path: &str, control: &Control) -> Result<Option<Item>> {
        self.site.head(path, control)
    }
    fn list(&self, folder: &str, control: &Control) -> Result<Vec<Item>> {
        self.site.list(folder, control)
    }
    fn write(&self, path: &str, bytes: &[u8], only_if: WriteCondition<'_>, control: &Control) -> Result<WriteOutcome> {
        self.change(|| self.site.write(path, bytes, only_if, control))
    }
    fn put_file(&self, path: &str, file: &Path, control: &Control) -> Result<PutOutcome> {
        self.change(|| self.site.put_file(path, file, control))
    }
    fn touch(&self, path: &str, control: &Control) -> Result<bool> {
        self.change(|| self.site.touch(path, control))
    }
    fn delete(&self, path: &str, control: &Control) -> Result<()> {
        self.change(|| self.site.delete(path, control))
    }
    fn is_guarded(&self) -> bool {
        self.site.is_guarded()
    }
}

/// An app with its key, and the folder that its bundles are packed in.
struct App {
    id: AppId,
    channel: ChannelName,
    key: SigningKey,
    folder: tempfile::TempDir,
}

impl App {
    fn new() -> Self {
        Self {
            id: "com.example.app".parse().unwrap(),
            channel: "production".parse().unwrap(),
            key: SigningKey::generate(KeyBits::B2048).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn bundle(&self, version: &str) -> Bundle {
        let (www, zip) = (
            self.folder.path().join("www"),
            self.folder.path().join(format!("{version}.zip")),
        );
        std::fs::create_dir_all(&www).unwrap();
        std::fs::write(
            www.join("index.html"),
            format!("<script>notifyAppReady('{version}')</script>"),
        )
        .unwrap();
        pack(&www, &zip, &PackOptions::default(), &Control::new()).unwrap();
        Bundle::of_zip(&zip, &Limits::default(), &Control::new()).unwrap()
    }

    fn put_ring(&self, site: &dyn SiteStorage) {
        let ring = RingDocument::new(self.id.clone(), vec![self.key.verifying_key()], Timestamp::now());
        let envelope = sign_ring(&ring, &[&self.key]).unwrap().to_json().unwrap();
        run(&mut |_| {}, |run| publish_ring(site, &self.id, &envelope, run)).unwrap();
    }

    fn publish(&self, site: &dyn SiteStorage, version: &str, before: &mut dyn FnMut(&str)) -> Outcome {
        let keys = [&self.key];
        let signing = Signing::new(&keys, Duration::from_secs(90 * 24 * 60 * 60));
        let bundle = self.bundle(version);
        let publisher = Publisher::new(site, &self.id, &self.channel);
        let new = NewRelease {
            bundle: &bundle,
            metadata: &ReleaseMetadata::new(version),
            audience: Audience::Stable,
        };
        run(before, |run| publisher.publish(&new, &signing, run))
    }

    /// The stable sequence that a device is offered, after a check that all files of the releases are complete.
    fn offered(&self, site: &dyn SiteStorage) -> Option<u64> {
        let control = Control::new();
        let read = |path: &str, limit: usize| site.read(path, limit as u64, &control).unwrap();
        let file = read(&paths::channel_path(&self.channel), MAX_CHANNEL_FILE_BYTES)?;
        let file = ChannelFile::parse(&file.bytes, &self.id, &self.channel).unwrap();
        for sequence in file.sequences() {
            let envelope = read(&paths::release_path(&self.channel, sequence), MAX_ENVELOPE_BYTES).expect("a release");
            let signed = SignedRelease::parse(&envelope.bytes).unwrap();
            let bundle = signed.release().bundle().expect("a release of a bundle");
            let (archive, length) = paths::archive_of(bundle);
            let bytes = site
                .read_start(&archive, length + 1, &control)
                .unwrap()
                .expect("an archive");
            assert_eq!(Sha256Digest::of(&bytes), bundle.archive.digest);
            let list = paths::file_list_path(&bundle.files_digest);
            let bytes = site.read_start(&list, 1 << 20, &control).unwrap().expect("a file list");
            assert_eq!(Sha256Digest::of(&bytes), bundle.files_digest);
        }
        file.stable
    }
}

fn run<T>(before: &mut dyn FnMut(&str), act: impl FnOnce(&mut ExecutionOptions<'_>) -> T) -> T {
    act(&mut ExecutionOptions::new(&Control::new(), before))
}

fn site(server: &Server, prefix: &str) -> BucketSite {
    BucketSite::new(server.bucket(), prefix)
}

#[test]
fn files_have_the_headers_that_the_format_requires() {
    for server in servers::all() {
        let (app, site) = (App::new(), site(&server, "/updates/app/"));
        app.put_ring(&site);
        app.publish(&site, "1.0.0", &mut |_| {}).unwrap();
        assert!(site.is_guarded(), "both servers support preconditions");
        assert_eq!(app.offered(&site), Some(1));
        let bucket = server.bucket();
        let head = |path: &str| servers::head(&bucket, &format!("updates/app/{path}")).expect(path);
        // One of the two servers does not store Cache-Control.
        if let Some(cached) = head("channels/production.json").cache_control {
            assert_eq!(cached, "no-cache");
            assert_eq!(
                head("releases/production/1.json").cache_control.as_deref(),
                Some("no-cache")
            );
            let kept = head("keys/1.json").cache_control.unwrap();
            assert!(kept.contains("immutable"), "{kept}");
        }
        for item in site.list("archives", &Control::new()).unwrap() {
            assert_eq!(head(&item.path).content_type.as_deref(), Some("application/zip"));
            assert!(
                item.modified.is_some()
                    && site
                        .head(&item.path, &Control::new())
                        .unwrap()
                        .unwrap()
                        .modified
                        .is_some()
            );
        }
    }
}

#[test]
fn after_a_crash_at_any_change_devices_see_a_complete_site_and_the_next_run_finishes() {
    for server in servers::all() {
        for applies_last in [false, true] {
            for changes in 0.. {
                let app = App::new();
                let site = site(&server, &format!("{applies_last}/{changes}"));
                app.put_ring(&site);
                app.publish(&site, "1.0.0", &mut |_| {}).unwrap();
                let crashing = CrashingStorage {
                    site: &site,
                    left: AtomicUsize::new(changes),
                    applies_last,
                };
                let died = app.publish(&crashing, "1.1.0", &mut |_| {}).is_err();
                let meanwhile = app.offered(&site);
                assert!(meanwhile == Some(1) || meanwhile == Some(2), "{meanwhile:?}");
                app.publish(&site, "1.1.0", &mut |_| {}).unwrap();
                assert_eq!(app.offered(&site), Some(2));
                if !died {
                    assert_eq!(
                        changes, 5,
                        "archive, file list, release, unreferenced files, channel file"
                    );
                    break;
                }
            }
        }
    }
}

#[test]
fn the_second_of_two_publishers_is_refused() {
    for server in servers::all() {
        for at in ["releases/", "channels/"] {
            let app = App::new();
            let site = site(&server, &format!("together/{at}"));
            app.put_ring(&site);
            app.publish(&site, "1.0.0", &mut |_| {}).unwrap();
            let mut other = Some(());
            let refused = app.publish(&site, "1.1.0", &mut |step| {
                if step.contains(at) && other.take().is_some() {
                    app.publish(&site, "2.0.0", &mut |_| {}).unwrap();
                }
            });
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Busy);
            let stable = app.offered(&site).unwrap();
            let (path, control) = (paths::release_path(&app.channel, stable), Control::new());
            let bytes = site
                .read(&path, MAX_ENVELOPE_BYTES as u64, &control)
                .unwrap()
                .unwrap()
                .bytes;
            assert_eq!(SignedRelease::parse(&bytes).unwrap().release().version, "2.0.0");
        }
    }
}

#[test]
fn unreferenced_files_are_removed_and_files_in_use_again_are_kept() {
    for server in servers::all() {
        let (app, site) = (App::new(), site(&server, ""));
        app.put_ring(&site);
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            app.publish(&site, version, &mut |_| {}).unwrap();
        }
        let collect = |later: u64| {
            let mut options = gc::GcOptions::default();
            options.keep = 1;
            options.now = Timestamp(Timestamp::now().0 + later);
            run(&mut |_| {}, |run| gc::collect(&site, &app.id, &options, run))
                .unwrap()
                .removed
                .len()
        };
        assert_eq!(collect(0), 0);
        let archives = site.list("archives", &Control::new()).unwrap();
        assert!(site.touch(&archives[0].path, &Control::new()).unwrap());
        assert!(!site.touch("archives/none.zip", &Control::new()).unwrap());
        assert_eq!(collect(2 * 24 * 60 * 60), 6);
        assert_eq!(app.offered(&site), Some(3));
        // A collected archive is uploaded again, and an existing one is kept.
        app.publish(&site, "1.0.0", &mut |_| {}).unwrap();
        assert_eq!(app.offered(&site), Some(4));
    }
}
