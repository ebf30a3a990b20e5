//! `capbundle release gc`

use capbundle_publish::site::ExecutionOptions;
use capbundle_publish::site::gc;
use capbundle_publish::site::gc::GcOptions;
use serde::Serialize;

use super::document;
use crate::args::GcArgs;
use crate::error::Result;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    site: String,
    removed: &'a [String],
    bytes: u64,
    kept_releases: usize,
    young: &'a [String],
    dry_run: bool,
}

pub(crate) fn run(args: &GcArgs, output: &Output) -> Result<()> {
    let app = document::app_id(args.app_id.as_deref())?;
    let storage = super::storage(&args.site)?;
    let options = GcOptions::default().with_keep(args.keep).with_grace(args.grace);
    let bar = output.progress();
    let mut before = |step: &str| bar.aside(|| output.say(format!("- {step}")));
    let control = bar.control();
    let mut run = ExecutionOptions::new(&control, &mut before).with_dry_run(args.dry_run);
    let collected = gc::collect(&*storage, &app, &options, &mut run)?;
    drop(bar);
    output.say(format!(
        "{} {} ({}), kept {}{}",
        if args.dry_run { "Would have removed" } else { "Removed" },
        output::counted(collected.removed.len() as u64, "file"),
        output::bytes(collected.bytes),
        output::counted(collected.kept as u64, "release"),
        match collected.young.len() {
            0 => String::new(),
            young => format!(
                " and {} that are unreferenced but younger than --grace",
                output::counted(young as u64, "file")
            ),
        }
    ));
    output.document(&Document {
        app_id: app.as_str(),
        site: storage.place(),
        removed: &collected.removed,
        bytes: collected.bytes,
        kept_releases: collected.kept,
        young: &collected.young,
        dry_run: args.dry_run,
    })
}
