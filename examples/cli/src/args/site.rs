//! Commands that write a site of plain files, or look at one.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::server::NetworkArgs;
use super::upload::S3Access;
use super::{ContentArgs, JsonSwitch, value_parsers};

/// Where a site is kept.
#[derive(Debug, Args)]
pub(crate) struct SiteArgs {
    /// The site: a folder that a web server serves, or a bucket with a folder in it
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
    /// App id, such as com.example.app [default: appId of the capacitor.config here]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// The channel
    #[arg(short, long, value_name = "NAME", default_value = "production")]
    pub(crate) channel: String,
    /// Show all steps and do none
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a release is signed with.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
pub(crate) struct SigningArgs {
    /// Private key to sign with; may be given several times [env: CAPBUNDLE_PRIVATE_KEY, as PEM text]
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// The key ring in the app [default: the lowest on the site, which proves less]
    #[arg(long, value_name = "FILE")]
    pub(crate) ring: Option<PathBuf>,
    /// How long devices may take the release: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = value_parsers::duration)]
    pub(crate) expires_in: Duration,
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
    /// Where to look for the version: the first of these files that has one, comma-separated, for monorepos
    /// [default: package.json]
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(crate) package_json: Vec<PathBuf>,
    /// Offer it to a part of the devices only, such as 5% [default: all of them]
    #[arg(long, value_name = "PERCENT", value_parser = value_parsers::share)]
    pub(crate) candidate: Option<u16>,
    /// Public content key to seal the archive for; may be given several times
    /// [default: .capbundle_content_key.pub, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) recipient: Vec<PathBuf>,
    /// Do not seal the archive, although there is a content key
    #[arg(long, conflicts_with = "recipient")]
    pub(crate) plain: bool,
    /// Oldest native version it runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_min: Option<String>,
    /// Newest native version it runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_max: Option<String>,
    /// Where people read more about the bundle
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// What people say about the bundle
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// The sequence of the release [default: one more than the highest of the site]
    #[arg(long, value_name = "N")]
    pub(crate) sequence: Option<u64>,
    /// Publish this release, which was made and signed elsewhere, with --zip (the sealed archive, if it names one) and --files;
    /// alone, if it goes to the built-in bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) signed: Option<PathBuf>,
    /// The file list of --signed
    #[arg(long, value_name = "FILE", requires = "signed")]
    pub(crate) files: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    #[command(flatten)]
    pub(crate) target: SiteChannelArgs,
    /// Only if this is the candidate; done if it is stable already
    #[arg(long, value_name = "N")]
    pub(crate) sequence: Option<u64>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct RolloutArgs {
    /// How many of the devices, such as 25% or 0.5%
    #[arg(value_name = "PERCENT", value_parser = value_parsers::share)]
    pub(crate) share: u16,
    #[command(flatten)]
    pub(crate) target: SiteChannelArgs,
    /// Less than now is meant; devices that have it keep it
    #[arg(long)]
    pub(crate) lower: bool,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) target: SiteChannelArgs,
    /// The release whose bundle is wanted back [default: the stable one, if there is a candidate]
    #[arg(long, value_name = "N", conflicts_with = "built_in")]
    pub(crate) sequence: Option<u64>,
    /// Go back to the bundle inside the native app
    #[arg(long)]
    pub(crate) built_in: bool,
    /// With --built-in: oldest native version that goes back
    #[arg(long, value_name = "VERSION", requires = "built_in")]
    pub(crate) native_min: Option<String>,
    /// With --built-in: newest native version that goes back
    #[arg(long, value_name = "VERSION", requires = "built_in")]
    pub(crate) native_max: Option<String>,
    /// With --built-in: what people say about it
    #[arg(long, value_name = "TEXT", requires = "built_in")]
    pub(crate) comment: Option<String>,
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
    /// Only if a release expires within this time, or lacks a signature of these keys: a number and s, m, h or d
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
    /// App id, such as com.example.app [default: appId of the capacitor.config here]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// Only this channel
    #[arg(short, long, value_name = "NAME")]
    pub(crate) channel: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct SiteVerifyArgs {
    /// Address of the site, or of one of its channel files
    pub(crate) url: String,
    /// App id, such as com.example.app [default: appId of the capacitor.config here, else that of --ring]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// A channel; may be given several times [default: that of the address, else production]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) channel: Vec<String>,
    /// The key ring in the app [default: keys/1.json of the site, which proves less]
    #[arg(long, value_name = "FILE")]
    pub(crate) ring: Option<PathBuf>,
    /// Warn of releases that expire within this time: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = value_parsers::duration)]
    pub(crate) expires_within: Duration,
    /// Download the archives, prove them and compare their files with the lists
    #[arg(long)]
    pub(crate) full: bool,
    /// Private content key of the app, to open sealed archives with --full; may be given several times
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
    /// App id, such as com.example.app [default: appId of the capacitor.config here]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// Releases of each channel that stay in any case, the newest; at least 1
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) keep: usize,
    /// What was written or named no more less long ago stays: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = value_parsers::duration)]
    pub(crate) grace: Duration,
    /// Show what would be removed
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
    /// App id that the ring must be for [default: that of the ring]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    /// Show the step and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
