//! Accepting a signed release: its bundle is installed, or the built-in one comes next. Either happens in one step with
//! recording the release as accepted.

use super::publish::Installing;
use super::request::{Acceptance, ArchiveSource, NewBundle, ReleaseFiles, ReleaseOptions, acceptance_of};
use crate::error::{Error, IoContext as _, Result};
use crate::keys::{ContentKey, PublicContentKey};
use crate::progress::Control;
use crate::release::{TrustContext, TrustedRelease, policy};
use crate::store::open::Store;
use crate::store::records::{AcceptedRelease, BundleRecord, Superseded};
use crate::store::state::{Loaded, StoreState};

impl Store {
    /// Checks whether the release in this envelope would be accepted now: the checks of docs/format.md, "Trusting one",
    /// against the records of this device. Changes nothing.
    ///
    /// # Errors
    /// [`Error::ReleaseRefused`] with the first check that fails; those of [`key_ring`](Self::key_ring);
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) if this store requires another proof; [`Io`](crate::ErrorKind::Io).
    pub fn check_release(&self, envelope: &[u8], options: &ReleaseOptions) -> Result<TrustedRelease> {
        self.trusted_release(&self.settled()?, envelope, options)
    }

    /// Installs a release from its files. It is served only after [`set_next`](Self::set_next) or
    /// [`set_current`](Self::set_current). The archive is not removed.
    ///
    /// The release is checked, the archive opened and unpacked, and its files compared with the list. Then the bundle
    /// is installed and the release recorded as accepted, in one change of the state: after a crash both are done or
    /// neither. An installed bundle with the same bytes is not unpacked again, and takes over the metadata of the
    /// release. A refused release changes nothing.
    ///
    /// # Errors
    /// [`Error::ReleaseRefused`] with the first check that fails; [`DigestMismatch`](crate::ErrorKind::DigestMismatch)
    /// and [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if the archive or the file list does not match the
    /// release or the other; [`NotTrusted`](crate::ErrorKind::NotTrusted) if the bundle failed on this device before,
    /// or this store requires another proof; the errors of [`unpack`](crate::bundle::unpack);
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a release that selects the built-in bundle, see
    /// [`accept_built_in`](Self::accept_built_in); [`NoSpace`](crate::ErrorKind::NoSpace),
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn install_release(
        &self,
        published: &ReleaseFiles<'_>,
        options: &ReleaseOptions,
        control: &Control,
    ) -> Result<BundleRecord> {
        let trusted = self.check_release(published.envelope, options)?;
        let files = trusted.verify_files(published.file_list)?;
        let (new, acceptance) = acceptance_of(&trusted, &files);
        if let Some(installed) = self.accept_installed(&trusted, &new, &acceptance)? {
            return Ok(installed);
        }
        let archive = ArchiveSource::File(published.archive);
        self.install_trusted(&trusted, archive, &new, &acceptance, options, control)?
    }

    /// Accepts a release that selects the built-in bundle. That comes next, from the next launch or
    /// [`apply_next`](Self::apply_next) on, and the release is recorded as accepted, in one change of the state: after
    /// a crash both are done or neither. Clears the previous next bundle and its conditions. If the built-in bundle is
    /// current already, the release is only recorded. Returns whether the built-in bundle comes next now and did not
    /// before.
    ///
    /// Also works on a full disk, with the space of the reserve.
    ///
    /// # Errors
    /// [`Error::ReleaseRefused`] with the first check that fails; [`NotTrusted`](crate::ErrorKind::NotTrusted) if this
    /// store requires another proof; [`InvalidInput`](crate::ErrorKind::InvalidInput) for a release with a bundle, see
    /// [`install_release`](Self::install_release); [`NoSpace`](crate::ErrorKind::NoSpace),
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io).
    pub fn accept_built_in(&self, envelope: &[u8], options: &ReleaseOptions) -> Result<bool> {
        let trusted = self.check_release(envelope, options)?;
        if !trusted.release().is_built_in() {
            let problem =
                "expected a release that selects the built-in bundle, found one with a bundle; use install_release";
            return Err(Error::invalid_input(
                format!("release {}", trusted.release().sequence),
                problem,
            ));
        }
        self.accept_trusted_built_in(&trusted)
    }

    /// As [`accept_built_in`](Self::accept_built_in), for a release that is known to be trusted and to select the
    /// built-in bundle.
    pub(in crate::store) fn accept_trusted_built_in(&self, trusted: &TrustedRelease) -> Result<bool> {
        let release = AcceptedRelease::of(trusted);
        let accept = |state: &mut StoreState| state.accept_built_in(&release).map_err(Superseded::into_error);
        let loaded = self.settled()?;
        let mut accepted = loaded.state.clone();
        accept(&mut accepted)?;
        // A device updates often: if nothing changes, no lock is needed.
        if accepted == loaded.state {
            return self.settle(&loaded).map(|()| false);
        }
        let comes_next = self.change_from_reserve(|state| {
            let comes_next = accept(state)?;
            // The file that a lost state is recovered from is written first, like the record of a bundle.
            let before = self.storage.built_in_releases()?;
            let mut releases = before.clone();
            releases.remember(&release);
            if releases != before {
                self.storage.save_built_in_releases(&releases)?;
            }
            Ok(comes_next)
        })?;
        // A running trial needs the reserve for its end. Without space for the reserve the next trial waits.
        let _ = self.try_keep_reserve();
        Ok(comes_next)
    }

    pub(in crate::store) fn trusted_release(
        &self,
        loaded: &Loaded,
        envelope: &[u8],
        options: &ReleaseOptions,
    ) -> Result<TrustedRelease> {
        let ring = self.trusted_ring(options)?.ring;
        let memory = &loaded.state.trust;
        let content_keys: Vec<&PublicContentKey> = options.content_keys.iter().map(|key| key.public()).collect();
        let trusted = policy::check(
            envelope,
            &TrustContext {
                ring: &ring,
                app: &options.app_id,
                channel: &options.channel,
                native: &options.native,
                built_in_sequence: self.options.built_in_sequence,
                last_accepted: memory.last_accepted(&options.app_id, &options.channel),
                now: (self.clock)(),
                latest_time_seen: memory.latest_time(),
                content_keys: &content_keys,
            },
        )?;
        self.options.required_proof.check(&trusted.proof())?;
        Ok(trusted)
    }

    /// Accepts the release if its bundle is installed. An error if that failed.
    pub(in crate::store) fn accept_installed(
        &self,
        trusted: &TrustedRelease,
        new: &NewBundle,
        acceptance: &Acceptance<'_>,
    ) -> Result<Option<BundleRecord>> {
        let archive = trusted.require_bundle()?.archive;
        let content_digest = acceptance.files.content_digest();
        let bundle = new.identity(Some(&archive.digest), Some(&content_digest));
        let loaded = self.settled()?;
        if self
            .installed_or_refused(&loaded, bundle, new, Some(acceptance))?
            .is_none()
        {
            return Ok(None);
        }
        let _lock = self.lock(self.options.lock_timeout)?;
        let loaded = self.storage.load()?;
        let Some(installed) = self.installed_or_refused(&loaded, bundle, new, Some(acceptance))? else {
            return Ok(None);
        };
        let installing = Installing {
            new,
            acceptance: Some(acceptance),
            archive,
            proof: acceptance.files.proof(),
        };
        self.accept_again(&loaded, &installed, &installing, acceptance)
            .map(Some)
    }

    /// Opens the archive of a release and installs it. The plain archive of a sealed one is stored in the staging
    /// folder, which is swept after a crash.
    ///
    /// The inner error is one of installing an archive that is verified as the release's: its publisher is at fault,
    /// not the network or a server.
    pub(in crate::store) fn install_trusted(
        &self,
        trusted: &TrustedRelease,
        archive: ArchiveSource<'_>,
        new: &NewBundle,
        acceptance: &Acceptance<'_>,
        options: &ReleaseOptions,
        control: &Control,
    ) -> Result<Result<BundleRecord>> {
        let keys: Vec<&ContentKey> = options.content_keys.iter().map(|key| &**key).collect();
        let staged = self.storage.stage()?;
        let files = &self.storage.files;
        let made = files
            .create_folder(&staged.path)
            .with_path("create the folder", &staged.path);
        let opened = made.and_then(|()| match archive {
            ArchiveSource::File(file) => trusted.open(file, &staged.path, &keys, control),
            ArchiveSource::Hashed(archive) => trusted.require_plain(*archive),
        });
        let installed = opened.map(|archive| self.install_archive(&archive, new, Some(acceptance), control));
        self.storage.unstage(staged).and(installed)
    }
}
