//! `capbundle release …`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::site::{
    GcArgs, PauseArgs, PromoteArgs, PublishArgs, RenewArgs, RollbackArgs, RolloutArgs, SiteListArgs, SiteVerifyArgs,
};
use super::{JsonSwitch, value_parsers};

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Make a signed release of an archive, and the list of its files
    ///
    /// Nothing is uploaded. Without --key the release is not signed yet: take it to where the key is, and sign it there.
    #[command(after_help = "Examples:
  capbundle release create --archive app.zip --bundle 1.2.3 --channel production --sequence 42
  capbundle release create --archive app.zip --sealed app.sealed --bundle 1.2.3 --channel production --sequence 42 \\
    --expires-in 30d --native-min 2.0 --key release.key --key second.key
  capbundle release create --built-in --channel production --sequence 43 --key release.key")]
    Create(Box<ReleaseCreateArgs>),
    /// Add the signature of one more key to a release, without changing a byte of what is signed
    #[command(
        visible_alias = "add-signature",
        after_help = "Example:
  capbundle release sign release.json --key second.key"
    )]
    Sign(SignArgs),
    /// Show what a release says and which keys are said to have signed it; verifies nothing
    #[command(after_help = "Example:
  capbundle release inspect release.json")]
    Inspect(DocumentInspectArgs),
    /// Say whether a device would take a release, and by which check it would not
    ///
    /// Makes the checks of a device in their order, with what the options say the device knows. The error code under --json is
    /// the name of the check.
    #[command(after_help = "Examples:
  capbundle release check release.json --ring keys/1.json --channel production --archive app.zip --files files.json
  capbundle release check release.json --ring keys/1.json --ring keys/2.json --channel production --native-version 2.1")]
    Check(Box<ReleaseCheckArgs>),
    /// Publish a bundle on a site of plain files: archive, file list, release, and last the channel
    ///
    /// Packs the folder (or takes --zip), seals it for content keys, signs a release with the next sequence and offers it to all
    /// devices, or with --candidate to a part of them. Killed or refused at any point, devices see no half of it: run it again.
    #[command(after_help = "Examples:
  capbundle release publish --to ./public --key release.key
  capbundle release publish --to s3://my-bucket/app --s3-region eu-central-1 --key release.key --candidate 5%
  capbundle release publish --to ./public --zip app.zip --bundle 1.2.3 --key release.key --recipient content.pub --dry-run
  capbundle release publish --to ./public --signed release.json --files files.json --zip app.zip
  capbundle release publish --to ./public --signed built-in.json

Secrets from the environment: CAPBUNDLE_PRIVATE_KEY (--key), AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
(--s3-apikey, --s3-apisecret, --s3-session-token).")]
    Publish(Box<PublishArgs>),
    /// Offer the candidate to all devices
    #[command(after_help = "Examples:
  capbundle release promote --to ./public
  capbundle release promote --to s3://my-bucket/app --channel production --sequence 43")]
    Promote(PromoteArgs),
    /// Change how many devices are offered the candidate; raising it never takes it from a device
    #[command(after_help = "Examples:
  capbundle release rollout 25% --to ./public
  capbundle release rollout 0.5% --to ./public --lower")]
    Rollout(RolloutArgs),
    /// Go back: a new release of an older bundle, with a higher sequence, for all devices at once
    ///
    /// With a candidate and no --sequence: back to the stable bundle, also for the devices that took the candidate. With
    /// --built-in: back to the bundle inside the native app, for when the channel has no older release that is good.
    #[command(after_help = "Examples:
  capbundle release rollback --to ./public --key release.key
  capbundle release rollback --to ./public --key release.key --sequence 41
  capbundle release rollback --to ./public --key release.key --built-in")]
    Rollback(RollbackArgs),
    /// Offer the candidate to nobody any more; devices that have it keep it
    #[command(after_help = "Example:
  capbundle release pause --to s3://my-bucket/app --channel production")]
    Pause(PauseArgs),
    /// Sign the bundles of a channel anew, for longer, before devices refuse them as expired
    #[command(after_help = "Examples:
  capbundle release renew --to ./public --key release.key
  capbundle release renew --to ./public --key release.key --within 30d")]
    Renew(RenewArgs),
    /// Show the channels and releases of a site, the newest first
    #[command(after_help = "Examples:
  capbundle release list --to ./public
  capbundle release list --to s3://my-bucket/app --channel production --json")]
    List(SiteListArgs),
    /// Look at a site as devices do, over the network: for monitoring
    ///
    /// Reads channels, key rings, releases and file lists, checks what a device checks, and sees that archives are there with the
    /// right size; with --full it downloads and proves them.
    #[command(after_help = "Examples:
  capbundle release verify https://updates.example.com/app --ring keys/1.json
  capbundle release verify https://updates.example.com/app/channels/beta.json --ring keys/1.json --full --json

