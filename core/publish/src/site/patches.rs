//! Patches from earlier releases of a channel to a new one.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::bundle::MAX_HEADER_LEN;
use super::patch_options::{NoPatch, PatchOptions, UpdateCost, cached_path};
use super::plan::Step;
use super::ring::Rings;
use super::signing;
use super::state::SiteState;
use super::storage::SiteStorage;
use super::{Bundle, Publisher, SiteNote};
use crate::error::{IoContext, Result};
use crate::patch::{self, ArchiveCost, MAX_BYTES, UnpackedBundle};
use capbundle::ErrorKind;
use capbundle::VerifiedArchive;
use capbundle::digest::Sha256Digest;
use capbundle::io::atomic_file;
use capbundle::keys::PublicContentKey;
use capbundle::progress::Control;
use capbundle::release::policy::TrustedRelease;
use capbundle::release::{
    BundleIdentity, FileList, MAX_FILE_LIST_BYTES, MAX_PATCHES, PatchIdentity, Release, SealedIdentity, paths,
};
use capbundle::sealed;
use capbundle::time::Timestamp;

/// Renewals repeat a bundle; no more releases than this are read to find the different ones.
const MAX_READ: usize = 100;
/// A patch must be at most one part in this many of the next best way: it costs a file on the site and time on the device.
const MIN_GAIN: u64 = 2;

/// Where the new bundle of a release comes from.
pub(super) enum NewSide<'a> {
    /// A plain archive of this publisher, and the keys that it is sealed for.
    Zip(&'a Path, &'a [PublicContentKey]),
    /// The archive of an earlier release.
    Release(&'a TrustedRelease),
}

/// Patches that were made, and what they cost.
#[derive(Debug, Default)]
pub(super) struct MadePatches {
    pub(super) patches: Vec<PatchIdentity>,
    pub(super) steps: Vec<Step>,
    pub(super) costs: Vec<UpdateCost>,
    pub(super) notes: Vec<SiteNote>,
}

