//! From a folder to an archive and back: packing, checking, inspecting and unpacking web bundles.

mod inspect;
mod lint;
#[cfg(feature = "pack")]
mod pack;
mod unpack;
mod zip;
pub use crate::finding::{Finding, FindingCode, Severity};
pub use inspect::{EntrySummary, Inspection, inspect};
#[cfg(feature = "check")]
pub use lint::check::{CheckOptions, check};
#[cfg(feature = "check")]
pub use lint::walk::Excluded;
#[cfg(feature = "pack")]
pub use pack::{PackOptions, Packed, pack};
pub(crate) use unpack::{TargetTree, WrittenFile, digest_files, read_bundle, write_tree};
pub use unpack::{UnpackOptions, Unpacked, unpack};
pub(crate) use zip::parts;
