//! Commands that write or check a static site.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::server::NetworkArgs;
use super::upload::S3Access;
use super::{ContentArgs, JsonSwitch, NativeArgs, value_parsers};

/// The location of a site.
#[derive(Debug, Args)]
pub(crate) struct SiteArgs {
    /// The site: a folder that a web server serves, or a bucket and a prefix in it
    #[arg(long, value_name = "FOLDER|s3://BUCKET/PREFIX")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) access: S3Access,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// One channel on a site.
#[derive(Debug, Args)]
pub(crate) struct SiteChannelArgs {
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// App id, such as com.example.app [default: appId of capacitor.config]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// The channel
    #[arg(short, long, value_name = "NAME", default_value = "production")]
    pub(crate) channel: String,
    /// Show all steps without running them
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Keys and lifetime of a release.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub(crate) struct SigningArgs {
    /// Private key file to sign with (repeatable) [env: CAPBUNDLE_PRIVATE_KEY, as PEM text]
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// The key ring in the app [default: the lowest on the site, which is a weaker check]
    #[arg(long, value_name = "FILE")]
    pub(crate) ring: Option<PathBuf>,
    /// Time until the release expires: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = value_parsers::duration)]
    pub(crate) expires_in: Duration,
}

/// Patches from earlier releases.
#[derive(Debug, Args)]
#[command(next_help_heading = "Patches")]
pub(crate) struct PatchArgs {
    /// From how many of the last bundles of the channel to make patches; 0 for none
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) patches: usize,
    /// Folder of earlier plain archives, found by their SHA-256, for patches from sealed releases; the new one is added
    #[arg(long, value_name = "FOLDER")]
    pub(crate) previous: Option<PathBuf>,
    /// Private content key file to open earlier sealed archives with (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) content_key: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(crate) target: SiteChannelArgs,
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    /// Publish this plain archive instead of packing the folder
    #[arg(long, value_name = "FILE")]
    pub(crate) zip: Option<PathBuf>,
    /// Version of the bundle, strict semver [default: version of package.json]
    #[arg(short, long, value_name = "VERSION")]
    pub(crate) bundle: Option<String>,
    /// Files to read the version from, comma-separated; the first with a version counts [default: package.json]
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(crate) package_json: Vec<PathBuf>,
    /// Offer the release only to a share of the devices, such as 5% [default: all devices]
    #[arg(long, value_name = "PERCENT", value_parser = value_parsers::share)]
    pub(crate) candidate: Option<u16>,
    /// Public content key file to seal the archive for (repeatable) [default: .capbundle_content_key.pub, if it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) recipient: Vec<PathBuf>,
    /// Do not seal the archive even if there is a content key
    #[arg(long, conflicts_with = "recipient")]
    pub(crate) plain: bool,
    #[command(flatten)]
    pub(crate) native: NativeArgs,
    /// Link to more information about the bundle
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// Comment about the bundle
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Sequence of the release [default: one above the highest on the site]
    #[arg(long, value_name = "N")]
    pub(crate) sequence: Option<u64>,
    /// Publish this release, which was signed elsewhere, with its archive as --zip (sealed, if the release says so)
    /// and --files; a release of the built-in bundle needs neither
    #[arg(long, value_name = "FILE")]
    pub(crate) signed: Option<PathBuf>,
    /// The file list of --signed
    #[arg(long, value_name = "FILE", requires = "signed")]
    pub(crate) files: Option<PathBuf>,
    /// A patch file that --signed names (repeatable)
    #[arg(long, value_name = "FILE", requires = "signed")]
    pub(crate) patch: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) patches: PatchArgs,
    /// Also make a patch from this release, that of the bundle in a native app (repeatable)
    #[arg(long, value_name = "SEQUENCE", help_heading = "Patches")]
    pub(crate) patch_from_built_in: Vec<u64>,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    #[command(flatten)]
    pub(crate) target: SiteChannelArgs,
    /// Promote only if this is the candidate; succeeds if it is already stable
    #[arg(long, value_name = "N")]
    pub(crate) sequence: Option<u64>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct RolloutArgs {
    /// Share of the devices, such as 25% or 0.5%
    #[arg(value_name = "PERCENT", value_parser = value_parsers::share)]
    pub(crate) share: u16,
    #[command(flatten)]
    pub(crate) target: SiteChannelArgs,
    /// Allow a smaller share than now; devices that have the candidate keep it
    #[arg(long)]
    pub(crate) lower: bool,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) target: SiteChannelArgs,
    /// The release to go back to [default: the stable one, if there is a candidate]
    #[arg(long, value_name = "N", conflicts_with = "built_in")]
    pub(crate) sequence: Option<u64>,
    /// Go back to the bundle inside the native app
    #[arg(long)]
    pub(crate) built_in: bool,
    /// With --built-in, oldest native version that goes back
    #[arg(long, value_name = "VERSION", requires = "built_in")]
    pub(crate) native_min: Option<String>,
    /// With --built-in, newest native version that goes back
    #[arg(long, value_name = "VERSION", requires = "built_in")]
    pub(crate) native_max: Option<String>,
    /// With --built-in, comment about the rollback
    #[arg(long, value_name = "TEXT", requires = "built_in")]
    pub(crate) comment: Option<String>,
    #[command(flatten)]
    pub(crate) patches: PatchArgs,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    pub(crate) target: SiteChannelArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    #[command(flatten)]
    pub(crate) target: SiteChannelArgs,
    /// Renew only releases that expire within this time or lack a signature by --key: a number and s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = value_parsers::duration)]
    pub(crate) within: Option<Duration>,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct SiteListArgs {
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// App id, such as com.example.app [default: appId of capacitor.config]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// List only this channel
    #[arg(short, long, value_name = "NAME")]
    pub(crate) channel: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct SiteVerifyArgs {
    /// URL of the site or of one of its channel files
    pub(crate) url: String,
    /// App id, such as com.example.app [default: appId of capacitor.config, else that of --ring]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// Channel to check (repeatable) [default: that of the URL, else production]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) channel: Vec<String>,
    /// The key ring in the app [default: keys/1.json of the site, which is a weaker check]
    #[arg(long, value_name = "FILE")]
    pub(crate) ring: Option<PathBuf>,
    /// Warn about releases that expire within this time: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = value_parsers::duration)]
    pub(crate) expires_within: Duration,
    /// Download the archives, verify them and compare their files with the file lists
    #[arg(long)]
    pub(crate) full: bool,
    /// With --full, private content key file of the app to open sealed archives (repeatable)
    #[arg(long, value_name = "FILE", requires = "full")]
    pub(crate) content_key: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// App id, such as com.example.app [default: appId of capacitor.config]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// Number of newest releases to keep per channel, at least 1
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) keep: usize,
    /// Keep files written or dereferenced within this period: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = value_parsers::duration)]
    pub(crate) grace: Duration,
    /// Show the files that would be removed and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct RingPublishArgs {
    /// The signed ring
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// App id that the ring must have [default: that of the ring]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// Show the step without running it
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
