//! The decisions of an updater, without clock, I/O or thread.
//!
//! [`Policy::handle`] takes what happened and returns what to do. Operations of the store and the network are actions
//! with an id, and their outcomes are events: nothing is served before the launch decision is durable, and an outcome
//! that never comes, comes twice or comes late does no harm.
//!
//! `docs/launch-protocol.md` says what the operations of the store do and survive.

mod action;
mod calls;
mod check;
mod event;
mod handle;
mod options;
mod page;
mod state;

pub use action::{
    Action, Announcement, CheckKind, CheckReply, Load, PreviewEnd, ReadyStatus, Reply, Report, StoreOperation,
};
pub use event::{
    CallId, CheckAnswer, HostEvent, LoadId, Moment, OperationId, Outcome, PageId, Request, Timer, UpdateOutcome,
};
pub use options::PolicyOptions;
pub use state::Policy;

#[cfg(test)]
mod tests;
