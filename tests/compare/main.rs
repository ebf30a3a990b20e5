//! Runs our commands and the peers' alternately on the same files, and prints a Markdown table. Started by
//! `tests/compare/run`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test tool that panics on failure and prints its results"
)]

mod cipher;
mod device;
mod table;
mod tasks;
mod workspace;

use std::path::{Path, PathBuf};

use capbundle_tests::corpus::Corpus;
use capbundle_tests::measure::{Measurement, measure};
use capbundle_tests::peers::target_folder;
use table::{Row, Table};
use tasks::{Side, Task};
use workspace::Workspace;

/// Files on disk, as users have them.
const DISK: &str = "disk";
/// Files in memory, where removed files do not slow down later runs.
const TMPFS: &str = "tmpfs";

/// Enough for a median that a single disturbed run does not change.
const RUNS: usize = 5;

struct Plan {
    runs: usize,
    corpora: &'static [Corpus],
    places: Vec<(&'static str, PathBuf)>,
    update: bool,
    /// Whether a missed budget is a failure. It is not for a single run, which other processes may disturb.
    enforce_budgets: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == device::UNPACK => return device::unpack_sealed(rest),
        Some((first, rest)) if first == device::INSTALL => return device::install_sealed(rest),
        _ => {}
    }
    let plan = plan(&arguments);
    let mut table = Table::new(plan.runs);
    // Kept until the end: removing thousands of files slows down the file system for minutes.
    let mut workspaces = Vec::new();
    for (place, folder) in &plan.places {
        for corpus in plan.corpora {
            let app = corpus.folder().expect("tests/compare/run installs the npm packages");
            let mut workspace = Workspace::prepare(&app, folder);
            compare(*corpus, place, &mut workspace, plan.runs, &mut table);
            if *place == TMPFS {
                workspace.remove_old_outputs();
            }
            workspaces.push(workspace);
        }
    }
    cipher::compare(plan.runs, &mut table);
    println!("{table}");
    if plan.update {
        table.update_documentation();
    }
    drop(workspaces);
    let missed = table.missed();
    if !missed.is_empty() {
        eprintln!("Budgets missed:\n{}", missed.join("\n"));
        if plan.enforce_budgets {
            std::process::exit(1);
        }
    }
}

fn plan(arguments: &[String]) -> Plan {
    let disk = (DISK, target_folder().join("compare"));
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let smoke = has("--smoke");
    let mut runs = arguments.iter().skip_while(|argument| *argument != "--runs").skip(1);
    Plan {
        runs: if smoke {
            1
        } else {
            runs.next()
                .map_or(RUNS, |runs| runs.parse().expect("--runs takes a number"))
        },
        corpora: if smoke { &[Corpus::Small] } else { &Corpus::ALL },
        places: if has("--cipher") {
            Vec::new()
        } else if smoke {
            vec![disk]
        } else {
            [tmpfs(), Some(disk)].into_iter().flatten().collect()
        },
        update: has("--update"),
        enforce_budgets: !smoke,
    }
}

fn tmpfs() -> Option<(&'static str, PathBuf)> {
    let folder = Path::new("/dev/shm");
    if !folder.is_dir() {
        eprintln!("SKIPPED tmpfs: /dev/shm does not exist");
        return None;
    }
    Some((TMPFS, folder.to_path_buf()))
}

fn compare(corpus: Corpus, place: &'static str, workspace: &mut Workspace, runs: usize, table: &mut Table) {
    for task in tasks::all(workspace) {
        eprintln!("{} on {place}, {} corpus", task.name, corpus.name());
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            if place == TMPFS {
                workspace.remove_old_outputs();
            }
            ours.push(run(workspace, &task.ours));
            peer.push(run(workspace, &task.peer));
        }
        table.add(Row::new(&task, corpus.name(), place, &ours, &peer));
        if let Some(inside) = task.without_runtime_start {
            let inner: Vec<_> = peer.iter().map(without_start).collect();
            table.add(Row::new(
                &Task { name: inside, ..task },
                corpus.name(),
                place,
                &ours,
                &inner,
            ));
        }
    }
}

/// One run with an empty output folder. The times of several commands add up; the memory is that of the largest.
fn run(workspace: &mut Workspace, side: &Side) -> Measurement {
    workspace.reset_output();
    let steps: Vec<_> = side.iter().map(measure).collect();
    Measurement {
        seconds: steps.iter().map(|step| step.seconds).sum(),
        processor: steps.iter().map(|step| step.processor).sum(),
        peak_memory: steps
            .iter()
            .map(|step| step.peak_memory)
            .max()
            .expect("a side has a step"),
        stdout: steps.into_iter().map(|step| step.stdout).collect(),
    }
}

/// The measurement with the time that the peer itself reports, without the start of its runtime.
fn without_start(whole: &Measurement) -> Measurement {
    let seconds = whole.stdout.trim().parse().expect("the peer prints its seconds");
    Measurement {
        seconds,
        ..whole.clone()
    }
}
