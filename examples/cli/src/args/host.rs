//! Options that an app passes when it opens its store.

use std::time::Duration;

use capbundle::store::StoreOptions;
use clap::{ArgAction, Args};

use super::value_parsers;

/// Named as in Capgo's plugin. An app passes them at every start, so every call takes them.
#[derive(Debug, Args)]
#[command(next_help_heading = "App settings, passed with each call")]
pub(crate) struct HostArgs {
    /// Number of starts without a confirmation after which a bundle fails [default: 2]
    #[arg(long, global = true, value_name = "N")]
    attempts: Option<u32>,
    /// Number of consecutive silent starts after which a proven bundle is on trial again; 0 for never [default: 3]
    #[arg(long, global = true, value_name = "N")]
    silent_starts: Option<u32>,
    /// Time for a page to confirm: a number and s, m, h or d [default: 10s]
    #[arg(long, global = true, value_name = "TIME", value_parser = value_parsers::duration)]
    app_ready_timeout: Option<Duration>,
    /// Go back to the built-in bundle when the version or build of the native app changes [default: true]
    #[arg(long, global = true, value_name = "BOOL", action = ArgAction::Set)]
    reset_when_update: Option<bool>,
    /// Remove the files of failed bundles [default: true]
    #[arg(long, global = true, value_name = "BOOL", action = ArgAction::Set)]
    auto_delete_failed: Option<bool>,
    /// Remove a replaced bundle once --silent-starts starts of its successor were confirmed [default: true]
    #[arg(long, global = true, value_name = "BOOL", action = ArgAction::Set)]
    auto_delete_previous: Option<bool>,
    /// Sequence of the release built into the native app; releases up to it are not installed or served
    #[arg(long, global = true, value_name = "N")]
    built_in_sequence: Option<u64>,
}

impl HostArgs {
    /// The options for the store; unset options keep the library's defaults.
    pub(crate) fn options(&self) -> StoreOptions {
        let mut options = StoreOptions::default();
        override_with(&mut options.attempts, self.attempts);
        override_with(&mut options.silent_starts, self.silent_starts);
        override_with(&mut options.app_ready_timeout, self.app_ready_timeout);
        override_with(&mut options.reset_when_native_changes, self.reset_when_update);
        override_with(&mut options.auto_delete_failed, self.auto_delete_failed);
        override_with(&mut options.auto_delete_previous, self.auto_delete_previous);
        options.built_in_sequence = self.built_in_sequence;
        options
    }
}

fn override_with<T>(option: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *option = given;
    }
}
