//! Installing a verified archive, in one step that is atomic even after a power cut.

use super::publish::Installing;
use super::request::{Acceptance, NewBundle};
use crate::bundle::{TargetTree, UnpackOptions, read_bundle, write_tree};
use crate::error::{Error, IoContext, Result};
use crate::progress::Control;
use crate::release::ArchiveIdentity;
use crate::store::open::Store;
use crate::store::records::BundleRecord;
use crate::verified::{Proof, VerifiedArchive};

/// File systems allocate blocks: a file takes half a block more on average, a folder one block.
pub(super) const BLOCK: u64 = 4 << 10;

impl Store {
    /// Installs a verified archive. It is served only after [`set_next`](Self::set_next) or
    /// [`set_current`](Self::set_current).
    ///
    /// The archive is unpacked into the staging folder and made durable; then the folder is renamed and the state
    /// changed, under the lock. After a crash the bundle is installed, or its files are garbage that the next sweep
    /// removes. An archive that is already installed is not unpacked again: its record is returned.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) if the proof is weaker than
    /// [`StoreOptions::required_proof`](crate::store::StoreOptions), the bundle failed on this device before, or its
    /// sequence is not above [`StoreOptions::built_in_sequence`](crate::store::StoreOptions);
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for the archive of a release, which
    /// [`install_release`](Self::install_release) installs; [`NoSpace`](crate::ErrorKind::NoSpace) with the missing
    /// bytes, before anything is written where that can be foreseen; the errors of [`unpack`](crate::bundle::unpack);
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn install(&self, archive: &VerifiedArchive, new: &NewBundle, control: &Control) -> Result<BundleRecord> {
        self.options.required_proof.check(archive.proof())?;
        if matches!(archive.proof(), Proof::Release { .. }) {
            let problem = "the archive was verified by a release; use install_release";
            return Err(Error::invalid_input("archive", problem));
        }
        if let Some(installed) = self.known(Some(&archive.digest()), new)? {
            return Ok(installed);
        }
        self.install_archive(archive, new, None, control)
    }

    /// Installs an archive that is known to be wanted.
    pub(in crate::store) fn install_archive(
        &self,
        archive: &VerifiedArchive,
        new: &NewBundle,
        acceptance: Option<&Acceptance<'_>>,
        control: &Control,
    ) -> Result<BundleRecord> {
        self.sweep_for_space()?;
        let contents = read_bundle(archive, &self.options.limits)?;
        let entries = (contents.files.len() + contents.folders.len()) as u64;
        let needed = (contents.declared_size)
            .saturating_add(entries.saturating_mul(BLOCK))
            .saturating_add(self.options.space_margin);
        self.require_space(needed)?;

        let staged = self.storage.stage()?;
        let options = UnpackOptions {
            limits: self.options.limits.clone(),
            threads: self.options.unpack_threads,
        };
        let files = &*self.storage.files;
        let written = files
            .create_folder(&staged.path)
            .with_path("create the folder", &staged.path);
        let written = written.and_then(|()| {
            let tree = TargetTree {
                root: &staged.path,
                files,
                with_digests: true,
            };
            let written = write_tree(&contents, archive, &tree, &options, control)?;
            files.sync_tree(&staged.path).with_path("make durable", &staged.path)?;
            Ok(written)
        });
        let result = written.and_then(|written| {
            if let Some(acceptance) = acceptance {
                acceptance.files.list().require_same(&written)?;
            }
            let installing = Installing {
                new,
                acceptance,
                archive: ArchiveIdentity {
                    size: archive.size(),
                    digest: archive.digest(),
                },
                proof: archive.proof(),
            };
            self.publish(&installing, &staged.path, &written)
        });
        let unstaged = self.storage.unstage(staged);
        match result {
            Ok(record) => unstaged.map(|()| record),
            Err(error @ Error::NoSpace { .. }) => unstaged.and(Err(self.missing_space(needed).unwrap_or(error))),
            Err(error) => unstaged.and(Err(error)),
        }
    }
}
