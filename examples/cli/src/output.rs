//! All output of the command.
//!
//! The JSON document goes to standard output, messages go to standard error. A report (`inspect`, `key show`, a
//! completion script) is the result itself and goes to standard output, unless `--json` replaces it. Colour and
//! progress bars appear only on a terminal.
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use capbundle::ErrorKind;
use capbundle::progress::{Control, Progress};
use clap::builder::styling::{AnsiColor, Style};
use clap::error::ErrorKind as UsageError;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::wants_json;
use crate::error::{Aftermath, Failure, ReportedFinding, Result, Warning};
use crate::interrupt;
use crate::printable;

/// The prefix of a line on standard error and its colour.
type Mark = (&'static str, Style);

const ERROR: Mark = ("error:", AnsiColor::Red.on_default().bold());
const WARNING: Mark = ("warning:", AnsiColor::Yellow.on_default().bold());

/// Lines of one kind that are shown: a folder packed by mistake would print thousands and hide the others.
const MAX_LINES_PER_KIND: u64 = 10;

/// Warnings about the project's config. It is read wherever an option is missing, so every command may have them, and
/// its JSON document contains them.
static CONFIG_WARNINGS: Mutex<Vec<Warning>> = Mutex::new(Vec::new());

/// Counts the lines of each kind.
#[derive(Default)]
struct LineLimiter(Vec<(String, u64)>);

impl LineLimiter {
    /// Counts a line of this kind and returns whether to show it.
    fn admit(&mut self, kind: &str) -> bool {
        let at = self.0.iter().position(|(known, _)| known == kind).unwrap_or_else(|| {
            self.0.push((kind.to_owned(), 0));
            self.0.len() - 1
        });
        self.0[at].1 += 1;
        self.0[at].1 <= MAX_LINES_PER_KIND
    }
}

/// Prints the messages and the result of a command.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    json: bool,
    /// Under `--json`: one object a line for each event, instead of one document.
    is_stream: bool,
}

/// An event of a stream.
#[derive(Serialize)]
struct EventDocument<'a, T> {
    event: &'a str,
    #[serde(flatten)]
    members: &'a T,
}

/// An error under `--json`.
#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "<[ReportedFinding]>::is_empty")]
    findings: &'a [ReportedFinding],
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    warnings: &'a [Warning],
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    aftermath: Option<&'a Aftermath>,
}

