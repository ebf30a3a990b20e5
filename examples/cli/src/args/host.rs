//! What an app decides when it opens its store.

use std::time::Duration;

use capbundle::store::StoreOptions;
use clap::{ArgAction, Args};

use super::value_parsers;

/// As Capgo's plugin names them. An app passes them at each start, so each call takes them anew.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the app decides, at each call")]
pub(crate) struct HostArgs {
    /// Starts without a confirmation after which a bundle has failed [default: 2]
    #[arg(long, global = true, value_name = "N")]
    attempts: Option<u32>,
    /// Silent starts in a row after which a proven bundle goes on trial again; 0 for never [default: 3]
    #[arg(long, global = true, value_name = "N")]
    silent_starts: Option<u32>,
    /// How long a page has to confirm: a number and s, m, h or d [default: 10s]
    #[arg(long, global = true, value_name = "TIME", value_parser = value_parsers::duration)]
    app_ready_timeout: Option<Duration>,
    /// Start over with the built-in bundle when the native app changes, by version or build [default: true]
    #[arg(long, global = true, value_name = "BOOL", action = ArgAction::Set)]
    reset_when_update: Option<bool>,
    /// Remove the files of a bundle that failed [default: true]
    #[arg(long, global = true, value_name = "BOOL", action = ArgAction::Set)]
    auto_delete_failed: Option<bool>,
    /// Remove the bundle that a confirmed one replaces, once --silent-starts later starts were confirmed [default: true]
    #[arg(long, global = true, value_name = "BOOL", action = ArgAction::Set)]
    auto_delete_previous: Option<bool>,
    /// Sequence of the release that is built into the native app: nothing as old is installed or served
    #[arg(long, global = true, value_name = "N")]
    built_in_sequence: Option<u64>,
}

impl HostArgs {
    /// How the store is opened; what the call does not say is as the library has it.
    pub(crate) fn options(&self) -> StoreOptions {
        let mut options = StoreOptions::default();
        take(&mut options.attempts, self.attempts);
        take(&mut options.silent_starts, self.silent_starts);
        take(&mut options.app_ready_timeout, self.app_ready_timeout);
        take(&mut options.reset_when_native_changes, self.reset_when_update);
        take(&mut options.auto_delete_failed, self.auto_delete_failed);
        take(&mut options.auto_delete_previous, self.auto_delete_previous);
        options.built_in_sequence = self.built_in_sequence;
        options
    }
}

fn take<T>(option: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *option = said;
    }
}
