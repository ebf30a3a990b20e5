//! The report: lines for people, or one JSON document.

use std::fmt::Display;
use std::io::{self, Write as _};

use serde::Serialize;

use crate::failure::{Failure, Result};

/// Where the report goes.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// One line for people, on standard output.
    pub(crate) fn report(&self, line: impl Display) -> Result<()> {
        if self.json {
            return Ok(());
        }
        written(writeln!(io::stdout(), "{line}"))
    }

    /// The whole report for programs, on standard output.
    pub(crate) fn document(&self, document: &impl Serialize) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(document).map_err(|error| Failure::unexpected(error.to_string()))?;
        written(writeln!(io::stdout(), "{text}"))
    }
}

/// A reader that closes the pipe early has seen enough.
fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new("io", format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// `5 bytes` or `1.5 KiB`.
pub(crate) fn bytes(count: u64) -> String {
    capbundle::size::text(count)
}

/// `1 file` or `2 files`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {one}s")
    }
}
