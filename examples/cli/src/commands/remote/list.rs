//! `capbundle bundle list`

use capbundle::publish::api::RemoteBundle;
use serde::Serialize;

use super::Remote;
use super::table::{short, table};
use crate::args::ListArgs;
use crate::codes::Result;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    bundles: &'a [RemoteBundle],
}

pub(crate) fn run(args: &ListArgs, output: &Output) -> Result<()> {
    let remote = Remote::find(args.app_id.as_deref(), &args.server)?;
    let bundles = remote.bundles()?;
    let mut rows = vec![
        ["VERSION", "ID", "CREATED", "ENCRYPTED", "CHECKSUM", "WHERE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(bundles.iter().map(row));
    if !bundles.is_empty() {
        output.report_all(table(&rows))?;
    }
    output.say(format!(
        "{} of {}",
        output::counted(bundles.len() as u64, "bundle"),
        remote.app
    ));
    output.document(&Document {
        app_id: remote.app.as_str(),
        bundles: &bundles,
    })
}

fn row(bundle: &RemoteBundle) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let place = bundle.external_url.as_deref().map(|url| {
        // A query may be an authority of its own.
        url.split_once('?').map_or(url, |(before, _)| before).to_owned()
    });
    vec![
        bundle.version.clone(),
        bundle.id.to_string(),
        text(&bundle.created_at).chars().take(19).collect(),
        if bundle.session_key.as_deref().is_some_and(|key| !key.is_empty()) {
            "yes"
        } else {
            "no"
        }
        .to_owned(),
        short(&text(&bundle.checksum), 12),
        place.unwrap_or_else(|| text(&bundle.storage_provider)),
    ]
}
