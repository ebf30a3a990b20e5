//! `capbundle release …`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{JsonSwitch, measure};

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Make a signed release of an archive, and the list of its files
    ///
    /// Nothing is uploaded. Without --key the release is not signed yet: take it to where the key is, and sign it there.
    #[command(after_help = "Examples:
  capbundle release create --archive app.zip --bundle 1.2.3 --channel production --sequence 42
  capbundle release create --archive app.zip --sealed app.sealed --bundle 1.2.3 --channel production --sequence 42 \\
    --expires-in 30d --native-min 2.0 --key release.key --key second.key")]
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
    Inspect(LookArgs),
    /// Say whether a device would take a release, and by which check it would not
    ///
    /// Makes the checks of a device in their order, with what the options say the device knows. The error code under --json is
    /// the name of the check.
    #[command(after_help = "Examples:
  capbundle release check release.json --ring keys/1.json --channel production --archive app.zip --files files.json
  capbundle release check release.json --ring keys/1.json --ring keys/2.json --channel production --native-version 2.1")]
    Check(Box<ReleaseCheckArgs>),
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
    #[arg(long, value_name = "ZIP")]
    pub(crate) archive: PathBuf,
    /// The same archive, sealed: that one is delivered then
    #[arg(long, value_name = "FILE")]
    pub(crate) sealed: Option<PathBuf>,
    /// Version of the bundle
    #[arg(long, value_name = "VERSION")]
    pub(crate) bundle: String,
    /// The channel it is for
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: String,
    /// A number above that of every earlier release of this app on this channel
    #[arg(long, value_name = "N")]
    pub(crate) sequence: u64,
    /// How long devices may take it: a number and s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = measure::duration)]
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
pub(crate) struct LookArgs {
    /// The signed document
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct ReleaseCheckArgs {
    /// The release
    pub(crate) file: PathBuf,
    /// App id of the device [default: appId of the capacitor.config here]
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
