//! Installing bundles: from an archive, a URL or a signed release.

mod archive;
mod assembled;
mod fetch;
mod publish;
mod release;
mod request;

pub use fetch::RemoteArchive;
pub use request::{NewBundle, ReleaseFiles, ReleaseOptions};

pub(super) use fetch::is_fault_of_file;
pub(super) use publish::Installing;
pub(super) use request::{Acceptance, ArchiveSource, acceptance_of};
