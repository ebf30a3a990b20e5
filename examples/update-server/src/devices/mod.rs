//! Routes for devices: updates, channels and events. They need no API key, and their input is not trusted.

pub(crate) mod channel_self;
mod decision;
pub(crate) mod manifest_size;
pub(crate) mod reports;
mod request;
mod rollout;
pub(crate) mod updates;
