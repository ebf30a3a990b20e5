//! Records that a store keeps beside its state: bundles, failures, accepted and denied releases, the key ring.

mod denylist;
mod file_list;
mod identity;
mod key_ring;
mod proof;
mod rollback_guard;
mod set_aside;
mod types;

pub use proof::{ProofKind, RecordedProof};
pub use rollback_guard::AcceptedRelease;
pub use types::{BundleRecord, FailedBundle, FailureCause, Status};

pub(super) use denylist::{Denylist, is_fault_of_archive};
pub(super) use file_list::{file_lines, listed_in};
pub(super) use identity::Identity;
pub(super) use key_ring::{FollowedRing, link};
pub(super) use rollback_guard::{RollbackGuard, Superseded};
pub(super) use set_aside::SetAside;
pub(super) use types::{Incompatibility, is_built_in};
