//! An app, its keys, its bundles, and a device that checks the served files.

use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;

use super::super::plan::{ExecutionOptions, PublishError, Report};
use super::super::signing::native_within;
use super::super::{
    Audience, Bundle, NewRelease, Outcome, Publisher, ReleaseMetadata, Signing, SiteStorage, publish_ring,
};
use super::memory::Memory;
use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::Limits;
use capbundle::bundle::{PackOptions, pack};
use capbundle::digest::Sha256Digest;
use capbundle::keys::{ContentKey, KeyBits, SigningKey};
use capbundle::progress::Control;
use capbundle::release::policy;
use capbundle::release::policy::TrustContext;
use capbundle::release::{ChannelFile, KeyRing, Release, RingDocument, paths};
use capbundle::time::Timestamp;

pub(in crate::site) const NOW: u64 = 1_800_000_000;
pub(in crate::site) const DAY: u64 = 24 * 60 * 60;
pub(in crate::site) const LIFETIME: Duration = Duration::from_secs(90 * DAY);

pub(in crate::site) static APP: LazyLock<AppId> = LazyLock::new(|| "com.example.app".parse().unwrap());
pub(in crate::site) static CHANNEL: LazyLock<ChannelName> = LazyLock::new(|| "production".parse().unwrap());
pub(in crate::site) static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());
pub(in crate::site) static OTHER_KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());
pub(in crate::site) static CONTENT_KEY: LazyLock<ContentKey> =
    LazyLock::new(|| ContentKey::generate(KeyBits::B2048).unwrap());
/// The first ring of the app, in its envelope.
pub(in crate::site) static RING: LazyLock<Vec<u8>> = LazyLock::new(|| ring(1, &[&KEY], &[], &[&KEY]));
static BUNDLES: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

pub(in crate::site) fn ring(
    number: u64,
    keys: &[&SigningKey],
    retired: &[&SigningKey],
    signers: &[&SigningKey],
) -> Vec<u8> {
    let keys = keys.iter().map(|key| key.verifying_key()).collect();
    let mut new = RingDocument::new(APP.clone(), keys, Timestamp(NOW - DAY));
    new.number = number;
    new.retired = retired.iter().map(|key| key.verifying_key().id()).collect();
    capbundle::release::sign_ring(&new, signers).unwrap().to_json().unwrap()
}

/// A bundle that differs from those of other versions.
pub(in crate::site) fn bundle(version: &str) -> Bundle {
    let zip = BUNDLES
        .path()
        .join(format!("{version}.{:?}.zip", std::thread::current().id()));
    if !zip.exists() {
        let folder = tempfile::tempdir().unwrap();
        let page = format!("<script>CapacitorUpdater.notifyAppReady('{version}')</script>");
        std::fs::write(folder.path().join("index.html"), page).unwrap();
        pack(folder.path(), &zip, &PackOptions::default(), &Control::new()).unwrap();
    }
    Bundle::of_zip(&zip, &Limits::default(), &Control::new()).unwrap()
}

pub(in crate::site) fn details(version: &str) -> ReleaseMetadata {
    ReleaseMetadata {
        version: version.to_owned(),
        ..ReleaseMetadata::default()
    }
}

