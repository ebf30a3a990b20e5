//! Runs the steps, prints their results and collects them for the JSON document.

use std::path::Path;
use std::time::Instant;

use capbundle::ErrorKind;
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::output::Output;

/// Width of the column with the titles of the steps.
const TITLE_WIDTH: usize = 50;

/// A step and its outcome.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    chapter: String,
    title: String,
    outcome: String,
    milliseconds: f64,
}

pub(crate) struct Story<'a> {
    output: &'a Output,
    /// The path of the demo's folder, which is random and removed from messages.
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

    /// Runs `work` and reports its outcome.
    pub(crate) fn step<T>(&mut self, title: &str, work: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
        let started = Instant::now();
        let (value, outcome) = work().map_err(|failure| self.unexpected(title, &failure.message, failure.code))?;
        self.report_step(title, outcome, started)?;
        Ok(value)
    }

    /// Prints a line about the last step.
    pub(crate) fn detail(&mut self, line: impl std::fmt::Display) -> Result<()> {
        self.output.report(format!("     {line}"))
    }

    /// Runs `work`, which must fail with `expected`, and reports the error.
    pub(crate) fn rejected(
        &mut self,
        title: &str,
        expected: ErrorKind,
        work: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        self.rejected_as(title, &[expected], work)
    }

    /// Runs `work`, which must fail with one of the `expected` kinds, and reports the error.
    pub(crate) fn rejected_as(
        &mut self,
        title: &str,
        expected: &[ErrorKind],
        work: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let started = Instant::now();
        match work() {
            Err(failure) if expected.iter().any(|kind| failure.code == kind.as_str()) => {
                let why = failure.message.replace(&self.prefix, "");
                self.report_step(title, format!("rejected: {}", failure.code), started)?;
                self.output.report(format!("     {why}"))
            }
            Err(failure) => Err(self.unexpected(
                title,
                &format!("rejected for an unexpected reason: {}", failure.message),
                failure.code,
            )),
            Ok(()) => Err(self.unexpected(title, "the forgery was accepted", "demo_failed")),
        }
    }

    fn report_step(&mut self, title: &str, outcome: String, started: Instant) -> Result<()> {
        // Rounded to 0.1 ms.
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

    fn unexpected(&self, title: &str, problem: &str, code: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
        let number = self.steps.len() + 1;
        Failure::new(code, format!("step {number} ({title}) failed: {problem}"))
    }
}
