//! `capbundle bundle delete`

use capbundle_publish::api::DeleteAll;
use serde::Serialize;

use super::Remote;
use crate::args::DeleteArgs;
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<&'a str>,
    all: bool,
}

pub(crate) fn run(args: &DeleteArgs, output: &Output) -> Result<()> {
    if args.yes_delete_all {
        return delete_all(args, output);
    }
    let Some(version) = &args.version else {
        return Err(Failure::missing_argument(
            "no bundle: pass its version, or --yes-delete-all for all bundles that no channel uses",
        ));
    };
    let remote = Remote::find(args.app_id.as_deref(), &args.server, output)?;
    // Servers differ in their response for a version that does not exist.
    remote.bundle(version)?;
    remote.api.delete(&remote.app, version, &interrupt::control())?;
    output.say(format!(
        "Deleted {version} of {}; its archive is kept unless the server stores archives itself",
        remote.app
    ));
    output.document(&Document {
        app_id: remote.app.as_str(),
        bundle: Some(version),
        all: false,
    })
}

fn delete_all(args: &DeleteArgs, output: &Output) -> Result<()> {
    // There is no version argument, so the first argument is the app id.
    let app = match (&args.version, &args.app_id) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "conflicting_arguments",
                "--yes-delete-all deletes all bundles; remove the version",
            ));
        }
        (first, _) => first.as_deref(),
    };
    let remote = Remote::find(app, &args.server, output)?;
    remote.require_known(&remote.bundles()?, &remote.channels()?)?;
    let yes = DeleteAll::bundles_of(remote.app.clone());
    remote.api.delete_all(&yes, &interrupt::control())?;
    output.say(format!(
        "Deleted all bundles of {} that no channel uses; their archives are kept unless the server stores archives itself",
        remote.app
    ));
    output.document(&Document {
        app_id: remote.app.as_str(),
        bundle: None,
        all: true,
    })
}
