//! Crash tests: the process is killed before and after every file operation of the story of an app, each operation
//! fails, and a power cut discards what was not synced.
//!
//! After each of these the store opens without help, serves an intact bundle, contains every change that it reported as
//! done, and accepts the next update.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests; the number of points is for people"
)]

mod assembling;
mod cases;
mod device;
mod launch_cost;
mod previews;
mod recovery;
mod releases;
mod removal;
mod space;
mod story;

use std::io::ErrorKind;

use crate::io::crash_fs::{Count, Fault, Found};
use device::{Archives, Device, Snapshot};
use recovery::{AFTER, AFTER_THAT, Wrong, live_without_space, recover, recover_twice, require_durable, update};
use story::{BUILT_IN, RELEASES, STORY, Step, Undone, VERSIONS, play, undisturbed};

/// Power cuts with different mixtures of surviving writes, for each point.
const SEEDS: u64 = 12;
/// The same for each operation that failed.
const SEEDS_AFTER_A_FAILURE: u64 = 6;
/// Points of a power cut after each point of a kill.
const SECOND_CRASHES: u64 = 8;
/// Number of problems that are printed.
const TOLD: usize = 40;

struct Trials {
    archives: Archives,
    snapshots: Vec<Snapshot>,
    /// Number of changes of the file system in the whole story.
    changes: u64,
    /// Number of all calls, including those that only read.
    calls: u64,
    tried: u64,
    wrong: Vec<String>,
    /// The operations up to the first problem.
    history: String,
}

/// The point at which the story stopped.
struct Stopped {
    device: Device,
    /// The valid snapshots: the one before the step, and the one after it.
    possible: Vec<Snapshot>,
    step: usize,
}

impl Trials {
    fn new() -> Self {
        let archives = Archives::of(&[VERSIONS, &[AFTER, AFTER_THAT]].concat())
            .released(RELEASES)
            .with_built_in(BUILT_IN);
        let (snapshots, device) = undisturbed(&archives);
        let changes = device.files.counted(Count::Changes);
        let calls = device.files.counted(Count::Calls);
        Self {
            archives,
            snapshots,
            changes,
            calls,
            tried: 0,
            wrong: Vec::new(),
            history: String::new(),
        }
    }

    /// Runs the story until the plan stops it.
    fn stopped(&self, at: u64, fault: Fault) -> Stopped {
        let mut device = Device::new();
        device.files.plan(Count::Changes, at, fault);
        let undone = |step: &Step| play(&mut device, &self.archives, *step).is_err();
        let step = STORY.iter().position(undone).expect("the plan stops the story");
        Stopped {
            device,
            possible: self.snapshots[step..=step + 1].to_vec(),
            step,
        }
    }

    fn note(&mut self, at: u64, what: impl std::fmt::Debug, step: usize, device: &Device, result: Result<(), Wrong>) {
        self.tried += 1;
        let Err(wrong) = result else { return };
        if self.wrong.is_empty() {
            self.history = device.files.history();
        }
        self.wrong
            .push(format!("{what:?} at {at}, in step {:?}: {wrong}", STORY[step]));
    }

    fn report(self, what: &str) {
        println!(
            "{what}: {} points tried, of {} changes in {} steps",
            self.tried,
            self.changes,
            STORY.len()
        );
        let (wrong, all) = (self.wrong.len(), self.tried);
        let told: Vec<_> = self.wrong.into_iter().take(TOLD).collect();
        assert!(
            wrong == 0,
            "{wrong} of {all} went wrong:\n{}\nThe first:\n{}",
            told.join("\n"),
            self.history
        );
    }
}

#[test]
fn a_process_killed_at_any_moment_loses_nothing() {
    let mut trials = Trials::new();
    for at in 1..=trials.changes {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            let stopped = trials.stopped(at, fault);
            let result = recover(
                stopped.device.files.process_killed(),
                &stopped.possible,
                &trials.archives,
            );
            trials.note(at, fault, stopped.step, &stopped.device, result);
        }
    }
    trials.report("killed");
}

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_reported_as_done() {
    let mut trials = Trials::new();
    for at in 1..=trials.changes {
        let stopped = trials.stopped(at, Fault::StopAfter);
        for found in forms(at, SEEDS) {
            let result = recover(
                stopped.device.files.power_loss(found),
                &stopped.possible,
                &trials.archives,
            );
            trials.note(at, found, stopped.step, &stopped.device, result);
        }
    }
    trials.report("power cut");
}

/// The ways in which a power cut may leave the disk. The mixtures differ at each point.
fn forms(at: u64, seeds: u64) -> impl Iterator<Item = Found> {
    let plain = [Found::Nothing, Found::Everything, Found::NamesOnly, Found::Torn];
    plain
        .into_iter()
        .chain((0..seeds).map(move |seed| Found::Random(at * seeds + seed)))
}

#[test]
fn a_power_cut_soon_after_a_kill_loses_nothing_either() {
    let mut trials = Trials::new();
    for at in 1..=trials.changes {
        for seed in 0..SECOND_CRASHES {
            let stopped = trials.stopped(at, Fault::StopAfter);
            let result = trials.crash_again(&stopped, seed);
            trials.note(
                at,
                format!("killed, then power cut {seed}"),
                stopped.step,
                &stopped.device,
                result,
            );
        }
    }
    trials.report("killed, then power cut");
}

