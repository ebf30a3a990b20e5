//! From a static channel to an installed bundle that comes next.

use std::sync::Arc;

use capbundle_core::store as core;
use capbundle_core::update::channel::Site;

use super::Store;
use super::records::BundleRecord;
use super::release::ReleaseOptions;
use crate::convert::signed;
use crate::download::{DownloadOptions, headers};
use crate::error::{CapBundleError, ErrorKind, Result};
use crate::http::host::with_transport;
use crate::http::{HttpHeader, HttpTransport};
use crate::progress::{CancelToken, ProgressObserver, with_control};

/// Where releases come from, and which are taken.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ChannelSource {
    /// Where the site is, the folder that holds `channels` and `releases`: `https`, or `http` on this very machine.
    pub site: String,
    /// Which releases are taken.
    pub release: ReleaseOptions,
    /// What the host of the site is to be told, for example a token. Not sent on when it redirects to another origin.
    #[uniffi(default = [])]
    pub headers: Vec<HttpHeader>,
    /// A text that stays the same on this installation and is another on others: it decides who goes first in a rollout. The
    /// store makes one if it is left out.
    #[uniffi(default = None)]
    pub device_id: Option<String>,
}

impl ChannelSource {
    fn into_core(self) -> Result<core::ChannelSource> {
        let mut site = Site::new(self.site.parse()?);
        site.headers = headers(self.headers)?;
        let mut source = core::ChannelSource::new(site, self.release.into_core()?);
        source.device_id = self.device_id;
        Ok(source)
    }
}

/// What came of looking at a channel.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum ChannelOutcome {
    /// A release was accepted. Its bundle is installed and comes next.
    Installed {
        /// The bundle.
        bundle: BundleRecord,
    },
    /// What the channel has for this device is current or comes next already.
    UpToDate {
        /// The bundle.
        bundle: BundleRecord,
    },
    /// A release that goes back to the built-in bundle was accepted. That comes next.
    BuiltInNext {
        /// What people call the release.
        version: String,
        /// Its sequence.
        sequence: i64,
    },
    /// The channel's release goes back to the built-in bundle, which is current or comes next already.
    BuiltInUpToDate {
        /// What people call the release.
        version: String,
        /// Its sequence.
        sequence: i64,
    },
    /// The channel offers nothing.
    NothingOffered,
    /// The channel has a candidate, which is not for this device, and nothing else.
    OutsideRollout,
    /// What the channel has for this device is older than what was accepted or is built into the native app.
    Older {
        /// Sequence of what it has.
        offered: i64,
        /// Sequence of what this device has.
        known: i64,
    },
    /// Nothing of what it has may be taken: see `ChannelUpdate.passedOver`.
    Refused,
    /// Something that this version of the bindings has no word for.
    Other,
}

impl From<core::ChannelOutcome> for ChannelOutcome {
    fn from(outcome: core::ChannelOutcome) -> Self {
        match outcome {
            core::ChannelOutcome::Installed(record) => Self::Installed {
                bundle: (*record).into(),
            },
            core::ChannelOutcome::UpToDate(record) => Self::UpToDate {
                bundle: (*record).into(),
            },
            core::ChannelOutcome::BuiltInNext { version, sequence } => Self::BuiltInNext {
                version,
                sequence: signed(sequence),
            },
            core::ChannelOutcome::BuiltInUpToDate { version, sequence } => Self::BuiltInUpToDate {
                version,
                sequence: signed(sequence),
            },
            core::ChannelOutcome::NothingOffered => Self::NothingOffered,
            core::ChannelOutcome::OutsideRollout => Self::OutsideRollout,
            core::ChannelOutcome::Older { offered, known } => Self::Older {
                offered: signed(offered),
                known: signed(known),
            },
            core::ChannelOutcome::Refused => Self::Refused,
            _ => Self::Other,
        }
    }
}

/// Which of the two that a channel can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum Offer {
    /// The one for a part of the devices.
    Candidate,
    /// The one for everybody.
    Stable,
}

/// A release that this device must not take, and why.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Skipped {
    /// Which it is.
    pub offer: Offer,
    /// Its sequence.
    pub sequence: i64,
    /// What kind of thing is wrong with it. `Server` says that a file of it is missing or not to be had.
    pub kind: ErrorKind,
    /// What is wrong with it, for people.
    pub message: String,
}

impl From<core::Skipped> for Skipped {
    fn from(passed: core::Skipped) -> Self {
        let error = CapBundleError::from(&passed.error);
        Self {
            offer: match passed.offer {
                core::Offer::Candidate => Offer::Candidate,
                core::Offer::Stable => Offer::Stable,
            },
            sequence: signed(passed.sequence),
            kind: error.kind(),
            message: error.to_string(),
        }
    }
}