pub(in crate::site) fn signing<'a>(keys: &'a [&'a SigningKey]) -> Signing<'a> {
    Signing {
        keys,
        ring: None,
        lifetime: LIFETIME,
        sequence: None,
    }
}

pub(in crate::site) fn run<T>(act: impl FnOnce(&mut ExecutionOptions<'_>) -> T) -> T {
    act(&mut ExecutionOptions {
        dry_run: false,
        control: &Control::new(),
        before: &mut |_| {},
    })
}

pub(in crate::site) fn dry_run<T>(act: impl FnOnce(&mut ExecutionOptions<'_>) -> T) -> T {
    act(&mut ExecutionOptions {
        dry_run: true,
        control: &Control::new(),
        before: &mut |_| {},
    })
}

pub(in crate::site) fn publisher(storage: &dyn SiteStorage) -> Publisher<'_> {
    Publisher::new(storage, &APP, &CHANNEL).at(Timestamp(NOW))
}

pub(in crate::site) fn publish(storage: &dyn SiteStorage, version: &str, placement: Audience) -> Outcome {
    let publisher = publisher(storage);
    let new = NewRelease {
        bundle: &bundle(version),
        metadata: &details(version),
        audience: placement,
    };
    run(|run| publisher.publish(&new, &signing(&[&KEY]), run))
}

pub(in crate::site) fn stable<'a>(bundle: &'a Bundle, metadata: &'a ReleaseMetadata) -> NewRelease<'a> {
    NewRelease {
        bundle,
        metadata,
        audience: Audience::Stable,
    }
}

pub(in crate::site) fn candidate(rollout_bps: u16) -> Audience {
    Audience::Candidate { rollout_bps }
}

/// A site with only the first ring. A device checks it after each change.
pub(in crate::site) fn site() -> Memory {
    let site = Memory::watched(device_checks).at(NOW);
    run(|run| publish_ring(&site, &APP, &RING, run)).unwrap();
    site
}

pub(in crate::site) fn offered(site: &Memory) -> ChannelFile {
    let bytes = site.served("channels/production.json").expect("a channel file");
    ChannelFile::parse(&bytes, &APP, &CHANNEL).unwrap()
}

/// The release with this sequence, as a device trusts it.
pub(in crate::site) fn trusted(site: &Memory, channel: &ChannelName, sequence: u64) -> Release {
    let path = paths::release_path(channel, sequence);
    let envelope = site
        .served(&path)
        .unwrap_or_else(|| panic!("{path} is referenced but missing"));
    let ring = current(site);
    let native = native_within(&envelope).unwrap();
    let context = TrustContext::new(&ring, &APP, channel, &native).with_now(Timestamp(NOW));
    policy::check(&envelope, &context).unwrap().release().clone()
}

fn current(site: &Memory) -> KeyRing {
    let mut ring = KeyRing::trusted(&RING, &APP).unwrap();
    while let Some(next) = site.served(&paths::ring_path(ring.number() + 1)) {
        ring = ring.follow(&next).unwrap();
    }
    ring
}

/// Checks that the files that every channel references exist, are signed and have the right bytes.
pub(in crate::site) fn device_checks(site: &Memory) {
    for path in site.paths() {
        let Some(name) = path
            .strip_prefix("channels/")
            .and_then(|name| name.strip_suffix(".json"))
        else {
            continue;
        };
        let channel: ChannelName = name.parse().unwrap();
        let file = ChannelFile::parse(&site.served(&path).unwrap(), &APP, &channel).unwrap();
        for sequence in file.sequences() {
            let release = trusted(site, &channel, sequence);
            let Some(bundle) = release.bundle() else {
                continue;
            };
            let (archive, length) = paths::archive_of(bundle);
            let bytes = site
                .served(&archive)
                .unwrap_or_else(|| panic!("{archive} is referenced but missing"));
            assert_eq!(bytes.len() as u64, length);
            if bundle.sealed.is_none() {
                assert_eq!(Sha256Digest::of(&bytes), bundle.archive.digest);
            }
            let files = paths::file_list_path(&bundle.files_digest);
            let bytes = site
                .served(&files)
                .unwrap_or_else(|| panic!("{files} is referenced but missing"));
            assert_eq!(Sha256Digest::of(&bytes), bundle.files_digest);
            for (patch, length) in release.patches.iter().map(paths::patch_of) {
                let bytes = site.served(&patch).map(|bytes| bytes.len() as u64);
                assert_eq!(bytes, Some(length), "{patch} is referenced");
            }
        }
        if let (Some(stable), Some(candidate)) = (file.stable, file.candidate) {
            assert!(
                candidate.sequence > stable,
                "devices at {stable} would refuse {candidate:?}"
            );
        }
    }
}

pub(in crate::site) fn problem(outcome: Result<Report, Box<PublishError>>) -> String {
    outcome.expect_err("the operation is refused").to_string()
}
