//! The `capbundle-update-server` command.

mod app;
mod command_line;
mod key;
mod serve;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use command_line::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Serve(options) => serve::run(&arguments.data, *options),
        Command::Key(command) => key::run(&arguments.data, command),
        Command::App(command) => app::run(&arguments.data, command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If stderr is closed too, the exit code still reports the failure.
            let _ = writeln!(anstream::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
