//! The steps of an operation, in their order.

use std::fmt;
use std::path::PathBuf;

use tempfile::TempPath;

use super::note::SiteNote;
use super::patch_options::UpdateCost;
use super::storage::{Content, PutOutcome, SiteStorage, WriteCondition, WriteOutcome};
use crate::error::{Error, Result};
use crate::setters::setters;
use capbundle::ErrorKind;
use capbundle::progress::Control;
use capbundle::release::ChannelFile;
use capbundle::size;

/// The result of an operation on a site.
pub type Outcome = Result<Report, Box<PublishError>>;

/// Options of one execution of an operation.
#[non_exhaustive]
pub struct ExecutionOptions<'a> {
    /// Only report what would be done: reads the site, signs and writes nothing.
    pub dry_run: bool,
    /// Progress and cancellation.
    pub control: &'a Control,
    /// Called before each step with one line that describes it.
    pub before: &'a mut dyn FnMut(&str),
}

impl<'a> ExecutionOptions<'a> {
    /// Carries the operation out, and calls `before` with one line before each step.
    #[must_use]
    pub fn new(control: &'a Control, before: &'a mut dyn FnMut(&str)) -> Self {
        Self {
            dry_run: false,
            control,
            before,
        }
    }

    setters! {
        with_dry_run(dry_run: bool);
    }
}

impl fmt::Debug for ExecutionOptions<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExecutionOptions")
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

/// A completed operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The steps, one line each; those of a dry run were not executed.
    pub steps: Vec<String>,
    /// Whether anything changed. Never by a dry run.
    pub changed: bool,
    /// Sequences of the releases that this operation published or resumed.
    pub sequences: Vec<u64>,
    /// The releases that the channel offers now; after a dry run, those that it would offer.
    pub channel: Option<ChannelFile>,
    /// What devices with earlier bundles download of the published bundle, the newest first.
    pub costs: Vec<UpdateCost>,
    /// Notes for the publisher.
    pub notes: Vec<SiteNote>,
}

/// An operation that failed. No existing file was removed, and devices do not see a partial result.
#[derive(Debug)]
#[non_exhaustive]
pub struct PublishError {
    /// The cause.
    pub problem: Error,
    /// Files that were written and are unreferenced: the next run resumes with them, or `gc` removes them.
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
    /// The kind of the failure.
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
        write!(formatter, "; written, unreferenced, and kept for the next run: {left}")
    }
}

impl std::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.problem)
    }
}

/// One change to a site.
#[derive(Debug)]
pub(super) enum Step {
    /// The description of a step that a dry run cannot create.
    Preview(String),
    /// An archive or a patch, under a path that contains its digest.
    File {
        path: String,
        file: PathBuf,
        size: u64,
        /// Removes the file when the step is dropped.
        #[allow(dead_code, reason = "held until the file was sent")]
        temporary: Option<TempPath>,
    },
    /// A small file that never changes.
    New { path: String, bytes: Vec<u8> },
    /// A release to which signatures are added.
    Replace {
        path: String,
        bytes: Vec<u8>,
        before: Content,
    },
    /// An existing file, of this size if known, that must be kept.
    Keep { path: String, size: Option<u64> },
    /// A file that may be missing. It is touched: a patch, or a release that the channel is about to stop naming, since devices
    /// may still be downloading its archive.
    Leave { path: String },
    /// The channel file, which makes the release visible to devices.
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
            Self::Preview(what) => what.clone(),
            Self::File { path, size, .. } => format!("upload {} to {path}", size::text(*size)),
            Self::New { path, .. } => format!("write {path}"),
            Self::Replace { path, .. } => format!("add signatures to {path}"),
            Self::Keep { path, .. } => format!("keep {path}"),
            Self::Leave { path } => format!("keep {path} for devices that are downloading it"),
            Self::Channel { path, says, .. } => format!("write {path}: {says}"),
        }
    }

    /// Executes the step. Returns the unreferenced file that it wrote, if any.
    fn run(&self, storage: &dyn SiteStorage, control: &Control) -> Result<Option<String>> {
        match self {
            Self::Preview(_) => Ok(None),
            Self::File { path, file, size, .. } => {
                let sent = storage.put_file(path, file, control)?;
                require_size(storage, path, Some(*size), control)?;
                Ok((sent == PutOutcome::Now).then(|| path.clone()))
            }
            Self::New { path, bytes } => match storage.write(path, bytes, WriteCondition::Absent, control)? {
                WriteOutcome::Done => Ok(Some(path.clone())),
                WriteOutcome::Changed if is(storage, path, bytes, control)? => {
                    storage.touch(path, control)?;
                    Ok(None)
                }
                WriteOutcome::Changed => Err(changed(storage, path)),
            },
            Self::Replace { path, bytes, before } => {
                match storage.write(path, bytes, WriteCondition::Unchanged(before), control)? {
                    WriteOutcome::Done => Ok(None),
                    WriteOutcome::Changed => Err(changed(storage, path)),
                }
            }
            Self::Leave { path } => {
                // A missing file needs no protection.
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
                let only_if = before
                    .as_ref()
                    .map_or(WriteCondition::Absent, WriteCondition::Unchanged);
                match storage.write(path, bytes, only_if, control)? {
                    WriteOutcome::Done => Ok(None),
                    WriteOutcome::Changed => Err(changed(storage, path)),
                }
            }
        }
    }
}

impl Step {
    /// The file that the failed step may have written: one that exists but could not be confirmed counts too.
    fn left_by(&self, problem: &Error, storage: &dyn SiteStorage) -> Option<String> {
        let (Self::File { path, .. } | Self::New { path, .. }) = self else {
            return None;
        };
        match problem.kind() {
            // The existing file is of another publisher.
            ErrorKind::InvalidInput | ErrorKind::Busy => None,
            ErrorKind::Network => Some(format!("{path} (it may have arrived)")),
            _ => match storage.head(path, &Control::new()) {
                Ok(Some(_)) => Some(path.clone()),
                Err(error) if matches!(error.kind(), ErrorKind::Network | ErrorKind::Server) => {
                    Some(format!("{path} (it may have arrived)"))
                }
                // The problem already names a folder that cannot be read.
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
        None => "the file is missing".to_owned(),
        Some(found) => match size {
            Some(size) if found.size != size => format!("expected {size} bytes, found {}", found.size),
            _ => return Ok(()),
        },
    };
    Err(Error::Core(capbundle::Error::Corrupt {
        path: format!("{}/{path}", storage.place()).into(),
        problem,
    }))
}

/// The decided steps, and the state after them.
#[derive(Debug, Default)]
pub(super) struct Decision {
    pub(super) steps: Vec<Step>,
    pub(super) sequences: Vec<u64>,
    pub(super) channel: Option<ChannelFile>,
    pub(super) costs: Vec<UpdateCost>,
    pub(super) notes: Vec<SiteNote>,
}

impl Decision {
    /// No step is needed.
    pub(super) fn already_done(channel: ChannelFile) -> Self {
        Self {
            channel: Some(channel),
            notes: vec![SiteNote::AlreadyDone],
            ..Self::default()
        }
    }
}

/// Decides on steps and executes them, with other publishers locked out.
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
        costs: decision.costs,
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
        done.notes.push(SiteNote::PreconditionsUnsupported);
    }
    Ok(done)
}
