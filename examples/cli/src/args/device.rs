//! `capbundle device …`

use std::path::PathBuf;
use std::time::Duration;

use capbundle::http::Url;
use capbundle::native::NativeVersion;
use capbundle::store::{ApplyCondition, BundleId, BundleRef};
use capbundle::time::Timestamp;
use clap::{ArgGroup, Args, Subcommand};

use super::Form;
use super::host::HostArgs;
use super::server::NetworkArgs;
use super::value_parsers;

#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    /// The device's folder; `install` and `launch` make it
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Print the result, or the error, as one JSON document on standard output
    #[arg(short, long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
    #[command(subcommand)]
    pub(crate) command: DeviceCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Prove a zip and install it
    ///
    /// It is served only after `next`, `set` or --next. What failed on this device before is refused.
    #[command(
        disable_version_flag = true,
        after_help = "Examples:
  capbundle device install app.zip --store ./phone --version 1.2.3 --checksum \"$SHA256\" --next
  capbundle device install app.zip_encrypted.zip --store ./phone --version 1.2.3 \\
    --iv-session-key \"$IV_SESSION_KEY\" --checksum \"$SIGNED_CHECKSUM\" --key .capgo_key_v2.pub"
    )]
    Install(InstallArgs),
    /// Check a signed release, and install it from its files
    ///
    /// From then on this device takes no older release of the channel. It takes nothing that a release does not say may run.
    #[command(after_help = "Example:
  capbundle device install-release release.json --archive app.sealed --files files.json --store ./phone \\
    --channel production --keys ring-1.json --content-key .capbundle_content_key --next")]
    InstallRelease(Box<InstallReleaseArgs>),
    /// Look at a static channel, and take what it has for this device
    ///
    /// Follows key rings that came since, decides by the device's id whether it is within a rollout, downloads what is wanted,
    /// and has it come next. What is refused changes nothing; the error code under --json is the name of the check.
    #[command(after_help = "Examples:
  capbundle device update --store ./phone --channel-url https://cdn.example.com/app/channels/production.json \\
    --keys ring-1.json --content-key .capbundle_content_key --device-id phone-1
  capbundle device update --store ./phone --site https://cdn.example.com/app --channel beta --keys ring-1.json")]
    Update(Box<UpdateArgs>),
    /// Start the app: decide which bundle to serve
    ///
    /// The app's last run is over, however it ended: a bundle on trial that had started and never confirmed has used up
    /// one of its attempts, which are two unless --attempts says otherwise. A proven bundle that had started and never
    /// confirmed started silently.
    #[command(after_help = "Examples:
  capbundle device launch --store ./phone --json
  capbundle device launch --store ./phone --native-version 2.0.0 --native-build 17
  capbundle device launch --store ./phone --attempts 3 --auto-delete-failed false")]
    Launch(LaunchArgs),
    /// The page of the served bundle starts: only now can it confirm, and without that the attempt counts
    #[command(after_help = "Example:
  capbundle device started --store ./phone")]
    Started,
    /// The page says that it works, as notifyAppReady()
    #[command(after_help = "Example:
  capbundle device confirm --store ./phone")]
    Confirm(ConfirmArgs),
    /// The time to confirm is over: the attempt counts, and the app serves the fallback
    #[command(after_help = "Example:
  capbundle device expired --store ./phone")]
    Expired,
    /// The app goes to the background, where nothing counts: the next bundle is applied if its conditions are met
    #[command(after_help = "Example:
  capbundle device background --store ./phone")]
    Background,
    /// The app comes back to the foreground
    #[command(after_help = "Example:
  capbundle device foreground --store ./phone")]
    Foreground,
    /// Show what is served, current, next, fallback and failed
    #[command(after_help = "Example:
  capbundle device status --store ./phone --json")]
    Status,
    /// List the installed bundles, oldest first
    #[command(after_help = "Example:
  capbundle device list --store ./phone --json")]
    List,
    /// Serve a bundle at once; the app's page is loaded anew
    #[command(after_help = "Example:
  capbundle device set vUOXkgIDVu --store ./phone")]
    Set(SetArgs),
    /// Serve a bundle from the next launch on, or when all of its conditions held
    #[command(after_help = "Examples:
  capbundle device next vUOXkgIDVu --store ./phone --delay kill
  capbundle device next vUOXkgIDVu --store ./phone --delay background=300000 --delay date=$(date -d tomorrow +%s)
  capbundle device next --store ./phone --clear")]
    Next(NextArgs),
    /// Go back to the built-in bundle, at once
    #[command(after_help = "Examples:
  capbundle device reset --store ./phone
  capbundle device reset --store ./phone --to-last-proven")]
    Reset(ResetArgs),
    /// Remove a bundle that nothing needs
    #[command(after_help = "Example:
  capbundle device delete vUOXkgIDVu --store ./phone")]
    Delete(IdArgs),
    /// Say that a bundle does not work: it is never taken again
    #[command(after_help = "Example:
  capbundle device fail vUOXkgIDVu --store ./phone")]
    Fail(IdArgs),
    /// Show the failure that the app has not been told of yet, once
    #[command(after_help = "Example:
  capbundle device failure --store ./phone --json")]
    Failure,
    /// Let failed bundles of a version be taken again
    #[command(after_help = "Example:
  capbundle device forget 1.2.3 --store ./phone")]
    Forget(ForgetArgs),
    /// Remove old bundles, and what crashes left
    ///
    /// Current, next, fallback and what is served always stay. A bundle stays if every rule that is given keeps it.
    #[command(after_help = "Example:
  capbundle device clean --store ./phone --keep 3 --max-age 30d --max-size 200M")]
    Clean(CleanArgs),
    /// Take over what Capgo's plugin installed
    ///
    /// Bundles are moved out of their folder. A second call finishes what the first could not.
    #[command(after_help = "Example:
  capbundle device adopt --store ./phone --folder ./versions --info vUOXkgIDVu_info.json --current vUOXkgIDVu")]
    Adopt(AdoptArgs),
    /// Compare the files of a bundle with what was installed
    #[command(after_help = "Example:
  capbundle device verify vUOXkgIDVu --store ./phone")]
    Verify(IdArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("public").args(["key", "key_data"]))]
