//! Commands that use a server: bundles, channels, and `app debug`.

use std::path::PathBuf;
use std::time::Duration;

use capbundle::update::protocol::Platform;
use clap::{Args, Subcommand, ValueEnum};

use super::bundle::SignatureArgs;
use super::server::ServerArgs;
use super::{Form, JsonSwitch, value_parsers};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// App id [default: appId of capacitor.config]
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
    /// Download every archive as devices do and verify that it matches its registration
    #[arg(long)]
    pub(crate) verify: bool,
    /// With --verify, the public key file of the app [default: .capgo_key_v2.pub, else publicKey of capacitor.config]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data", requires = "verify")]
    pub(crate) key: Option<PathBuf>,
    /// With --verify, the public key as PEM text; `\n` may stand for line breaks
    #[arg(long, value_name = "PEM", allow_hyphen_values = true, requires = "verify")]
    pub(crate) key_data: Option<String>,
    /// With --verify, encoding of the signed checksums
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    /// Version of the bundle
    #[arg(id = "bundle-version", value_name = "VERSION")]
    pub(crate) version: String,
    /// App id [default: appId of capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// File to write [default: <APP_ID>_<VERSION>.zip, or <APP_ID>_<VERSION>.zip_encrypted.zip if encrypted]
    #[arg(short, long = "output", value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,
    /// Write the decrypted archive of an encrypted bundle
    #[arg(long)]
    pub(crate) decrypt: bool,
    /// Replace an existing file
    #[arg(short, long)]
    pub(crate) force: bool,
    /// The public key file of the app, for a signed bundle [default: .capgo_key_v2.pub, else publicKey of
    /// capacitor.config]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) signature: SignatureArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Version of the bundle; omit it with --yes-delete-all
    #[arg(id = "bundle-version", value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// App id [default: appId of capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Delete all bundles of the app that no channel uses; this cannot be undone
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
    /// App id [default: appId of capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Number of newest bundles to keep, in addition to those that channels use
    #[arg(short, long, value_name = "N", group = "rule")]
    pub(crate) keep: Option<usize>,
    /// Delete only bundles registered longer ago than this: a number and s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = value_parsers::duration, group = "rule")]
    pub(crate) older_than: Option<Duration>,
    /// Show the bundles that would be deleted and delete nothing
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
    /// App id [default: appId of capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Link to more information about the bundle
    #[arg(long, value_name = "URL", group = "what")]
    pub(crate) link: Option<String>,
    /// Comment about the bundle
    #[arg(long, value_name = "TEXT", group = "what")]
    pub(crate) comment: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChannelCommand {
    /// Assign a bundle to a channel: its devices get the bundle from now on
    #[command(after_help = "Examples:
  capbundle channel set production --bundle 1.2.3
  capbundle channel set production com.example.app --bundle 1.2.2   # roll back")]
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
    /// App id [default: appId of capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Version of the bundle [default: version of package.json]
    #[arg(short, long, value_name = "VERSION")]
    pub(crate) bundle: Option<String>,
    /// Files to read the version from, comma-separated; the first with a version counts [default: package.json]
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(crate) package_json: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Request and verify an update as a device does, and explain problems
    ///
    /// Changes nothing. Downloaded files are removed.
    #[command(after_help = "Examples:
  capbundle app debug
  capbundle app debug --native-version 1.0.0 --device 11111111-2222-4333-8444-555555555555
  capbundle app debug com.example.app --update-url https://updates.example.com/updates \\
    --platform ios
  capbundle app debug --native-version 2.0.0 --running 1.2.3 --key .capgo_key_v2.pub --json")]
    Debug(DebugArgs),
}

/// The platform of the simulated device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DevicePlatform {
    Ios,
    Android,
    Electron,
}

impl From<DevicePlatform> for Platform {
    fn from(platform: DevicePlatform) -> Self {
        match platform {
            DevicePlatform::Ios => Self::Ios,
            DevicePlatform::Android => Self::Android,
            DevicePlatform::Electron => Self::Electron,
        }
    }
}

#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a property of a device in the update protocol"
)]
pub(crate) struct DebugArgs {
    /// App id [default: appId of capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// Update URL of the app [default: updateUrl of capacitor.config, else /updates of your own server, else Capgo's]
    #[arg(long, value_name = "URL")]
    pub(crate) update_url: Option<String>,
    /// Platform of the device
    #[arg(long, value_enum, default_value = "android", value_name = "PLATFORM")]
    pub(crate) platform: DevicePlatform,
    /// Version of the native app [default: plugins.CapacitorUpdater.version of capacitor.config, else that of the
    /// native project, else that of package.json; the source is printed]
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_version: Option<String>,
    /// Version of the bundle that the device runs
    #[arg(long, value_name = "VERSION", default_value = "builtin")]
    pub(crate) running: String,
    /// The channel of the app [default: defaultChannel of capacitor.config, else the server's default]
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: Option<String>,
    /// Device id, a UUID [default: random]
    #[arg(short = 'd', long = "device", alias = "device-id", value_name = "UUID")]
    pub(crate) device_id: Option<String>,
    /// Version of the updater plugin in the app
    #[arg(long, value_name = "VERSION", default_value = "8.51.14")]
    pub(crate) plugin_version: String,
    /// The device is an emulator
    #[arg(long)]
    pub(crate) emulator: bool,
    /// The app is a development build
    #[arg(long)]
    pub(crate) development: bool,
    /// The app also runs in a browser: treat a missing CORS header as an error
    #[arg(long)]
    pub(crate) web: bool,
    /// The public key file in the app [default: .capgo_key_v2.pub, else publicKey of capacitor.config, else none]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line breaks
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// The app has no public key, even if there is one in this folder
    #[arg(long, conflicts_with_all = ["key", "key_data"])]
    pub(crate) no_key: bool,
    /// Encoding of the signed checksum that the app expects
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
