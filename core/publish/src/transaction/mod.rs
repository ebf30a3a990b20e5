//! Runs the steps of a release in order, and undoes them if a later one fails.
//!
//! A release uploads an archive (and its single files, if there is a manifest), verifies its public URL, registers a bundle,
//! and sets channels to it. Each is a [`Step`]; a [`Plan`]
//! runs them in order. Before the first change, every step checks whether it can succeed ([`Step::prepare`]), so that a missing
//! channel is found before a large upload. If a step fails or the caller cancels, the completed steps are undone in reverse
//! order.
//!
//! A step that cannot be undone is reported as a [`Leftover`]. Earlier steps are then kept too: a bundle without its archive breaks
//! devices, an archive without a bundle only takes space.

mod api_registry;
mod file_storages;
mod http_storage;
mod promote;
mod register;
mod registry;
mod s3_storage;
mod upload;
mod upload_files;
mod verify;

use std::fmt;

pub use api_registry::ApiRegistry;
pub use file_storages::{PutFiles, S3Files, ServerFiles};
pub use http_storage::{PutFile, ServerFile};
pub use promote::Promote;
pub use register::{Annotate, Register};
pub use registry::{ChannelState, Registry};
pub use s3_storage::S3Object;
pub use upload::{Storage, StoredArchive, Upload};
pub use upload_files::{FileStorage, FileToStore, StoredFile, UploadFiles};
pub use verify::{Verify, VerifyWork};

use crate::error::Error;
use crate::manifest::ManifestRow;
use capbundle::ErrorKind;
use capbundle::http::Url;
use capbundle::progress::Control;

/// The results that steps pass on.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Work {
    /// The URL of the archive for devices.
    pub url: Option<Url>,
    /// Whether the same archive already existed, so that nothing was sent.
    pub already_there: bool,
    /// The server's ID of the registered bundle.
    pub bundle: Option<u64>,
    /// The single files of the bundle, if they are uploaded.
    pub files: Vec<ManifestRow>,
    /// How many of them already existed, so that they were not sent.
    pub files_already_there: usize,
    /// The size of the others in bytes.
    pub file_bytes_sent: u64,
}

impl Work {
    /// No step has run yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The archive already exists at `url`: nothing will be uploaded.
    #[must_use]
    pub fn at(url: Url) -> Self {
        Self {
            url: Some(url),
            ..Self::default()
        }
    }

    pub(crate) fn url(&self) -> crate::Result<&Url> {
        let url = self.url.as_ref();
        url.ok_or_else(|| Error::invalid_input("plan", "no earlier step set the URL of the archive"))
    }

    pub(crate) fn bundle(&self) -> crate::Result<u64> {
        let problem = "no earlier step registered a bundle";
        self.bundle.ok_or_else(|| Error::invalid_input("plan", problem))
    }
}

/// One step of a release.
pub trait Step {
    /// Describes the step in one line. Contains no secret.
    fn describe(&self) -> String;

    /// Checks whether the step can succeed, without changing anything.
    ///
    /// # Errors
    /// Why it cannot succeed.
    fn prepare(&mut self, control: &Control) -> crate::Result<()> {
        let _ = control;
        Ok(())
    }

    /// Runs the step.
    ///
    /// # Errors
    /// Why it failed. [`made`](Self::made) then describes the changes that may have been made nevertheless.
    fn run(&mut self, work: &mut Work, control: &Control) -> crate::Result<()>;

    /// Describes what the step made, or may have made if a response was lost. Contains no secret. `None` if there is nothing to
    /// undo.
    fn made(&self) -> Option<String>;

    /// Undoes the step. Called at most once, after [`run`](Self::run) started.
    ///
    /// # Errors
    /// Why it could not be undone.
    fn undo(&mut self, control: &Control) -> crate::Result<()>;
}

/// Steps in order.
#[derive(Default)]
pub struct Plan<'a> {
    steps: Vec<Box<dyn Step + 'a>>,
}

impl<'a> Plan<'a> {
    /// An empty plan.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a step.
    #[must_use]
    pub fn then(mut self, step: impl Step + 'a) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    /// Describes the plan, one line a step.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.describe()).collect()
    }

    /// Prepares all steps, then runs them. `before` is called with the description of each step before it runs.
    ///
    /// Cancellation does not stop undoing: a cancelled release is undone like a failed one.
    ///
    /// # Errors
    /// The first failure, with the undone changes and those that remain.
    pub fn run(
        mut self,
        work: &mut Work,
        control: &Control,
        before: &mut dyn FnMut(&str),
    ) -> Result<(), Box<TransactionError>> {
        for step in &mut self.steps {
            let ready = control
                .check("publish")
                .map_err(Error::from)
                .and_then(|()| step.prepare(control));
            ready.map_err(TransactionError::before_anything)?;
        }
        for at in 0..self.steps.len() {
            before(&self.steps[at].describe());
            let done = control.check("publish");
            let (done, begun) = match done {
                Ok(()) => (self.steps[at].run(work, control), at + 1),
                Err(cancelled) => (Err(cancelled.into()), at),
            };
            if let Err(problem) = done {
                return Err(self.undo(begun, problem));
            }
        }
        Ok(())
    }

    /// Undoes the first `begun` steps, latest first.
    fn undo(mut self, begun: usize, problem: Error) -> Box<TransactionError> {
        let control = Control::new();
        let mut failed = TransactionError::before_anything(problem);
        for step in self.steps[..begun].iter_mut().rev() {
            let Some(what) = step.made() else { continue };
            if !failed.left.is_empty() {
                failed.left.push(Leftover { what, why: None });
                continue;
            }
            match step.undo(&control) {
                Ok(()) => failed.undone.push(what),
                Err(why) => failed.left.push(Leftover { what, why: Some(why) }),
            }
        }
        failed
    }
}

impl fmt::Debug for Plan<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.describe()).finish()
    }
}

/// A plan that failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct TransactionError {
    /// The first failure.
    pub problem: Error,
    /// The undone changes, in the order of undoing.
    pub undone: Vec<String>,
    /// The changes that remain, latest first.
    pub left: Vec<Leftover>,
}

/// Something that a failed plan could not undo.
#[derive(Debug)]
#[non_exhaustive]
pub struct Leftover {
    /// A description, for messages.
    pub what: String,
    /// Why it remains; `None` if it was kept because a later leftover needs it.
    pub why: Option<Error>,
}

impl TransactionError {
    fn before_anything(problem: Error) -> Box<Self> {
        Box::new(Self {
            problem,
            undone: Vec::new(),
            left: Vec::new(),
        })
    }

    /// The kind of the first failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.problem.kind()
    }
}

impl fmt::Display for TransactionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.problem)?;
        if !self.undone.is_empty() {
            write!(formatter, "; undone: {}", self.undone.join(", "))?;
        }
        for (at, left) in self.left.iter().enumerate() {
            formatter.write_str(if at == 0 { "; still there: " } else { ", " })?;
            write!(formatter, "{left}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Some(why) => write!(formatter, "{} (it could not be undone: {why})", self.what),
            None => write!(formatter, "{} (kept, since what is still there needs it)", self.what),
        }
    }
}

impl std::error::Error for TransactionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.problem)
    }
}

#[cfg(test)]
mod tests;
