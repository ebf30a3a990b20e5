//! The life of an app: updates that work, one that does not, and a clean-up.

use super::device::{Archives, Device, Snapshot};
use crate::error::Error;
use crate::store::{BundleRef, Confirmation, KeepRules, LaunchReason};

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// The process, if there is one, is killed; the next one opens the store.
    Start,
    Install(&'static str),
    /// Installs a version by the release with this sequence, which is accepted.
    Accept(&'static str, u64),
    /// Accepts a release that goes to the built-in bundle, with this sequence.
    AcceptBuiltIn(u64),
    /// Follows the second key ring.
    Follow,
    SetNext(&'static str),
    Launch,
    Started,
    Confirm,
    /// Removes the files of what was deleted.
    Sweep,
    Clean,
}

use Step::{Accept, AcceptBuiltIn, Clean, Confirm, Follow, Install, Launch, SetNext, Start, Started, Sweep};

/// Each step changes the state once at most, so that a crash leaves what was before it or what is after it.
#[rustfmt::skip]
pub(super) const STORY: &[Step] = &[
    Start, Launch,
    Install("1"), SetNext("1"),
    Start, Launch, Started, Confirm,
    // Version 2 crashes twice: the third launch finds it failed.
    Install("2"), SetNext("2"),
    Start, Launch, Started,
    Start, Launch, Started,
    Start, Launch,
    // Version 3 takes the place of 1, which goes when 3 confirms another start; the sweep removes its files. It comes with a
    // release, and with another once it is there.
    Accept("3", 7), SetNext("3"),
    Start, Launch, Started, Confirm,
    Start, Launch, Started, Confirm, Sweep,
    Accept("3", 8), Follow,
    // Version 4 would come next, but the first release is withdrawn: built-in comes in its place, and again once it is current.
    Install("4"), SetNext("4"), AcceptBuiltIn(9),
    Start, Launch, AcceptBuiltIn(10), Clean,
    // Of two only the newest is kept; it is next when the story ends.
    Accept("5", 11), SetNext("5"), Clean,
];

/// The releases that come in it.
pub(super) const RELEASES: &[(&str, u64)] = &[("3", 7), ("3", 8), ("5", 11)];

/// Sequences of those that go to the built-in bundle.
pub(super) const BUILT_IN: &[u64] = &[9, 10];

pub(super) const VERSIONS: &[&str] = &["1", "2", "3", "4", "5"];

/// Why a step was not done.
#[derive(Debug)]
#[allow(dead_code, reason = "what it said is printed with a failure")]
pub(super) enum Undone {
    /// The process died in it.
    Died,
    /// It said so.
    Failed(String),
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Does one step.
pub(super) fn play(device: &mut Device, archives: &Archives, step: Step) -> Result<(), Undone> {
    let done = attempt(device, archives, step);
    // What a dead process heard or answered is of no account.
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

/// What the store says after each step when nothing goes wrong (the first entry stands before the first step), and a
/// device that was asked nothing in between, to count what it did.
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
