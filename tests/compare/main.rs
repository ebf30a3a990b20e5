//! Runs ours and the peer on the same files, alternating, and prints a Markdown table. Started by `tests/compare/run`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool of the tests: it fails loudly and its output is the point"
)]

mod arena;
mod cipher;
mod device;
mod table;
mod works;

use std::path::{Path, PathBuf};

use arena::Arena;
use capbundle_tests::corpus::Corpus;
use capbundle_tests::measure::{Measurement, measure};
use capbundle_tests::peers::target_folder;
use table::{Row, Table};
use works::{Side, Work};

/// What a user sees.
const DISK: &str = "disk";
/// Files in memory, where nothing that was removed is in anybody's way.
const TMPFS: &str = "tmpfs";

/// Enough for a median that one disturbed run does not move.
const RUNS: usize = 5;

struct Plan {
    runs: usize,
    corpora: &'static [Corpus],
    places: Vec<(&'static str, PathBuf)>,
    update: bool,
    /// Whether a budget that is missed fails. Not for one run: whatever else runs then decides.
    judged: bool,
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
    // Kept to the end: removing thousands of files slows the file system for minutes.
    let mut arenas = Vec::new();
    for (place, folder) in &plan.places {
        for corpus in plan.corpora {
            let app = corpus.folder().expect("tests/compare/run installs the npm packages");
            let mut arena = Arena::prepare(&app, folder);
            compare(*corpus, place, &mut arena, plan.runs, &mut table);
            if *place == TMPFS {
                arena.tidy();
            }
            arenas.push(arena);
        }
    }
    cipher::compare(plan.runs, &mut table);
    println!("{table}");
    if plan.update {
        table.put_into_the_documentation();
    }
    drop(arenas);
    let missed = table.missed();
    if !missed.is_empty() {
        eprintln!("Budgets missed:\n{}", missed.join("\n"));
        if plan.judged {
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
        judged: !smoke,
    }
}

fn tmpfs() -> Option<(&'static str, PathBuf)> {
    let folder = Path::new("/dev/shm");
    if !folder.is_dir() {
        eprintln!("SKIPPED tmpfs: there is no /dev/shm");
        return None;
    }
    Some((TMPFS, folder.to_path_buf()))
}

fn compare(corpus: Corpus, place: &'static str, arena: &mut Arena, runs: usize, table: &mut Table) {
    for work in works::all(arena) {
        eprintln!("{} on {place}, {} corpus", work.name, corpus.name());
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            if place == TMPFS {
                arena.tidy();
            }
            ours.push(run(arena, &work.ours));
            peer.push(run(arena, &work.peer));
        }
        table.add(Row::new(&work, corpus.name(), place, &ours, &peer));
        if let Some(inside) = work.inside_the_peer {
            let inner: Vec<_> = peer.iter().map(within).collect();
            table.add(Row::new(
                &Work { name: inside, ..work },
                corpus.name(),
                place,
                &ours,
                &inner,
            ));
        }
    }
}

/// One run from a clean start; several commands count together, their memory by the largest.
fn run(arena: &mut Arena, side: &Side) -> Measurement {
    arena.renew_output();
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

/// The time that the peer itself reports, without the start of its runtime.
fn within(whole: &Measurement) -> Measurement {
    let seconds = whole.stdout.trim().parse().expect("the peer prints its seconds");
    Measurement {
        seconds,
        ..whole.clone()
    }
}
