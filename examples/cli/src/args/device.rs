//! `capbundle device …`

use std::path::PathBuf;
use std::time::Duration;

use capbundle::http::Url;
use capbundle::native::NativeVersion;
use capbundle::store::{ApplyCondition, BundleId, BundleRef};
use capbundle::time::Timestamp;
use clap::{ArgGroup, Args, Subcommand};

use super::Form;
use super::device_run::RunArgs;
use super::host::HostArgs;
use super::server::NetworkArgs;
use super::value_parsers;

#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    /// The device's folder; `install` and `launch` create it
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Print the result or the error as one JSON document on standard output
    #[arg(short, long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
    #[command(subcommand)]
    pub(crate) command: DeviceCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Verify a zip and install it
    ///
    /// The bundle is served only after `next`, `set` or --next. A bundle that failed on this device before is rejected.
    #[command(
        disable_version_flag = true,
        after_help = "Examples:
  capbundle device install app.zip --store ./phone --version 1.2.3 --checksum \"$SHA256\" --next
  capbundle device install app.zip_encrypted.zip --store ./phone --version 1.2.3 \\
    --iv-session-key \"$IV_SESSION_KEY\" --checksum \"$SIGNED_CHECKSUM\" --key .capgo_key_v2.pub"
    )]
    Install(InstallArgs),
    /// Verify a signed release and install it from local files
    ///
    /// Afterwards the device rejects older releases of the channel, and every bundle that no release allows.
    #[command(after_help = "Example:
  capbundle device install-release release.json --archive app.sealed --files files.json \\
    --store ./phone \\
    --channel production --keys ring-1.json --content-key .capbundle_content_key --next")]
    InstallRelease(Box<InstallReleaseArgs>),
    /// Check a static channel and install its release for this device
    ///
    /// Follows new key rings, decides by the device id whether the device is in the rollout, downloads the bundle and
    /// sets it as the next one. A rejected release changes nothing. With --json, the error code is the name of the
    /// failed check.
    #[command(after_help = "Examples:
  capbundle device update --store ./phone \\
    --channel-url https://cdn.example.com/app/channels/production.json \\
    --keys ring-1.json --content-key .capbundle_content_key --device-id phone-1
  capbundle device update --store ./phone --site https://cdn.example.com/app --channel beta \\
    --keys ring-1.json")]
    Update(Box<UpdateArgs>),
    /// Run a whole app that follows a server or a channel, driven by commands on standard input
    ///
    /// The app starts, checks for updates, installs and applies them, and falls back, as on a phone. Commands, one a
    /// line: ready (the page calls notifyAppReady), hang (it does not), crash (its process ends), background,
    /// foreground, online (the network returns), check, wait SECONDS, call METHOD JSON (a call of JavaScript), status,
    /// log, restart (a new process), kill (ends the process in the middle of anything), quit, help. Ends with the input;
    /// the next `device run` is the next start. If standard input is not a terminal, each command finishes the work that
    /// it causes before the next one is read, and an invalid line is an error. With --json, each event is one JSON object
    /// in a line: {"event":"load",…}; {"event":"done",…} ends those of a command.
    #[command(after_help = "Examples:
  capbundle device run --store ./phone --update-url https://updates.example.com/updates
  printf 'ready\nbackground\nforeground\nready\n' | capbundle device run --store ./phone \\
    --site https://cdn.example.com/app --channel production --keys ring-1.json \\
    --content-key .capbundle_content_key
  printf 'background\nforeground\nhang\nwait 11\n' | capbundle device run --store ./phone --json \\
    --update-url https://updates.example.com/updates --public-key .capgo_key_v2.pub")]
    Run(Box<RunArgs>),
    /// Start the app and choose the bundle to serve
    ///
    /// Ends the previous run. If a bundle on trial had started in it without a confirmation, that counts as one
    /// failed attempt (see
    /// --attempts). If a proven bundle had started without a confirmation, that counts as a silent start.
    #[command(after_help = "Examples:
  capbundle device launch --store ./phone --json
  capbundle device launch --store ./phone --native-version 2.0.0 --native-build 17
  capbundle device launch --store ./phone --attempts 3 --auto-delete-failed false")]
    Launch(LaunchArgs),
    /// Report that the page of the served bundle started: without a confirmation, the attempt now counts
    #[command(after_help = "Example:
  capbundle device started --store ./phone")]
    Started,
    /// Report that the page works, as notifyAppReady() does
    #[command(after_help = "Example:
  capbundle device confirm --store ./phone")]
    Confirm(ConfirmArgs),
    /// Report that the time to confirm has passed: the attempt counts, and the app serves the fallback
    #[command(after_help = "Example:
  capbundle device expired --store ./phone")]
    Expired,
    /// Move the app to the background; applies the next bundle if its conditions are met
    #[command(after_help = "Example:
  capbundle device background --store ./phone")]
    Background,
    /// Move the app to the foreground
    #[command(after_help = "Example:
  capbundle device foreground --store ./phone")]
    Foreground,
    /// Show the served, current, next, fallback and failed bundles
    #[command(after_help = "Example:
  capbundle device status --store ./phone --json")]
    Status,
    /// Show the log of the device: why it serves the bundle that it serves, oldest entry first
    ///
    /// An app's updater writes the log. For support: copy the store's folder of a device and run this on the copy.
    #[command(after_help = "Example:
  capbundle device log --store ./phone --json")]
    Log,
    /// List the installed bundles, oldest first
    #[command(after_help = "Example:
  capbundle device list --store ./phone --json")]
    List,
    /// Serve a bundle at once; the app reloads its page
    #[command(after_help = "Example:
  capbundle device set vUOXkgIDVu --store ./phone")]
    Set(SetArgs),
    /// Serve a bundle from the next launch on, or once all of its conditions are met
    #[command(after_help = "Examples:
  capbundle device next vUOXkgIDVu --store ./phone --delay kill
  capbundle device next vUOXkgIDVu --store ./phone --delay background=300000 \\
    --delay date=$(date -d tomorrow +%s)
  capbundle device next --store ./phone --clear")]
    Next(NextArgs),
    /// Go back to the built-in bundle at once
    #[command(after_help = "Examples:
  capbundle device reset --store ./phone
  capbundle device reset --store ./phone --to-last-proven")]
    Reset(ResetArgs),
    /// Remove a bundle that is not in use
    #[command(after_help = "Example:
  capbundle device delete vUOXkgIDVu --store ./phone")]
    Delete(IdArgs),
    /// Mark a bundle as failed: it is never installed again
    #[command(after_help = "Example:
  capbundle device fail vUOXkgIDVu --store ./phone")]
    Fail(IdArgs),
    /// Show the failure that was not reported to the app yet, and mark it as reported
    #[command(after_help = "Example:
  capbundle device failure --store ./phone --json")]
    Failure,
    /// Allow failed bundles of a version to be installed again
    #[command(after_help = "Example:
  capbundle device forget 1.2.3 --store ./phone")]
    Forget(ForgetArgs),
    /// Remove old bundles and the remains of crashes
    ///
    /// Always keeps the current, next, fallback and served bundles. Any other bundle is kept if all given rules keep
    /// it.
    #[command(after_help = "Example:
  capbundle device clean --store ./phone --keep 3 --max-age 30d --max-size 200M")]
    Clean(CleanArgs),
    /// Take over the bundles that Capgo's plugin installed
    ///
    /// Moves the bundles out of the plugin's folder. If interrupted, run it again to finish.
    #[command(after_help = "Example:
  capbundle device adopt --store ./phone --folder ./versions --info vUOXkgIDVu_info.json \\
    --current vUOXkgIDVu")]
    Adopt(AdoptArgs),
    /// Verify that the files of a bundle are unchanged since the installation
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
    /// The ivSessionKey printed by `bundle encrypt`
    #[arg(long, value_name = "KEY", requires = "public")]
    pub(crate) iv_session_key: Option<String>,
    /// The public key file in the app; requires a bundle that is signed and encrypted for it
    #[arg(long, value_name = "FILE", requires = "iv_session_key")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line breaks
    #[arg(long, value_name = "PEM", allow_hyphen_values = true, requires = "iv_session_key")]
    pub(crate) key_data: Option<String>,
    /// Encoding of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    /// Serve it from the next launch on
    #[arg(long)]
    pub(crate) next: bool,
    /// Link to store with the bundle
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// Comment to store with the bundle
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Oldest native version that the bundle runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) min_native: Option<String>,
    /// Newest native version that the bundle runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) max_native: Option<String>,
}

