//! Which files are sent without compression.

use std::fmt;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::{Error, Result};
use capbundle::path::SafePath;

/// Patterns of files that are sent without Brotli, in the syntax of ignore files: `*.jpg` matches at any depth,
/// `/assets/*.bin` only in that folder.
#[derive(Clone)]
pub struct BrotliExclusion(Gitignore);

impl BrotliExclusion {
    /// No file.
    #[must_use]
    pub fn none() -> Self {
        Self(Gitignore::empty())
    }

    /// The files that match any of these patterns. Empty patterns and white space around a pattern are ignored.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a malformed pattern.
    pub fn of(patterns: &[String]) -> Result<Self> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            let pattern = pattern.trim();
            builder
                .add_line(None, pattern)
                .map_err(|error| Error::invalid_input(format!("pattern {pattern:?}"), error.to_string()))?;
        }
        let patterns = builder
            .build()
            .map_err(|error| Error::invalid_input("patterns", error.to_string()))?;
        Ok(Self(patterns))
    }

    /// Whether the file is sent without compression.
    #[must_use]
    pub fn contains(&self, path: &SafePath) -> bool {
        self.0.matched_path_or_any_parents(path.as_str(), false).is_ignore()
    }
}

impl fmt::Debug for BrotliExclusion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BrotliExclusion({} patterns)", self.0.len())
    }
}