#[allow(
    clippy::unused_self,
    reason = "commands print through one handle, whatever the destination"
)]
impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let is_stream = false;
        Self { json, is_stream }
    }

    /// For a command whose result under `--json` is a stream of events, one object a line.
    pub(crate) fn stream(json: bool) -> Self {
        let is_stream = true;
        Self { json, is_stream }
    }

    /// Prints a one-line message to standard error.
    pub(crate) fn say(&self, text: impl Display) {
        to_stderr(None, &text.to_string());
    }

    /// Prints an empty line and then `lines`, unchanged, for copying.
    pub(crate) fn say_lines(&self, lines: &str) {
        if lines.is_empty() {
            return;
        }
        self.say("");
        for line in lines.lines() {
            self.say(line);
        }
    }

    /// Prints a warning.
    pub(crate) fn warn(&self, warning: &Warning) {
        to_stderr(Some(WARNING), &warning.to_string());
    }

    /// Prints warnings, at most [`MAX_LINES_PER_KIND`] of each code.
    pub(crate) fn warn_all(&self, warnings: &[Warning]) {
        let mut limiter = LineLimiter::default();
        for warning in warnings {
            if limiter.admit(&warning.code) {
                self.warn(warning);
            }
        }
        self.say_omitted(&limiter);
    }

    /// Prints the findings of a check.
    pub(crate) fn findings<'a>(&self, findings: impl IntoIterator<Item = &'a ReportedFinding>) {
        let mut limiter = LineLimiter::default();
        for finding in findings {
            if !limiter.admit(&finding.text.code) {
                continue;
            }
            if finding.is_error() {
                to_stderr(Some(ERROR), &finding.text.to_string());
            } else {
                self.warn(&finding.text);
            }
        }
        self.say_omitted(&limiter);
    }

    /// Prints the files that a bundle excludes.
    pub(crate) fn excluded<'a>(&self, paths: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut limiter = LineLimiter::default();
        for (path, rule) in paths {
            if limiter.admit("excluded") {
                self.say(format!("Excluded {path} ({rule})"));
            }
        }
        self.say_omitted(&limiter);
    }

    fn say_omitted(&self, limiter: &LineLimiter) {
        for (kind, count) in limiter.0.iter().filter(|(_, count)| *count > MAX_LINES_PER_KIND) {
            self.say(format!(
                "… and {} more: {kind}; --json lists them all",
                count - MAX_LINES_PER_KIND
            ));
        }
    }

    /// Prints a line of a report to standard output; nothing under `--json`.
    pub(crate) fn report(&self, text: impl Display) -> Result<()> {
        if self.json {
            Ok(())
        } else {
            written(writeln!(anstream::stdout(), "{}", printable::line(&text.to_string())))
        }
    }

    /// [`report`](Self::report) for each.
    pub(crate) fn report_all(&self, lines: impl IntoIterator<Item = impl Display>) -> Result<()> {
        lines.into_iter().try_for_each(|line| self.report(line))
    }

    /// Prints the JSON document, indented by two spaces as Capgo's command does.
    pub(crate) fn document(&self, document: &impl Serialize) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        match config_warnings() {
            warnings if warnings.is_empty() => print_document(document),
            warnings => print_document(&with_warnings(document, warnings)?),
        }
    }

    /// Prints an event of a stream as one line of JSON; nothing without `--json`. `members` are those of an object.
    pub(crate) fn event(&self, event: &str, members: &impl Serialize) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let line = serde_json::to_string(&EventDocument { event, members });
        let line = line.map_err(|error| unserializable(&error))?;
        written(writeln!(io::stdout(), "{line}"))
    }

    /// Ends a command: prints its error, if any, and returns its exit code.
    pub(crate) fn finish(&self, result: Result<()>) -> ExitCode {
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) if failure.code == ErrorKind::Cancelled.as_str() && interrupt::is_past_deadline() => {
                self.fail(&failure.out_of_time())
            }
            Err(failure) => self.fail(&failure),
        }
    }

    fn fail(&self, failure: &Failure) -> ExitCode {
        to_stderr(Some(ERROR), &failure.message);
        self.say_lines(&failure.lines);
        // The message already holds the first error.
        let first_error = failure.findings.iter().position(ReportedFinding::is_error);
        self.findings(
            failure
                .findings
                .iter()
                .enumerate()
                .filter(|(at, _)| Some(*at) != first_error)
                .map(|(_, other)| other),
        );
        if let Some(Aftermath { undone, left }) = failure.aftermath.as_deref() {
            for step in undone {
                self.say(format!("Rolled back: {step}"));
            }
            for step in left {
                self.say(format!("Not rolled back: {step}"));
            }
        }
        if self.json {
            let document = ErrorDocument {
                error: &failure.code,
                message: &failure.whole_message(),
                findings: &failure.findings,
                warnings: &config_warnings(),
                aftermath: failure.aftermath.as_deref(),
            };
            let printed = if self.is_stream {
                self.event("error", &document)
            } else {
                print_document(&document)
            };
            if let Err(unprinted) = printed {
                to_stderr(Some(ERROR), &unprinted.message);
            }
        }
        // A signal received after the work was done, or along with another error, does not change the exit code.
        let stopped = (failure.code == ErrorKind::Cancelled.as_str()).then(interrupt::exit_code);
        stopped.flatten().map_or_else(|| failure.exit_code(), ExitCode::from)
    }

    /// A progress bar for one operation, only on a terminal.
    pub(crate) fn progress(&self) -> Bar {
        if !io::stderr().is_terminal() {
            return Bar(None);
        }
        let bar = ProgressBar::new(0);
        // The template is a constant. If a later version of the crate rejects it, use the default style.
        let style =
            ProgressStyle::with_template("{msg:>8} [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left");
        bar.set_style(
            style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> "),
        );
        Bar(Some(bar))
    }
}

