//! The command line and its help texts.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are the help text, where backticks would show"
)]

mod bundle;
mod device;
mod device_run;
mod host;
mod key;
mod keyring;
mod release;
mod remote;
mod server;
mod site;
mod unsupported;
mod upload;
mod value_parsers;

use std::ffi::OsString;
use std::path::PathBuf;

use capbundle::native::{NativeRange, NativeVersion};
use clap::{Args, Parser, Subcommand};

pub(crate) use bundle::{
    BundleCommand, CheckArgs, ContentArgs, DecryptArgs, EncryptArgs, Form, InspectArgs, OpenArgs, SealArgs, UnpackArgs,
    VerifyArgs, ZipArgs,
};
pub(crate) use device::{
    AdoptArgs, CleanArgs, ConfirmArgs, DeviceArgs, DeviceCommand, IdArgs, InstallArgs, InstallReleaseArgs, LaunchArgs,
    NextArgs, TrustArgs, UpdateArgs,
};
pub(crate) use device_run::RunArgs;
pub(crate) use key::{CreateArgs, KeyCommand, SaveArgs};
pub(crate) use keyring::{KeyringCheckArgs, KeyringCommand, KeyringCreateArgs, KeyringRotateArgs};
pub(crate) use release::{DocumentInspectArgs, ReleaseCheckArgs, ReleaseCommand, ReleaseCreateArgs, SignArgs};
pub(crate) use remote::{
    AppCommand, BundleListArgs, ChannelCommand, ChannelSetArgs, CleanupArgs, DebugArgs, DeleteArgs, DevicePlatform,
    DownloadArgs, ListArgs, MetadataArgs,
};
pub(crate) use server::{NetworkArgs, ServerArgs};
pub(crate) use site::{
    GcArgs, PatchArgs, PauseArgs, PromoteArgs, PublishArgs, RenewArgs, RingPublishArgs, RollbackArgs, RolloutArgs,
    SigningArgs, SiteArgs, SiteChannelArgs, SiteListArgs, SiteVerifyArgs,
};
pub(crate) use upload::{BucketStyle, S3Access, S3Args, UploadArgs};

const EXAMPLES_AND_EXIT_CODES: &str = "\
Examples:
  capbundle bundle zip com.example.app --path ./dist --json

Exit codes:
  0  done
  1  failed; the message states the reason
  2  the command line is wrong or incomplete
  130, 143  stopped by SIGINT (Ctrl-C) or SIGTERM; a second signal skips the cleanup

With --json, standard output is one JSON document, for an error {\"error\":CODE,\"message\":TEXT}.";

/// Prepare, protect, verify and publish web bundles of Capacitor apps for over-the-air updates.
///
/// Uses Capgo's archive, checksum, key and encryption formats and its Bundles API: `capbundle bundle
/// zip|encrypt|decrypt|upload|list|delete` replace the same commands of `npx @capgo/cli` in a release pipeline.
#[derive(Debug, Parser)]
#[command(name = "capbundle", version, propagate_version = true, after_help = EXAMPLES_AND_EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create, encrypt, verify, inspect and upload bundles
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Examples:
  capbundle bundle zip com.example.app --path ./dist --json
  capbundle bundle encrypt com.example.app_1.2.3.zip \"$CHECKSUM\" --json
  capbundle bundle upload --s3-region eu-central-1 --s3-bucket-name my-bundles --channel production"
    )]
    Bundle(BundleCommand),
    /// List channels and assign bundles to them
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Examples:
  capbundle channel list
  capbundle channel set production --bundle 1.2.3"
    )]
    Channel(ChannelCommand),
    /// Diagnose updates of an app as a device sees them
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Example:
  capbundle app debug"
    )]
    App(AppCommand),
    /// Create, install and show signing keys
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Examples:
  capbundle key create
  capbundle key show --json"
    )]
    Key(KeyCommand),
    /// Create, sign, publish and monitor releases: signed documents that allow devices to run a bundle
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Examples:
  capbundle release create --archive app.zip --bundle 1.2.3 --channel production --sequence 42 \\
    --key release.key
  capbundle release check release.json --ring keys/1.json --channel production
  capbundle release publish --to s3://my-bucket/app --key release.key --candidate 5%
  capbundle release verify https://updates.example.com/app --ring keys/1.json"
    )]
    Release(ReleaseCommand),
    /// Create, sign and check key rings: signed documents that list the keys an app trusts for releases
    #[command(
        subcommand,
        arg_required_else_help = true,
        after_help = "Examples:
  capbundle keyring create --key release.key --to keys/1.json
  capbundle keyring rotate keys/1.json --add new.pub --key release.key --key new.key \\
    --to keys/2.json"
    )]
    Keyring(KeyringCommand),
    /// Simulate a device in a folder: install, launch, confirm, fall back; each call is one event, and `run` a whole app
    #[command(
        arg_required_else_help = true,
        after_help = "Examples:
  capbundle device install app.zip --store ./phone --version 1.2.3 --checksum \"$SHA256\" --next
  capbundle device launch --store ./phone
  capbundle device status --store ./phone
  capbundle device run --store ./phone --update-url https://updates.example.com/updates"
    )]
    Device(DeviceArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  capbundle completions bash > /etc/bash_completion.d/capbundle")]
    Completions(CompletionsArgs),
    /// Print the man page, or write the man pages of all commands into a folder
    #[command(after_help = "Examples:\n  capbundle man | man -l -\n  capbundle man --to /usr/local/share/man/man1")]
    Man(ManArgs),
}

