//! Notes on an operation that succeeded.

use std::fmt;

use super::patch_options::NoPatch;

/// Something the publisher should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SiteNote {
    /// Everything was already published; nothing changed.
    AlreadyDone,
    /// The release with this sequence, begun by an earlier run, was resumed.
    Resumed(u64),
    /// This candidate is no longer offered. Devices that have it keep it until a release with a higher sequence is offered.
    CandidateEnds(u64),
    /// The channel has no stable release: devices outside the rollout get nothing.
    NothingForTheOthers,
    /// The store does not support conditional writes: concurrent publishers would overwrite each other's changes.
    PreconditionsUnsupported,
    /// No key ring was given: the keys were checked against this ring of the site.
    RingFromSite(u64),
    /// A lower rollout does not take the release from devices that have it.
    LoweringTakesNothingBack,
    /// This sequence on the site, and maybe others, was ignored: it is far above all signed ones.
    IgnoredSequences(u64),
    /// No patch was made from the release with this sequence.
    NoPatch {
        /// The sequence of the earlier release.
        from: u64,
        /// Why.
        reason: NoPatch,
    },
}

impl SiteNote {
    /// A stable identifier in snake case.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AlreadyDone => "already_done",
            Self::Resumed(_) => "resumed",
            Self::CandidateEnds(_) => "candidate_ends",
            Self::NothingForTheOthers => "nothing_for_the_others",
            Self::PreconditionsUnsupported => "preconditions_unsupported",
            Self::RingFromSite(_) => "ring_from_site",
            Self::LoweringTakesNothingBack => "lowering_takes_nothing_back",
            Self::IgnoredSequences(_) => "ignored_sequences",
            Self::NoPatch { .. } => "no_patch",
        }
    }

    /// Whether it requires action.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::NothingForTheOthers | Self::PreconditionsUnsupported | Self::IgnoredSequences(_)
        )
    }
}

impl fmt::Display for SiteNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyDone => formatter.write_str("everything was already published; nothing changed"),
            Self::Resumed(sequence) => write!(formatter, "resumed release {sequence} of an earlier run"),
            Self::CandidateEnds(sequence) => write!(
                formatter,
                "candidate {sequence} is no longer offered; devices that have it keep it until a release with a higher \
                 sequence is offered"
            ),
            Self::NothingForTheOthers => {
                formatter.write_str("the channel has no stable release: devices outside the rollout get nothing")
            }
            Self::PreconditionsUnsupported => formatter.write_str(
                "the store does not support conditional writes, so concurrent publishers would overwrite each other's changes: run one \
                 publishing job at a time",
            ),
            Self::RingFromSite(number) => write!(
                formatter,
                "the keys were checked against ring {number} of the site, since no ring was given"
            ),
            Self::LoweringTakesNothingBack => {
                formatter.write_str("devices that have the candidate keep it; roll back to replace it on them")
            }
            Self::IgnoredSequences(number) => write!(
                formatter,
                "release {number} of the site is not signed by any key ring and far above all others, so its sequence was ignored. \
                 Find out who wrote it, and remove it"
            ),
            Self::NoPatch { from, reason } => write!(formatter, "no patch from release {from}: {reason}"),
        }
    }
}