#[test]
fn a_failure_of_any_operation_costs_at_most_one_retry() {
    let mut trials = Trials::new();
    for (count, last, kind) in [
        // Reading fails too, if the device was not unlocked yet.
        (Count::Calls, trials.calls, ErrorKind::Other),
        (Count::Calls, trials.calls, ErrorKind::PermissionDenied),
        (Count::Changes, trials.changes, ErrorKind::StorageFull),
    ] {
        for at in 1..=last {
            let mut device = Device::new();
            device.files.plan(count, at, Fault::Fail(kind));
            let (step, result) = trials.play_on(&mut device, count, at);
            trials.note(at, (count, kind), step, &device, result);
        }
    }
    trials.report("failed once, tried again");
}

#[test]
fn a_disk_that_is_full_from_any_moment_on_harms_no_bundle() {
    let mut trials = Trials::new();
    for at in 1..=trials.changes {
        let mut device = Device::new();
        device.files.plan(Count::Changes, at, Fault::FullFrom);
        let full = |step: &Step| {
            let result = play(&mut device, &trials.archives, *step);
            result.is_err() || device.files.counted(Count::Changes) >= at
        };
        let step = STORY.iter().position(full).expect("the plan fills the disk");
        let possible = &trials.snapshots[step..=step + 1];
        // A store that does not exist yet cannot be created then; the app serves its built-in bundle.
        let made = step > 0;
        let lived = if made {
            live_without_space(&mut device, possible)
        } else {
            Ok(())
        };
        let result = lived.and_then(|()| {
            device.files.lift();
            recover(device.files.process_killed(), possible, &trials.archives)
        });
        trials.note(at, Fault::FullFrom, step, &device, result);
    }
    trials.report("full disk");
}

impl Trials {
    /// The process after the killed one performs an update, during which the power is cut.
    fn crash_again(&self, stopped: &Stopped, seed: u64) -> Result<(), Wrong> {
        let mut device = Device::on(stopped.device.files.process_killed());
        // Spread over the changes of an update, about a hundred.
        let at = 1 + (seed * 13 + stopped.step as u64 * 5) % 104;
        device.files.plan(Count::Changes, at, Fault::StopAfter);
        // The update does not finish.
        let _ = device.start().map_err(|error| error.to_string()).and_then(|()| {
            device.launch();
            update(&mut device, &self.archives, AFTER)
        });
        let found = if seed == 0 {
            Found::Nothing
        } else {
            Found::Random(at * SECOND_CRASHES + seed)
        };
        recover_twice(device.files.power_loss(found), &stopped.possible, &self.archives)
            .map_err(|wrong| format!("{wrong}\n{}", device.files.history()))
    }

    /// The app retries a failed step, in a new process if the step was the launch, and continues to the end. Returns
    /// the step that was hit, and whether every check passed.
    fn play_on(&self, device: &mut Device, count: Count, at: u64) -> (usize, Result<(), Wrong>) {
        let mut hit = None;
        for (index, step) in STORY.iter().enumerate() {
            let result = play(device, &self.archives, *step);
            if hit.is_none() && device.files.counted(count) >= at {
                hit = Some(index);
                if let Err(wrong) = self.go_on(device, index, at, &result) {
                    return (index, Err(wrong));
                }
            } else if let Err(undone) = result {
                return (index, Err(format!("it fails without a cause: {undone:?}")));
            }
        }
        let last = &self.snapshots[STORY.len()..];
        let hit = hit.expect("the plan hits a step");
        (
            hit,
            recover(device.files.power_loss(Found::Nothing), last, &self.archives),
        )
    }

    fn go_on(&self, device: &mut Device, index: usize, at: u64, result: &Result<(), Undone>) -> Result<(), Wrong> {
        let (before, after) = (&self.snapshots[index], &self.snapshots[index + 1]);
        if result.is_err() {
            let possible = [before.clone(), after.clone()];
            for found in forms(at, SEEDS_AFTER_A_FAILURE) {
                recover(device.files.power_loss(found), &possible, &self.archives)
                    .map_err(|wrong| format!("after {result:?} and a power cut ({found:?}): {wrong}"))?;
            }
        }
        let mut again = |step| play(device, &self.archives, step).map_err(|undone| format!("tried again: {undone:?}"));
        match STORY[index] {
            // A session has one launch, so only the next process can retry it.
            Step::Launch => again(Step::Start).and_then(|()| again(Step::Launch))?,
            step if result.is_err() => again(step)?,
            _ => (),
        }
        let settled = device.snapshot().map_err(|error| error.to_string())?;
        // A launch must make only the attempt of a trial durable; it decides everything else again.
        if !matches!(STORY[index], Step::Launch) || device.launch().on_trial {
            require_durable(&device.files, &settled)?;
        }
        if settled.is_as_good_as(after) {
            Ok(())
        } else {
            Err(format!(
                "tried again after {result:?}, it says {settled:?} instead of {after:?}"
            ))
        }
    }
}
