//! Patches from earlier releases.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::gc::{GcOptions, collect};
use super::super::{
    Audience, Bundle, DeliveredFiles, Delivery, NewRelease, NoPatch, Outcome, PatchOptions, SiteNote, UpdateCost,
};
use super::fixtures::*;
use super::memory::Memory;
use crate::patch::UnpackedBundle;
use capbundle::bundle::{PackOptions, pack};
use capbundle::digest::Sha256Digest;
use capbundle::keys::ContentKey;
use capbundle::patch::{JoinedFiles, PatchHeader, apply, new_side};
use capbundle::progress::Control;
use capbundle::release::{self, PatchIdentity, Release, ReleaseTarget, paths};
use capbundle::sealed;
use capbundle::time::Timestamp;
use capbundle::{Limits, VerifiedArchive};

/// Text without repetitions, so that archives and patches have sizes that mean something.
fn text(seed: u32, length: u32) -> String {
    let word = |number: u32| {
        format!(
            "{:x};",
            number.wrapping_mul(0x9E37_79B9) ^ seed.wrapping_mul(0x85EB_CA6B)
        )
    };
    (0..length).map(word).collect()
}

/// An archive with a chunk that is renamed and slightly changed in each version.
fn zip(folder: &Path, version: u32) -> PathBuf {
    let tree = tempfile::tempdir().unwrap();
    let chunk = format!("{}const version={version};{}", text(1, 600), text(2, 600));
    std::fs::write(
        tree.path().join("index.html"),
        format!("<script src=chunk-{version}.js>notifyAppReady()"),
    )
    .unwrap();
    std::fs::write(tree.path().join(format!("chunk-{version}.js")), chunk).unwrap();
    let zip = folder.join(format!("{version}.zip"));
    pack(tree.path(), &zip, &PackOptions::default(), &Control::new()).unwrap();
    zip
}

struct Desk {
    site: Memory,
    folder: TempDir,
    recipients: bool,
}

