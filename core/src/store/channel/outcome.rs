//! The result of an update from a channel.

use crate::error::Error;
use crate::store::assemble::Delivery;
use crate::store::records::BundleRecord;

/// The result of an update from a channel.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChannelUpdate {
    /// The outcome.
    pub outcome: ChannelOutcome,
    /// How the files of an installed bundle reached the device. `None` if nothing was installed.
    pub delivery: Option<Delivery>,
    /// The rollout of the candidate, if the channel has one.
    pub rollout: Option<RolloutDecision>,
    /// Releases that the channel offers and this device must not accept.
    pub passed_over: Vec<Skipped>,
    /// The number of the trusted key ring.
    pub ring: u64,
    /// The error of an invalid file at the path of the next key ring. That file is not followed; the ring before it
    /// stays trusted.
    pub ring_problem: Option<Error>,
}

/// The outcome of an update from a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelOutcome {
    /// A release was accepted. Its bundle is installed and comes next.
    Installed(Box<BundleRecord>),
    /// The channel's release for this device is current or comes next already.
    UpToDate(Box<BundleRecord>),
    /// A release that selects the built-in bundle was accepted. The built-in bundle comes next.
    BuiltInNext {
        /// The version of the release.
        version: String,
        /// Its sequence.
        sequence: u64,
    },
    /// The channel's release selects the built-in bundle, which is current or comes next already. The release is
    /// recorded as accepted.
    BuiltInUpToDate {
        /// The version of the release.
        version: String,
        /// Its sequence.
        sequence: u64,
    },
    /// The channel's release selects the built-in bundle, and the source makes nothing next: see
    /// [`ChannelSource::sets_next`](crate::store::ChannelSource). The release is not recorded.
    BuiltInOffered {
        /// The version of the release.
        version: String,
        /// Its sequence.
        sequence: u64,
    },
    /// The channel offers nothing.
    NothingOffered,
    /// The channel has only a candidate, whose rollout does not include this device.
    OutsideRollout,
    /// The channel's release for this device is older than an accepted one or the built-in bundle.
    Older {
        /// Sequence of the channel's release.
        offered: u64,
        /// Sequence that this device has.
        known: u64,
    },
    /// No offered release may be accepted: see [`ChannelUpdate::passed_over`].
    Refused,
}

impl ChannelOutcome {
    /// The outcome as a stable word in snake case, for logs and machine-readable output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Installed(_) => "installed",
            Self::UpToDate(_) => "up_to_date",
            Self::BuiltInNext { .. } => "built_in_next",
            Self::BuiltInUpToDate { .. } => "built_in_up_to_date",
            Self::BuiltInOffered { .. } => "built_in_offered",
            Self::NothingOffered => "nothing_offered",
            Self::OutsideRollout => "outside_rollout",
            Self::Older { .. } => "older",
            Self::Refused => "refused",
        }
    }
}

/// One of the two releases that a channel can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The release for a part of the devices.
    Candidate,
    /// The release for all devices.
    Stable,
}

impl Offer {
    /// The offer as one lower-case word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Stable => "stable",
        }
    }
}

/// A release that this device must not accept, and why.
#[derive(Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// Which of the two.
    pub offer: Offer,
    /// Its sequence.
    pub sequence: u64,
    /// The reason. A [`Server`](crate::ErrorKind::Server) error means that a file of it is missing or unavailable.
    pub error: Error,
}

/// Whether the rollout of a candidate includes this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RolloutDecision {
    /// Sequence of the candidate.
    pub sequence: u64,
    /// How many of 10,000 devices it includes.
    pub rollout_bps: u16,
    /// The bucket of this device, 0 to 9,999. `None` if it decides nothing, because the rollout includes all devices or
    /// none.
    pub bucket: Option<u16>,
}

impl RolloutDecision {
    /// Whether the rollout includes this device.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.bucket
            .map_or(self.rollout_bps > 0, |bucket| bucket < self.rollout_bps)
    }
}
