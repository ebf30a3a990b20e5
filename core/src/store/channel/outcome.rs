//! What a look at a channel comes to.

use crate::error::Error;
use crate::store::records::BundleRecord;

/// What a channel had for this device.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChannelUpdate {
    /// What came of it.
    pub outcome: ChannelOutcome,
    /// The rollout of the candidate, if the channel has one.
    pub rollout: Option<RolloutDecision>,
    /// Releases that the channel offers and this device must not take.
    pub passed_over: Vec<Skipped>,
    /// The key ring that counts now.
    pub ring: u64,
    /// What stands where the next key ring would, and is none. It is not followed; the ring before it counts.
    pub ring_problem: Option<Error>,
}

/// What came of looking at a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelOutcome {
    /// A release was accepted. Its bundle is installed and comes next.
    Installed(Box<BundleRecord>),
    /// What the channel has for this device is current or comes next already.
    UpToDate(Box<BundleRecord>),
    /// A release that goes to the bundle inside the native app was accepted. That comes next.
    BuiltInNext {
        /// What people call the release.
        version: String,
        /// Its sequence.
        sequence: u64,
    },
    /// The channel's release goes to the bundle inside the native app, which is current or comes next already. The release is
    /// remembered as accepted.
    BuiltInUpToDate {
        /// What people call the release.
        version: String,
        /// Its sequence.
        sequence: u64,
    },
    /// The channel offers nothing.
    NothingOffered,
    /// The channel has a candidate, which is not for this device, and nothing else.
    OutsideRollout,
    /// What the channel has for this device is older than what was accepted or is built into the native app.
    Older {
        /// Sequence of what it has.
        offered: u64,
        /// Sequence of what this device has.
        known: u64,
    },
    /// Nothing of what it has may be taken: see [`ChannelUpdate::passed_over`].
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
            Self::NothingOffered => "nothing_offered",
            Self::OutsideRollout => "outside_rollout",
            Self::Older { .. } => "older",
            Self::Refused => "refused",
        }
    }
}

/// Which of the two that a channel can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The one for a part of the devices.
    Candidate,
    /// The one for everybody.
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

/// A release that this device must not take, and why.
#[derive(Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// Which it is.
    pub offer: Offer,
    /// Its sequence.
    pub sequence: u64,
    /// What is wrong with it. A [`Server`](crate::ErrorKind::Server) error says that a file of it is missing or not to be had.
    pub error: Error,
}

/// Whether this device is among those that a candidate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RolloutDecision {
    /// Sequence of the candidate.
    pub sequence: u64,
    /// How many of 10,000 devices take it.
    pub rollout_bps: u16,
    /// The bucket of this device, 0 to 9,999. `None` where it decides nothing: all devices take it, or none does.
    pub bucket: Option<u16>,
}

impl RolloutDecision {
    /// Whether this device takes it.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.bucket
            .map_or(self.rollout_bps > 0, |bucket| bucket < self.rollout_bps)
    }
}
