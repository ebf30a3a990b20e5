//! `capbundle device status`

use capbundle::native::NativeApp;
use capbundle::store::{ApplyCondition, BundleRef, DiskUsage, FailedBundle, Launch, Store};
use serde::Serialize;

use super::app::Device;
use super::documents::{self, FailedDocument, ServedDocument};
use crate::error::Result;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    native_version: String,
    native_build: String,
    /// Missing if the app is not running.
    #[serde(skip_serializing_if = "Option::is_none")]
    serves: Option<ServedDocument>,
    current: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    delays: Vec<ApplyCondition>,
    fallback: String,
    failed: Vec<FailedDocument>,
    bundles: usize,
    bytes: u64,
    free_bytes: u64,
}

pub(super) fn run(device: &Device<'_>, output: &Output) -> Result<()> {
    let (lines, document) = describe(&device.store()?, &device.native())?;
    output.report_all(lines)?;
    output.document(&document)
}

/// The state of a device, for people and for programs.
pub(super) fn describe(store: &Store, native: &NativeApp) -> Result<(Vec<String>, Document)> {
    let served = store.served();
    let (current, next, fallback) = (store.current()?, store.next()?, store.fallback()?);
    let (delays, failed, usage) = (store.delays()?, store.failed()?, store.disk_usage()?);

    let mut lines = serving(served.as_ref());
    lines.push(format!("Current   {}", name(store, &current)?));
    if let Some(next) = &next {
        let waits = match delays.len() {
            0 => String::new(),
            count => format!(", waiting for {}", output::counted(count as u64, "condition")),
        };
        lines.push(format!("Next      {}{waits}", name(store, next)?));
    }
    lines.push(format!("Fallback  {}", name(store, &fallback)?));
    lines.extend(failed.iter().map(failure));
    lines.push(describe_usage(usage));
    let document = Document {
        native_version: native.version.as_str().to_owned(),
        native_build: native.build.clone(),
        serves: served.map(|launch| ServedDocument::new(&launch, store.ready_deadline())),
        current: current.to_string(),
        next: next.as_ref().map(BundleRef::to_string),
        delays,
        fallback: fallback.to_string(),
        failed: failed.iter().map(FailedDocument::from).collect(),
        bundles: usage.bundles,
        bytes: usage.bundle_bytes,
        free_bytes: usage.free,
    };
    Ok((lines, document))
}

fn serving(served: Option<&Launch>) -> Vec<String> {
    served.map_or_else(|| vec!["The app is not running".to_owned()], documents::served)
}

fn name(store: &Store, slot: &BundleRef) -> Result<String> {
    let version = match slot.bundle() {
        Some(id) => Some(store.get(id)?.version),
        None => None,
    };
    Ok(documents::named(slot, version.as_deref()))
}

fn failure(failed: &FailedBundle) -> String {
    let name = documents::named(&failed.id.clone().into(), Some(&failed.version));
    format!("Failed    {name}: {}", failed.cause.as_str())
}

fn describe_usage(usage: DiskUsage) -> String {
    format!(
        "{} installed, {}; {} free",
        output::counted(usage.bundles as u64, "bundle"),
        output::bytes(usage.bundle_bytes),
        output::bytes(usage.free)
    )
}
