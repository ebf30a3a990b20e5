//! What is written, in its order.

use std::fmt;
use std::path::PathBuf;

use tempfile::TempPath;

use super::note::Note;
use super::storage::{Content, Precondition, Sent, SiteStorage, Written};
use crate::error::{Error, Result};
use capbundle::ErrorKind;
use capbundle::progress::Control;
use capbundle::release::ChannelFile;
use capbundle::size;

/// How an operation is carried out.
pub struct ExecutionOptions<'a> {
    /// Only say what would be done. Reads the site, signs and writes nothing.
    pub dry_run: bool,
    /// Who watches and who may stop it.
    pub control: &'a Control,
    /// Told what comes next, in one line.
    pub before: &'a mut dyn FnMut(&str),
}

impl fmt::Debug for ExecutionOptions<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Run")
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

/// An operation that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What was done, or would be, one line a step.
    pub steps: Vec<String>,
    /// Whether anything was changed. Not by a dry run.
    pub changed: bool,
    /// Sequences of the releases that this operation made or took up.
    pub sequences: Vec<u64>,
    /// What the channel offers now, or would.
    pub channel: Option<ChannelFile>,
    /// What else is worth knowing.
    pub notes: Vec<Note>,
}

/// An operation that did not come to its end. Nothing that was there before is gone, and no device sees a half of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct PublishError {
    /// What failed.
    pub problem: Error,
    /// What was written and nothing names yet: the next run goes on with it, or `gc` removes it.
    pub left: Vec<String>,
}

impl From<Error> for Box<PublishError> {
    fn from(problem: Error) -> Self {
        Self::new(PublishError {
            problem,
            left: Vec::new(),
        })
    }
}

impl PublishError {
    /// The kind of what failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.problem.kind()
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.problem)?;
        if self.left.is_empty() {
            return Ok(());
        }
        let left = self.left.join(", ");
        write!(
            formatter,
            "; written, named by nothing, and kept for the next run: {left}"
        )
    }
}

impl std::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.problem)
    }
}

/// One thing that is done to a site.
#[derive(Debug)]
pub(super) enum Step {
    /// What cannot be told before it is done, told by a dry run.
    Told(String),
    /// An archive, under a path that holds a digest of it.
    File {
        path: String,
        file: PathBuf,
        size: u64,
        /// Removes the file when the step is dropped.
        #[allow(dead_code, reason = "held until it was sent")]
        temporary: Option<TempPath>,
    },
    /// A small file that never changes.
    New { path: String, bytes: Vec<u8> },
    /// A release that gets more signatures.
    Replace {
        path: String,
        bytes: Vec<u8>,
        before: Content,
    },
    /// A file that is there, of this size where it is known, and must stay.
    Keep { path: String, size: Option<u64> },
    /// A release that the channel is about to name no more. Its age starts anew, since devices may be fetching its archive.
    Leave { path: String },
    /// From here on devices see it.
    Channel {
        path: String,
        bytes: Vec<u8>,
        before: Option<Content>,
        says: String,
    },
}

impl Step {
    fn describe(&self) -> String {
        match self {
            Self::Told(what) => what.clone(),
            Self::File { path, size, .. } => format!("put {} at {path}", size::text(*size)),
            Self::New { path, .. } => format!("write {path}"),
            Self::Replace { path, .. } => format!("add signatures to {path}"),
            Self::Keep { path, .. } => format!("keep {path}, which is there"),
            Self::Leave { path } => format!("keep {path} for those who are fetching it"),
            Self::Channel { path, says, .. } => format!("write {path}: {says}"),
        }
    }

    /// Does it. What it left that nothing names, where it left something.
    fn run(&self, storage: &dyn SiteStorage, control: &Control) -> Result<Option<String>> {
        match self {
            Self::Told(_) => Ok(None),
            Self::File { path, file, size, .. } => {
                let sent = storage.put_file(path, file, control)?;
                require_size(storage, path, Some(*size), control)?;
                Ok((sent == Sent::Now).then(|| path.clone()))
            }
            Self::New { path, bytes } => match storage.write(path, bytes, Precondition::Absent, control)? {
                Written::Done => Ok(Some(path.clone())),
                Written::Changed if is(storage, path, bytes, control)? => {
                    storage.touch(path, control)?;
                    Ok(None)
                }
                Written::Changed => Err(changed(storage, path)),
            },
            Self::Replace { path, bytes, before } => {
                match storage.write(path, bytes, Precondition::Unchanged(before), control)? {
                    Written::Done => Ok(None),
                    Written::Changed => Err(changed(storage, path)),
                }
            }
            Self::Leave { path } => {
                // One that is gone is fetched by nobody.
                storage.touch(path, control)?;
                Ok(None)
            }
            Self::Keep { path, size } => {
                storage.touch(path, control)?;
                require_size(storage, path, *size, control)?;
                Ok(None)
            }
            Self::Channel {
                path, bytes, before, ..
            } => {
                let only_if = before.as_ref().map_or(Precondition::Absent, Precondition::Unchanged);
                match storage.write(path, bytes, only_if, control)? {
                    Written::Done => Ok(None),
                    Written::Changed => Err(changed(storage, path)),
                }
            }
        }
    }
}

