//! What goes wrong and when, and the record of all that was done.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

use super::ProcessId;

/// What goes wrong at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process ends before it.
    StopBefore,
    /// It is done, and the process ends before it hears of it.
    StopAfter,
    /// It fails, this once. Of a write half may be done; bytes whose sync failed are never synced by another try.
    Fail(io::ErrorKind),
    /// From here on the disk is full, whatever is removed.
    FullFrom,
}

/// Which operations are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// Those that change something or make it durable. Taking a lock is one, since it may make the file.
    Changes,
    /// Every one, so that reading can fail too.
    Calls,
}

/// An operation as the record names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Read,
    Open,
    ReadOn,
    Empty,
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

/// What is left of an operation.
pub(super) enum Verdict {
    Go,
    /// Go, on a disk that is full from now on.
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
    /// Its number among the changes, if it is one.
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

    pub(super) fn next(&mut self, process: ProcessId, act: &Act, path: &Path) -> Verdict {
        if self.is_dead(process) {
            return Verdict::Dead;
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
            None => Verdict::Go,
            Some(Fault::StopBefore) => Verdict::Dead,
            Some(Fault::StopAfter) => Verdict::GoAndDie,
            Some(Fault::Fail(kind)) => Verdict::Fail(kind),
            Some(Fault::FullFrom) => Verdict::Fill,
        }
    }

    pub(super) fn history(&self) -> String {
        self.done.iter().fold(String::new(), |mut text, done| {
            // Writing to a string does not fail.
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

/// How every call of a process that was stopped ends.
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
