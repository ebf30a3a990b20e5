//! The ways to the files of a release that are cheaper than its archive.

use crate::bundle::WrittenFile;
use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, IoContext as _, Result};
use crate::http::Transport;
use crate::http::download::{Download, LockedDownload, download_with_start_check};
use crate::keys::ContentKey;
use crate::patch::{JoinedFiles, PatchHeader, apply, new_side};
use crate::progress::Control;
use crate::ranges::{RangeRequest, RangedArchive};
use crate::release::{FileList, ListedFile, PatchIdentity, VerifiedFiles};
use crate::sealed::{self, ExpectedSealed};
use crate::store::assemble::{AssemblyTree, DeliveryWay, PatchOutput, Way};
use crate::store::bundle_id::BundleId;
use crate::store::open::Store;
use crate::verified::VerifiedArchive;

/// Parts of the archive.
pub(super) struct Ranges<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) request: RangeRequest<'a>,
}

impl Way for Ranges<'_> {
    fn kind(&self) -> DeliveryWay {
        DeliveryWay::Ranges
    }

    fn bytes(&self, missing: &[&ListedFile]) -> u64 {
        let bytes = self.request.estimated_bytes(missing);
        if self.request.is_most_of_archive(bytes) {
            return u64::MAX;
        }
        bytes
    }

    /// The largest entry is kept until it is complete.
    fn scratch(&self, missing: &[&ListedFile]) -> u64 {
        missing.iter().map(|file| file.size).max().unwrap_or_default()
    }

    /// Fetches nothing but the directory if that shows that the parts are most of the archive.
    fn fetch(&self, tree: &mut AssemblyTree<'_>, received: &mut u64, control: &Control) -> Result<()> {
        let mut archive = RangedArchive::open(self.transport, self.request, control)?;
        let missing = tree.needs().files;
        let fetched = match archive.cost(&missing) {
            Ok(cost) if cost.is_most_of_archive() => Ok(()),
            Ok(_) => archive.fetch(&missing, &mut |file, bytes| tree.take(file, bytes), control),
            Err(error) => Err(error),
        };
        *received += archive.traffic().bytes;
        fetched
    }
}

/// A patch from an installed bundle.
pub(super) struct Patch<'a> {
    pub(super) store: &'a Store,
    pub(super) transport: &'a dyn Transport,
    pub(super) download: Download<'a>,
    pub(super) identity: PatchIdentity,
    /// The bundle that it starts from.
    pub(super) old: BundleId,
    /// The digest of the new file list in the release.
    pub(super) new_list: Sha256Digest,
    pub(super) files: &'a VerifiedFiles,
    pub(super) keys: &'a [&'a ContentKey],
}

impl Way for Patch<'_> {
    fn kind(&self) -> DeliveryWay {
        DeliveryWay::Patch
    }

    fn bytes(&self, _missing: &[&ListedFile]) -> u64 {
        self.identity.sealed.map_or(self.identity.size, |sealed| sealed.size)
    }

    fn scratch(&self, missing: &[&ListedFile]) -> u64 {
        let opened = self.identity.sealed.map_or(0, |_| self.identity.size);
        self.bytes(missing).saturating_add(opened)
    }

    fn fetch(&self, tree: &mut AssemblyTree<'_>, received: &mut u64, control: &Control) -> Result<()> {
        let downloaded = (self.store).retry_while_busy(control, || {
            download_with_start_check(self.transport, &self.download, control, None)
        })?;
        *received += downloaded.file.received;
        let applied = self.open_and_apply(&downloaded, tree, control);
        match applied {
            // The next call may use the file.
            Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::NoSpace) => Err(error),
            applied => downloaded.file.remove().and(applied),
        }
    }
}

impl Patch<'_> {
    fn open_and_apply(
        &self,
        downloaded: &LockedDownload,
        tree: &mut AssemblyTree<'_>,
        control: &Control,
    ) -> Result<()> {
        let proof = self.files.proof().clone();
        let Some(sealed) = self.identity.sealed else {
            let patch = downloaded.hashed_archive(proof);
            return patch.map_or_else(
                || Err(refused("not hashed while it was downloaded")),
                |patch| self.apply(&patch, tree, control),
            );
        };
        let expected = ExpectedSealed {
            size: sealed.size,
            header_digest: sealed.header_digest,
            plain_size: self.identity.size,
            digest: self.identity.digest,
        };
        let (storage, file) = (&self.store.storage, &downloaded.file);
        let staged = storage.stage()?;
        let made = storage.files.create_folder(&staged.path);
        let made = made.with_path("create the folder", &staged.path);
        let applied = made.and_then(|()| {
            let patch = sealed::open(&file.path, &staged.path, self.keys, &expected, proof, control)?;
            self.apply(&patch, tree, control)
        });
        storage.unstage(staged).and(applied)
    }

    /// Writes the new files. What the patch writes is compared with the list, file by file.
    fn apply(&self, patch: &VerifiedArchive, tree: &mut AssemblyTree<'_>, control: &Control) -> Result<()> {
        let old: Vec<WrittenFile> = self.store.storage.listed_files(&self.old)?.unwrap_or_default();
        let old = FileList::of_written(&old);
        if patch.size() != self.identity.size || Sha256Digest::of(&old.to_bytes()?) != self.identity.from {
            return Err(refused(
                "the old bundle or the patch is another one than the release says",
            ));
        }
        let mut bytes = patch.reader();
        let header = PatchHeader::read(&mut bytes)?;
        let new = new_side(&old, self.files.list());
        let new_size = new.iter().map(|file| file.size).fold(0, u64::saturating_add);
        if header.old_list != self.identity.from || header.new_list != self.new_list || header.new_size != new_size {
            return Err(refused("between other bundles than the release says"));
        }
        let mut side = JoinedFiles::new(&self.store.folder(&self.old), old.files());
        let mut output = PatchOutput::new(tree, &new)?;
        let applied = apply(&header, &mut bytes, &mut side, &mut |bytes| output.put(bytes), control);
        let finished = output.finish();
        applied.and(finished)
    }
}

fn refused(problem: &str) -> Error {
    Error::invalid_input("patch", problem)
}
