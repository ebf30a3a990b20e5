//! Patches: they make the changed files of a bundle from the files of an older one.
//!
//! Bundlers rename every chunk whose hash changed, so most changed files are old ones under new names with small edits. A
//! patch reads all files of the old bundle as one sequence of bytes (the **old side**, in the order of its file list) and
//! writes the files of the new list whose contents are in no old file, one after the other (the **new side**). The format
//! is specified in docs/format.md; `capbundle-publish` makes patches.
//!
//! A patch is untrusted: it may write any bytes, but never more than its header says. The caller compares the header with
//! the lists and limits that it knows, and verifies every file that it cuts from the new side.

mod apply;
mod chance;
mod damage;
mod decoder;
mod header;
pub mod memory;
pub mod model;
mod side;
mod window;

pub use self::apply::apply;
pub use self::header::{HEADER_BYTES, PatchHeader};
pub use self::side::{JoinedFiles, Side, new_side};

#[cfg(test)]
mod tests;
