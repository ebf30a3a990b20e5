//! Tells people what happens, step by step, and keeps the same for the JSON document.

use std::path::Path;
use std::time::Instant;

use capbundle::ErrorKind;
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::output::Output;

/// Width of a step's title, so that what came of it stands in one column.
const TITLE_WIDTH: usize = 46;

/// One thing that was done, and what came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    chapter: String,
    title: String,
    outcome: String,
    milliseconds: f64,
}

pub(crate) struct Story<'a> {
    output: &'a Output,
    /// The demo's folder with a separator behind, which is left out of what is told: its name is chance.
    prefix: String,
    chapter: String,
    steps: Vec<Step>,
}

impl<'a> Story<'a> {
    pub(crate) fn new(output: &'a Output, folder: &Path) -> Self {
        let prefix = folder.join("").display().to_string();
        Self {
            output,
            prefix,
            chapter: String::new(),
            steps: Vec::new(),
        }
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn chapter(&mut self, title: &str) -> Result<()> {
        title.clone_into(&mut self.chapter);
        self.output.report("")?;
        self.output.report(title)
    }

    /// Does `work` and tells what came of it.
    pub(crate) fn step<T>(&mut self, title: &str, work: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
        let started = Instant::now();
        let (value, outcome) = work().map_err(|failure| self.surprise(title, &failure.message, failure.code))?;
        self.tell(title, outcome, started)?;
        Ok(value)
    }

    /// Does `work`, which has to be refused with `expected`, and tells the refusal.
    pub(crate) fn refused(
        &mut self,
        title: &str,
        expected: ErrorKind,
        work: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        self.refused_as(title, &[expected], work)
    }

    /// The same, where several checks may be the one that finds it.
    pub(crate) fn refused_as(
        &mut self,
        title: &str,
        expected: &[ErrorKind],
        work: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let started = Instant::now();
        match work() {
            Err(failure) if expected.iter().any(|kind| failure.code == kind.as_str()) => {
                let why = failure.message.replace(&self.prefix, "");
                self.tell(title, format!("refused: {}", failure.code), started)?;
                self.output.report(format!("     {why}"))
            }
            Err(failure) => Err(self.surprise(
                title,
                &format!("refused for another reason: {}", failure.message),
                failure.code,
            )),
            Ok(()) => Err(self.surprise(title, "it was accepted", "demo_failed")),
        }
    }

    fn tell(&mut self, title: &str, outcome: String, started: Instant) -> Result<()> {
        // A tenth of a millisecond: more digits would be noise.
        let milliseconds = (started.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        let number = self.steps.len() + 1;
        self.output.report(format!(
            "{number:>3}. {title:<TITLE_WIDTH$} {milliseconds:>7.1} ms  {outcome}"
        ))?;
        self.steps.push(Step {
            chapter: self.chapter.clone(),
            title: title.to_owned(),
            outcome,
            milliseconds,
        });
        Ok(())
    }

    fn surprise(&self, title: &str, problem: &str, code: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
        let number = self.steps.len() + 1;
        Failure::new(
            code,
            format!("step {number} ({title}) did not go as it should: {problem}"),
        )
    }
}
