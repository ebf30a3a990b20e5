//! `capbundle keyring publish`

use capbundle_publish::site;
use serde::Serialize;

use super::document;
use crate::args::RingPublishArgs;
use crate::error::{Failure, Result, Warning};
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    app_id: String,
    site: String,
    changed: bool,
    dry_run: bool,
    steps: Vec<String>,
    notes: Vec<Warning>,
}

pub(crate) fn run(args: &RingPublishArgs, output: &Output) -> Result<()> {
    let envelope = document::read_envelope(&args.file)?;
    let app = document::app_of_ring(&envelope)?;
    if let Some(given) = &args.app_id
        && *given != app.as_str()
    {
        let message = format!("--app-id {given}: {} is a key ring of {app}", args.file.display());
        return Err(Failure::usage("conflicting_arguments", message));
    }
    let storage = super::storage(&args.site)?;
    let done = super::run(args.dry_run, output, |run| {
        site::publish_ring(&*storage, &app, &envelope, run)
    })?;
    let notes = super::notes(&done, output);
    output.document(&Document {
        app_id: app.to_string(),
        site: storage.place(),
        changed: done.changed,
        dry_run: args.dry_run,
        steps: done.steps,
        notes,
    })
}
