//! `capbundle-update-server`: the server as a program.

mod command_line;
mod keys;
mod serve;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use command_line::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Serve(options) => serve::run(&arguments.data, *options),
        Command::Key(command) => keys::run(&arguments.data, command),
        Command::App(command) => keys::run_app(&arguments.data, command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Where even that cannot be written, the exit code says it.
            let _ = writeln!(anstream::stderr(), "error: {problem}");
            ExitCode::FAILURE
        }
    }
}
