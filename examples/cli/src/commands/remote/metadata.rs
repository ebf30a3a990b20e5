//! `capbundle bundle metadata`

use capbundle_publish::api::BundleMetadata;
use serde::Serialize;

use super::Remote;
use crate::args::MetadataArgs;
use crate::error::Result;
use crate::interrupt;
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    bundle: &'a str,
    version_id: u64,
    link: Option<&'a str>,
    comment: Option<&'a str>,
}

pub(crate) fn run(args: &MetadataArgs, output: &Output) -> Result<()> {
    let remote = Remote::find(args.app_id.as_deref(), &args.server, output)?;
    let bundle = remote.bundle(&args.version)?;
    let (link, comment) = (args.link.as_deref(), args.comment.as_deref());
    let control = interrupt::control();
    let metadata = BundleMetadata { link, comment };
    remote.api.set_metadata(&remote.app, bundle.id, metadata, &control)?;
    output.say(format!("Updated {} of {}", args.version, remote.app));
    output.document(&Document {
        app_id: remote.app.as_str(),
        bundle: &args.version,
        version_id: bundle.id,
        link,
        comment,
    })
}
