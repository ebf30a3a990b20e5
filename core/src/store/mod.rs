//! The bundles installed on a device, and the decision at each launch which one to serve.
//!
//! After a power cut, a full disk, a crash of the new bundle or a change by another process, the app still starts with
//! the last bundle that confirmed, or with the built-in one. `docs/launch-protocol.md` covers every case;
//! `docs/capgo-plugin.md` maps the calls of Capgo's plugin to these methods.
//!
//! One open [`Store`] is one session. Open it once when the process starts, call [`Store::launch`] to learn what to
//! serve, call [`Store::trial_started`] when the page of a bundle starts, and [`Store::confirm`] when the page reports
//! that it is ready.

mod assemble;
mod bundle_id;
mod channel;
mod cleanup;
mod install;
mod lifecycle;
mod migrate_capgo;
mod open;
mod options;
mod records;
mod session;
mod side_files;
mod state;
mod storage;
mod transaction;
mod verify;
mod warnings;

pub use crate::expected_proof::ExpectedProof;
pub use crate::native::{NativeApp, NativeRange, NativeVersion};
pub use crate::time::Timestamp;
pub use assemble::{BuiltInFiles, BuiltInFolder, Delivery, DeliveryWay};
pub use bundle_id::{BundleId, BundleRef};
pub(crate) use channel::WatchedUpdate;
pub use channel::{ChannelOutcome, ChannelSource, ChannelUpdate, Offer, RolloutDecision, Skipped};
pub use cleanup::{Cleaned, DiskUsage, KeepRules};
pub use install::{NewBundle, ReleaseFiles, ReleaseOptions, RemoteArchive};
pub use lifecycle::{ApplyCondition, Confirmation, Expired};
pub use migrate_capgo::{CapgoBundles, CapgoMigration};
pub use open::Store;
pub use options::{RequiredProof, StoreOptions};
pub use records::{AcceptedRelease, BundleRecord, FailedBundle, FailureCause, ProofKind, RecordedProof, Status};
pub use session::{Launch, LaunchReason, NotDurable};
pub use verify::Damage;

pub(crate) use side_files::SideFiles;

#[cfg(test)]
mod crash_tests;
// These tests pack the bundles that they install.
#[cfg(all(test, feature = "pack"))]
mod tests;
