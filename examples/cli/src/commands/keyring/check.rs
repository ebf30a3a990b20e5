//! `capbundle keyring check`

use capbundle::AppId;
use serde::Serialize;

use crate::args::KeyringCheckArgs;
use crate::commands::keyring::id_of;
use crate::commands::release::document;
use crate::error::{Failure, Result};
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    number: u64,
    threshold: u64,
    keys: Vec<String>,
    retired: Vec<String>,
}

pub(crate) fn run(args: &KeyringCheckArgs, output: &Output) -> Result<()> {
    let ring = document::walk(&args.rings, &app(args)?)?;
    output.say(format!(
        "A device accepts ring {} of {}: {} of {} keys must sign",
        ring.number(),
        ring.app_id(),
        ring.threshold(),
        ring.keys().len()
    ));
    output.document(&Document {
        app_id: ring.app_id().as_str(),
        number: ring.number(),
        threshold: ring.threshold(),
        keys: ring.keys().iter().map(id_of).collect(),
        retired: document::ids(ring.retired()),
    })
}

/// The app id of the command line, else that of the first ring.
fn app(args: &KeyringCheckArgs) -> Result<AppId> {
    if args.app_id.is_some() {
        return document::app_id(args.app_id.as_deref());
    }
    let Some(first) = args.rings.first() else {
        return Err(Failure::missing_argument("no key ring: pass at least one"));
    };
    document::app_of_ring(&document::read_envelope(first)?)
}