pub(crate) struct InstallArgs {
    /// The plain zip; with --iv-session-key, the encrypted one
    pub(crate) zip: PathBuf,
    /// Version of the bundle
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: String,
    /// SHA-256 of the zip; with --iv-session-key, its signed checksum
    #[arg(long, value_name = "SUM")]
    pub(crate) checksum: String,
    /// The ivSessionKey that `bundle encrypt` gave
    #[arg(long, value_name = "KEY", requires = "public")]
    pub(crate) iv_session_key: Option<String>,
    /// The public key file in the app: it then takes nothing that is not signed and encrypted for it
    #[arg(long, value_name = "FILE", requires = "iv_session_key")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line ends
    #[arg(long, value_name = "PEM", allow_hyphen_values = true, requires = "iv_session_key")]
    pub(crate) key_data: Option<String>,
    /// Spelling of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    /// Serve it from the next launch on
    #[arg(long)]
    pub(crate) next: bool,
    /// Link to be kept with the bundle
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// Comment to be kept with the bundle
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Oldest native version it runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) min_native: Option<String>,
    /// Newest native version it runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) max_native: Option<String>,
}

/// What an app knows by itself of the releases it takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the app brings")]
pub(crate) struct TrustArgs {
    /// The app's id [default: appId of the capacitor.config here]
    #[arg(long, value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// The first key ring
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: PathBuf,
    /// The private half of the content key that sealed archives are opened with (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) content_key: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InstallReleaseArgs {
    /// The release
    #[arg(value_name = "RELEASE")]
    pub(crate) release: PathBuf,
    /// The archive as it is delivered: sealed, where the release says so; none, where it goes to the built-in bundle
    #[arg(long, value_name = "FILE", requires = "files")]
    pub(crate) archive: Option<PathBuf>,
    /// The list of its files
    #[arg(long, value_name = "FILE", requires = "archive")]
    pub(crate) files: Option<PathBuf>,
    /// The channel whose releases the app takes
    #[arg(long, value_name = "NAME")]
    pub(crate) channel: String,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// Serve it from the next launch on
    #[arg(long)]
    pub(crate) next: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").required(true).args(["channel_url", "site"]))]
pub(crate) struct UpdateArgs {
    /// Address of the channel file, which ends in channels/<NAME>.json
    #[arg(long, value_name = "URL")]
    pub(crate) channel_url: Option<Url>,
    /// Address of the site, with --channel
    #[arg(long, value_name = "URL", requires = "channel")]
    pub(crate) site: Option<Url>,
    /// The channel on the site
    #[arg(long, value_name = "NAME", conflicts_with = "channel_url")]
    pub(crate) channel: Option<String>,
    /// What tells this device from others in a rollout [default: made at random once]
    #[arg(long, value_name = "ID")]
    pub(crate) device_id: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LaunchArgs {
    /// Version of the native app; another one than before is an update from the app store [default: that of the last
    /// launch, else 1.0.0]
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_version: Option<String>,
    /// Build of the native app; another one than before is an update from the app store [default: that of the last
    /// launch, else 1]
    #[arg(long, value_name = "BUILD")]
    pub(crate) native_build: Option<String>,
    /// The process starts in the background, where nothing counts against a bundle
    #[arg(long)]
    pub(crate) background: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// The bundle whose page speaks [default: the one that is served]
    #[arg(value_name = "ID")]
    pub(crate) id: Option<BundleRef>,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Id of an installed bundle, or `builtin`
    #[arg(value_name = "ID")]
    pub(crate) id: BundleRef,
}

#[derive(Debug, Args)]
pub(crate) struct NextArgs {
    /// Id of an installed bundle, or `builtin`
    #[arg(value_name = "ID", required_unless_present = "clear")]
    pub(crate) id: Option<BundleRef>,
    /// A condition, in place of those before: background=MILLISECONDS, kill, nativeVersion=VERSION or
    /// date=SECONDS_SINCE_1970 (repeatable; all must hold)
    #[arg(long = "delay", value_name = "CONDITION", value_parser = delay)]
    pub(crate) delays: Vec<ApplyCondition>,
    /// Drop what was to come next, and its conditions
    #[arg(long, conflicts_with_all = ["id", "delays"])]
    pub(crate) clear: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// Go back to the bundle that confirmed last instead
    #[arg(long)]
    pub(crate) to_last_proven: bool,
}

#[derive(Debug, Args)]
pub(crate) struct IdArgs {
    /// Id of an installed bundle
    #[arg(value_name = "ID")]
    pub(crate) id: BundleId,
}

#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// The version
    // Every command has a --version, whose name in the parser this field would take.
    #[arg(id = "forgotten", value_name = "VERSION")]
    pub(crate) version: String,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The plugin's folder, which holds a folder for each bundle
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// A file with what the plugin's preferences hold under <ID>_info, as JSON (repeatable)
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) info: Vec<PathBuf>,
    /// Id of the bundle that the plugin serves
    #[arg(long, value_name = "ID")]
    pub(crate) current: Option<String>,
    /// Id of the bundle that the plugin falls back to
    #[arg(long, value_name = "ID")]
    pub(crate) fallback: Option<String>,
    /// Id of the bundle that the plugin serves next
    #[arg(long, value_name = "ID")]
    pub(crate) next: Option<String>,
    /// The native build that the plugin last ran with
    #[arg(long, value_name = "BUILD")]
    pub(crate) native_build: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Keep this many of the newest
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<usize>,
    /// Keep those installed at most this long ago: a number and s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = value_parsers::duration)]
    pub(crate) max_age: Option<Duration>,
    /// Keep as many of the newest as fit into this many bytes, unpacked: a number, with K, M or G if need be
    #[arg(long, value_name = "SIZE", value_parser = value_parsers::bytes)]
    pub(crate) max_size: Option<u64>,
}