/// The native versions of a release.
#[derive(Debug, Args)]
pub(crate) struct NativeArgs {
    /// Oldest native version that the bundle runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_min: Option<String>,
    /// Newest native version that the bundle runs on
    #[arg(long, value_name = "VERSION")]
    pub(crate) native_max: Option<String>,
}

impl NativeArgs {
    pub(crate) fn range(&self) -> NativeRange {
        native_range(self.native_min.as_deref(), self.native_max.as_deref())
    }
}

/// The range between two native versions, either of which may be missing.
pub(crate) fn native_range(min: Option<&str>, max: Option<&str>) -> NativeRange {
    NativeRange {
        min: min.map(NativeVersion::new),
        max: max.map(NativeVersion::new),
    }
}

/// The switch of every command with a result.
#[derive(Debug, Args)]
pub(crate) struct JsonSwitch {
    /// Print the result or the error as one JSON document on standard output
    #[arg(short, long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write one page per command into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
}

/// Whether a command line that could not be parsed contains `--json`, or `--json=…`, which is invalid.
///
/// Errors of the command line are printed as JSON too. A `j` behind a short option with a value is part of that value
/// (`-pjson`).
pub(crate) fn wants_json(arguments: &[OsString]) -> bool {
    const WITHOUT_VALUE: [char; 2] = ['f', 'h'];
    arguments
        .iter()
        .skip(1)
        .map_while(|argument| argument.to_str().filter(|text| *text != "--"))
        .any(|text| {
            text == "--json"
                || text.starts_with("--json=")
                || text
                    .strip_prefix('-')
                    .is_some_and(|short| short.trim_start_matches(WITHOUT_VALUE).starts_with('j'))
        })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn visit(command: &clap::Command) {
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                let help = inner.get_after_help().map(ToString::to_string).unwrap_or_default();
                let shown = help.contains("  capbundle ") && help.contains(inner.get_name());
                assert!(shown, "{} has no example", inner.get_name());
                visit(inner);
            }
        }
        visit(&Cli::command());
    }

    #[test]
    fn json_is_recognised_in_every_spelling() {
        let wants = |line: &str| wants_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(wants("capbundle bundle zip --json"));
        assert!(wants("capbundle bundle zip -j --nonsense"));
        assert!(wants("capbundle key create -fj"));
        // Invalid, and the error is printed as JSON.
        assert!(wants("capbundle bundle list --json=true"));
        assert!(!wants("capbundle bundle zip -pjson"));
        assert!(!wants("capbundle bundle zip -- --json"));
        assert!(!wants("capbundle bundle zip"));
    }
}
