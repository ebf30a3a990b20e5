//! The ways to the files of a release that are cheaper than its archive.

use crate::error::Result;
use crate::http::Transport;
use crate::progress::Control;
use crate::ranges::{RangeRequest, RangedArchive};
use crate::release::ListedFile;
use crate::store::assemble::{AssemblyTree, DeliveryWay, Way};

/// Parts of the archive.
pub(super) struct Ranges<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) request: RangeRequest<'a>,
}

impl Way for Ranges<'_> {
    fn kind(&self) -> DeliveryWay {
        DeliveryWay::Ranges
    }

    fn bytes(&self, missing: &[&ListedFile]) -> u64 {
        let bytes = self.request.estimated_bytes(missing);
        if self.request.is_most_of_archive(bytes) {
            return u64::MAX;
        }
        bytes
    }

    /// The largest entry is kept until it is complete.
    fn scratch(&self, missing: &[&ListedFile]) -> u64 {
        missing.iter().map(|file| file.size).max().unwrap_or_default()
    }

    /// Fetches nothing but the directory if that shows that the parts are most of the archive.
    fn fetch(&self, tree: &mut AssemblyTree<'_>, received: &mut u64, control: &Control) -> Result<()> {
        let mut archive = RangedArchive::open(self.transport, self.request, control)?;
        let missing = tree.needs().files;
        let fetched = match archive.cost(&missing) {
            Ok(cost) if cost.is_most_of_archive() => Ok(()),
            Ok(_) => archive.fetch(&missing, &mut |file, bytes| tree.take(file, bytes), control),
            Err(error) => Err(error),
        };
        *received += archive.traffic().bytes;
        fetched
    }
}
