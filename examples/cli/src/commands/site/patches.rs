//! Patches from earlier releases, and what devices with their bundles download.

use std::path::Path;

use capbundle::keys::ContentKey;
use capbundle_publish::site::{NoPatch, PatchOptions, UpdateCost};
use serde::Serialize;

use crate::args::PatchArgs;
use crate::commands::remote::table::table;
use crate::error::{About, Result, Subject};
use crate::output;

/// One line of the table in JSON. Sizes are in bytes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DownloadDocument<'a> {
    from: u64,
    version: &'a str,
    archive: u64,
    ranges: Option<u64>,
    patch: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_patch: Option<&'static str>,
}

pub(super) fn content_keys(args: &PatchArgs) -> Result<Vec<ContentKey>> {
    let keys = args.content_key.iter();
    keys.map(|file| ContentKey::read(file).about(Subject::PrivateKey))
        .collect()
}

pub(super) fn options<'a>(args: &'a PatchArgs, keys: &'a [&'a ContentKey], staging: &'a Path) -> PatchOptions<'a> {
    PatchOptions::new(staging)
        .with_last(args.patches)
        .with_cache(args.previous.as_deref())
        .with_content_keys(keys)
}

/// What a device downloads from each release, by each way.
pub(super) fn lines(costs: &[UpdateCost]) -> Vec<String> {
    let title = ["FROM", "VERSION", "ARCHIVE", "BY RANGES", "PATCH"];
    let mut rows = vec![title.map(str::to_owned).to_vec()];
    rows.extend(costs.iter().map(|cost| {
        vec![
            cost.from.to_string(),
            cost.version.clone(),
            output::bytes(cost.archive),
            cost.ranges.map_or_else(|| "-".to_owned(), output::bytes),
            match cost.patch {
                Some(Ok(bytes)) => output::bytes(bytes),
                Some(Err(NoPatch::SavesTooLittle(bytes))) => format!("none (of {})", output::bytes(bytes)),
                Some(Err(_)) => "none".to_owned(),
                None => "-".to_owned(),
            },
        ]
    }));
    table(&rows, &[1])
}

pub(super) fn documents(costs: &[UpdateCost]) -> Vec<DownloadDocument<'_>> {
    let document = |cost: &'_ UpdateCost| (cost.patch.and_then(Result::ok), cost.patch.and_then(Result::err));
    let documents = costs.iter().map(|cost| {
        let (patch, no_patch) = document(cost);
        DownloadDocument {
            from: cost.from,
            version: &cost.version,
            archive: cost.archive,
            ranges: cost.ranges,
            patch,
            no_patch: no_patch.map(|reason| reason.as_str()),
        }
    });
    documents.collect()
}
