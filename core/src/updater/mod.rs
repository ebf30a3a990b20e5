//! The updater of an app, above the store: what Capgo's plugin and its JavaScript speak, as types.
//!
//! | of the plugin | here |
//! |---|---|
//! | `autoUpdate`, `directUpdate` | [`UpdateMode`] |
//! | `periodCheckDelay` | [`CheckPeriod`] |
//! | a call from JavaScript | [`Call`] |
//! | an event for its listeners | [`PluginEvent`], with a [`BundleInfo`] |
//! | the percentages of a download | [`DownloadSteps`] |
//! | an action of its reports | [`ReportAction`] |
//! | `delayConditions` | [`ApplyCondition::parse_capgo`](crate::store::ApplyCondition::parse_capgo) |
//!
//! These modules do no I/O.

mod bundle_info;
mod call;
mod check_period;
mod download_steps;
mod mode;
mod plugin_event;

pub use crate::update::protocol::ReportAction;
pub use bundle_info::{BundleInfo, BundleInfoStatus};
pub use call::{Call, CallError, DownloadCall, LatestCall};
pub use check_period::CheckPeriod;
pub use download_steps::{DownloadPhase, DownloadStep, DownloadSteps};
pub use mode::{CheckSituation, UpdateMode};
pub use plugin_event::PluginEvent;
