//! Sets a channel to the new bundle, which makes it visible to devices.

use super::registry::{ChannelState, Registry};
use super::{Step, Work};
use crate::ambiguity::may_have_been_done;
use crate::error::{Error, Result};
use capbundle::progress::Control;

/// Sets one channel to the bundle of an earlier step.
#[derive(Debug)]
pub struct Promote<'a> {
    registry: &'a dyn Registry,
    name: String,
    found: Option<ChannelState>,
    made: bool,
}

impl<'a> Promote<'a> {
    /// The channel of this name, which must exist.
    #[must_use]
    pub fn new(registry: &'a dyn Registry, name: impl Into<String>) -> Self {
        Self {
            registry,
            name: name.into(),
            found: None,
            made: false,
        }
    }
}

impl Promote<'_> {
    fn unknown(&self) -> Error {
        let problem = format!("{} has no such channel", self.registry.place());
        Error::invalid_input(format!("channel {}", self.name), problem)
    }

    /// Also `true` if the channel cannot be read.
    fn may_point_to(&self, bundle: u64) -> bool {
        match self.registry.channel(&self.name, &Control::new()) {
            Ok(found) => found.is_some_and(|channel| channel.bundle == Some(bundle)),
            Err(_) => true,
        }
    }
}

impl Step for Promote<'_> {
    fn describe(&self) -> String {
        format!("set channel {} to version {}", self.name, self.registry.version())
    }

    fn prepare(&mut self, control: &Control) -> Result<()> {
        self.found = self.registry.channel(&self.name, control)?;
        if self.found.is_none() && !self.registry.is_new(control)? {
            return Err(self.unknown());
        }
        Ok(())
    }

    fn run(&mut self, work: &mut Work, control: &Control) -> Result<()> {
        let bundle = work.bundle()?;
        if self.found.is_none() {
            self.found = self.registry.channel(&self.name, control)?;
        }
        let channel = self.found.as_ref().ok_or_else(|| self.unknown())?.id;
        self.made = true;
        let pointed = self.registry.point(channel, bundle, control);
        pointed.inspect_err(|error| {
            // The request is retried, and a refusal of a later attempt says nothing about the first one.
            self.made = may_have_been_done(error) || self.may_point_to(bundle);
        })
    }

    fn made(&self) -> Option<String> {
        let what = || format!("channel {} at version {}", self.name, self.registry.version());
        self.made.then(what)
    }

    /// Restores the previous bundle.
    fn undo(&mut self, control: &Control) -> Result<()> {
        let back = self
            .found
            .as_ref()
            .and_then(|channel| Some((channel.id, channel.bundle?)));
        let Some((channel, bundle)) = back else {
            let problem = "the channel had no bundle before, and the server cannot restore that";
            return Err(Error::Core(capbundle::Error::Unsupported {
                what: format!("channel {}", self.name),
                problem: problem.to_owned(),
            }));
        };
        self.registry.point(channel, bundle, control)
    }
}
