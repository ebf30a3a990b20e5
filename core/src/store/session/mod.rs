//! Sessions. Each open store is one.

mod handle;
mod served;
mod start;
mod tracking;

pub use served::{Launch, LaunchReason, NotDurable};

pub(super) use handle::Session;
pub(super) use start::SessionStart;
