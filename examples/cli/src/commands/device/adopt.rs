//! `capbundle device adopt`

use std::fs;

use capbundle::store::CapgoBundles;
use serde::Serialize;

use super::app::Device;
use super::documents::{self, FailedDocument};
use crate::args::AdoptArgs;
use crate::error::{Failure, Result, Warning};
use crate::output::Output;

#[derive(Serialize)]
struct Document {
    adopted: Vec<Adopted>,
    failed: Vec<FailedDocument>,
    /// Bundles that were not taken over, and the reasons.
    warnings: Vec<Warning>,
}

#[derive(Serialize)]
struct Adopted {
    id: String,
    version: String,
}

pub(super) fn run(device: &Device<'_>, args: &AdoptArgs, output: &Output) -> Result<()> {
    let infos = args
        .info
        .iter()
        .map(|file| fs::read_to_string(file).map_err(|error| Failure::io("read", file, &error)));
    let capgo = CapgoBundles::new(&args.folder)
        .with_infos(infos.collect::<Result<_>>()?)
        .with_current(args.current.clone())
        .with_fallback(args.fallback.clone())
        .with_next(args.next.clone())
        .with_native_build(args.native_build.clone());
    let found = device.store()?.migrate_capgo(&capgo)?;
    for record in &found.bundles {
        let name = documents::named(&record.id.clone().into(), Some(&record.version));
        output.say(format!("Took over {name}"));
    }
    for failed in &found.failed {
        let name = documents::named(&failed.id.clone().into(), Some(&failed.version));
        output.say(format!("{name} remains marked as failed"));
    }
    let skipped = found.skipped.iter();
    let warnings: Vec<Warning> = skipped
        .map(|(bundle, why)| Warning::new("skipped", format!("{}: {why}", bundle.trim())))
        .collect();
    output.warn_all(&warnings);
    let adopted = found.bundles.iter().map(|record| Adopted {
        id: record.id.to_string(),
        version: record.version.clone(),
    });
    output.document(&Document {
        adopted: adopted.collect(),
        failed: found.failed.iter().map(FailedDocument::from).collect(),
        warnings,
    })
}
