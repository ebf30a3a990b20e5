//! Registers the bundle with the update server.

use std::fmt;

use super::{ChannelState, Step, Work};
use crate::ambiguity::may_have_been_done;
use crate::error::{Error, Result};
use capbundle::http::Url;
use capbundle::progress::Control;

/// The server's list of one app's bundles, and its channels.
///
/// Versions are those of the bundle that is being released.
pub trait Registry: fmt::Debug {
    /// The registry, for messages: `com.example.app at https://…`. Contains no secret.
    fn place(&self) -> String;
    /// The version that is being released.
    fn version(&self) -> &str;
    /// The ID of the bundle of this version, if it exists.
    ///
    /// # Errors
    /// Of the network and the server.
    fn find(&self, control: &Control) -> Result<Option<u64>>;
    /// Adds the bundle, whose archive is at `url`. Returns its ID if the server sends it.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find). After a network error, a server error (408, 500 and above) or a
    /// cancellation, the bundle may have been added nevertheless.
    fn add(&self, url: &Url, control: &Control) -> Result<Option<u64>>;
    /// Removes the bundle of this version.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn remove(&self, control: &Control) -> Result<()>;
    /// Adds link and comment to a bundle.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn annotate(&self, bundle: u64, link: Option<&str>, comment: Option<&str>, control: &Control) -> Result<()>;
    /// The channel of this name, if it exists.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn channel(&self, name: &str, control: &Control) -> Result<Option<ChannelState>>;
    /// Whether the app is new to the server, so that its channels may come with its first bundle.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn is_new(&self, control: &Control) -> Result<bool>;
    /// Sets a channel to a bundle.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn point(&self, channel: u64, bundle: u64, control: &Control) -> Result<()>;
}

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
        let added = self.registry.add(work.url()?, control);
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
