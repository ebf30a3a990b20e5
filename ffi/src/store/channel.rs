//! Updates from a static channel.

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

/// The source of releases, and which of them are accepted.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ChannelSource {
    /// The URL of the site, the folder that contains `channels` and `releases`: `https`, or `http` on this
    /// machine.
    pub site: String,
    /// Which releases are accepted.
    pub release: ReleaseOptions,
    /// Header fields for the host of the site, for example a token. They are not sent to another origin after a
    /// redirect.
    #[uniffi(default = [])]
    pub headers: Vec<HttpHeader>,
    /// A text that is stable on this installation and different on others: it decides which devices are first
    /// in a rollout. The default is an id that the store creates.
    #[uniffi(default = None)]
    pub device_id: Option<String>,
}

impl ChannelSource {
    pub(crate) fn into_core(self) -> Result<core::ChannelSource> {
        let site = Site::new(self.site.parse()?).with_headers(headers(self.headers)?);
        Ok(core::ChannelSource::new(site, self.release.into_core()?).with_device_id(self.device_id))
    }
}

/// The outcome of an update from a channel.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum ChannelOutcome {
    /// A release was accepted. Its bundle is installed and next.
    Installed {
        /// The bundle.
        bundle: BundleRecord,
    },
    /// The channel's release for this device is already current or next.
    UpToDate {
        /// The bundle.
        bundle: BundleRecord,
    },
    /// A release that returns to the built-in bundle was accepted. The built-in bundle is next.
    BuiltInNext {
        /// The version of the release.
        version: String,
        /// Its sequence.
        sequence: i64,
    },
    /// The channel's release returns to the built-in bundle, which is already current or next.
    BuiltInUpToDate {
        /// The version of the release.
        version: String,
        /// Its sequence.
        sequence: i64,
    },
    /// The channel offers nothing.
    NothingOffered,
    /// The channel offers only a candidate, whose rollout excludes this device.
    OutsideRollout,
    /// The channel's release for this device is older than one that was accepted or is built into the native
    /// app.
    Older {
        /// Sequence of the channel's release.
        offered: i64,
        /// Sequence that this device has.
        known: i64,
    },
    /// No release of the channel may be accepted: see `ChannelUpdate.skipped`.
    Refused,
    /// An outcome that this version of the bindings does not know.
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

/// The two kinds of release that a channel can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum Offer {
    /// The release for some of the devices.
    Candidate,
    /// The release for all devices.
    Stable,
}

/// A release that this device must not accept, and why.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Skipped {
    /// Its kind.
    pub offer: Offer,
    /// Its sequence.
    pub sequence: i64,
    /// The kind of the error. `Server` means that a file of the release is missing or unavailable.
    pub kind: ErrorKind,
    /// The error, for people.
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

/// Whether the rollout of a candidate includes this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct RolloutDecision {
    /// Sequence of the candidate.
    pub sequence: i64,
    /// How many of 10,000 devices the rollout includes.
    pub rollout_bps: i64,
    /// The bucket of this device, 0 to 9,999; nothing if the rollout includes all devices or none.
    pub bucket: Option<i64>,
    /// Whether the rollout includes this device.
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

/// The way by which the files of a bundle reached the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum DeliveryWay {
    /// Every file was on the device.
    AtHand,
    /// A patch from an installed bundle.
    Patch,
    /// Parts of the archive.
    Ranges,
    /// The whole archive.
    Archive,
}

/// How the files of a bundle reached the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Delivery {
    /// The way that brought the last file.
    pub way: DeliveryWay,
    /// Bytes received over the network by this call.
    pub received: i64,
    /// Bytes of the files that were copied from installed bundles or continued from an interrupted attempt.
    pub copied: i64,
}

impl From<core::Delivery> for Delivery {
    fn from(delivery: core::Delivery) -> Self {
        Self {
            way: match delivery.way {
                core::DeliveryWay::AtHand => DeliveryWay::AtHand,
                core::DeliveryWay::Patch => DeliveryWay::Patch,
                core::DeliveryWay::Ranges => DeliveryWay::Ranges,
                // The core adds no way that this border does not know.
                _ => DeliveryWay::Archive,
            },
            received: signed(delivery.received),
            copied: signed(delivery.copied),
        }
    }
}

/// The result of an update from a channel.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ChannelUpdate {
    /// The outcome.
    pub outcome: ChannelOutcome,
    /// How the files of an installed bundle reached the device, if one was installed.
    pub delivery: Option<Delivery>,
    /// The rollout of the candidate, if the channel has one.
    pub rollout: Option<RolloutDecision>,
    /// Releases that the channel offers and this device must not accept.
    pub skipped: Vec<Skipped>,
    /// The number of the key ring in effect.
    pub key_ring: i64,
    /// Why the published next key ring was not followed, if so. The previous ring stays in effect.
    pub key_ring_problem: Option<String>,
}

impl From<core::ChannelUpdate> for ChannelUpdate {
    fn from(update: core::ChannelUpdate) -> Self {
        Self {
            outcome: update.outcome.into(),
            delivery: update.delivery.map(Delivery::from),
            rollout: update.rollout.map(RolloutDecision::from),
            skipped: update.passed_over.into_iter().map(Skipped::from).collect(),
            key_ring: signed(update.ring),
            key_ring_problem: update.ring_problem.map(|error| error.to_string()),
        }
    }
}

#[uniffi::export]
impl Store {
    /// Checks a static channel and, if it has a release for this device, downloads it, installs it and makes it
    /// next. A release that returns to the built-in bundle makes that next, as `acceptBuiltIn`. Blocks until
    /// this is done: call it from a background thread.
    ///
    /// The steps are: the channel file; newer key rings, which are recorded; the candidate if the rollout
    /// includes this device, otherwise, or if the candidate is refused, the stable release; its file list and
    /// archive, which a later call resumes after an interruption; then `installRelease` and `setNext`.
    /// Downloaded files of a refused release are removed. A crash leaves the state before or after a step, and
    /// the next call continues from there.
    ///
    /// A refused release is not an error but listed in the result, because the channel may offer another one: a
    /// release that fails a check, whose files are missing or wrong, or whose bundle failed on this device
    /// before. It changes nothing.
    ///
    /// Throws `Network`, and `Server` for the channel file; `NotTrusted` for a channel file that is malformed
    /// or belongs to another app or channel, and for plain HTTP; as `keyRing`; `NoSpace`, `Busy`, `Io`,
    /// `Callback`, `Cancelled`. The next call resumes.
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

    /// The id of this device: a UUID in lower case, created by the first call and durable from then on. It
    /// decides about rollouts unless `ChannelSource.deviceId` is set.
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
                format!("skipped the {offer} release {sequence}: {}", passed.error)
            });
        }
        if let Some(problem) = &update.ring_problem {
            self.log.warn(|| format!("kept key ring {}: {problem}", update.ring));
        }
        self.log.info(|| {
            let outcome = update.outcome.as_str();
            match &update.outcome {
                core::ChannelOutcome::Installed(record) | core::ChannelOutcome::UpToDate(record) => {
                    let way = update.delivery.map_or("", |delivery| delivery.way.as_str());
                    let (version, id, comma) = (&record.version, &record.id, if way.is_empty() { "" } else { ", " });
                    format!("update from channel: {outcome}, {version} as {id}{comma}{way}")
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
