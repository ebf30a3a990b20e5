//! Making patches (docs/format.md, "Patch"), which [`capbundle::patch`] applies.

mod bundles;
mod encoder;
mod make;
mod matches;
mod parse;

pub(crate) use self::bundles::total;
pub use self::bundles::{ArchiveCost, UnpackedBundle, between};
pub use self::make::{MAX_BYTES, make};

#[cfg(test)]
mod tests;
