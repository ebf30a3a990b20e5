//! Choosing the served bundle: `capbundle device set`, `next` and `reset`.

use capbundle::store::{ApplyCondition, BundleRef};
use serde::Serialize;

use super::app::Device;
use super::documents::{self, ServedDocument};
use crate::args::NextArgs;
use crate::error::Result;
use crate::output::Output;

pub(super) fn set(device: &Device<'_>, bundle: &BundleRef, output: &Output) -> Result<()> {
    let (store, _) = device.running()?;
    let launch = store.set_current(bundle)?;
    output.report_all(documents::served(&launch))?;
    output.document(&ServedDocument::new(&launch, store.ready_deadline()))
}

pub(super) fn reset(device: &Device<'_>, to_last_proven: bool, output: &Output) -> Result<()> {
    let (store, _) = device.running()?;
    let launch = store.reset(to_last_proven)?;
    output.report_all(documents::served(&launch))?;
    output.document(&ServedDocument::new(&launch, store.ready_deadline()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NextDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    delays: &'a [ApplyCondition],
}

pub(super) fn next(device: &Device<'_>, args: &NextArgs, output: &Output) -> Result<()> {
    let store = device.store()?;
    if let Some(bundle) = &args.id {
        store.set_next_when(bundle, args.delays.clone())?;
    } else {
        store.clear_next()?;
        store.set_delays(Vec::new())?;
    }
    output.say(match (&args.id, args.delays.len()) {
        (None, _) => "There is no next bundle".to_owned(),
        (Some(bundle), 0) => format!("Next bundle: {}, at the next launch", documents::named(bundle, None)),
        (Some(bundle), 1) => format!(
            "Next bundle: {}, once its condition is met",
            documents::named(bundle, None)
        ),
        (Some(bundle), count) => format!(
            "Next bundle: {}, once its {count} conditions are met",
            documents::named(bundle, None)
        ),
    });
    output.document(&NextDocument {
        next: args.id.as_ref().map(BundleRef::to_string),
        delays: &args.delays,
    })
}