impl Step {
    /// What it may have written although it failed: a file that is there and could not be confirmed is left as well.
    fn left_by(&self, problem: &Error, storage: &dyn SiteStorage) -> Option<String> {
        let (Self::File { path, .. } | Self::New { path, .. }) = self else {
            return None;
        };
        match problem.kind() {
            // The file of somebody else is there.
            ErrorKind::InvalidInput | ErrorKind::Busy => None,
            ErrorKind::Network => Some(format!("{path} (it may have arrived)")),
            _ => match storage.head(path, &Control::new()) {
                Ok(Some(_)) => Some(path.clone()),
                Err(error) if matches!(error.kind(), ErrorKind::Network | ErrorKind::Server) => {
                    Some(format!("{path} (it may have arrived)"))
                }
                // A folder that cannot be read is named by the problem already.
                Ok(None) | Err(_) => None,
            },
        }
    }
}

fn is(storage: &dyn SiteStorage, path: &str, bytes: &[u8], control: &Control) -> Result<bool> {
    let found = storage.read_start(path, bytes.len() as u64 + 1, control)?;
    Ok(found.is_some_and(|found| found == bytes))
}

fn changed(storage: &dyn SiteStorage, path: &str) -> Error {
    Error::ModifiedConcurrently {
        what: format!("{}/{path}", storage.place()),
    }
}

fn require_size(storage: &dyn SiteStorage, path: &str, size: Option<u64>, control: &Control) -> Result<()> {
    let problem = match storage.head(path, control)? {
        None => "it is not there".to_owned(),
        Some(found) => match size {
            Some(size) if found.size != size => format!("it has {} bytes, expected were {size}", found.size),
            _ => return Ok(()),
        },
    };
    Err(Error::Core(capbundle::Error::Corrupt {
        path: format!("{}/{path}", storage.place()).into(),
        problem,
    }))
}

/// Steps that were decided on, and what will be true after them.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) steps: Vec<Step>,
    pub(super) sequences: Vec<u64>,
    pub(super) channel: Option<ChannelFile>,
    pub(super) notes: Vec<Note>,
}

impl Decision {
    /// Nothing to do.
    pub(super) fn already_done(channel: ChannelFile) -> Self {
        Self {
            channel: Some(channel),
            notes: vec![Note::AlreadyDone],
            ..Self::default()
        }
    }
}

/// Decides and does, with other publishers kept out in between.
pub(super) fn carry_out(
    storage: &dyn SiteStorage,
    run: &mut ExecutionOptions<'_>,
    decide: impl FnOnce(&Control) -> Result<Decision>,
) -> Result<Report, Box<PublishError>> {
    let control = run.control;
    let _held = if run.dry_run {
        None
    } else {
        Some(storage.lock(control)?)
    };
    let decision = decide(control)?;
    let mut done = Report {
        steps: decision.steps.iter().map(Step::describe).collect(),
        changed: !run.dry_run && !decision.steps.is_empty(),
        sequences: decision.sequences,
        channel: decision.channel,
        notes: decision.notes,
    };
    if run.dry_run {
        return Ok(done);
    }
    let mut left = Vec::new();
    for step in &decision.steps {
        (run.before)(&step.describe());
        if let Err(problem) = control.check("publish") {
            return Err(Box::new(PublishError {
                problem: problem.into(),
                left,
            }));
        }
        match step.run(storage, control) {
            Ok(made) => left.extend(made),
            Err(problem) => {
                left.extend(step.left_by(&problem, storage));
                return Err(Box::new(PublishError { problem, left }));
            }
        }
    }
    if !storage.is_guarded() {
        done.notes.push(Note::Unguarded);
    }
    Ok(done)
}
