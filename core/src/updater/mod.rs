//! An app that keeps itself up to date: when to check, what to install, when to serve it, and what to report.
//!
//! A host opens one [`Updater`] in its process. It says what happens to the app and loads what the updater tells it to;
//! everything else is decided here. `docs/host.md` shows a whole life in forty lines.
//!
//! | I want to … | use |
//! |---|---|
//! | keep an app up to date | [`Updater`], with a [`Host`] and [`UpdaterOptions`] |
//! | ask a server that speaks Capgo's protocol | [`ServerSource`] |
//! | follow a static channel of signed releases | [`StaticSource`] |
//! | take `autoUpdate`, `directUpdate`, `periodCheckDelay` of an app's configuration | [`UpdateMode`], [`CheckPeriod`] |
//! | carry out a call from JavaScript | [`Call`], [`Updater::call`] |
//! | tell its listeners | [`PluginEvent`] |
//! | know why a device serves its bundle | [`DeviceLog`] |
//! | decide all of this in a program of my own | [`policy::Policy`] |
//!
//! Three files beside the store's state hold what must outlive the process: `log.jsonl` (and `log.1.jsonl`), the
//! [`DeviceLog`]; `reports.jsonl`, the reports that no server has received yet; `updater.json`, what the app changed at
//! run time. Each survives a crash at any moment, and none of them keeps the store from serving a bundle:
//! `docs/launch-protocol.md` lists what is found after a crash.

mod announcements;
mod bundle_info;
mod call;
mod channels;
mod check_period;
mod device_log;
mod download_steps;
mod facade;
mod host;
mod identity;
mod javascript;
mod keyed_list;
mod line_file;
#[cfg_attr(not(test), allow(dead_code, reason = "used by the run of the updater"))]
mod log_entry;
mod mode;
mod operations;
mod options;
mod page_handle;
mod plugin_event;
pub mod policy;
mod progress;
mod reports;
mod run;
mod send_reports;
mod server;
mod settings;
mod static_channel;

pub use crate::update::protocol::ReportAction;
pub use bundle_info::{BundleInfo, BundleInfoStatus};
pub use call::{Call, CallError, DownloadCall, LatestCall};
pub use check_period::CheckPeriod;
pub use device_log::DeviceLog;
pub use download_steps::{DownloadPhase, DownloadStep, DownloadSteps};
pub use facade::Updater;
pub use host::Host;
pub use javascript::{BridgeCall, CallRejection};
pub use log_entry::{LogEntry, LogEvent};
pub use mode::{CheckSituation, UpdateMode};
pub use options::{DeviceInfo, Permissions, ServerSource, Source, StaticSource, UpdaterOptions};
pub use page_handle::{Page, Ready};
pub use plugin_event::PluginEvent;
pub use policy::{Load, PolicyOptions};

#[cfg(test)]
mod crash_tests;
