//! `capbundle channel …`

use capbundle_publish::api::RemoteChannel;
use serde::Serialize;

use super::Remote;
use super::table::table;
use crate::args::{ChannelSetArgs, ListArgs};
use crate::commands::bundle::content::Project;
use crate::commands::bundle::identity;
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListDocument<'a> {
    app_id: &'a str,
    channels: &'a [RemoteChannel],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SetDocument<'a> {
    app_id: &'a str,
    channel: &'a str,
    bundle: &'a str,
    version_id: u64,
    /// The version before the change.
    before: Option<&'a str>,
}

pub(crate) fn list(args: &ListArgs, output: &Output) -> Result<()> {
    let remote = Remote::find(args.app_id.as_deref(), &args.server, output)?;
    let channels = remote.channels()?;
    let mut rows = vec![["CHANNEL", "ID", "PUBLIC", "BUNDLE"].map(str::to_owned).to_vec()];
    rows.extend(channels.iter().map(|channel| {
        let public = match channel.public {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        let bundle = channel.version.clone().unwrap_or_else(|| "-".to_owned());
        vec![channel.name.clone(), channel.id.to_string(), public.to_owned(), bundle]
    }));
    if !channels.is_empty() {
        output.report_all(table(&rows, &[3, 0]))?;
    }
    output.say(format!(
        "{} of {}",
        output::counted(channels.len() as u64, "channel"),
        remote.app
    ));
    output.document(&ListDocument {
        app_id: remote.app.as_str(),
        channels: &channels,
    })
}

pub(crate) fn set(args: &ChannelSetArgs, output: &Output) -> Result<()> {
    let version = match &args.bundle {
        Some(version) => version.clone(),
        None => identity::version(None, &args.package_json, &mut Project::default(), output)?.to_string(),
    };
    let remote = Remote::find(args.app_id.as_deref(), &args.server, output)?;
    let bundle = remote.bundle(&version)?;
    let control = interrupt::control();
    let Some(channel) = remote.api.channel(&remote.app, &args.channel, &control)? else {
        return Err(Failure::refused(
            "channel_not_found",
            format!(
                "{} has no channel {}; list the channels with `capbundle channel list`",
                remote.app, args.channel
            ),
        ));
    };
    remote.api.set_channel(&remote.app, bundle.id, channel.id, &control)?;
    let before = channel.version.as_deref();
    output.say(format!(
        "Channel {} of {} now has {version}{}",
        channel.name,
        remote.app,
        before.map(|before| format!(" (before: {before})")).unwrap_or_default()
    ));
    output.document(&SetDocument {
        app_id: remote.app.as_str(),
        channel: &channel.name,
        bundle: &version,
        version_id: bundle.id,
        before,
    })
}