impl Desk {
    fn new(recipients: bool) -> Self {
        Self {
            site: site(),
            folder: tempfile::tempdir().unwrap(),
            recipients,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn bundle(&self, version: u32) -> Bundle {
        let bundle = Bundle::of_zip(&zip(self.path(), version), &Limits::default(), &Control::new()).unwrap();
        let keys = self.recipients.then(|| CONTENT_KEY.public().clone());
        bundle.sealed_for(keys.into_iter().collect(), self.path())
    }

    fn publish(&self, version: u32, audience: Audience, options: &PatchOptions<'_>) -> Outcome {
        let (bundle, metadata) = (self.bundle(version), details(&format!("{version}.0.0")));
        let new = NewRelease {
            bundle: &bundle,
            metadata: &metadata,
            audience,
        };
        run(|run| {
            publisher(&self.site)
                .with_patches(options)
                .publish(&new, &signing(&[&KEY]), run)
        })
    }

    fn options(&self) -> PatchOptions<'_> {
        PatchOptions::new(self.path())
    }

    fn release(&self, sequence: u64) -> Release {
        trusted(&self.site, &CHANNEL, sequence)
    }

    /// The plain bytes of a patch on the site.
    fn served(&self, patch: &PatchIdentity) -> Vec<u8> {
        let (at, size) = paths::patch_of(patch);
        let bytes = self.site.served(&at).unwrap();
        assert_eq!(bytes.len() as u64, size);
        if patch.sealed.is_none() {
            return bytes;
        }
        let (file, plain) = (self.path().join("fetched"), self.path().join("opened"));
        std::fs::write(&file, bytes).unwrap();
        sealed::open_unverified(&file, &plain, &CONTENT_KEY, &Control::new()).unwrap();
        std::fs::read(plain).unwrap()
    }

    /// Checks that the patch leads from one version to another.
    fn applies(&self, patch: &PatchIdentity, old: u32, new: u32) {
        let bytes = self.served(patch);
        assert_eq!(Sha256Digest::of(&bytes), patch.digest);
        let unpacked = |version| {
            let zip = zip(self.path(), version);
            let archive = VerifiedArchive::assume_trusted(&zip, &Control::new()).unwrap();
            UnpackedBundle::of(&archive, self.path(), &Control::new()).unwrap()
        };
        let (old, new) = (unpacked(old), unpacked(new));
        let mut rest = &bytes[..];
        let header = PatchHeader::read(&mut rest).unwrap();
        assert_eq!((header.old_list, header.new_list), (patch.from, new.list_digest()));
        let mut side = JoinedFiles::new(&old.path(), old.list().files());
        let mut written = Vec::new();
        let mut output = |bytes: &[u8]| {
            written.extend_from_slice(bytes);
            Ok(())
        };
        apply(&header, &mut rest, &mut side, &mut output, &Control::new()).unwrap();
        let mut rest = &written[..];
        for file in new_side(old.list(), new.list()) {
            let (bytes, behind) = rest.split_at(usize::try_from(file.size).unwrap());
            assert_eq!(Sha256Digest::of(bytes), file.digest);
            rest = behind;
        }
        assert!(rest.is_empty());
    }

    fn patch_files(&self) -> usize {
        let paths = self.site.paths();
        paths.iter().filter(|path| path.starts_with("patches/")).count()
    }
}

fn patched(costs: &[UpdateCost]) -> Vec<u64> {
    let has_patch = |cost: &&UpdateCost| cost.patch.is_some_and(|patch| patch.is_ok());
    costs.iter().filter(has_patch).map(|cost| cost.from).collect()
}

fn unpatched(notes: &[SiteNote]) -> Vec<(u64, NoPatch)> {
    let of = |note: &SiteNote| match note {
        SiteNote::NoPatch { from, reason } => Some((*from, *reason)),
        _ => None,
    };
    notes.iter().filter_map(of).collect()
}

#[test]
fn a_release_names_patches_from_the_last_bundles() {
    let desk = Desk::new(false);
    let options = desk.options().with_last(2);
    for version in 1..=3 {
        desk.publish(version, Audience::Stable, &options).unwrap();
    }
    let done = desk.publish(4, Audience::Stable, &options).unwrap();
    assert_eq!((patched(&done.costs), unpatched(&done.notes)), (vec![3, 2], vec![]));
    let release = desk.release(4);
    desk.applies(&release.patches[0], 3, 4);
    desk.applies(&release.patches[1], 2, 4);
    assert_eq!(release.patches.len(), 2);
    for cost in &done.costs {
        let patch = cost.patch.unwrap().unwrap();
        assert!(
            patch * 2 <= cost.ranges.unwrap() && cost.ranges.unwrap() <= cost.archive,
            "{cost:?}"
        );
    }
}

#[test]
fn publishing_again_changes_nothing_whatever_patches_are_asked_for() {
    let mut desk = Desk::new(false);
    desk.publish(1, Audience::Stable, &desk.options()).unwrap();
    desk.publish(2, Audience::Stable, &desk.options()).unwrap();
    let again = desk.publish(2, Audience::Stable, &desk.options().with_last(0)).unwrap();
    assert!(!again.changed, "{again:?}");
    let again = desk.publish(2, Audience::Stable, &desk.options()).unwrap();
    assert_eq!((again.changed, patched(&again.costs)), (false, vec![1]));
    // A release whose patch is missing is replaced.
    desk.site = Memory::copied(&desk.site);
    desk.site.remove(&paths::patch_of(&desk.release(2).patches[0]).0);
    let done = desk.publish(2, Audience::Stable, &desk.options()).unwrap();
    assert_eq!(done.sequences, [3]);
    desk.applies(&desk.release(3).patches[0], 1, 2);
}

#[test]
fn the_stable_and_the_requested_release_get_a_patch_too() {
    let desk = Desk::new(false);
    desk.publish(1, Audience::Stable, &desk.options()).unwrap();
    desk.publish(2, Audience::Stable, &desk.options()).unwrap();
    desk.publish(3, candidate(500), &desk.options()).unwrap();
    let from = [1, 77];
    let options = desk.options().with_last(1).with_from(&from);
    let done = desk.publish(4, candidate(500), &options).unwrap();
    assert_eq!(patched(&done.costs), [3, 2, 1]);
    assert_eq!(unpatched(&done.notes), [(77, NoPatch::NoSuchRelease)]);
}

#[test]
fn a_patch_that_saves_too_little_is_left_out() {
    let desk = Desk::new(false);
    publish(&desk.site, "1.0.0", Audience::Stable).unwrap();
    let done = desk.publish(2, Audience::Stable, &desk.options()).unwrap();
    assert!(
        matches!(done.costs[0].patch, Some(Err(NoPatch::SavesTooLittle(_)))),
        "{done:?}"
    );
    assert_eq!((desk.release(2).patches, desk.patch_files()), (vec![], 0));
}

#[test]
fn a_sealed_release_gets_patches_from_the_cache_of_plain_archives() {
    let desk = Desk::new(true);
    let cache = desk.path().join("cache");
    let options = desk.options().with_cache(cache.as_path());
    let done = desk.publish(1, Audience::Stable, &options).unwrap();
    assert_eq!(done.costs, []);
    let digest = desk.release(1).bundle().unwrap().archive.digest;
    let cached = cache.join(format!("{digest}.zip"));
    std::fs::rename(&cached, cache.join("any name")).unwrap();
    let done = desk.publish(2, Audience::Stable, &options).unwrap();
    assert_eq!(patched(&done.costs), [1]);
    let release = desk.release(2);
    assert!(paths::patch_of(&release.patches[0]).0.ends_with(".sealed"));
    desk.applies(&release.patches[0], 1, 2);
}

#[test]
fn a_file_of_the_cache_with_other_bytes_is_not_used() {
    let desk = Desk::new(true);
    let cache = desk.path().join("cache");
    let options = desk.options().with_cache(cache.as_path());
    desk.publish(1, Audience::Stable, &options).unwrap();
    let archive = desk.release(1).bundle().unwrap().archive;
    let cached = cache.join(format!("{}.zip", archive.digest));
    std::fs::write(&cached, vec![b'x'; usize::try_from(archive.size).unwrap()]).unwrap();
    let done = desk.publish(2, Audience::Stable, &options).unwrap();
    assert_eq!(unpatched(&done.notes), [(1, NoPatch::NotTheArchive)]);
    assert_eq!(desk.release(2).patches, []);
}

#[test]
fn a_sealed_release_gets_patches_with_the_private_content_key() {
    let desk = Desk::new(true);
    desk.publish(1, Audience::Stable, &desk.options()).unwrap();
    let done = desk.publish(2, Audience::Stable, &desk.options()).unwrap();
    assert_eq!(unpatched(&done.notes), [(1, NoPatch::NotAtHand)]);
    let keys: [&ContentKey; 1] = [&CONTENT_KEY];
    let options = desk.options().with_content_keys(&keys);
    let done = desk.publish(3, Audience::Stable, &options).unwrap();
    assert_eq!(patched(&done.costs), [2, 1]);
    desk.applies(&desk.release(3).patches[1], 1, 3);
}

#[test]
fn a_damaged_archive_of_the_site_gives_no_patch() {
    let desk = Desk::new(false);
    desk.publish(1, Audience::Stable, &desk.options()).unwrap();
    let path = paths::archive_of(desk.release(1).bundle().unwrap()).0;
    let mut bytes = desk.site.served(&path).unwrap();
    bytes[100] ^= 1;
    let unwatched = Memory::copied(&desk.site);
    unwatched.set(&path, &bytes);
    let (bundle, metadata, options) = (desk.bundle(2), details("2.0.0"), desk.options());
    let new = stable(&bundle, &metadata);
    let publisher = publisher(&unwatched).with_patches(&options);
    let done = run(|run| publisher.publish(&new, &signing(&[&KEY]), run)).unwrap();
    assert_eq!(unpatched(&done.notes), [(1, NoPatch::NotTheArchive)]);
    assert!(done.costs[0].ranges.is_some());
}

#[test]
fn publishing_with_patches_survives_a_crash_at_every_change() {
    for changes in 0.. {
        let desk = Desk::new(false);
        desk.publish(1, Audience::Stable, &desk.options()).unwrap();
        desk.site.dies_after(changes);
        let first = desk.publish(2, Audience::Stable, &desk.options());
        let died = desk.site.revives();
        assert_eq!(died, first.is_err());
        desk.publish(2, Audience::Stable, &desk.options()).unwrap();
        let release = desk.release(2);
        assert_eq!(offered(&desk.site).stable, Some(2));
        desk.applies(&release.patches[0], 1, 2);
        if !died {
            assert!(
                changes > 5,
                "archive, patch, file list, release, dereferenced release, channel file"
            );
            break;
        }
    }
}

#[test]
fn a_renewal_keeps_the_patches_and_a_rollback_adds_one_from_the_offered_bundle() {
    for is_sealed in [false, true] {
        let desk = Desk::new(is_sealed);
        let keys: [&ContentKey; 1] = [&CONTENT_KEY];
        let options = desk.options().with_content_keys(&keys);
        for version in 1..=3 {
            desk.publish(version, Audience::Stable, &options).unwrap();
        }
        let later = publisher(&desk.site).at(Timestamp(NOW + 5 * DAY));
        run(|run| later.renew(None, &signing(&[&KEY]), run)).unwrap();
        assert_eq!(desk.release(4).patches, desk.release(3).patches);
        let publisher = publisher(&desk.site).with_patches(&options);
        let done = run(|run| publisher.rollback(Some(2), &signing(&[&KEY]), run)).unwrap();
        assert_eq!((done.sequences, patched(&done.costs)), (vec![5], vec![4]));
        let release = desk.release(5);
        assert_eq!(release.patches.len(), 2);
        desk.applies(&release.patches[0], 3, 2);
        desk.applies(&release.patches[1], 1, 2);
    }
}

#[test]
fn releases_with_patches_are_promoted_and_renewed_without_them() {
    let mut desk = Desk::new(false);
    desk.publish(1, Audience::Stable, &desk.options()).unwrap();
    desk.publish(2, candidate(500), &desk.options()).unwrap();
    desk.site = Memory::copied(&desk.site);
    desk.site.remove(&paths::patch_of(&desk.release(2).patches[0]).0);
    run(|run| publisher(&desk.site).promote(None, run)).unwrap();
    let later = publisher(&desk.site).at(Timestamp(NOW + 5 * DAY));
    run(|run| later.renew(None, &signing(&[&KEY]), run)).unwrap();
    assert_eq!(desk.release(3).patches, []);
}

#[test]
fn gc_keeps_the_patches_of_kept_releases_and_removes_others() {
    let desk = Desk::new(false);
    for version in 1..=3 {
        desk.publish(version, Audience::Stable, &desk.options()).unwrap();
    }
    assert_eq!(desk.patch_files(), 3);
    let mut options = GcOptions::default();
    (options.keep, options.now) = (1, Timestamp(NOW + 2 * DAY));
    let collected = run(|run| collect(&desk.site, &APP, &options, run)).unwrap();
    let removed = collected.removed.iter().filter(|path| path.starts_with("patches/"));
    assert_eq!((removed.count(), desk.patch_files()), (1, 2));
    desk.applies(&desk.release(3).patches[0], 2, 3);
}

#[test]
fn a_release_signed_elsewhere_is_published_with_its_patches() {
    let desk = Desk::new(false);
    desk.publish(1, Audience::Stable, &desk.options()).unwrap();
    let bundle = desk.bundle(2);
    let unpacked = |version| {
        let archive = VerifiedArchive::assume_trusted(&zip(desk.path(), version), &Control::new()).unwrap();
        UnpackedBundle::of(&archive, desk.path(), &Control::new()).unwrap()
    };
    let old = unpacked(1);
    let bytes = crate::patch::between(&old, &unpacked(2)).unwrap();
    let patch = PatchIdentity {
        from: old.list_digest(),
        size: bytes.len() as u64,
        digest: Sha256Digest::of(&bytes),
        sealed: None,
    };
    let file = desk.path().join("some.patch");
    std::fs::write(&file, &bytes).unwrap();
    let new = Release::new(
        APP.clone(),
        CHANNEL.clone(),
        2,
        ReleaseTarget::Bundle(bundle.identity(None)),
    )
    .with_version("2.0.0")
    .with_validity(Timestamp(NOW), Timestamp(NOW + 90 * DAY))
    .with_patches(vec![patch]);
    let envelope = release::sign(&new, &[&KEY], &[]).unwrap().to_json().unwrap();
    let archive = desk.path().join("2.zip");
    let deliver = |patches: &[PathBuf]| {
        let delivery = Delivery {
            envelope: &envelope,
            files: Some(DeliveredFiles {
                archive: &archive,
                list: &bundle.files,
            }),
            patches,
        };
        run(|run| publisher(&desk.site).publish_signed(&delivery, Audience::Stable, None, run))
    };
    let missing = problem(deliver(&[]));
    assert!(missing.contains("is missing: pass its file"), "{missing}");
    let superfluous = problem(deliver(&[file.clone(), archive.clone()]));
    assert!(
        superfluous.contains("2.zip") && superfluous.contains("leave it out"),
        "{superfluous}"
    );
    deliver(std::slice::from_ref(&file)).unwrap();
    desk.applies(&desk.release(2).patches[0], 1, 2);
    assert!(!deliver(&[]).unwrap().changed);
}
