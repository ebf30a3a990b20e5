//! `capbundle release …`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::site::{
    GcArgs, PauseArgs, PromoteArgs, PublishArgs, RenewArgs, RollbackArgs, RolloutArgs, SiteListArgs, SiteVerifyArgs,
};
use super::{JsonSwitch, NativeArgs, value_parsers};

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Create a signed release of an archive and the list of its files
    ///
    /// Uploads nothing. Without --key the release is unsigned: copy it to the machine with the key and run `release
    /// sign` there.
    #[command(after_help = "Examples:
  capbundle release create --archive app.zip --bundle 1.2.3 --channel production --sequence 42
  capbundle release create --archive app.zip --sealed app.sealed --bundle 1.2.3 \\
    --channel production --sequence 42 \\
    --expires-in 30d --native-min 2.0 --key release.key --key second.key
  capbundle release create --built-in --channel production --sequence 43 --key release.key")]
    Create(Box<ReleaseCreateArgs>),
    /// Add a signature to a release without changing the signed bytes
    #[command(
        visible_alias = "add-signature",
        after_help = "Example:
  capbundle release sign release.json --key second.key"
    )]
    Sign(SignArgs),
    /// Show the content and the claimed signers of a release, without verifying it
    #[command(after_help = "Example:
  capbundle release inspect release.json")]
    Inspect(DocumentInspectArgs),
    /// Check whether a device would accept a release, or which check fails
    ///
    /// Runs the checks of a device in their order, with the device's state given by the options. With --json, the
    /// error code is the name of the failed check.
    #[command(after_help = "Examples:
  capbundle release check release.json --ring keys/1.json --channel production --archive app.zip \\
    --files files.json
  capbundle release check release.json --ring keys/1.json --ring keys/2.json --channel production \\
    --native-version 2.1")]
    Check(Box<ReleaseCheckArgs>),
    /// Publish a bundle on a static site: archive, file list, release and channel file
    ///
    /// Packs the folder (or takes --zip), seals the archive for content keys, signs a release with the next sequence
    /// and offers it to all devices, or with --candidate to a share of them. Publishing is atomic: if it is
    /// interrupted, devices see no change. Run it again to complete it.
    #[command(after_help = "Examples:
  capbundle release publish --to ./public --key release.key
  capbundle release publish --to s3://my-bucket/app --s3-region eu-central-1 --key release.key \\
    --candidate 5%
  capbundle release publish --to ./public --zip app.zip --bundle 1.2.3 --key release.key \\
    --recipient content.pub --dry-run
  capbundle release publish --to ./public --signed release.json --files files.json --zip app.zip
  capbundle release publish --to ./public --signed built-in.json

Secrets can be passed in the environment:
  CAPBUNDLE_PRIVATE_KEY                     --key
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY  --s3-apikey, --s3-apisecret
  AWS_SESSION_TOKEN                         --s3-session-token")]
    Publish(Box<PublishArgs>),
    /// Offer the candidate to all devices
    #[command(after_help = "Examples:
  capbundle release promote --to ./public
  capbundle release promote --to s3://my-bucket/app --channel production --sequence 43")]
    Promote(PromoteArgs),
    /// Change the share of devices that get the candidate; raising it only adds devices
    #[command(after_help = "Examples:
  capbundle release rollout 25% --to ./public
  capbundle release rollout 0.5% --to ./public --lower")]
    Rollout(RolloutArgs),
    /// Publish an older bundle again as a new release with a higher sequence, for all devices
    ///
    /// With a candidate and no --sequence, devices go back to the stable bundle, including those that took the
    /// candidate. With
    /// --built-in, devices go back to the bundle inside the native app, for a channel without an older good release.
    #[command(after_help = "Examples:
  capbundle release rollback --to ./public --key release.key
  capbundle release rollback --to ./public --key release.key --sequence 41
  capbundle release rollback --to ./public --key release.key --built-in")]
    Rollback(RollbackArgs),
    /// Stop offering the candidate; devices that have it keep it
    #[command(after_help = "Example:
  capbundle release pause --to s3://my-bucket/app --channel production")]
    Pause(PauseArgs),
    /// Sign new releases of a channel's bundles before the current ones expire
    #[command(after_help = "Examples:
  capbundle release renew --to ./public --key release.key
  capbundle release renew --to ./public --key release.key --within 30d")]
    Renew(RenewArgs),
    /// List the channels and releases of a site, newest first
    #[command(after_help = "Examples:
  capbundle release list --to ./public
  capbundle release list --to s3://my-bucket/app --channel production --json")]
    List(SiteListArgs),
    /// Check a site over the network as devices do, for monitoring
    ///
    /// Reads channels, key rings, releases and file lists, runs the checks of a device, and verifies that the
    /// archives exist with the right size. With --full, downloads the archives and verifies them.
    #[command(after_help = "Examples:
  capbundle release verify https://updates.example.com/app --ring keys/1.json
  capbundle release verify https://updates.example.com/app/channels/beta.json --ring keys/1.json \\
    --full --json

