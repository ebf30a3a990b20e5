//! Updating from a static channel in one call.

use super::key_ring::TrustedRing;
use super::outcome::ChannelUpdate;
use super::select_release::ReleaseSelection;
use super::source::ChannelSource;
use crate::error::{Error, Result};
use crate::http::Transport;
use crate::http::download::DownloadOptions;
use crate::progress::Control;
use crate::release::{ChannelFile, MAX_CHANNEL_FILE_BYTES, MAX_ENVELOPE_BYTES, MAX_RINGS_AT_A_TIME, Release, paths};
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::install::ReleaseOptions;
use crate::store::open::Store;
use crate::store::records::{BundleRecord, Superseded};
use crate::update::channel::SiteReader;

/// What an update from a channel uses, and a callback before a release is downloaded.
pub(crate) struct WatchedUpdate<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) options: &'a DownloadOptions,
    pub(crate) control: &'a Control,
    /// Called before the download of a release; returns the id that its bundle will have.
    pub(crate) begins: &'a dyn Fn(&Release) -> Result<BundleId>,
}

impl Store {
    /// Updates from a static channel: if it has a release for this device, downloads and installs it and makes it next.
    /// A release that selects the built-in bundle makes that next, as [`accept_built_in`](Self::accept_built_in).
    ///
    /// In this order: the channel file; new key rings, which are recorded; the candidate if its rollout includes this
    /// device, otherwise, or if the candidate is refused, the stable release; its file list; its archive, unless the
    /// files can be assembled from those of installed bundles. A later call resumes what is interrupted. Then as
    /// [`install_release`](Self::install_release) and
    /// [`set_next`](Self::set_next). Refused downloads are removed. A crash leaves the state before or after a step,
    /// and the next call continues from there.
    ///
    /// A refused release is not an error but part of the result, since a channel may offer another one as well: a
    /// release that fails a check, whose files are missing or do not match, or whose bundle failed on this device
    /// before. It changes nothing. An archive of another size than the release states is not downloaded, and of an
    /// archive that is sealed for other keys only the header is. An archive that belongs to its release and was refused
    /// for its content, or for the keys it is sealed for, is not downloaded again ([`Error::RefusedBefore`]) while the
    /// native build, the limits and the content keys stay the same.
    ///
    /// # Errors
    /// [`Network`](crate::ErrorKind::Network), and [`Server`](crate::ErrorKind::Server) for the channel file;
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) for an invalid channel file, one of another app or channel, and for
    /// plain HTTP; those of [`key_ring`](Self::key_ring); [`Busy`](crate::ErrorKind::Busy) if another call updates for
    /// longer than [`StoreOptions::lock_timeout`](crate::store::StoreOptions); [`NoSpace`](crate::ErrorKind::NoSpace),
    /// [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled). The next call continues where this one
    /// stopped.
    ///
    /// Progress never decreases within a phase. The file list counts as the first bytes of the download.
    pub fn update_from_channel(
        &self,
        transport: &dyn Transport,
        source: &ChannelSource,
        options: &DownloadOptions,
        control: &Control,
    ) -> Result<ChannelUpdate> {
        let begins = |_: &Release| BundleId::random();
        let watched = WatchedUpdate {
            transport,
            options,
            control,
            begins: &begins,
        };
        self.update_from_channel_watched(source, &watched)
    }

    /// As [`update_from_channel`](Self::update_from_channel).
    pub(crate) fn update_from_channel_watched(
        &self,
        source: &ChannelSource,
        watched: &WatchedUpdate<'_>,
    ) -> Result<ChannelUpdate> {
        let (control, parts) = &watched.control.in_parts();
        let reader = SiteReader {
            transport: watched.transport,
            site: &source.site,
            options: watched.options,
            control,
        };
        let (app, channel) = (&source.release.app_id, &source.release.channel);
        let file = reader.read(&paths::channel_path(channel), MAX_CHANNEL_FILE_BYTES)?;
        let file = ChannelFile::parse(&file, app, channel)?;
        let (ring, ring_problem) = self.walk_rings(&reader, &source.release)?;
        let mut selection = ReleaseSelection::new(self, reader, source, parts.clone(), watched.begins);
        let outcome = selection.choose(&file)?;
        Ok(ChannelUpdate {
            outcome,
            delivery: selection.delivery,
            rollout: selection.rollout,
            passed_over: selection.passed_over,
            ring,
            ring_problem,
        })
    }

    /// Follows every ring after the last one, and records the newest. Returns its number, and the error of the next
    /// file if it exists and is not a valid ring.
    fn walk_rings(&self, reader: &SiteReader<'_>, options: &ReleaseOptions) -> Result<(u64, Option<Error>)> {
        let known = self.trusted_ring(options)?;
        let mut last = known.clone();
        let mut problem = None;
        for _ in 0..MAX_RINGS_AT_A_TIME {
            match next_ring(reader, &last)? {
                Some(Ok(next)) => last = next,
                // Some servers answer every path with a page. An attacker who could place an invalid ring could also
                // withhold the valid one.
                Some(Err(error)) => {
                    problem = Some(error);
                    break;
                }
                None => break,
            }
        }
        if last.ring.number() > known.ring.number() {
            self.remember_ring(&last, options)?;
        }
        Ok((last.ring.number(), problem))
    }

    /// Makes the bundle next, unless it is current or next already. Returns whether that was a change.
    pub(in crate::store) fn make_next_if_new(&self, record: &BundleRecord) -> Result<bool> {
        let slot = BundleRef::Bundle(record.id.clone());
        let state = self.state()?;
        let is_next = state.next.as_ref() == Some(&slot);
        if is_next || (state.next.is_none() && state.current == slot) {
            return Ok(false);
        }
        self.require_files(&slot)?;
        self.change(|state| {
            // Another process may have accepted a later release since, which this one must not undo.
            if let Some(release) = &record.release {
                state.trust.accept(release).map_err(Superseded::into_error)?;
            }
            self.make_next(state, &slot)
        })?;
        Ok(true)
    }
}

fn next_ring(reader: &SiteReader<'_>, last: &TrustedRing) -> Result<Option<Result<TrustedRing>>> {
    let path = paths::ring_path(last.ring.number().saturating_add(1));
    match reader.read_if_any(&path, MAX_ENVELOPE_BYTES) {
        Ok(envelope) => Ok(envelope.map(|envelope| last.follow(&envelope))),
        Err(error @ Error::Server { status: 200, .. }) => Ok(Some(Err(error))),
        Err(error) => Err(error),
    }
}
