//! Routes for publishers: the Bundles API, channels and statistics.

pub(crate) mod bundle;
pub(crate) mod channel;
mod json;
mod native_packages;
pub(crate) mod statistics;
