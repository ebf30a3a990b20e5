//! Selecting one of the releases that a channel offers, and installing it.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::outcome::{ChannelOutcome, Offer, RolloutDecision, Skipped};
use super::source::ChannelSource;
use super::ways::{Patch, Ranges};
use crate::error::{Error, ErrorKind, IoContext, Result};
use crate::http::download::{
    Download, DownloadOptions, Downloaded, LockedDownload, Remote, StartCheck, download_with_start_check,
};
use crate::keys::ContentKey;
use crate::progress::{Parts, Phase};
use crate::ranges::RangeRequest;
use crate::release::{
    BundleIdentity, ChannelFile, MAX_ENVELOPE_BYTES, MAX_FILE_LIST_BYTES, PatchIdentity, RefusalReason, Release,
    TrustedRelease, paths,
};
use crate::sealed;
use crate::store::assemble::{Delivery, DeliveryWay, Way};
use crate::store::bundle_id::BundleId;
use crate::store::install::is_fault_of_file;
use crate::store::install::{Acceptance, ArchiveSource, Installing, NewBundle, acceptance_of};
use crate::store::open::Store;
use crate::store::records::BundleRecord;
use crate::update::channel::{BUCKETS, SiteReader, bucket};

/// The selection of a release in one update.
pub(in crate::store) struct ReleaseSelection<'a> {
    store: &'a Store,
    reader: SiteReader<'a>,
    source: &'a ChannelSource,
    pub(in crate::store) rollout: Option<RolloutDecision>,
    pub(in crate::store) passed_over: Vec<Skipped>,
    pub(in crate::store) delivery: Option<Delivery>,
    older: Option<ChannelOutcome>,
    /// Combines the progress of all downloads.
    parts: Parts,
    /// Called before a release is downloaded; returns the id of its bundle.
    begins: &'a dyn Fn(&Release) -> Result<BundleId>,
}

impl<'a> ReleaseSelection<'a> {
    pub(in crate::store) fn new(
        store: &'a Store,
        reader: SiteReader<'a>,
        source: &'a ChannelSource,
        parts: Parts,
        begins: &'a dyn Fn(&Release) -> Result<BundleId>,
    ) -> Self {
        Self {
            store,
            reader,
            source,
            parts,
            begins,
            rollout: None,
            passed_over: Vec::new(),
            delivery: None,
            older: None,
        }
    }

    /// Selects one of the offered releases.
    pub(in crate::store) fn choose(&mut self, file: &ChannelFile) -> Result<ChannelOutcome> {
        // A candidate at or below the stable release is superseded.
        let candidate = file
            .candidate
            .filter(|candidate| Some(candidate.sequence) > file.stable);
        if let Some(candidate) = candidate {
            self.rollout = Some(RolloutDecision {
                sequence: candidate.sequence,
                rollout_bps: candidate.rollout_bps,
                bucket: None,
            });
            if candidate.rollout_bps > 0
                && let Some(outcome) = self.try_offer(Offer::Candidate, candidate.sequence)?
            {
                return Ok(outcome);
            }
        }
        if let Some(sequence) = file.stable
            && let Some(outcome) = self.try_offer(Offer::Stable, sequence)?
        {
            return Ok(outcome);
        }
        Ok(match (self.older.take(), self.passed_over.is_empty(), candidate) {
            (Some(older), _, _) => older,
            (None, false, _) => ChannelOutcome::Refused,
            (None, true, Some(_)) => ChannelOutcome::OutsideRollout,
            (None, true, None) => ChannelOutcome::NothingOffered,
        })
    }