impl Publisher<'_> {
    /// The releases to make patches from: different bundles, the newest first, then those that the channel offers and those
    /// that were requested. Only releases that a ring of the app vouches for.
    pub(super) fn earlier(
        &self,
        state: &SiteState,
        rings: &Rings,
        wanted: &Release,
        notes: &mut Vec<SiteNote>,
        control: &Control,
    ) -> Result<Vec<TrustedRelease>> {
        let (Some(options), Some(new)) = (self.patches, wanted.bundle()) else {
            return Ok(Vec::new());
        };
        let mut found: Vec<TrustedRelease> = Vec::new();
        if options.last > 0 {
            for &sequence in state.own.range(..wanted.sequence).rev().take(MAX_READ) {
                if found.len() >= options.last {
                    break;
                }
                let trusted = self.vouched_for(sequence, rings, control)?;
                found.extend(trusted.filter(|trusted| is_other_bundle(trusted, new, &found)));
            }
            found = self.with_offered(state, rings, wanted, found, control)?;
        }
        for &sequence in options.from {
            match self.vouched_for(sequence, rings, control)? {
                Some(trusted) if is_other_bundle(&trusted, new, &found) => found.push(trusted),
                Some(_) => {}
                None => notes.push(no_patch(sequence, NoPatch::NoSuchRelease)),
            }
        }
        found.truncate(MAX_PATCHES);
        Ok(found)
    }

    /// Adds the releases that the channel offers now, if they have other bundles than the wanted one.
    pub(super) fn with_offered(
        &self,
        state: &SiteState,
        rings: &Rings,
        wanted: &Release,
        mut found: Vec<TrustedRelease>,
        control: &Control,
    ) -> Result<Vec<TrustedRelease>> {
        let Some(new) = wanted.bundle() else { return Ok(found) };
        for sequence in state.channel.sequences().filter(|sequence| *sequence < wanted.sequence) {
            let trusted = self.vouched_for(sequence, rings, control)?;
            found.extend(trusted.filter(|trusted| is_other_bundle(trusted, new, &found)));
        }
        Ok(found)
    }

    fn vouched_for(&self, sequence: u64, rings: &Rings, control: &Control) -> Result<Option<TrustedRelease>> {
        let Some((content, _)) = self.readable(sequence, control)? else {
            return Ok(None);
        };
        let trusts = |ring| signing::trusted(self, self.channel, ring, &content.bytes, Timestamp(0)).ok();
        Ok(rings.all().find_map(trusts))
    }

    /// Makes patches from these releases to the bundle of `wanted`.
    pub(super) fn make_patches(
        &self,
        earlier: &[TrustedRelease],
        bundle: &BundleIdentity,
        new: &NewSide<'_>,
        control: &Control,
    ) -> Result<MadePatches> {
        let mut made = MadePatches::default();
        let Some(options) = self.patches.filter(|_| !earlier.is_empty()) else {
            return Ok(made);
        };
        let staging = temporary_folder(options.staging)?;
        let job = match self.patch_job(options, bundle, new, staging.path(), control)? {
            Ok(job) => job,
            Err(reason) => {
                made.notes
                    .extend(earlier.iter().map(|old| no_patch(old.release().sequence, reason)));
                return Ok(made);
            }
        };
        for old in earlier {
            let release = old.release();
            let (ranges, outcome) = match self.unpacked(options, old, staging.path(), control)? {
                Ok(unpacked) => {
                    let cost = job.cost.ranges(unpacked.list(), job.new.list());
                    let best = cost.min(job.archive);
                    (Some(cost), job.patch(&unpacked, best, options.staging, control)?)
                }
                Err(reason) => {
                    let list = self.file_list(release, control)?;
                    (list.map(|list| job.cost.ranges(&list, job.new.list())), Err(reason))
                }
            };
            let patch = match outcome {
                Ok((identity, step)) => {
                    made.patches.push(identity);
                    made.steps.push(step);
                    Ok(paths::patch_of(&identity).1)
                }
                Err(reason) => {
                    if !matches!(reason, NoPatch::SavesTooLittle(_)) {
                        made.notes.push(no_patch(release.sequence, reason));
                    }
                    Err(reason)
                }
            };
            made.costs.push(UpdateCost {
                from: release.sequence,
                version: release.version.clone(),
                archive: job.archive,
                ranges,
                patch: Some(patch),
            });
        }
        Ok(made)
    }

    fn patch_job(
        &self,
        options: &PatchOptions<'_>,
        bundle: &BundleIdentity,
        new: &NewSide<'_>,
        staging: &Path,
        control: &Control,
    ) -> Result<Result<PatchJob, NoPatch>> {
        let (archive, recipients) = match new {
            NewSide::Zip(zip, recipients) => {
                let archive = VerifiedArchive::from_digest(zip, &bundle.archive.digest, control)?;
                (archive, recipients.to_vec())
            }
            NewSide::Release(release) => {
                let recipients = match bundle.sealed {
                    None => Vec::new(),
                    Some(_) => match self.recipients(options, bundle, control)? {
                        Some(recipients) => recipients,
                        None => return Ok(Err(NoPatch::UnknownRecipients)),
                    },
                };
                match self.archive_of(options, release, staging, control)? {
                    Ok(archive) => (archive, recipients),
                    Err(reason) => return Ok(Err(reason)),
                }
            }
        };
        let plain = staging.join("new.zip");
        archive.copy_to(&plain)?;
        Ok(Ok(PatchJob {
            cost: ArchiveCost::of_zip(&plain)?,
            new: UnpackedBundle::of(&archive, staging, control)?,
            archive: paths::archive_of(bundle).1,
            recipients,
        }))
    }

    /// The content keys that an archive on the site is sealed for, if the private half of each is known.
    fn recipients(
        &self,
        options: &PatchOptions<'_>,
        bundle: &BundleIdentity,
        control: &Control,
    ) -> Result<Option<Vec<PublicContentKey>>> {
        let start = (self.storage).read_start(&paths::archive_of(bundle).0, MAX_HEADER_LEN, control)?;
        let Some(Ok(header)) = start.map(|start| sealed::Header::parse(&start)) else {
            return Ok(None);
        };
        let of = |id| {
            let mut public = options.content_keys.iter().map(|key| key.public());
            public.find(|key| key.id() == id).cloned()
        };
        Ok(header.recipients().map(of).collect())
    }

    fn unpacked(
        &self,
        options: &PatchOptions<'_>,
        release: &TrustedRelease,
        staging: &Path,
        control: &Control,
    ) -> Result<Result<UnpackedBundle, NoPatch>> {
        let archive = match self.archive_of(options, release, staging, control)? {
            Ok(archive) => archive,
            Err(reason) => return Ok(Err(reason)),
        };
        let unpacked = match UnpackedBundle::of(&archive, staging, control) {
            Err(error) if is_of_archive(error.kind()) => return Ok(Err(NoPatch::NotTheArchive)),
            unpacked => unpacked?,
        };
        let named = release.release().bundle().map(|bundle| bundle.files_digest);
        if named != Some(unpacked.list_digest()) {
            return Ok(Err(NoPatch::NotTheArchive));
        }
        Ok(Ok(unpacked))
    }

    /// The plain archive of a release: from the cache, else from the site.
    fn archive_of(
        &self,
        options: &PatchOptions<'_>,
        release: &TrustedRelease,
        staging: &Path,
        control: &Control,
    ) -> Result<Result<VerifiedArchive, NoPatch>> {
        let Some(bundle) = release.release().bundle() else {
            return Ok(Err(NoPatch::NotAtHand));
        };
        if bundle.archive.size > MAX_BYTES {
            return Ok(Err(NoPatch::TooLarge));
        }
        if let Some(path) = options.cached(&bundle.archive, control)? {
            return Ok(Ok(VerifiedArchive::from_digest(
                &path,
                &bundle.archive.digest,
                control,
            )?));
        }
        let is_other = |cache: &Path| cached_path(cache, &bundle.archive.digest).exists();
        let missing = if options.cache.is_some_and(is_other) {
            NoPatch::NotTheArchive
        } else {
            NoPatch::NotAtHand
        };
        if bundle.sealed.is_some() && options.content_keys.is_empty() {
            return Ok(Err(missing));
        }
        let (path, size) = paths::archive_of(bundle);
        let content = match self.storage.read(&path, size, control) {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(Err(missing)),
            Err(error) if is_of_archive(error.kind()) => return Ok(Err(NoPatch::NotTheArchive)),
            Err(error) => return Err(error),
        };
        let fetched = staging.join(format!("{}.fetched", release.release().sequence));
        fs::write(&fetched, &content.bytes).with_path("write", &fetched)?;
        match release.open(&fetched, staging, options.content_keys, control) {
            Ok(archive) => Ok(Ok(archive)),
            Err(error) if is_of_archive(error.kind()) => Ok(Err(NoPatch::NotTheArchive)),
            Err(error) => Err(error.into()),
        }
    }

    /// The file list of a release, if the site has the right one.
    fn file_list(&self, release: &Release, control: &Control) -> Result<Option<FileList>> {
        let Some(bundle) = release.bundle() else {
            return Ok(None);
        };
        let path = paths::file_list_path(&bundle.files_digest);
        let content = match self.storage.read(&path, MAX_FILE_LIST_BYTES as u64, control) {
            Err(error) if is_of_archive(error.kind()) => None,
            content => content?,
        };
        let bytes = content.map(|content| content.bytes);
        let bytes = bytes.filter(|bytes| Sha256Digest::of(bytes) == bundle.files_digest);
        Ok(bytes.and_then(|bytes| FileList::parse(&bytes).ok()))
    }

    /// What devices download of a release of `bundle` whose patches exist, or, in a dry run, are not made yet.
    pub(super) fn costs(
        &self,
        state: &SiteState,
        rings: &Rings,
        bundle: &Bundle,
        release: &Release,
        notes: &mut Vec<SiteNote>,
        control: &Control,
    ) -> Result<Vec<UpdateCost>> {
        let earlier = self.earlier(state, rings, release, notes, control)?;
        if earlier.is_empty() {
            return Ok(Vec::new());
        }
        let cost = ArchiveCost::of_zip(bundle.zip())?;
        let new = FileList::parse(&bundle.files)?;
        // The size of a sealed archive that does not exist yet is about that of the plain one.
        let archive = release.bundle().map_or(0, |bundle| paths::archive_of(bundle).1);
        let archive = archive.max(bundle.archive.size);
        let mut costs = Vec::new();
        for old in &earlier {
            let old = old.release();
            let list = self.file_list(old, control)?;
            let from = old.bundle().map(|bundle| bundle.files_digest);
            let patch = release.patches.iter().find(|patch| Some(patch.from) == from);
            costs.push(UpdateCost {
                from: old.sequence,
                version: old.version.clone(),
                archive,
                ranges: list.map(|list| cost.ranges(&list, &new)),
                patch: patch.map(|patch| Ok(paths::patch_of(patch).1)),
            });
        }
        Ok(costs)
    }
}

