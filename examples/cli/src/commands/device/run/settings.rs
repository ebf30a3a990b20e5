//! The app that runs: what is built into it.

use std::sync::Arc;

use capbundle::http::{Transport, Url};
use capbundle::keys::VerifyingKeys;
use capbundle::native::NativeApp;
use capbundle::store::{ChannelSource, RequiredProof};
use capbundle::update::channel::Site;
use capbundle::update::protocol::Platform;
use capbundle::updater::{DeviceInfo, PolicyOptions, ServerSource, Source, StaticSource, UpdaterOptions};

use crate::args::{RunArgs, TrustArgs};
use crate::commands::bundle::content::Project;
use crate::commands::bundle::identity;
use crate::commands::device::app::Device;
use crate::commands::device::release::{channel, options};
use crate::commands::server;
use crate::config::CapacitorConfig;
use crate::error::{About, Failure, Result, Subject};

pub(super) struct Settings {
    pub(super) native: NativeApp,
    pub(super) proof: RequiredProof,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) options: UpdaterOptions,
}

impl Settings {
    pub(super) fn of(device: &Device<'_>, args: &RunArgs) -> Result<Self> {
        let (source, proof) = match &args.site {
            Some(site) => (
                Source::Channel(static_source(device, args, site)?),
                RequiredProof::Release,
            ),
            None => server_source(args)?,
        };
        let app_id = identity::app_id(args.app_id.as_deref(), &mut Project::default(), " or with --app-id")?;
        let info = DeviceInfo::new(Platform::from(args.platform), app_id)
            .with_os_version(args.os_version.as_str())
            .with_plugin_version(args.plugin_version.as_str())
            .with_build(args.emulator, !args.development);
        let policy = PolicyOptions::new(args.mode).with_period(args.period.unwrap_or_default());
        Ok(Self {
            native: device.native_or(args.native_version.as_deref(), args.native_build.as_deref()),
            proof,
            transport: server::transport(&args.network)?,
            options: UpdaterOptions::new(source, policy, info)
                .with_stats_url(args.stats_url.clone())
                .with_default_channel(args.default_channel.clone()),
        })
    }
}

fn static_source(device: &Device<'_>, args: &RunArgs, site: &Url) -> Result<StaticSource> {
    let (Some(name), Some(keys)) = (&args.channel, &args.keys) else {
        return Err(Failure::missing_argument("--site needs --channel and --keys"));
    };
    let trust = TrustArgs {
        app_id: args.app_id.clone(),
        keys: keys.clone(),
        content_key: args.content_key.clone(),
    };
    let release = options(device, &trust, channel(name)?)?;
    Ok(StaticSource::new(ChannelSource::new(Site::new(site.clone()), release)))
}

fn server_source(args: &RunArgs) -> Result<(Source, RequiredProof)> {
    let server = ServerSource::new(update_url(args)?)
        .with_channel_url(args.channel_url.clone())
        .with_form(args.checksum_form.into());
    let Some(file) = &args.public_key else {
        return Ok((Source::Server(server), RequiredProof::default()));
    };
    let keys = VerifyingKeys::read(file).about(Subject::PublicKey)?;
    let proof = RequiredProof::capgo_signed(&keys);
    Ok((Source::Server(server.with_keys(keys)), proof))
}

fn update_url(args: &RunArgs) -> Result<Url> {
    if let Some(url) = &args.update_url {
        return Ok(url.clone());
    }
    let Some(config) = CapacitorConfig::here()? else {
        return Err(Failure::missing_argument(
            "no source of updates: pass --update-url, or --site, --channel and --keys",
        ));
    };
    let path = config.path().display();
    match config.update_url()? {
        Some(url) => url.parse().map_err(|error: capbundle::Error| {
            Failure::refused("invalid_update_url", format!("updateUrl of {path}: {error}"))
        }),
        None => Err(Failure::missing_argument(format!(
            "no source of updates: {path} has no updateUrl; pass --update-url, or --site, --channel and --keys"
        ))),
    }
}