    /// The outcome of a release, or `None` if this device tries the other one.
    fn try_offer(&mut self, offer: Offer, sequence: u64) -> Result<Option<ChannelOutcome>> {
        if let Some(known) = self.newer_sequence(sequence)? {
            self.older = Some(ChannelOutcome::Older {
                offered: sequence,
                known,
            });
            return Ok(None);
        }
        match self.take(offer, sequence) {
            Ok(outcome) => Ok(outcome),
            Err(error) if is_fault_of_release(&error) => {
                self.passed_over.push(Skipped { offer, sequence, error });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The sequence that makes this release unnecessary for this device. Decided without downloading the release: the
    /// channel file is not signed, but such a release would be refused in any case.
    fn newer_sequence(&self, sequence: u64) -> Result<Option<u64>> {
        let options = &self.source.release;
        let trust = self.store.settled()?.state.trust;
        let accepted = trust.last_accepted(&options.app_id, &options.channel);
        let accepted = accepted.map(|last| last.sequence).filter(|last| *last > sequence);
        let built_in = self.store.options.built_in_sequence;
        Ok(accepted.max(built_in.filter(|built_in| *built_in >= sequence)))
    }

    fn take(&mut self, offer: Offer, sequence: u64) -> Result<Option<ChannelOutcome>> {
        let (store, options) = (self.store, &self.source.release);
        let path = paths::release_path(&options.channel, sequence);
        let envelope = self.reader.read(&path, MAX_ENVELOPE_BYTES)?;
        let trusted = store.check_release(&envelope, options)?;
        require_sequence(trusted.release(), sequence)?;
        if offer == Offer::Candidate && !self.is_for_this_device(&trusted)? {
            return Ok(None);
        }
        if trusted.release().is_built_in() {
            return self.go_built_in(&trusted).map(Some);
        }
        if let Some(record) = self.accepted_before(&trusted)? {
            // Of a process that ended between the installation and the removal of the archive.
            store.warn_of(store.remove_downloads(&[]));
            let is_news = self.source.sets_next && store.make_next_if_new(&record)?;
            let record = Box::new(record);
            return Ok(Some(if is_news {
                ChannelOutcome::Installed(record)
            } else {
                ChannelOutcome::UpToDate(record)
            }));
        }
        if let Some(refused) = store.denied_before(&trusted, options)? {
            return Err(refused);
        }
        let (record, delivery) = self.install(&trusted)?;
        self.delivery = delivery;
        if self.source.sets_next {
            store.make_next_if_new(&record)?;
        }
        Ok(Some(ChannelOutcome::Installed(Box::new(record))))
    }

    /// Nothing is downloaded for the built-in bundle.
    fn go_built_in(&self, trusted: &TrustedRelease) -> Result<ChannelOutcome> {
        let Release { version, sequence, .. } = trusted.release().clone();
        if !self.source.sets_next {
            return Ok(ChannelOutcome::BuiltInOffered { version, sequence });
        }
        let comes_next = self.store.accept_trusted_built_in(trusted)?;
        Ok(if comes_next {
            ChannelOutcome::BuiltInNext { version, sequence }
        } else {
            ChannelOutcome::BuiltInUpToDate { version, sequence }
        })
    }

    fn is_for_this_device(&mut self, trusted: &TrustedRelease) -> Result<bool> {
        let Some(rollout) = &mut self.rollout else {
            return Ok(false);
        };
        if rollout.rollout_bps < BUCKETS {
            let id = self.store.rollout_id(self.source.device_id.as_deref())?;
            rollout.bucket = Some(bucket(&trusted.release().app_id, &trusted.rollout_digest(), &id));
        }
        Ok(rollout.is_inside())
    }

    /// The bundle of this release, if it is installed. Decided without a download.
    fn accepted_before(&self, trusted: &TrustedRelease) -> Result<Option<BundleRecord>> {
        let release = trusted.release();
        let new = NewBundle {
            sequence: Some(release.sequence),
            ..NewBundle::new(release.version.clone())
        };
        let loaded = self.store.settled()?;
        let bundle = trusted.require_bundle()?;
        let digest = &bundle.archive.digest;
        // Also refuses a failed bundle, before any of it is downloaded.
        let identity = new.identity(Some(digest), Some(&bundle.files_digest));
        self.store.installed_or_refused(&loaded, identity, &new, None)?;
        let is_it = |record: &&BundleRecord| {
            let accepted = record.release.as_ref();
            record.digest == Some(*digest)
                && accepted.is_some_and(|accepted| accepted.payload_sha256 == trusted.payload_digest())
                && self.store.storage.is_there(&record.id)
        };
        Ok(loaded.state.bundles.values().find(is_it).cloned())
    }

    fn install(&self, trusted: &TrustedRelease) -> Result<(BundleRecord, Option<Delivery>)> {
        let bundle = trusted.require_bundle()?;
        let id = (self.begins)(trusted.release())?;
        let (list, archive) = (self.remote_list(bundle)?, self.remote_archive(bundle)?);
        // An interrupted attempt left its files under the digest of the list.
        let assembled = bundle.files_digest.to_string();
        let patch = self.best_patch(trusted)?;
        let patch = patch.map(|(patch, _)| self.remote_patch(&patch)).transpose()?;
        let patch = patch.map(|remote| remote.name()).unwrap_or_default();
        let folder = self
            .store
            .downloads(&[&list.name(), &archive.name(), &assembled, &patch])?;
        self.parts.next();
        // The file list is small compared with the archive that follows, of which less is hashed if it is sealed.
        self.parts.expect(Phase::Download, archive.size.unwrap_or_default());
        let hashed = archive.size.filter(|_| archive.digest.is_some());
        self.parts.expect(Phase::Hash, hashed.unwrap_or_default());
        // Another call may install the same release: it is found installed when that has finished.
        let list = self.store.retry_while_busy(self.reader.control, || {
            self.download(&list, &folder, MAX_FILE_LIST_BYTES as u64, None)
        })?;
        self.parts.next();
        let installed = self.install_with_list(trusted, &list.file, &archive, (&folder, id));
        keep_or_remove(list, installed)
    }

    fn install_with_list(
        &self,
        trusted: &TrustedRelease,
        list: &Downloaded,
        archive: &Remote,
        (folder, id): (&Path, BundleId),
    ) -> Result<(BundleRecord, Option<Delivery>)> {
        let files = trusted.verify_files(&read(list)?)?;
        let (new, acceptance) = acceptance_of(trusted, &files);
        let new = new.with_id(id);
        if let Some(installed) = self.store.accept_installed(trusted, &new, &acceptance)? {
            return Ok((installed, None));
        }
        let mut received = list.received;
        let installing = Installing {
            new: &new,
            acceptance: Some(&acceptance),
            archive: trusted.require_bundle()?.archive,
            proof: files.proof(),
        };
        let (control, bytes) = (self.reader.control, archive.size.unwrap_or(u64::MAX));
        let keys = self.content_keys();
        let parts = Download {
            remote: archive,
            folder,
            options: self.reader.options,
        };
        let ranges = Ranges {
            transport: self.reader.transport,
            request: RangeRequest::new(parts, trusted.require_bundle()?, files.list())
                .with_keys(&keys)
                .on(&*self.store.storage.files),
        };
        let (remote_patch, patch);
        let mut ways: Vec<&dyn Way> = vec![&ranges];
        if let Some((identity, old)) = self.best_patch(trusted)? {
            remote_patch = self.remote_patch(&identity)?;
            patch = Patch {
                store: self.store,
                transport: self.reader.transport,
                download: Download {
                    remote: &remote_patch,
                    folder,
                    options: self.reader.options,
                },
                identity,
                old,
                new_list: trusted.require_bundle()?.files_digest,
                files: &files,
                keys: &keys,
            };
            ways.push(&patch);
        }
        let assembled = (self.store).install_assembled(&installing, &files, (&ways, bytes), &mut received, control)?;
        if let Some((record, delivery)) = assembled {
            // Of a call that was interrupted.
            self.store.warn_of(self.store.remove_downloads(&[]));
            return Ok((record, Some(delivery)));
        }
        let downloaded = (self.store).retry_while_busy(control, || self.download_archive(trusted, archive, folder))?;
        self.store.warn_of(self.store.remove_tree(&files, control));
        let delivery = Delivery {
            way: DeliveryWay::Archive,
            received: received.saturating_add(downloaded.file.received),
            copied: 0,
        };
        let installed = self.install_archive(trusted, &downloaded, &new, &acceptance);
        keep_or_remove(downloaded, installed).map(|record| (record, Some(delivery)))
    }

    /// Downloads an archive. The first bytes of a sealed archive show whether it is the expected one and for which keys
    /// it is sealed: an app without such a key does not download all of it on every update.
    fn download_archive(&self, trusted: &TrustedRelease, archive: &Remote, folder: &Path) -> Result<LockedDownload> {
        let most = self.reader.options.max_size;
        if trusted.require_bundle()?.sealed.is_none() {
            return self.download(archive, folder, most, None);
        }
        let name = archive.url.to_string();
        let check = |start: &[u8]| self.check_start(trusted, start, Path::new(&name));
        let start = StartCheck {
            max_len: sealed::MAX_HEADER_BYTES,
            check: &check,
        };
        self.download(archive, folder, most, Some(&start))
    }

    fn content_keys(&self) -> Vec<&ContentKey> {
        self.source.release.content_keys.iter().map(|key| &**key).collect()
    }

    fn check_start(&self, trusted: &TrustedRelease, start: &[u8], name: &Path) -> Result<bool> {
        let Some(header) = trusted.header_in(start, name)? else {
            return Ok(false);
        };
        let keys = self.content_keys();
        // The header is the one that the release references: without a matching key it fails on every attempt.
        let opens = sealed::require_key(name, &header, &keys);
        self.deny_if_refused(trusted, opens)?;
        Ok(true)
    }

    fn install_archive(
        &self,
        trusted: &TrustedRelease,
        archive: &LockedDownload,
        new: &NewBundle,
        acceptance: &Acceptance<'_>,
    ) -> Result<BundleRecord> {
        let (options, control) = (&self.source.release, self.reader.control);
        let archive = match archive.hashed_archive(trusted.proof()) {
            Some(hashed) => ArchiveSource::Hashed(Box::new(hashed)),
            None => ArchiveSource::File(&archive.file.path),
        };
        let installed = (self.store).install_trusted(trusted, archive, new, acceptance, options, control)?;
        self.deny_if_refused(trusted, installed)
    }

    /// Adds a release to the denylist if the release itself causes the error. If that cannot be written, the cost is
    /// one more download.
    fn deny_if_refused<T>(&self, trusted: &TrustedRelease, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            let _ = self.store.deny(trusted, &self.source.release, error);
        }
        result
    }

    fn remote_list(&self, bundle: &BundleIdentity) -> Result<Remote> {
        let mut remote = self.remote(&paths::file_list_path(&bundle.files_digest))?;
        remote.digest = Some(bundle.files_digest);
        Ok(remote)
    }

    /// The URL of an archive follows from signed data only.
    fn remote_archive(&self, bundle: &BundleIdentity) -> Result<Remote> {
        let (path, size) = paths::archive_of(bundle);
        let remote = self.remote(&path)?.with_size(size);
        Ok(match bundle.sealed {
            // The release does not contain its digest; the digest of its header identifies it.
            Some(sealed) => remote.with_key(sealed.header_digest.to_string()),
            None => remote.with_digest(bundle.archive.digest),
        })
    }

    fn remote_patch(&self, patch: &PatchIdentity) -> Result<Remote> {
        let (at, size) = paths::patch_of(patch);
        let remote = self.remote(&at)?.with_size(size);
        Ok(match patch.sealed {
            Some(sealed) => remote.with_key(sealed.header_digest.to_string()),
            None => remote.with_digest(patch.digest),
        })
    }

    /// The smallest patch from a bundle that is installed.
    fn best_patch(&self, trusted: &TrustedRelease) -> Result<Option<(PatchIdentity, BundleId)>> {
        let bundles = self.store.state()?.bundles;
        let from = |patch: &PatchIdentity| {
            let mut bundles = bundles.values();
            let old = bundles
                .find(|record| record.content_digest == Some(patch.from) && self.store.storage.is_there(&record.id));
            old.map(|record| (*patch, record.id.clone()))
        };
        let patches = trusted.release().patches.iter().filter_map(from);
        Ok(patches.min_by_key(|(patch, _)| patch.size))
    }

    fn remote(&self, path: &str) -> Result<Remote> {
        let site = &self.source.site;
        Ok(Remote::new(site.url(path)?).with_headers(site.headers.clone()))
    }

    fn download(
        &self,
        remote: &Remote,
        folder: &Path,
        most: u64,
        start: Option<&StartCheck<'_>>,
    ) -> Result<LockedDownload> {
        let SiteReader {
            transport,
            options,
            control,
            ..
        } = self.reader;
        let options = &DownloadOptions {
            max_size: most,
            ..options.clone()
        };
        let wanted = Download {
            remote,
            folder,
            options,
        };
        download_with_start_check(transport, &wanted, control, start)
    }
}

fn read(list: &Downloaded) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(&list.path).with_path("open", &list.path)?;
    file.take(MAX_FILE_LIST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .with_path("read", &list.path)?;
    Ok(bytes)
}

fn require_sequence(release: &Release, expected: u64) -> Result<()> {
    if release.sequence == expected {
        return Ok(());
    }
    Err(Error::ReleaseRefused {
        what: format!("release {expected}"),
        reason: RefusalReason::Malformed,
        problem: format!("found sequence {} at the path of sequence {expected}", release.sequence),
    })
}

/// Removes a download that is no longer needed or would be refused again; otherwise the next call resumes it.
fn keep_or_remove<T>(held: LockedDownload, result: Result<T>) -> Result<T> {
    match result {
        Err(error) if !is_fault_of_release(&error) && !is_fault_of_file(&error) => Err(error),
        result => held.file.remove().and(result),
    }
}

/// Whether the release, or a file published with it, is at fault: another one may be accepted. All other errors concern
/// this device or the network, and are retried later.
fn is_fault_of_release(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NotABundle
        | ErrorKind::UnsafeArchive
        | ErrorKind::LimitExceeded
        | ErrorKind::DigestMismatch
        | ErrorKind::SignatureInvalid
        | ErrorKind::DecryptionFailed
        | ErrorKind::KeyInvalid
        | ErrorKind::NotTrusted
        | ErrorKind::Server
        | ErrorKind::Unsupported => true,
        ErrorKind::InvalidInput
        | ErrorKind::NotFound
        | ErrorKind::InUse
        | ErrorKind::Busy
        | ErrorKind::NoSpace
        | ErrorKind::Io
        | ErrorKind::Network
        | ErrorKind::Cancelled
        | ErrorKind::Corrupt => false,
    }
}
