//! `capbundle device status`

use capbundle::store::{ApplyCondition, BundleRef, DiskUsage, FailedBundle, Launch, Store};
use serde::Serialize;

use super::app::Device;
use super::documents::{self, FailedDocument, ServedDocument};
use crate::error::Result;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    native_version: &'a str,
    native_build: &'a str,
    /// Missing if the app is not running.
    #[serde(skip_serializing_if = "Option::is_none")]
    serves: Option<ServedDocument>,
    current: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    delays: &'a [ApplyCondition],
    fallback: String,
    failed: Vec<FailedDocument>,
    bundles: usize,
    bytes: u64,
    free_bytes: u64,
}

pub(super) fn run(device: &Device<'_>, output: &Output) -> Result<()> {
    let store = device.store()?;
    let native = device.native();
    let served = store.served();
    let (current, next, fallback) = (store.current()?, store.next()?, store.fallback()?);
    let (delays, failed, usage) = (store.delays()?, store.failed()?, store.disk_usage()?);

    output.report_all(serving(served.as_ref()))?;
    output.report(format!("Current   {}", name(&store, &current)?))?;
    if let Some(next) = &next {
        let waits = match delays.len() {
            0 => String::new(),
            count => format!(", waiting for {}", output::counted(count as u64, "condition")),
        };
        output.report(format!("Next      {}{waits}", name(&store, next)?))?;
    }
    output.report(format!("Fallback  {}", name(&store, &fallback)?))?;
    for failed in &failed {
        output.report(failure(failed))?;
    }
    output.report(describe_usage(usage))?;
    output.document(&Document {
        native_version: native.version.as_str(),
        native_build: &native.build,
        serves: served.map(|launch| ServedDocument::new(&launch, store.ready_deadline())),
        current: current.to_string(),
        next: next.as_ref().map(BundleRef::to_string),
        delays: &delays,
        fallback: fallback.to_string(),
        failed: failed.iter().map(FailedDocument::from).collect(),
        bundles: usage.bundles,
        bytes: usage.bundle_bytes,
        free_bytes: usage.free,
    })
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
