//! A channel points to the new bundle: from here on devices get it.

use super::{Registry, Step, Work};
use crate::ambiguity::may_have_been_done;
use crate::error::{Error, Result};
use capbundle::progress::Control;

/// A channel as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelState {
    /// The server's number of it.
    pub id: u64,
    /// The number of the bundle it points to.
    pub bundle: Option<u64>,
}

/// Lets one channel point to the bundle that was registered before.
#[derive(Debug)]
pub struct Promote<'a> {
    registry: &'a dyn Registry,
    name: String,
    found: Option<ChannelState>,
    made: bool,
}

impl<'a> Promote<'a> {
    /// The channel of this name, which must be there.
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

    /// Where nobody can look, it may.
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
            // Pointing is tried again by itself, and the refusal of a later try says nothing of the first one.
            self.made = may_have_been_done(error) || self.may_point_to(bundle);
        })
    }

    fn made(&self) -> Option<String> {
        let what = || format!("channel {} at version {}", self.name, self.registry.version());
        self.made.then(what)
    }

    /// Points it back to where it pointed.
    fn undo(&mut self, control: &Control) -> Result<()> {
        let back = self
            .found
            .as_ref()
            .and_then(|channel| Some((channel.id, channel.bundle?)));
        let Some((channel, bundle)) = back else {
            let problem = "it pointed to nothing before, and the server has no way back to that";
            return Err(Error::Core(capbundle::Error::Unsupported {
                what: format!("channel {}", self.name),
                problem: problem.to_owned(),
            }));
        };
        self.registry.point(channel, bundle, control)
    }
}