Exit codes:
  0  devices get the published releases
  1  the site could not be checked: network, server or local file error
  3  broken: devices reject a release or find none
  4  working, with warnings: for example, a release expires soon or the channel file is cached")]
    Verify(Box<SiteVerifyArgs>),
    /// Remove unreferenced files from a site
    ///
    /// Keeps everything that channels reference, the newest releases of each channel, all key rings, and files
    /// younger than --grace. Removes nothing if a channel file or a kept release cannot be read.
    #[command(after_help = "Examples:
  capbundle release gc --to ./public --dry-run
  capbundle release gc --to s3://my-bucket/app --keep 20 --grace 7d")]
    Gc(GcArgs),
}

/// The app id.
#[derive(Debug, Args)]
pub(crate) struct AppArgs {
    /// App id, such as com.example.app [default: appId of capacitor.config]
    pub(crate) app_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseCreateArgs {
    #[command(flatten)]
    pub(crate) app: AppArgs,
    /// The plain archive
    #[arg(long, value_name = "ZIP", required_unless_present = "built_in")]
    pub(crate) archive: Option<PathBuf>,
    /// Release the bundle inside the native app instead of an archive
    #[arg(long, conflicts_with_all = ["archive", "sealed", "recipient", "files"])]
    pub(crate) built_in: bool,
    /// The same archive, sealed, which is delivered instead
    #[arg(long, value_name = "FILE")]
    pub(crate) sealed: Option<PathBuf>,
    /// Version of the bundle [default with --built-in: builtin]
    #[arg(long, value_name = "VERSION", required_unless_present = "built_in")]
    pub(crate) bundle: Option<String>,
    /// The channel of the release
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: String,
    /// A number above those of all earlier releases of this app and channel
    #[arg(long, value_name = "N")]
    pub(crate) sequence: u64,
    /// Time until the release expires: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = value_parsers::duration)]
    pub(crate) expires_in: Duration,
    #[command(flatten)]
    pub(crate) native: NativeArgs,
    /// Link to more information
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// Comment
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// A member of the document that readers must understand (repeatable)
    #[arg(long, value_name = "MEMBER")]
    pub(crate) critical: Vec<String>,
    /// Private key file to sign with (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// Public content key file that the archive is sealed for; it must not be a signing key (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) recipient: Vec<PathBuf>,
    /// File to write the release to
    #[arg(long, value_name = "FILE", default_value = "release.json")]
    pub(crate) to: PathBuf,
    /// File to write the file list to
    #[arg(long, value_name = "FILE", default_value = "files.json")]
    pub(crate) files: PathBuf,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

/// Arguments of `release sign` and `keyring sign`.
#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The signed document; it is replaced atomically
    pub(crate) file: PathBuf,
    /// Private key file to sign with (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

/// Arguments of `release inspect` and `keyring inspect`.
#[derive(Debug, Args)]
pub(crate) struct DocumentInspectArgs {
    /// The signed document
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseCheckArgs {
    /// The release
    pub(crate) file: PathBuf,
    /// App id of the device [default: appId of capacitor.config, else that of the first ring]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// A key ring file, in order, starting with the one in the app (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) ring: Vec<PathBuf>,
    /// The channel of the device
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: String,
    /// Version of the native app [default: the oldest that the release runs on]
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_version: Option<String>,
    /// Sequence of the bundle inside the native app
    #[arg(long, value_name = "N")]
    pub(crate) built_in_sequence: Option<u64>,
    /// The release file that the device accepted last
    #[arg(long, value_name = "FILE")]
    pub(crate) accepted: Option<PathBuf>,
    /// Time of the device, in seconds since 1970 [default: now]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) now: Option<u64>,
    /// The archive as delivered, to check against the release
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Option<PathBuf>,
    /// Private content key file of the app, for a sealed archive (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) content_key: Vec<PathBuf>,
    /// The file list, to check against the release and, if given, the archive
    #[arg(long, value_name = "FILE")]
    pub(crate) files: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
