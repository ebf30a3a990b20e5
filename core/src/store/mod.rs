//! The bundles of a device, and the decision at each start which one to serve.
//!
//! First, do no harm: whatever happens in between (a power cut, a full disk, a crash of the new bundle, another process),
//! the app starts with the last bundle that proved itself, or with the one built into it. `docs/launch-protocol.md` walks
//! through every case; `docs/capgo-plugin.md` says which call of Capgo's plugin becomes which of these.
//!
//! One open [`Store`] is one session: open it once when the process starts, ask [`Store::launch`] what to serve, say
//! [`Store::trial_started`] when the page of a bundle starts and [`Store::confirm`] when that page says it is ready.

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
mod state;
mod storage;
mod transaction;
mod verify;

pub use crate::native::{NativeApp, NativeRange, NativeVersion};
pub use crate::time::Timestamp;
pub use bundle_id::{BundleId, BundleRef};
pub use channel::{ChannelOutcome, ChannelSource, ChannelUpdate, Offer, RolloutDecision, Skipped};
pub use cleanup::{Cleaned, DiskUsage, KeepRules};
pub use install::{ExpectedProof, NewBundle, ReleaseOptions, RemoteArchive};
pub use lifecycle::{ApplyCondition, Confirmation, Expired};
pub use migrate_capgo::{Adopted, CapgoBundles};
pub use open::Store;
pub use options::{RequiredProof, StoreOptions};
pub use records::{AcceptedRelease, BundleRecord, FailedBundle, FailureCause, Status};
pub use session::{Launch, LaunchReason, NotDurable};
pub use verify::Damage;

#[cfg(test)]
mod crash_tests;
// They pack what they install.
#[cfg(all(test, feature = "pack"))]
mod tests;
