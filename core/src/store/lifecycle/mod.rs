//! The lifecycle of a bundle: it comes next, is launched, goes on trial, and is proven or fails.

pub(super) mod apply_condition;
mod failures;
mod launch;
mod preview;
mod query;
mod switch;
mod trial;

pub use apply_condition::ApplyCondition;
pub use trial::{Confirmation, Expired};