/// The new side of the patches of one release.
struct PatchJob {
    new: UnpackedBundle,
    cost: ArchiveCost,
    /// Bytes of the archive that devices download.
    archive: u64,
    recipients: Vec<PublicContentKey>,
}

impl PatchJob {
    /// The patch, sealed for the recipients, if it saves enough compared with `best`.
    fn patch(
        &self,
        old: &UnpackedBundle,
        best: u64,
        staging: &Path,
        control: &Control,
    ) -> Result<Result<(PatchIdentity, Step), NoPatch>> {
        let sides = [old.list(), self.new.list()];
        let total: u64 = sides.iter().map(|list| patch::total(list.files())).sum();
        if total > MAX_BYTES {
            return Ok(Err(NoPatch::TooLarge));
        }
        control.check("make a patch")?;
        let bytes = patch::between(old, &self.new)?;
        let size = bytes.len() as u64;
        if size.saturating_mul(MIN_GAIN) > best {
            return Ok(Err(NoPatch::SavesTooLittle(size)));
        }
        let digest = Sha256Digest::of(&bytes);
        let mut file = atomic_file::temporary_file(staging, atomic_file::PRIVATE_MODE)?.into_temp_path();
        fs::write(&file, &bytes).with_path("write", &file)?;
        let mut identity = PatchIdentity {
            from: old.list_digest(),
            size,
            digest,
            sealed: None,
        };
        if !self.recipients.is_empty() {
            let to = atomic_file::temporary_file(staging, atomic_file::PRIVATE_MODE)?.into_temp_path();
            let sealing = sealed::Sealing {
                expected: &digest,
                recipients: &self.recipients,
            };
            let sealed = sealed::seal(&file, &to, &sealing, control)?;
            identity.sealed = Some(SealedIdentity {
                size: sealed.size,
                header_digest: sealed.header_digest,
            });
            file = to;
        }
        let (path, size) = paths::patch_of(&identity);
        let step = Step::File {
            path,
            file: file.to_path_buf(),
            size,
            temporary: Some(file),
        };
        Ok(Ok((identity, step)))
    }
}