/// Whether this device is among those that a candidate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct RolloutDecision {
    /// Sequence of the candidate.
    pub sequence: i64,
    /// How many of 10,000 devices take it.
    pub rollout_bps: i64,
    /// The bucket of this device, 0 to 9,999, where it decides: if all devices take it, or none does, there is none.
    pub bucket: Option<i64>,
    /// Whether this device takes it.
    pub is_inside: bool,
}

impl From<core::RolloutDecision> for RolloutDecision {
    fn from(decision: core::RolloutDecision) -> Self {
        Self {
            sequence: signed(decision.sequence),
            rollout_bps: signed(decision.rollout_bps),
            bucket: decision.bucket.map(signed),
            is_inside: decision.is_inside(),
        }
    }
}

/// What a channel had for this device.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ChannelUpdate {
    /// What came of it.
    pub outcome: ChannelOutcome,
    /// The rollout of the candidate, if the channel has one.
    pub rollout: Option<RolloutDecision>,
    /// Releases that the channel offers and this device must not take.
    pub skipped: Vec<Skipped>,
    /// The number of the key ring that counts now.
    pub key_ring: i64,
    /// What is wrong with what stands where the next key ring would. It is not followed; the ring before it counts.
    pub key_ring_problem: Option<String>,
}

impl From<core::ChannelUpdate> for ChannelUpdate {
    fn from(update: core::ChannelUpdate) -> Self {
        Self {
            outcome: update.outcome.into(),
            rollout: update.rollout.map(RolloutDecision::from),
            skipped: update.passed_over.into_iter().map(Skipped::from).collect(),
            key_ring: signed(update.ring),
            key_ring_problem: update.ring_problem.map(|error| error.to_string()),
        }
    }
}

#[uniffi::export]
impl Store {
    /// Looks at a static channel and, if it has a release for this device, downloads it, installs it and has it come next. A
    /// release that goes back to the built-in bundle has that come next, as `acceptBuiltIn`. Blocks until that is done: for a background thread.
    ///
    /// In this order: the channel file; key rings that came since, which are remembered; the release of the candidate, if this
    /// device is within its rollout, else or if it must be refused the stable one; its file list and archive, both gone on with
    /// by a later call if they broke off; then as `installRelease`, and `setNext`. What was downloaded and is refused is removed.
    /// A crash leaves the step before or the step after, and the next call goes on from there.
    ///
    /// What is refused is no error but told in the answer, since a channel may offer something else as well: releases that fail
    /// a check, whose files are missing or not theirs, or whose bundle failed on this device before. They change nothing.
    ///
    /// Throws `Network`, and `Server` for the channel file; `NotTrusted` for one of another app or channel or that is none, and
    /// for plain HTTP; what `keyRing` throws; `NoSpace`, `Busy`, `Io`, `Callback`, `Cancelled`. The next call goes on where this
    /// one stopped.
    #[uniffi::method(default(options = None, cancel = None, progress = None))]
    pub fn update_from_channel(
        &self,
        transport: Arc<dyn HttpTransport>,
        source: ChannelSource,
        options: Option<DownloadOptions>,
        cancel: Option<Arc<CancelToken>>,
        progress: Option<Arc<dyn ProgressObserver>>,
    ) -> Result<ChannelUpdate> {
        let update = self.run("update from channel", |store| {
            with_control(cancel, progress, |control| {
                let (source, options) = (source.into_core()?, DownloadOptions::to_core(options.as_ref())?);
                with_transport(transport, |host| {
                    Ok(store.update_from_channel(host, &source, &options, control)?)
                })
            })
        })?;
        self.log_update(&update);
        Ok(update.into())
    }

    /// The id of this device: a UUID, in lower case, made when it is first asked for and durable then. It decides about
    /// rollouts where `ChannelSource.deviceId` is not given.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`.
    pub fn device_id(&self) -> Result<String> {
        self.run_core("device id", core::Store::device_id)
    }
}

impl Store {
    fn log_update(&self, update: &core::ChannelUpdate) {
        for passed in &update.passed_over {
            self.log.warn(|| {
                let (offer, sequence) = (passed.offer.as_str(), passed.sequence);
                format!("passed over the {offer} release {sequence}: {}", passed.error)
            });
        }
        if let Some(problem) = &update.ring_problem {
            self.log
                .warn(|| format!("stayed with key ring {}: {problem}", update.ring));
        }
        self.log.info(|| {
            let outcome = update.outcome.as_str();
            match &update.outcome {
                core::ChannelOutcome::Installed(record) | core::ChannelOutcome::UpToDate(record) => {
                    format!("update from channel: {outcome}, {} as {}", record.version, record.id)
                }
                core::ChannelOutcome::BuiltInNext { sequence, .. }
                | core::ChannelOutcome::BuiltInUpToDate { sequence, .. } => {
                    format!("update from channel: {outcome}, release {sequence}")
                }
                _ => format!("update from channel: {outcome}"),
            }
        });
    }
}
