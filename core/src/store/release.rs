//! From a signed release and its files to an installed bundle: accepted, which is remembered, in one step.

use std::path::Path;
use std::sync::Arc;

use super::Store;
use super::install::NewBundle;
use super::persist::Loaded;
use super::trust::AcceptedRelease;
use super::types::{BundleRecord, NativeVersion};
use crate::app_id::AppId;
use crate::error::{IoContext as _, Result};
use crate::keys::{ContentKey, PublicContentKey};
use crate::progress::Control;
use crate::release::{ChannelName, FileList, TrustContext, TrustedRelease, trust};
use crate::verified::VerifiedArchive;

/// What the app knows by itself, and what decides which releases it takes. Nothing of it comes from a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReleaseOptions {
    /// The app's own id.
    pub app_id: AppId,
    /// The channel whose releases it takes.
    pub channel: ChannelName,
    /// The envelope of the key ring that the app brings. Later ones are followed from it.
    pub first_ring: Vec<u8>,
    /// The version of the native app.
    pub native: NativeVersion,
    /// The keys that sealed archives are opened with.
    pub content_keys: Vec<Arc<ContentKey>>,
}

impl ReleaseOptions {
    /// Releases of this app and channel for this native version, signed by keys of this ring; plain archives.
    #[must_use]
    pub fn new(app_id: AppId, channel: ChannelName, first_ring: Vec<u8>, native: NativeVersion) -> Self {
        Self {
            app_id,
            channel,
            first_ring,
            native,
            content_keys: Vec::new(),
        }
    }
}

/// The archive of a release.
#[derive(Debug)]
pub(super) enum ArchiveSource<'a> {
    /// As it was published.
    File(&'a Path),
    /// Plain, and hashed when it was downloaded.
    Hashed(Box<VerifiedArchive>),
}

/// What a release demands of the bundle that is installed for it, and what is remembered then.
#[derive(Debug)]
pub(super) struct Acceptance<'a> {
    pub(super) release: AcceptedRelease,
    pub(super) files: &'a FileList,
}

impl Store {
    /// Whether the release in this envelope would be accepted now: the checks of docs/format.md, "Trusting one", with what
    /// this device remembers. Changes nothing.
    ///
    /// # Errors
    /// [`Error::ReleaseRefused`](crate::Error::ReleaseRefused) with the first check that fails; those of
    /// [`key_ring`](Self::key_ring); [`NotTrusted`](crate::ErrorKind::NotTrusted) if this store asks for another proof;
    /// [`Io`](crate::ErrorKind::Io).
    pub fn check_release(&self, envelope: &[u8], options: &ReleaseOptions) -> Result<TrustedRelease> {
        self.trusted_release(&self.settled()?, envelope, options)
    }

    /// Installs a release from its files: the envelope, the archive as it was published (sealed, where the release says so)
    /// and the file list. It is served only after [`set_next`](Self::set_next) or [`set_current`](Self::set_current). The
    /// archive stays the host's.
    ///
    /// The release is checked, then the archive opened and unpacked, and its files compared with the list; then the bundle
    /// gets its name and the release is remembered as accepted, in one change of the state: after a crash both are done or
    /// neither is. A bundle with the same bytes that is installed already is not unpacked again, and takes over what the
    /// release says of it. Whatever is refused changes nothing.
    ///
    /// # Errors
    /// [`Error::ReleaseRefused`](crate::Error::ReleaseRefused) with the first check that fails;
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) and [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed)
    /// if archive or file list are not those of the release, or not of each other; [`NotTrusted`](crate::ErrorKind::NotTrusted)
    /// if the bundle failed on this device before, or this store asks for another proof; what
    /// [`unpack`](crate::bundle::unpack) refuses; [`NoSpace`](crate::ErrorKind::NoSpace),
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn install_release(
        &self,
        envelope: &[u8],
        archive: &Path,
        file_list: &[u8],
        options: &ReleaseOptions,
        control: &Control,
    ) -> Result<BundleRecord> {
        let trusted = self.check_release(envelope, options)?;
        let files = trusted.check_file_list(file_list)?;
        let (new, acceptance) = accepting(&trusted, &files);
        match self.accept_installed(&trusted, &new, &acceptance)? {
            Some(installed) => Ok(installed),
            None => {
                let archive = ArchiveSource::File(archive);
                self.install_trusted(&trusted, archive, &new, &acceptance, options, control)?
            }
        }
    }

    pub(super) fn trusted_release(
        &self,
        loaded: &Loaded,
        envelope: &[u8],
        options: &ReleaseOptions,
    ) -> Result<TrustedRelease> {
        let ring = self.trusted_ring(options)?.ring;
        let memory = &loaded.state.trust;
        let content_keys: Vec<&PublicContentKey> = options.content_keys.iter().map(|key| key.public()).collect();
        let trusted = trust::check(
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

    /// Accepts the release if its bundle is installed. Refused if that failed.
    pub(super) fn accept_installed(
        &self,
        trusted: &TrustedRelease,
        new: &NewBundle,
        acceptance: &Acceptance<'_>,
    ) -> Result<Option<BundleRecord>> {
        let digest = &trusted.release().archive.digest;
        let loaded = self.settled()?;
        if self
            .installed_or_refused(&loaded, digest, new, Some(acceptance))?
            .is_none()
        {
            return Ok(None);
        }
        let _lock = self.lock(self.options.lock_timeout)?;
        let loaded = self.persistence.load()?;
        match self.installed_or_refused(&loaded, digest, new, Some(acceptance))? {
            Some(installed) => self.accept_again(&loaded, &installed, new, acceptance).map(Some),
            None => Ok(None),
        }
    }

    /// Opens the archive of a release and installs it. The plain archive of a sealed one lives in the staging folder, which
    /// is swept after a crash.
    ///
    /// The inner error is one of installing an archive that is proved to be the release's: whoever published it is at fault
    /// for what is in it, and neither the network nor a server.
    pub(super) fn install_trusted(
        &self,
        trusted: &TrustedRelease,
        archive: ArchiveSource<'_>,
        new: &NewBundle,
        acceptance: &Acceptance<'_>,
        options: &ReleaseOptions,
        control: &Control,
    ) -> Result<Result<BundleRecord>> {
        let keys: Vec<&ContentKey> = options.content_keys.iter().map(|key| &**key).collect();
        let staged = self.persistence.stage()?;
        let files = &self.persistence.files;
        let made = files.create_folder(&staged.path).at("create the folder", &staged.path);
        let opened = made.and_then(|()| match archive {
            ArchiveSource::File(file) => trusted.open(file, &staged.path, &keys, control),
            ArchiveSource::Hashed(archive) => trusted.require_plain(*archive),
        });
        let installed = opened.map(|archive| self.install_archive(&archive, new, Some(acceptance), control));
        self.persistence.unstage(staged).and(installed)
    }
}

/// What is installed for a release, and what it must be.
pub(super) fn accepting<'a>(trusted: &TrustedRelease, files: &'a FileList) -> (NewBundle, Acceptance<'a>) {
    let release = trusted.release();
    let new = NewBundle {
        version: release.version.clone(),
        native: release.native.clone(),
        link: release.link.clone(),
        comment: release.comment.clone(),
        sequence: Some(release.sequence),
    };
    let accepted = AcceptedRelease::of(trusted);
    let acceptance = Acceptance {
        release: accepted,
        files,
    };
    (new, acceptance)
}
