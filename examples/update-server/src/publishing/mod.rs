//! For those who publish: the Bundles API and channels.

pub(crate) mod bundle;
pub(crate) mod channel;
mod describe;
mod native_packages;
pub(crate) mod statistics;
