//! Runs one command and reports what it took: `measured REPORT PROGRAM [ARGUMENT…]`.
//!
//! Writes three numbers to the file REPORT, the seconds, the microseconds of processor time and the peak of resident
//! memory in bytes, and ends as the command did.
#![allow(clippy::expect_used, reason = "a tool of the tests: it fails loudly")]

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
    // The one child there was, and what it waited for itself: for a shell or `npx`, that is the work.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel knows its children");
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
