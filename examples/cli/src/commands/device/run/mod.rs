//! `capbundle device run`: a whole app, driven by the lines of standard input.
//!
//! On a terminal, a background thread does the work of the updater, as in an app. Otherwise the lines are a script: each
//! command finishes the work that it causes before the next one is read, so that a script does the same every time.

mod command;
mod input;
mod process;
mod screen;
mod settings;

use std::io::{self, IsTerminal as _};

use serde_json::json;

use self::command::{Command, HELP};
use self::input::Input;
use self::process::Process;
use self::settings::Settings;
use super::app::Device;
use crate::args::RunArgs;
use crate::error::{Failure, Result};
use crate::output::Output;

pub(super) fn run(device: &Device<'_>, args: &RunArgs, output: &Output) -> Result<()> {
    let settings = Settings::of(device, args)?;
    let is_interactive = io::stdin().is_terminal();
    let mut process = Process::start(device, &settings, args.background, is_interactive)?;
    end_of("start", output)?;
    if is_interactive {
        output.say("Type a command; `help` lists them");
    }
    let mut input = Input::new()?;
    while let Some(line) = input.next()? {
        let command = match Command::parse(&line) {
            Ok(Some(command)) => command,
            Ok(None) => continue,
            Err(problem) if is_interactive => {
                output.say(problem);
                continue;
            }
            Err(problem) => {
                let message = format!("line {} of standard input: {problem}", input.line_number());
                return Err(Failure::usage("invalid_argument", message));
            }
        };
        match &command {
            Command::Quit => break,
            // As the system ends a process: no destructor runs, and background work stops anywhere.
            Command::Kill => std::process::exit(0),
            Command::Help => {
                output.report_all(HELP.lines())?;
                output.event("help", &json!({ "text": HELP }))?;
            }
            Command::Restart => {
                // The session of the old process ends before the new one begins.
                drop(process);
                process = Process::start(device, &settings, false, is_interactive)?;
            }
            command => process.carry_out(command)?,
        }
        end_of(command.name(), output)?;
    }
    Ok(())
}

/// Tells a program that drives the device that the events of a command are complete.
fn end_of(command: &str, output: &Output) -> Result<()> {
    output.event("done", &json!({ "command": command }))
}
