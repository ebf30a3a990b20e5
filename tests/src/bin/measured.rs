//! Runs a command and measures it: `measured REPORT PROGRAM [ARGUMENT…]`.
//!
//! Writes three numbers to the file REPORT: seconds, microseconds of processor time, and peak resident memory in bytes. Exits with
//! the code of the command.
#![allow(clippy::expect_used, reason = "a tool for tests")]

use std::process::{Command, ExitCode};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let report = arguments.next().expect("the file for the report comes first");
    let program = arguments.next().expect("the program comes second");
    let started = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .status()
        .expect("the program can be started");
    let seconds = started.elapsed().as_secs_f64();
    // Covers the child and the processes it waited for, as for a shell or `npx`.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel reports usage");
    let processor = (usage.user_time() + usage.system_time()).num_microseconds();
    // The kernel counts memory in KiB.
    let peak = usage.max_rss() * 1024;
    let line = format!("{seconds} {processor} {peak}\n");
    std::fs::write(report, line).expect("the report can be written");
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
