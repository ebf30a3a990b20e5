//! From a static channel to an installed bundle that comes next, in one call.

use super::key_ring::TrustedRing;
use super::outcome::ChannelUpdate;
use super::select_release::ReleaseSelection;
use super::source::ChannelSource;
use crate::error::{Error, Result};
use crate::http::Transport;
use crate::http::download::DownloadOptions;
use crate::progress::Control;
use crate::release::{ChannelFile, MAX_CHANNEL_FILE_BYTES, MAX_ENVELOPE_BYTES, MAX_RINGS_AT_A_TIME, paths};
use crate::store::bundle_id::BundleRef;
use crate::store::install::ReleaseOptions;
use crate::store::open::Store;
use crate::store::records::{BundleRecord, Superseded};
use crate::update::channel::Reader;

impl Store {
    /// Looks at a static channel and, if it has a release for this device, downloads it, installs it and has it come next. A
    /// release that goes to the built-in bundle has that come next, as [`accept_built_in`](Self::accept_built_in).
    ///
    /// In this order: the channel file; key rings that came since, which are remembered; the release of the candidate, if
    /// this device is within its rollout, else or if it must be refused the stable one; its file list and archive, both gone
    /// on with by a later call if they broke off; then as [`install_release`](Self::install_release), and
    /// [`set_next`](Self::set_next). What was downloaded and is refused is removed. A crash leaves the step before or the step
    /// after, and the next call goes on from there.
    ///
    /// What is refused is no error but told in the answer, since a channel may offer something else as well: releases that
    /// fail a check, whose files are missing or not theirs, or whose bundle failed on this device before. They change nothing.
    /// Of an archive of another size than the release says nothing is fetched, and of one that is sealed for other keys no more
    /// than its header. An archive that is the release's and was refused for what is in it, or for whom it is sealed, is not
    /// fetched again ([`Error::RefusedBefore`]), for as long as the native build, the limits and the content keys are the same.
    ///
    /// # Errors
    /// [`Network`](crate::ErrorKind::Network), and [`Server`](crate::ErrorKind::Server) for the channel file;
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) for one of another app or channel or that is none, and for plain HTTP; those of
    /// [`key_ring`](Self::key_ring); [`Busy`](crate::ErrorKind::Busy) if another call updates for longer than
    /// [`StoreOptions::lock_timeout`](crate::store::StoreOptions); [`NoSpace`](crate::ErrorKind::NoSpace), [`Io`](crate::ErrorKind::Io),
    /// [`Cancelled`](crate::ErrorKind::Cancelled). The next call goes on where this one stopped.
    ///
    /// Progress never goes back within a phase. The file list counts as the first bytes of the download.
    pub fn update_from_channel(
        &self,
        transport: &dyn Transport,
        source: &ChannelSource,
        options: &DownloadOptions,
        control: &Control,
    ) -> Result<ChannelUpdate> {
        let (control, parts) = &control.in_parts();
        let reader = Reader {
            transport,
            site: &source.site,
            options,
            control,
        };
        let (app, channel) = (&source.release.app_id, &source.release.channel);
        let file = reader.read(&paths::channel_path(channel), MAX_CHANNEL_FILE_BYTES)?;
        let file = ChannelFile::parse(&file, app, channel)?;
        let (ring, ring_problem) = self.walk_rings(&reader, &source.release)?;
        let mut selection = ReleaseSelection::new(self, reader, source, parts.clone());
        let outcome = selection.choose(&file)?;
        Ok(ChannelUpdate {
            outcome,
            rollout: selection.rollout,
            passed_over: selection.passed_over,
            ring,
            ring_problem,
        })
    }

    /// Follows every ring that came since the last one, and remembers where it came to. Tells the number, and what is wrong
    /// with the next one, if it is there and no ring.
    fn walk_rings(&self, reader: &Reader<'_>, options: &ReleaseOptions) -> Result<(u64, Option<Error>)> {
        let known = self.trusted_ring(options)?;
        let mut last = known.clone();
        let mut problem = None;
        for _ in 0..MAX_RINGS_AT_A_TIME {
            match next_ring(reader, &last)? {
                Some(Ok(next)) => last = next,
                // Some servers answer with a page whatever is asked for. Whoever could put it there could as well have
                // taken the ring away.
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

    /// Has the bundle come next, unless it is current or does so already. Says whether there was something to do.
    pub(in crate::store) fn bring_next(&self, record: &BundleRecord) -> Result<bool> {
        let slot = BundleRef::Bundle(record.id.clone());
        let state = self.state()?;
        let is_next = state.next.as_ref() == Some(&slot);
        if is_next || (state.next.is_none() && state.current == slot) {
            return Ok(false);
        }
        self.require_files(&slot)?;
        self.change(|state| {
            // Another process may have accepted a later release meanwhile, which this one must not undo.
            if let Some(release) = &record.release {
                state.trust.accept(release).map_err(Superseded::into_error)?;
            }
            self.make_next(state, &slot)
        })?;
        Ok(true)
    }
}

fn next_ring(reader: &Reader<'_>, last: &TrustedRing) -> Result<Option<Result<TrustedRing>>> {
    let path = paths::ring_path(last.ring.number().saturating_add(1));
    match reader.read_if_any(&path, MAX_ENVELOPE_BYTES) {
        Ok(envelope) => Ok(envelope.map(|envelope| last.follow(&envelope))),
        Err(error @ Error::Server { status: 200, .. }) => Ok(Some(Err(error))),
        Err(error) => Err(error),
    }
}
