//! `capbundle device run`

use std::path::PathBuf;

use capbundle::http::Url;
use capbundle::updater::{CheckPeriod, UpdateMode};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use super::Form;
use super::remote::DevicePlatform;
use super::server::NetworkArgs;
use super::value_parsers;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").args(["update_url", "site"]))]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a property of a device in the update protocol"
)]
pub(crate) struct RunArgs {
    /// Update URL of the app [default: updateUrl of capacitor.config]
    #[arg(long, value_name = "URL", help_heading = "From an update server")]
    pub(crate) update_url: Option<Url>,
    /// The public key file in the app: bundles must be signed and encrypted for one of its keys [default: none; the
    /// server sends a digest]
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "From an update server",
        conflicts_with = "site"
    )]
    pub(crate) public_key: Option<PathBuf>,
    /// Encoding of the signed checksums
    #[arg(
        long,
        value_enum,
        default_value = "v3",
        value_name = "FORM",
        help_heading = "From an update server"
    )]
    pub(crate) checksum_form: Form,
    /// URL for the calls about channels, Capgo's channelUrl
    #[arg(
        long,
        value_name = "URL",
        help_heading = "From an update server",
        conflicts_with = "site"
    )]
    pub(crate) channel_url: Option<Url>,
    /// URL of a site with signed releases
    #[arg(
        long,
        value_name = "URL",
        help_heading = "From a static channel",
        requires = "channel",
        requires = "keys"
    )]
    pub(crate) site: Option<Url>,
    /// The channel on the site
    #[arg(long, value_name = "NAME", help_heading = "From a static channel", requires = "site")]
    pub(crate) channel: Option<String>,
    /// The first key ring file, built into the app
    #[arg(long, value_name = "FILE", help_heading = "From a static channel", requires = "site")]
    pub(crate) keys: Option<PathBuf>,
    /// Private content key file to open sealed archives with (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "From a static channel", requires = "site")]
    pub(crate) content_key: Vec<PathBuf>,
    /// URL for reports, Capgo's statsUrl [default: no reports]
    #[arg(long, value_name = "URL")]
    pub(crate) stats_url: Option<Url>,
    /// The channel that the device asks for, Capgo's defaultChannel
    #[arg(long, value_name = "NAME", conflicts_with = "site")]
    pub(crate) default_channel: Option<String>,
    /// When the app checks and when it applies an update, Capgo's autoUpdate
    #[arg(long, value_name = "MODE", default_value = "atBackground", value_parser = modes())]
    pub(crate) mode: UpdateMode,
    /// Time between two checks while the app is visible: a number and s, m, h or d; less than 10m is raised to 10m, as
    /// in Capgo's plugin [default: it checks only when it becomes visible]
    #[arg(long, value_name = "TIME", value_parser = check_period)]
    pub(crate) period: Option<CheckPeriod>,
    /// App id [default: appId of capacitor.config]
    #[arg(long, value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Version of the native app; a change means an update from the app store [default: that of the last launch, else
    /// 1.0.0]
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_version: Option<String>,
    /// Build of the native app; a change means an update from the app store [default: that of the last launch, else 1]
    #[arg(long, value_name = "BUILD")]
    pub(crate) native_build: Option<String>,
    /// Start the process in the background
    #[arg(long)]
    pub(crate) background: bool,
    /// Platform of the device
    #[arg(long, value_enum, default_value = "android", value_name = "PLATFORM")]
    pub(crate) platform: DevicePlatform,
    /// Version of the operating system
    #[arg(long, value_name = "VERSION", default_value = "17")]
    pub(crate) os_version: String,
    /// Version of the updater plugin in the app
    #[arg(long, value_name = "VERSION", default_value = "8.51.14")]
    pub(crate) plugin_version: String,
    /// The device is an emulator
    #[arg(long)]
    pub(crate) emulator: bool,
    /// The app is a development build
    #[arg(long)]
    pub(crate) development: bool,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

fn modes() -> impl TypedValueParser<Value = UpdateMode> {
    let names = UpdateMode::ALL.iter().map(|mode| mode.as_str());
    PossibleValuesParser::new(names).try_map(|name| {
        let found = UpdateMode::ALL.iter().copied().find(|mode| mode.as_str() == name);
        found.ok_or("expected a mode")
    })
}

fn check_period(text: &str) -> Result<CheckPeriod, String> {
    let seconds = value_parsers::duration(text)?.as_secs();
    Ok(CheckPeriod::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX)))
}