/// The trust configuration built into an app.
#[derive(Debug, Args)]
#[command(next_help_heading = "Built into the app")]
pub(crate) struct TrustArgs {
    /// App id [default: appId of capacitor.config]
    #[arg(long, value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    /// The first key ring file
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: PathBuf,
    /// Private content key file to open sealed archives with (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) content_key: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InstallReleaseArgs {
    /// The release file
    #[arg(value_name = "RELEASE")]
    pub(crate) release: PathBuf,
    /// The archive as delivered, sealed if the release says so; omit it for a release of the built-in bundle
    #[arg(long, value_name = "FILE", requires = "files")]
    pub(crate) archive: Option<PathBuf>,
    /// The file list of the archive
    #[arg(long, value_name = "FILE", requires = "archive")]
    pub(crate) files: Option<PathBuf>,
    /// The channel of the app
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
    /// URL of the channel file, ending in channels/<NAME>.json
    #[arg(long, value_name = "URL")]
    pub(crate) channel_url: Option<Url>,
    /// URL of the site, with --channel
    #[arg(long, value_name = "URL", requires = "channel")]
    pub(crate) site: Option<Url>,
    /// The channel on the site
    #[arg(long, value_name = "NAME", conflicts_with = "channel_url")]
    pub(crate) channel: Option<String>,
    /// Device id, which decides whether the device is in a rollout [default: random, kept in the store]
    #[arg(long, value_name = "ID")]
    pub(crate) device_id: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LaunchArgs {
    /// Version of the native app; a change means an update from the app store [default: that of the last launch, else
    /// 1.0.0]
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_version: Option<String>,
    /// Build of the native app; a change means an update from the app store [default: that of the last launch, else 1]
    #[arg(long, value_name = "BUILD")]
    pub(crate) native_build: Option<String>,
    /// Start the process in the background, where attempts do not count
    #[arg(long)]
    pub(crate) background: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// The bundle whose page confirms [default: the served bundle]
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
    /// A condition, replacing earlier ones: background=MILLISECONDS, kill, nativeVersion=VERSION or
    /// date=SECONDS_SINCE_1970 (repeatable; all must be met)
    #[arg(long = "delay", value_name = "CONDITION", value_parser = delay)]
    pub(crate) delays: Vec<ApplyCondition>,
    /// Clear the next bundle and its conditions
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
    /// JSON file with the value of <ID>_info from the plugin's preferences (repeatable)
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
    /// Native build that the plugin ran with last
    #[arg(long, value_name = "BUILD")]
    pub(crate) native_build: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Keep this many of the newest bundles
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<usize>,
    /// Keep bundles installed within this time: a number and s, m, h or d
    #[arg(long, value_name = "TIME", value_parser = value_parsers::duration)]
    pub(crate) max_age: Option<Duration>,
    /// Keep as many of the newest bundles as fit into this unpacked size: bytes, or a number and K, M or G
    #[arg(long, value_name = "SIZE", value_parser = value_parsers::bytes)]
    pub(crate) max_size: Option<u64>,
}

/// Parses a condition of `next`, spelled as in Capgo's API.
fn delay(text: &str) -> Result<ApplyCondition, String> {
    let number = |value: &str| value.parse().map_err(|_| format!("{value:?} is not a whole number"));
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
    fn conditions_use_the_names_of_capgo() {
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
