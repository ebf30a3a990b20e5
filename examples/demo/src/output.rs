//! The report, as text or as one JSON document.

use std::fmt::Display;
use std::io::{self, Write as _};

use serde::Serialize;

use crate::failure::{Failure, Result};

/// Prints the report.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a line of text to standard output; nothing under `--json`.
    pub(crate) fn report(&self, line: impl Display) -> Result<()> {
        if self.json {
            return Ok(());
        }
        written(writeln!(io::stdout(), "{line}"))
    }

    /// Prints the JSON document to standard output, under `--json`.
    pub(crate) fn document(&self, document: &impl Serialize) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(document).map_err(|error| Failure::unexpected(error.to_string()))?;
        written(writeln!(io::stdout(), "{text}"))
    }
}

/// A closed pipe is not an error.
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