fn temporary_folder(staging: &Path) -> Result<TempDir> {
    tempfile::tempdir_in(staging).with_path("create a folder in", staging)
}

fn no_patch(from: u64, reason: NoPatch) -> SiteNote {
    SiteNote::NoPatch { from, reason }
}

fn is_other_bundle(trusted: &TrustedRelease, new: &BundleIdentity, found: &[TrustedRelease]) -> bool {
    let digest = |release: &TrustedRelease| release.release().bundle().map(|bundle| bundle.files_digest);
    digest(trusted).is_some_and(|own| own != new.files_digest && found.iter().all(|other| digest(other) != Some(own)))
}

/// Whether the archive or its storage says that the patch is impossible, rather than this machine or the network.
fn is_of_archive(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DigestMismatch
            | ErrorKind::DecryptionFailed
            | ErrorKind::UnsafeArchive
            | ErrorKind::NotABundle
            | ErrorKind::LimitExceeded
            | ErrorKind::Corrupt
            | ErrorKind::InvalidInput
            | ErrorKind::NotTrusted
            | ErrorKind::Unsupported
    )
}

/// The patches of a release that the site has.
pub(super) fn existing(
    storage: &dyn SiteStorage,
    patches: &[PatchIdentity],
    control: &Control,
) -> Result<Vec<PatchIdentity>> {
    let mut existing = Vec::new();
    for patch in patches {
        let (path, size) = paths::patch_of(patch);
        if storage.head(&path, control)?.is_some_and(|found| found.size == size) {
            existing.push(*patch);
        }
    }
    Ok(existing)
}
