//! What servers know: bundles, channels, and what a device is told.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::server::ServerArgs;
use super::{Form, JsonSwitch, value_parsers};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The app's id [default: from capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct BundleListArgs {
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// Fetch every archive as devices do, and prove that it is what is registered
    #[arg(long)]
    pub(crate) verify: bool,
    /// With --verify, the public key file of the app [default: .capgo_key_v2.pub, else publicKey of capacitor.config]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data", requires = "verify")]
    pub(crate) key: Option<PathBuf>,
    /// With --verify, the public key as PEM text; `\n` may stand for line ends
    #[arg(long, value_name = "PEM", allow_hyphen_values = true, requires = "verify")]
    pub(crate) key_data: Option<String>,
    /// With --verify, spelling of the signed checksums
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    /// Version of the bundle
    #[arg(id = "bundle-version", value_name = "VERSION")]
    pub(crate) version: String,
    /// The app's id [default: from capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// File to write [default: <APP_ID>_<VERSION>.zip, of an encrypted bundle <APP_ID>_<VERSION>.zip_encrypted.zip]
    #[arg(short, long = "output", value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,
    /// Write the decrypted archive of an encrypted bundle
    #[arg(long)]
    pub(crate) decrypt: bool,
    /// Replace a file that exists
    #[arg(short, long)]
    pub(crate) force: bool,
    /// The public key file of the app, for a bundle that is signed [default: .capgo_key_v2.pub, else publicKey of
    /// capacitor.config]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line ends
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// Spelling of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Version of the bundle; left out with --yes-delete-all
    #[arg(id = "bundle-version", value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// The app's id [default: from capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Delete all bundles of the app that no channel names; this cannot be undone
    #[arg(long)]
    pub(crate) yes_delete_all: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("rule").required(true).multiple(true))]
pub(crate) struct CleanupArgs {
    /// The app's id [default: from capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// How many of the newest bundles stay, beside those that channels name
    #[arg(short, long, value_name = "N", group = "rule")]
    pub(crate) keep: Option<usize>,
    /// Delete only bundles that were registered longer ago: a number and s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = value_parsers::duration, group = "rule")]
    pub(crate) older_than: Option<Duration>,
    /// Show what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct MetadataArgs {
    /// Version of the bundle
    #[arg(id = "bundle-version", value_name = "VERSION")]
    pub(crate) version: String,
    /// The app's id [default: from capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Where people read more about the bundle
    #[arg(long, value_name = "URL", group = "what")]
    pub(crate) link: Option<String>,
    /// What people say about the bundle
    #[arg(long, value_name = "TEXT", group = "what")]
    pub(crate) comment: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChannelCommand {
    /// Let a channel point to a bundle: its devices get it from now on
    #[command(after_help = "Examples:
  capbundle channel set production --bundle 1.2.3
  capbundle channel set production com.example.app --bundle 1.2.2   # and back again")]
    Set(ChannelSetArgs),
    /// Show the channels of an app and the bundle of each
    #[command(after_help = "Example:
  capbundle channel list --json")]
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ChannelSetArgs {
    /// Name of the channel
    #[arg(value_name = "CHANNEL")]
    pub(crate) channel: String,
    /// The app's id [default: from capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Version of the bundle [default: version of package.json]
    #[arg(short, long, value_name = "VERSION")]
    pub(crate) bundle: Option<String>,
    /// Where to look for the version: the first of these files that has one, comma-separated
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(crate) package_json: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Ask for an update as a device does, take it, and say in plain words what is wrong
    ///
    /// Changes nothing anywhere: what is downloaded is removed again.
    #[command(after_help = "Examples:
  capbundle app debug
  capbundle app debug --native-version 1.0.0 --device 11111111-2222-4333-8444-555555555555
  capbundle app debug com.example.app --update-url https://updates.example.com/updates --platform ios
  capbundle app debug --native-version 2.0.0 --running 1.2.3 --key .capgo_key_v2.pub --json")]
    Debug(DebugArgs),
}

/// What kind of device asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DevicePlatform {
    Ios,
    Android,
    Electron,
}

#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact about a device that servers go by"
)]
pub(crate) struct DebugArgs {
    /// The app's id [default: from capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Where devices ask [default: updateUrl of capacitor.config, else /updates of the server of your own, else that of Capgo]
    #[arg(long, value_name = "URL")]
    pub(crate) update_url: Option<String>,
    /// The device's platform
    #[arg(long, value_enum, default_value = "android", value_name = "PLATFORM")]
    pub(crate) platform: DevicePlatform,
    /// Version of the native app [default: version of CapacitorUpdater in capacitor.config, else that of the native project
    /// here, else that of package.json; which it is, is said]
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_version: Option<String>,
    /// Version of the bundle that the device runs
    #[arg(long, value_name = "VERSION", default_value = "builtin")]
    pub(crate) running: String,
    /// The channel that the app asks for [default: defaultChannel of capacitor.config, else the server's own]
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: Option<String>,
    /// The device's id, a UUID [default: one for this call]
    #[arg(short = 'd', long = "device", alias = "device-id", value_name = "UUID")]
    pub(crate) device_id: Option<String>,
    /// Version of the updater plugin in the app
    #[arg(long, value_name = "VERSION", default_value = "8.51.14")]
    pub(crate) plugin_version: String,
    /// The device is an emulator
    #[arg(long)]
    pub(crate) emulator: bool,
    /// The app is a build for developers
    #[arg(long)]
    pub(crate) development: bool,
    /// The app runs in a browser as well: a missing CORS header is an error then
    #[arg(long)]
    pub(crate) web: bool,
    /// The public key file in the app [default: .capgo_key_v2.pub, else publicKey of capacitor.config, else none]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line ends
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// The app has no public key, whatever is here
    #[arg(long, conflicts_with_all = ["key", "key_data"])]
    pub(crate) no_key: bool,
    /// Spelling of the signed checksum that the app expects
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
