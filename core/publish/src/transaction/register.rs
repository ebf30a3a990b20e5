//! Registers the bundle with the update server.

use super::registry::Registry;
use super::{Step, Work};
use crate::ambiguity::may_have_been_done;
use crate::error::{Error, Result};
use capbundle::progress::Control;

/// Registers the uploaded archive.
#[derive(Debug)]
pub struct Register<'a> {
    registry: &'a dyn Registry,
    made: bool,
}

impl<'a> Register<'a> {
    /// Registers the archive in `registry`.
    #[must_use]
    pub fn new(registry: &'a dyn Registry) -> Self {
        Self { registry, made: false }
    }
}

impl Step for Register<'_> {
    fn describe(&self) -> String {
        format!(
            "register version {} of {}",
            self.registry.version(),
            self.registry.place()
        )
    }

    fn prepare(&mut self, control: &Control) -> Result<()> {
        if self.registry.find(control)?.is_none() {
            return Ok(());
        }
        let problem = "already registered; a version always names the same bundle: release a new version";
        Err(Error::invalid_input(
            format!("version {}", self.registry.version()),
            problem,
        ))
    }

    fn run(&mut self, work: &mut Work, control: &Control) -> Result<()> {
        self.made = true;
        let added = self.registry.add(work.url()?, &work.files, control);
        let number = added.inspect_err(|error| {
            // Undoing then checks for it.
            self.made = may_have_been_done(error);
        })?;
        work.bundle = match number {
            Some(number) => Some(number),
            None => self.registry.find(control)?,
        };
        Ok(())
    }

    fn made(&self) -> Option<String> {
        let what = || format!("version {} of {}", self.registry.version(), self.registry.place());
        self.made.then(what)
    }

    fn undo(&mut self, control: &Control) -> Result<()> {
        match self.registry.find(control)? {
            Some(_) => self.registry.remove(control),
            None => Ok(()),
        }
    }
}

/// Sets link and comment. Removing the bundle removes them.
#[derive(Debug)]
pub struct Annotate<'a> {
    registry: &'a dyn Registry,
    link: Option<String>,
    comment: Option<String>,
}

impl<'a> Annotate<'a> {
    /// Annotates the bundle of an earlier step.
    #[must_use]
    pub fn new(registry: &'a dyn Registry, link: Option<String>, comment: Option<String>) -> Self {
        Self {
            registry,
            link,
            comment,
        }
    }
}

impl Step for Annotate<'_> {
    fn describe(&self) -> String {
        let what = match (&self.link, &self.comment) {
            (Some(_), None) => "its link",
            (None, _) => "its comment",
            _ => "its link and comment",
        };
        format!("set {what}")
    }

    fn run(&mut self, work: &mut Work, control: &Control) -> Result<()> {
        let (link, comment) = (self.link.as_deref(), self.comment.as_deref());
        self.registry.annotate(work.bundle()?, link, comment, control)
    }

    fn made(&self) -> Option<String> {
        None
    }

    fn undo(&mut self, _: &Control) -> Result<()> {
        Ok(())
    }
}
