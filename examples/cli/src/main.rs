//! The `capbundle` command.

mod args;
mod commands;
mod config;
mod error;
mod interrupt;
mod output;
mod printable;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::Cli;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => commands::run(cli.command),
        Err(error) => output::command_line(&arguments, &error),
    }
}
