//! Updating from a static channel.

mod denylist;
mod device_id;
mod key_ring;
mod outcome;
mod select_release;
mod source;
mod update;
mod ways;

pub use outcome::{ChannelOutcome, ChannelUpdate, Offer, RolloutDecision, Skipped};
pub use source::ChannelSource;
pub(crate) use update::WatchedUpdate;
