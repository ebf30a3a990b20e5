//! Lists the registered channels and their bundles, if there is an API key for the server.

use std::sync::Arc;

use capbundle::http::Transport;
use capbundle_publish::api::AppId;

use super::Notes;
use super::device::Device;
use crate::args::DebugArgs;
use crate::commands::bundle::identity;
use crate::commands::server;
use crate::error::Result;
use crate::interrupt;

/// Reports the bundles of the app's channels, if --apikey is given and belongs to the server that devices use.
/// Devices need no API key, so a failure is a warning.
pub(super) fn report(
    args: &DebugArgs,
    device: &Device,
    transport: &Arc<dyn Transport>,
    notes: &mut Notes<'_>,
) -> Result<()> {
    if args.server.apikey.is_none() {
        return Ok(());
    }
    let is_capgo = device.url.as_str() == super::device::CAPGO;
    if server::own_address(&args.server)?.is_none() && !is_capgo {
        notes.warn(
            "apikey_unused",
            "--apikey is not used: pass --api-url to select the server of the key",
        );
        return Ok(());
    }
    let app = identity::parse_app_id(&device.request.app_id)?;
    match channels(args, &app, transport) {
        Ok(lines) if lines.is_empty() => notes.report("The app has no channel"),
        Ok(lines) => notes.report(format!("Channels: {}", lines.join(", "))),
        Err(failure) => {
            notes.warn(
                "channels_unknown",
                format!("cannot list the channels: {}", failure.message),
            );
            Ok(())
        }
    }
}

fn channels(args: &DebugArgs, app: &AppId, transport: &Arc<dyn Transport>) -> Result<Vec<String>> {
    let api = server::api(&args.server, Arc::clone(transport))?;
    let control = interrupt::control();
    let mut lines = Vec::new();
    for channel in api.channels(app, &control) {
        let channel = channel?;
        let version = channel.version.as_deref().unwrap_or("an unknown bundle");
        lines.push(format!("{} serves {version}", channel.name));
    }
    Ok(lines)
}
