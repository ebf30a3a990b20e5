//! Assembling a bundle from files that are on the device and from what is fetched of the rest.
//!
//! A verified file list says which files a bundle has. Files of installed bundles are copied, an interrupted attempt is
//! continued, and a [`Way`] fetches what is missing. Every file is hashed while it is written, whatever it comes from;
//! a file that differs from the list counts as missing.

mod at_hand;
mod built_in;
mod output;
mod tree;
mod way;

pub(super) use at_hand::AtHand;
pub use built_in::{BuiltInFiles, BuiltInFolder};
pub(super) use output::PatchOutput;
pub(super) use tree::{AssemblyTree, is_assemblable};
pub(super) use way::Way;
pub use way::{Delivery, DeliveryWay};
