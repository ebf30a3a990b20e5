//! The story of an app: updates that work, one that does not, and a clean-up.

use super::device::{Archives, Device, Snapshot};
use crate::error::Error;
use crate::store::{BundleRef, Confirmation, KeepRules, LaunchReason};

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Kills the process, if one runs; the next one opens the store.
    Start,
    Install(&'static str),
    /// Installs a version by accepting the release with this sequence.
    Accept(&'static str, u64),
    /// Accepts a release with this sequence that selects the built-in bundle.
    AcceptBuiltIn(u64),
    /// Follows the second key ring.
    Follow,
    SetNext(&'static str),
    Launch,
    Started,
    Confirm,
    /// Removes the files of deleted bundles.
    Sweep,
    Clean,
}

use Step::{Accept, AcceptBuiltIn, Clean, Confirm, Follow, Install, Launch, SetNext, Start, Started, Sweep};

/// Each step changes the state at most once, so that a crash leaves the state before or after it.
#[rustfmt::skip]
pub(super) const STORY: &[Step] = &[
    Start, Launch,
    Install("1"), SetNext("1"),
    Start, Launch, Started, Confirm,
    // Version 2 crashes twice: the third launch finds that it failed.
    Install("2"), SetNext("2"),
    Start, Launch, Started,
    Start, Launch, Started,
    Start, Launch,
    // Version 3 replaces 1, which is removed when 3 confirms another start; the sweep removes its files. It is
    // installed by a release, and accepted by another one afterwards.
    Accept("3", 7), SetNext("3"),
    Start, Launch, Started, Confirm,
    Start, Launch, Started, Confirm, Sweep,
    Accept("3", 8), Follow,
    // Version 4 comes next, then the first release is withdrawn: the built-in bundle comes next instead, and again
    // after it is current.
    Install("4"), SetNext("4"), AcceptBuiltIn(9),
    Start, Launch, AcceptBuiltIn(10), Clean,
    // Only the newer of two is kept; it is next when the story ends.
    Accept("5", 11), SetNext("5"), Clean,
];

/// The releases of the story.
pub(super) const RELEASES: &[(&str, u64)] = &[("3", 7), ("3", 8), ("5", 11)];

/// Sequences of those that select the built-in bundle.
pub(super) const BUILT_IN: &[u64] = &[9, 10];

pub(super) const VERSIONS: &[&str] = &["1", "2", "3", "4", "5"];

/// Why a step was not completed.
#[derive(Debug)]
#[allow(dead_code, reason = "what it said is printed with a failure")]
pub(super) enum Undone {
    /// The process was killed during it.
    Died,
    /// It returned an error.
    Failed(String),
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Performs one step.
pub(super) fn play(device: &mut Device, archives: &Archives, step: Step) -> Result<(), Undone> {
    let done = attempt(device, archives, step);
    // The results of a dead process do not count.
    if device.files.is_dead() {
        Err(Undone::Died)
    } else {
        done
    }
}

fn attempt(device: &mut Device, archives: &Archives, step: Step) -> Result<(), Undone> {
    match step {
        Start => device.start()?,
        Install(version) => drop(device.install(archives, version)?),
        Accept(version, sequence) => drop(device.accept(archives, version, sequence)?),
        AcceptBuiltIn(sequence) => drop(device.accept_built_in(archives, sequence)?),
        Follow => device.follow()?,
        SetNext(version) => device.set_next(version)?,
        Launch => {
            if let LaunchReason::NotDurable(why) = device.launch().reason {
                return Err(Undone::Failed(format!("{why:?}")));
            }
        }
        Started => {
            let served = device.store().served().expect("it was launched");
            if let BundleRef::Bundle(id) = served.bundle {
                device.store().trial_started(&id)?;
            }
        }
        Confirm => {
            let served = device.store().served().expect("it was launched");
            if let Confirmation::Ignored { current } = device.store().confirm(&served.bundle)? {
                return Err(Undone::Failed(format!("confirmation ignored, current is {current}")));
            }
        }
        Sweep => device.store().sweep()?,
        Clean => drop(device.store().clean(&KeepRules {
            newest: Some(1),
            ..KeepRules::default()
        })?),
    }
    Ok(())
}

/// The snapshot after each step when nothing fails (the first entry precedes the first step), and a device on which no
/// snapshots were taken in between, to count its operations.
pub(super) fn undisturbed(archives: &Archives) -> (Vec<Snapshot>, Device) {
    let mut asked = Device::new();
    asked.start().unwrap();
    let mut snapshots = vec![asked.snapshot().unwrap()];
    let (mut asked, mut device) = (Device::new(), Device::new());
    for step in STORY {
        play(&mut asked, archives, *step).unwrap();
        play(&mut device, archives, *step).unwrap();
        snapshots.push(asked.snapshot().unwrap());
    }
    (snapshots, device)
}
