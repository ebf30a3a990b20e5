//! Verifies the public URL before devices receive it.

use super::{Step, Work};
use crate::error::Result;
use capbundle::http::Url;
use capbundle::progress::Control;

/// Checks the URL as a device would.
pub struct Verify<F> {
    what: String,
    look: F,
}

impl<F: FnMut(&Url, &Control) -> Result<()>> Verify<F> {
    /// `what` is for people: `verify that … is public and is the archive`.
    #[must_use]
    pub fn new(what: impl Into<String>, look: F) -> Self {
        Self {
            what: what.into(),
            look,
        }
    }
}

impl<F: FnMut(&Url, &Control) -> Result<()>> Step for Verify<F> {
    fn describe(&self) -> String {
        self.what.clone()
    }

    fn run(&mut self, work: &mut Work, control: &Control) -> Result<()> {
        (self.look)(work.url()?, control)
    }

    fn made(&self) -> Option<String> {
        None
    }

    fn undo(&mut self, _: &Control) -> Result<()> {
        Ok(())
    }
}

/// Checks the results of earlier steps.
pub struct VerifyWork<F> {
    what: String,
    look: F,
}

impl<F: FnMut(&Work, &Control) -> Result<()>> VerifyWork<F> {
    /// `what` is for people.
    #[must_use]
    pub fn new(what: impl Into<String>, look: F) -> Self {
        Self {
            what: what.into(),
            look,
        }
    }
}

impl<F: FnMut(&Work, &Control) -> Result<()>> Step for VerifyWork<F> {
    fn describe(&self) -> String {
        self.what.clone()
    }

    fn run(&mut self, work: &mut Work, control: &Control) -> Result<()> {
        (self.look)(work, control)
    }

    fn made(&self) -> Option<String> {
        None
    }

    fn undo(&mut self, _: &Control) -> Result<()> {
        Ok(())
    }
}

impl<F> std::fmt::Debug for VerifyWork<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("VerifyWork").field(&self.what).finish()
    }
}

impl<F> std::fmt::Debug for Verify<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Verify").field(&self.what).finish()
    }
}
