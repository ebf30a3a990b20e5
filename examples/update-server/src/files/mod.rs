//! Archives: taken from publishers, kept, served to devices.

mod folder;
mod range;
pub(crate) mod serve;
pub(crate) mod upload;

use std::io;

pub(crate) use folder::{Folder, Incoming};

/// Where archives are kept. A path is `<app>/<sha256>.zip`, so that an archive never changes under its path.
pub(crate) trait Storage: Send + Sync {
    /// Takes over a whole archive. When this returns, it is durable, and served from then on.
    fn keep(&self, archive: Incoming, path: &str) -> io::Result<()>;

    /// Whether the archive is there.
    fn holds(&self, path: &str) -> io::Result<bool>;

    /// Removes the archive, if it is there.
    fn remove(&self, path: &str) -> io::Result<()>;
}