/// A progress bar that is removed when dropped.
#[derive(Debug)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// The control to pass to the operation.
    pub(crate) fn control(&self) -> Control {
        let Some(bar) = self.0.clone() else {
            return interrupt::control();
        };
        interrupt::control().with_observer(Arc::new(move |progress: Progress| {
            if bar.message() != progress.phase.as_str() {
                // The previous phase says nothing about the speed of this one.
                bar.reset();
                bar.set_message(progress.phase.as_str());
            }
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        }))
    }
}

impl Bar {
    /// Prints without disturbing the bar.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Writes a result that is not text for a report: a completion script, a man page.
pub(crate) fn raw(bytes: &[u8]) -> Result<()> {
    written(io::stdout().write_all(bytes))
}

/// Prints help, the version, or the error of a command line that could not be parsed.
pub(crate) fn command_line(arguments: &[OsString], error: &clap::Error) -> ExitCode {
    let is_help = matches!(error.kind(), UsageError::DisplayHelp | UsageError::DisplayVersion);
    if is_help || !wants_json(arguments) {
        return match error.print() {
            Ok(()) if is_help => ExitCode::SUCCESS,
            _ => ExitCode::from(2),
        };
    }
    let text = error.render().to_string();
    let message = text
        .split("\n\nUsage:")
        .next()
        .unwrap_or(&text)
        .trim_start_matches("error: ")
        .trim();
    let (first, more) = message.split_once('\n').unwrap_or((message, ""));
    Output::new(true).fail(&Failure::usage(usage_code(error.kind()), first).showing(more))
}

fn usage_code(kind: UsageError) -> &'static str {
    match kind {
        UsageError::MissingRequiredArgument
        | UsageError::MissingSubcommand
        | UsageError::DisplayHelpOnMissingArgumentOrSubcommand
        | UsageError::TooFewValues => "missing_argument",
        UsageError::UnknownArgument => "unknown_option",
        UsageError::InvalidSubcommand => "unknown_command",
        UsageError::ArgumentConflict => "conflicting_arguments",
        _ => "invalid_argument",
    }
}

/// Prints a warning about the project's config, and keeps it for the JSON document.
pub(crate) fn warn_of_config(warning: Warning) {
    to_stderr(Some(WARNING), &warning.to_string());
    let mut warnings = CONFIG_WARNINGS.lock().unwrap_or_else(PoisonError::into_inner);
    warnings.push(warning);
}

fn config_warnings() -> Vec<Warning> {
    CONFIG_WARNINGS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The document with these warnings after its own.
fn with_warnings(document: &impl Serialize, warnings: Vec<Warning>) -> Result<Value> {
    let mut document = serde_json::to_value(document).map_err(|error| unserializable(&error))?;
    if let Some(members) = document.as_object_mut() {
        let own = members.entry("warnings").or_insert_with(|| json!([]));
        if let Some(own) = own.as_array_mut() {
            own.extend(warnings.into_iter().map(|warning| json!(warning)));
        }
    }
    Ok(document)
}

fn unserializable(error: &serde_json::Error) -> Failure {
    Failure::refused("io", format!("cannot serialize the result as JSON: {error}"))
}

fn print_document(document: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(document).map_err(|error| unserializable(&error))?;
    text.push('\n');
    written(io::stdout().write_all(text.as_bytes()))
}

/// Prints one line to standard error.
///
/// Write errors (a full disk, a closed pipe) are ignored on purpose: there is nowhere left to report them, and they
/// must not affect the work or its result on standard output.
fn to_stderr(mark: Option<Mark>, text: &str) {
    let text = printable::line(text);
    let mut stderr = anstream::stderr();
    let _ignored = match mark {
        Some((word, style)) => writeln!(stderr, "{style}{word}{style:#} {text}"),
        None => writeln!(stderr, "{text}"),
    };
}

/// A closed pipe (`| head`) is not an error.
fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::refused(
            "io",
            format!("cannot write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// A size in bytes, exact below 1 KiB, otherwise with one decimal digit.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    #[allow(clippy::cast_precision_loss, reason = "one decimal digit is shown")]
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {one}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_are_formatted() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(1_048_576), "1.0 MiB");
        assert_eq!(bytes(1_048_575), "1.0 MiB");
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(0, "file"), "0 files");
    }
}
