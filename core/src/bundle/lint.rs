//! Checks of the contents of a bundle, before packing and in an archive.

#[cfg(feature = "check")]
pub(super) mod check;
#[cfg(feature = "check")]
mod ignore;
pub(super) mod names;
#[cfg(feature = "check")]
mod search;
pub(super) mod secrets;
#[cfg(feature = "check")]
mod source_mask;
#[cfg(feature = "check")]
pub(super) mod walk;
