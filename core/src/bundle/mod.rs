//! From a folder to an archive and back.
mod archive;
#[cfg(feature = "check")]
mod check;
#[cfg(feature = "pack")]
mod compress;
mod content;
mod finding;
mod inspect;
mod layout;
mod names;
#[cfg(feature = "check")]
mod needle;
#[cfg(feature = "pack")]
mod pack;
#[cfg(feature = "check")]
mod rules;
#[cfg(feature = "check")]
mod scan;
mod unpack;
#[cfg(feature = "pack")]
mod writer;
#[cfg(feature = "check")]
pub use check::{CheckOptions, check};
pub use finding::{Finding, FindingCode, Severity};
pub use inspect::{EntrySummary, Inspection, inspect};
#[cfg(feature = "pack")]
pub use pack::{PackOptions, Packed, pack};
#[cfg(feature = "check")]
pub use scan::Excluded;
pub(crate) use unpack::{Tree, WrittenFile, digest_files, read_bundle, write_tree};
pub use unpack::{UnpackOptions, Unpacked, unpack};
