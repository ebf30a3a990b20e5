//! What is worth knowing about an operation that succeeded.

use std::fmt;

/// Something that whoever publishes should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// All of it had been done before; nothing was changed.
    AlreadyDone,
    /// A release that an earlier run had begun was taken, with this sequence.
    WentOn(u64),
    /// This candidate is offered no longer. Devices that have it keep it until a release with a higher sequence comes.
    CandidateEnds(u64),
    /// There is no stable release: devices outside the rollout get nothing.
    NothingForTheOthers,
    /// The store knows no conditional writes: two publishers at once would overwrite each other's work.
    Unguarded,
    /// The site has no key ring and none was given: devices that walk rings find none here.
    RingFromSite(u64),
    /// Lowering a rollout takes the release from nobody.
    LoweringTakesNothingBack,
    /// This number of a release on the site, and maybe others, was not counted: it is far above all that are signed.
    NotCounted(u64),
}

impl Note {
    /// A stable word in snake case.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AlreadyDone => "already_done",
            Self::WentOn(_) => "went_on",
            Self::CandidateEnds(_) => "candidate_ends",
            Self::NothingForTheOthers => "nothing_for_the_others",
            Self::Unguarded => "unguarded",
            Self::RingFromSite(_) => "ring_from_site",
            Self::LoweringTakesNothingBack => "lowering_takes_nothing_back",
            Self::NotCounted(_) => "not_counted",
        }
    }

    /// Whether something should be done about it.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::NothingForTheOthers | Self::Unguarded | Self::NotCounted(_))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyDone => formatter.write_str("all of it had been done before: nothing was changed"),
            Self::WentOn(sequence) => write!(formatter, "went on with release {sequence}, which an earlier run had begun"),
            Self::CandidateEnds(sequence) => write!(
                formatter,
                "the candidate {sequence} is offered no longer; devices that have it keep it until a release with a higher \
                 sequence comes"
            ),
            Self::NothingForTheOthers => {
                formatter.write_str("the channel has no stable release: devices outside the rollout get nothing")
            }
            Self::Unguarded => formatter.write_str(
                "the store knows no conditional writes, so two publishers at once would overwrite each other's work: let one \
                 job publish at a time",
            ),
            Self::RingFromSite(number) => write!(
                formatter,
                "the keys were checked against ring {number} of the site, since no ring of your own was given"
            ),
            Self::LoweringTakesNothingBack => {
                formatter.write_str("devices that have the candidate keep it; a rollback gives them another bundle")
            }
            Self::NotCounted(number) => write!(
                formatter,
                "the site has a release {number} that no key ring vouches for, far above all others: the new number was counted \
                 without it. Find out who wrote it, and remove it"
            ),
        }
    }
}
