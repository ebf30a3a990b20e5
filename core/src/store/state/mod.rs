//! The state machine of the store: pure, without I/O or clock. `docs/launch-protocol.md` explains it.
//!
//! Invariants, which hold after every transition (`tests` checks them over random sequences of events):
//! 1. Current is built-in, the fallback, or on trial. So every unproven bundle has a fallback.
//! 2. The fallback is built-in or a bundle that confirmed.
//! 3. Current, next and fallback are built-in or installed, and none of them is failed.
//! 4. A trial belongs to the current bundle.
//! 5. At most [`MAX_FAILED`] failures are kept, the newest.
//! 6. The accepted sequence of a channel never decreases, nor does the latest time.
//! 7. The predecessor is installed, proven and not the fallback, except during a trial of the bundle that replaced it.

mod bundles;
mod decision;
mod failures;
mod launch;
mod machine;
mod saved;
mod set_aside;
mod trial;

pub(super) use decision::{Decision, Facts, LostTrial, Rules, TrialEnd, World};
pub(super) use failures::{MAX_FAILED, missing_from};
pub(super) use machine::{Refusal, StoreState};
pub(super) use saved::Loaded;
pub(super) use trial::Trial;

#[cfg(test)]
mod tests;
