//! The ways by which files reach a device.

use super::tree::AssemblyTree;
use crate::error::Result;
use crate::progress::Control;
use crate::release::ListedFile;

/// How the files of a bundle reached the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The way that brought the last file.
    pub way: DeliveryWay,
    /// Bytes received over the network by this call, with those that were received in vain.
    pub received: u64,
    /// Bytes of the files that were copied from installed bundles or continued from an interrupted attempt.
    pub copied: u64,
}

/// The way by which the files of a bundle reached the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryWay {
    /// Every file was on the device.
    AtHand,
    /// A patch from an installed bundle.
    Patch,
    /// Parts of the archive.
    Ranges,
    /// The whole archive.
    Archive,
}

impl DeliveryWay {
    /// The way in snake case, for logs and machine-readable output. Stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtHand => "at_hand",
            Self::Patch => "patch",
            Self::Ranges => "ranges",
            Self::Archive => "archive",
        }
    }
}

/// A way to fetch the missing files of a bundle.
pub(in crate::store) trait Way {
    fn kind(&self) -> DeliveryWay;
    /// Bytes that it receives for these files, as far as that is known beforehand.
    fn bytes(&self, missing: &[&ListedFile]) -> u64;
    /// Bytes that it writes beside the files, while it runs.
    fn scratch(&self, missing: &[&ListedFile]) -> u64;
    /// Fetches what is missing into the tree. Files that were complete before an error stay there.
    ///
    /// Adds the bytes that it receives to `received`, also if it fails.
    fn fetch(&self, tree: &mut AssemblyTree<'_>, received: &mut u64, control: &Control) -> Result<()>;
}
