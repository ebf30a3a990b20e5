//! For devices: updates, their channel, their reports. No keys; what they say is believed by nobody but counted.

pub(crate) mod channel_self;
mod decide;
pub(crate) mod reports;
mod request;
mod rollout;
pub(crate) mod updates;
