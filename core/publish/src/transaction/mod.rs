//! Order and undo: what is done on the way to devices, one step after the other, and taken back when a later one fails.
//!
//! A release is an upload, a look at what the world now gets, a row in a server's list, and channels that point to it. Each
//! is a [`Step`]; a [`Plan`] runs them in their order. Before the first one changes anything all of them look whether they
//! can be done ([`Step::prepare`]), so that a channel that does not exist is found before a gigabyte is sent. When one
//! fails, or the caller cancels, whatever was made is undone, the latest first.
//!
//! What cannot be undone is named ([`Leftover`]). What was made before it is then kept as well: a row without its archive breaks
//! devices, an archive without a row only takes space.

mod api_registry;
mod http_storage;
mod promote;
mod register;
mod s3_storage;
mod upload;
mod verify;

use std::fmt;

pub use api_registry::ApiRegistry;
pub use http_storage::{PutFile, ServerFile};
pub use promote::{ChannelState, Promote};
pub use register::{Annotate, Register, Registry};
pub use s3_storage::S3Object;
pub use upload::{Storage, StoredArchive, Upload};
pub use verify::Verify;

use crate::error::Error;
use capbundle::ErrorKind;
use capbundle::http::Url;
use capbundle::progress::Control;

/// What the steps hand on to each other.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Work {
    /// Where devices get the archive.
    pub url: Option<Url>,
    /// Whether the very same archive was there before, so that nothing was sent.
    pub already_there: bool,
    /// The server's number of the registered bundle.
    pub bundle: Option<u64>,
}

impl Work {
    /// Nothing done yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The archive is at `url` already: nothing will be uploaded.
    #[must_use]
    pub fn at(url: Url) -> Self {
        Self {
            url: Some(url),
            ..Self::default()
        }
    }

    pub(crate) fn url(&self) -> crate::Result<&Url> {
        let url = self.url.as_ref();
        url.ok_or_else(|| Error::invalid_input("plan", "no step before this one says where the archive is"))
    }

    pub(crate) fn bundle(&self) -> crate::Result<u64> {
        let problem = "no step before this one registered a bundle";
        self.bundle.ok_or_else(|| Error::invalid_input("plan", problem))
    }
}

/// One thing on the way to devices.
pub trait Step {
    /// What it does, in one line for people, before it is done. Holds no secret.
    fn describe(&self) -> String;

    /// Looks whether it can be done, and changes nothing.
    ///
    /// # Errors
    /// What speaks against it.
    fn prepare(&mut self, control: &Control) -> crate::Result<()> {
        let _ = control;
        Ok(())
    }

    /// Does it.
    ///
    /// # Errors
    /// Why it could not be done. [`made`](Self::made) then says what there may be of it all the same.
    fn run(&mut self, work: &mut Work, control: &Control) -> crate::Result<()>;

    /// What there is because of it, or may be after an answer that never came: for people, without a secret. `None` if
    /// nothing was made that is worth undoing.
    fn made(&self) -> Option<String>;

    /// Takes back what it made. Called at most once, after [`run`](Self::run) has begun.
    ///
    /// # Errors
    /// Why it is still there.
    fn undo(&mut self, control: &Control) -> crate::Result<()>;
}

/// Steps in their order.
#[derive(Default)]
pub struct Plan<'a> {
    steps: Vec<Box<dyn Step + 'a>>,
}

impl<'a> Plan<'a> {
    /// Nothing to do.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more step, behind the others.
    #[must_use]
    pub fn then(mut self, step: impl Step + 'a) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    /// What will be done, one line a step.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.describe()).collect()
    }

    /// Looks whether all of it can be done, then does it. `before` is told what comes next.
    ///
    /// Undoing is not stopped by the tokens of `control`: a cancelled release is undone as one that failed.
    ///
    /// # Errors
    /// What failed first, with what was undone and what is left.
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
                return Err(self.take_back(begun, problem));
            }
        }
        Ok(())
    }

    /// Undoes the first `begun` steps, the latest first.
    fn take_back(mut self, begun: usize, problem: Error) -> Box<TransactionError> {
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

/// A plan that did not come to its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct TransactionError {
    /// What failed first.
    pub problem: Error,
    /// What was made and taken back again, in the order in which it was undone.
    pub undone: Vec<String>,
    /// What was made and is still there, the latest first.
    pub left: Vec<Leftover>,
}

/// Something that a failed plan could not take back.
#[derive(Debug)]
#[non_exhaustive]
pub struct Leftover {
    /// What it is.
    pub what: String,
    /// Why it is still there; `None` for what was kept because something later needs it.
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

    /// The kind of what failed first.
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
