//! The output of a patch: the missing files, one after another.

use std::io::{self, Write};

use super::tree::{AssemblyTree, Number, OpenFile};
use crate::error::{Error, Result};

/// Splits a stream into the files that it consists of, and stores each when it is complete and verified. A file that is
/// there is skipped.
pub(in crate::store) struct PatchOutput<'t, 'a> {
    tree: &'t mut AssemblyTree<'a>,
    /// The files of the stream, the next one last.
    files: Vec<Number>,
    /// The current file, unless it is skipped.
    open: Option<OpenFile>,
    /// Bytes of the current file that have not come yet.
    left: u64,
    /// The error behind the last error of a write.
    error: Option<Error>,
}

impl<'t, 'a> PatchOutput<'t, 'a> {
    /// A stream of these files of the list.
    pub(in crate::store) fn new(tree: &'t mut AssemblyTree<'a>, files: Vec<Number>) -> Result<Self> {
        let mut output = Self {
            tree,
            files,
            open: None,
            left: 0,
            error: None,
        };
        output.files.reverse();
        output.next()?;
        Ok(output)
    }

    /// Begins the next file. Files without bytes are complete at once.
    fn next(&mut self) -> Result<()> {
        loop {
            if let Some(open) = self.open.take() {
                self.tree.end(open)?;
            }
            let Some(number) = self.files.pop() else {
                return Ok(());
            };
            self.left = self.tree.files()[number].size;
            if !self.tree.is_there(number) {
                self.open = Some(self.tree.begin(number)?);
            }
            if self.left > 0 {
                return Ok(());
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.left == 0 {
            return Err(Error::invalid_input(
                "patch",
                "it has more bytes than the missing files",
            ));
        }
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        if let Some(open) = &mut self.open {
            self.tree.put(open, &bytes[..count])?;
        }
        self.left -= count as u64;
        if self.left == 0 {
            self.next()?;
        }
        Ok(count)
    }

    /// Ends the stream with the result of what wrote it.
    ///
    /// # Errors
    /// The error of a write if there was one, otherwise that of `written`, otherwise one if files are incomplete.
    pub(in crate::store) fn finish(mut self, written: Result<()>) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.tree.discard(open);
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        written?;
        if self.left > 0 {
            return Err(Error::invalid_input("patch", "it ends before the last missing file"));
        }
        Ok(())
    }
}

impl Write for PatchOutput<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.put(bytes).map_err(|error| {
            let text = error.to_string();
            self.error = Some(error);
            io::Error::other(text)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