/// One condition of `next`, in Capgo's words.
fn delay(text: &str) -> Result<ApplyCondition, String> {
    let number = |value: &str| value.parse().map_err(|_| format!("{value:?} is no whole number"));
    match text.split_once('=') {
        None if text == "kill" => Ok(ApplyCondition::Kill),
        None if text == "background" => Ok(ApplyCondition::Background(0)),
        Some(("background", value)) => number(value).map(ApplyCondition::Background),
        Some(("nativeVersion", value)) => Ok(ApplyCondition::NativeVersion(NativeVersion::new(value))),
        Some(("date", value)) => number(value).map(|seconds| ApplyCondition::Date(Timestamp(seconds))),
        _ => Err("expected background=MILLISECONDS, kill, nativeVersion=VERSION or date=SECONDS_SINCE_1970".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_spelled_as_capgo_names_them() {
        assert_eq!(delay("kill"), Ok(ApplyCondition::Kill));
        assert_eq!(delay("background"), Ok(ApplyCondition::Background(0)));
        assert_eq!(delay("background=300000"), Ok(ApplyCondition::Background(300_000)));
        assert_eq!(
            delay("nativeVersion=2.0.0"),
            Ok(ApplyCondition::NativeVersion(NativeVersion::new("2.0.0")))
        );
        assert_eq!(
            delay("date=1800000000"),
            Ok(ApplyCondition::Date(Timestamp(1_800_000_000)))
        );
        for wrong in [
            "",
            "kill=1",
            "date",
            "date=tomorrow",
            "background=-1",
            "nativeVersion",
            "moon=full",
        ] {
            assert!(delay(wrong).is_err(), "{wrong}");
        }
    }
}
