//! Planned faults, and the history of operations.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

pub(super) type ProcessId = u32;

/// A fault at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process ends before the operation.
    StopBefore,
    /// The process ends after the operation, before it receives the result.
    StopAfter,
    /// The operation fails once. A write may be performed in part. Bytes whose sync failed are not synced by a later
    /// one.
    Fail(io::ErrorKind),
    /// The disk is full from this operation on, even after files are removed.
    FullFrom,
}

/// Which operations are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// Operations that change something or make it durable. Taking a lock is one, since it may create the file.
    Changes,
    /// All operations, so that reading can fail too.
    Calls,
}

/// An operation, as in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Read,
    Open,
    ReadOn,
    Empty,
    OpenToAppend,
    Create,
    Write,
    CreateFolder,
    Rename(PathBuf),
    RemoveFile,
    RemoveFolder,
    SyncFile,
    SyncFolder,
    SyncTree,
    List,
    Kind,
    Size,
    FreeSpace,
    Lock,
    LockShared,
}

/// The effect of the plan on an operation.
pub(super) enum Effect {
    Go,
    /// As `Go`, on a disk that is full from now on.
    Fill,
    Fail(io::ErrorKind),
    GoAndDie,
    Dead,
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    plan: Option<(Count, u64, Fault)>,
    calls: u64,
    changes: u64,
    dead: BTreeSet<ProcessId>,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    /// Its number among the changes, if it is a change.
    change: Option<u64>,
    process: ProcessId,
    act: Act,
    path: PathBuf,
    fault: Option<Fault>,
}

impl Faults {
    pub(super) fn plan(&mut self, count: Count, at: u64, fault: Fault) {
        (self.calls, self.changes) = (0, 0);
        self.plan = Some((count, at, fault));
    }

    pub(super) fn lift(&mut self) {
        self.plan = None;
    }

    pub(super) fn counted(&self, count: Count) -> u64 {
        match count {
            Count::Changes => self.changes,
            Count::Calls => self.calls,
        }
    }

    pub(super) fn kill(&mut self, process: ProcessId) {
        self.dead.insert(process);
    }

    pub(super) fn is_dead(&self, process: ProcessId) -> bool {
        self.dead.contains(&process)
    }

    pub(super) fn next(&mut self, process: ProcessId, act: &Act, path: &Path) -> Effect {
        if self.is_dead(process) {
            return Effect::Dead;
        }
        self.calls += 1;
        self.changes += u64::from(act.changes());
        let fault = self
            .plan
            .filter(|(count, at, _)| *at == self.counted(*count) && (*count == Count::Calls || act.changes()));
        let fault = fault.map(|(_, _, fault)| fault);
        let change = act.changes().then_some(self.changes);
        self.done.push(Done {
            change,
            process,
            act: act.clone(),
            path: path.into(),
            fault,
        });
        match fault {
            None => Effect::Go,
            Some(Fault::StopBefore) => Effect::Dead,
            Some(Fault::StopAfter) => Effect::GoAndDie,
            Some(Fault::Fail(kind)) => Effect::Fail(kind),
            Some(Fault::FullFrom) => Effect::Fill,
        }
    }

    pub(super) fn history(&self) -> String {
        self.done.iter().fold(String::new(), |mut text, done| {
            // Writing to a `String` does not fail.
            let _ = writeln!(text, "{done}");
            text
        })
    }
}

impl Act {
    fn changes(&self) -> bool {
        !matches!(
            self,
            Self::Read
                | Self::Open
                | Self::ReadOn
                | Self::List
                | Self::Kind
                | Self::Size
                | Self::FreeSpace
                | Self::LockShared
        )
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.change {
            Some(number) => write!(f, "{number:>4}  ")?,
            None => write!(f, "   -  ")?,
        }
        if self.process != 0 {
            write!(f, "process {}: ", self.process)?;
        }
        match &self.act {
            Act::Rename(to) => write!(f, "Rename {} -> {}", self.path.display(), to.display())?,
            act => write!(f, "{act:?} {}", self.path.display())?,
        }
        match self.fault {
            Some(fault) => write!(f, "  <== {fault:?}"),
            None => Ok(()),
        }
    }
}

/// The error of every call of a stopped process.
pub(super) fn dead() -> io::Error {
    io::Error::other(Dead)
}

#[derive(Debug)]
struct Dead;

impl fmt::Display for Dead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process was stopped by the test")
    }
}

impl std::error::Error for Dead {}