Exit codes:
  0  devices get what was published
  1  it could not be looked at: the network, the server, a file here
  3  something is broken: devices refuse it or find nothing
  4  it works, and somebody should look: a release expires soon, a cache keeps the channel file")]
    Verify(Box<SiteVerifyArgs>),
    /// Remove from a site what nothing needs any more; never what a channel names
    ///
    /// Keeps what channels name, the newest releases of each channel, all key rings, and what is younger than --grace. Removes
    /// nothing at all while a channel file or a kept release cannot be read.
    #[command(after_help = "Examples:
  capbundle release gc --to ./public --dry-run
  capbundle release gc --to s3://my-bucket/app --keep 20 --grace 7d")]
    Gc(GcArgs),
}

/// The app, where no config says it.
#[derive(Debug, Args)]
pub(crate) struct AppArgs {
    /// App id, such as com.example.app [default: appId of the capacitor.config here]
    pub(crate) app_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseCreateArgs {
    #[command(flatten)]
    pub(crate) app: AppArgs,
    /// The plain archive
    #[arg(long, value_name = "ZIP", required_unless_present = "built_in")]
    pub(crate) archive: Option<PathBuf>,
    /// Instead of a bundle: devices go back to the one inside the native app
    #[arg(long, conflicts_with_all = ["archive", "sealed", "recipient", "files"])]
    pub(crate) built_in: bool,
    /// The same archive, sealed: that one is delivered then
    #[arg(long, value_name = "FILE")]
    pub(crate) sealed: Option<PathBuf>,
    /// Version of the bundle [default with --built-in: builtin]
    #[arg(long, value_name = "VERSION", required_unless_present = "built_in")]
    pub(crate) bundle: Option<String>,
    /// The channel it is for
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: String,
    /// A number above that of every earlier release of this app on this channel
    #[arg(long, value_name = "N")]
    pub(crate) sequence: u64,
    /// How long devices may take it: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = value_parsers::duration)]
    pub(crate) expires_in: Duration,
    /// Oldest native version it runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_min: Option<String>,
    /// Newest native version it runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_max: Option<String>,
    /// Link for people
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// Comment for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// A member of the document that a reader must understand; may be given several times
    #[arg(long, value_name = "MEMBER")]
    pub(crate) critical: Vec<String>,
    /// Private key to sign with; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// Public content key the archive is sealed for: a key of this pair signs nothing; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) recipient: Vec<PathBuf>,
    /// Where the release is written
    #[arg(long, value_name = "FILE", default_value = "release.json")]
    pub(crate) to: PathBuf,
    /// Where the file list is written
    #[arg(long, value_name = "FILE", default_value = "files.json")]
    pub(crate) files: PathBuf,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

/// What `release sign` and `keyring sign` take.
#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The signed document; it is replaced in one step
    pub(crate) file: PathBuf,
    /// Private key to sign with; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

/// What `release inspect` and `keyring inspect` take.
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
    /// App id of the device [default: appId of the capacitor.config here, else that of the first ring]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// A key ring: first the one in the app, then those that follow it, in their order
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) ring: Vec<PathBuf>,
    /// The channel that the device asks for
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: String,
    /// Version of the native app [default: the oldest the release runs on]
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_version: Option<String>,
    /// Sequence of the bundle inside the native app
    #[arg(long, value_name = "N")]
    pub(crate) built_in_sequence: Option<u64>,
    /// The release that the device accepted last
    #[arg(long, value_name = "FILE")]
    pub(crate) accepted: Option<PathBuf>,
    /// The device's clock, in seconds since 1970 [default: the clock here]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) now: Option<u64>,
    /// The archive as it is delivered, to be compared with the release
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Option<PathBuf>,
    /// Private content key of the app, for a sealed archive; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) content_key: Vec<PathBuf>,
    /// The file list, to be compared with the release, and with the archive if that is given
    #[arg(long, value_name = "FILE")]
    pub(crate) files: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
