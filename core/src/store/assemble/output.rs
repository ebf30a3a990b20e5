//! The output of a patch: the missing files, one after another.

use super::tree::{AssemblyTree, Number, OpenFile};
use crate::error::{Error, Result};
use crate::release::ListedFile;

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
}

impl<'t, 'a> PatchOutput<'t, 'a> {
    /// A stream of these files of the list.
    pub(in crate::store) fn new(tree: &'t mut AssemblyTree<'a>, files: &[&ListedFile]) -> Result<Self> {
        let numbers = files.iter().rev().map(|file| tree.number(file));
        let files = numbers.collect::<Result<_>>()?;
        let mut output = Self {
            tree,
            files,
            open: None,
            left: 0,
        };
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

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if a file that is complete differs from the list;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more bytes than the files have;
    /// [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace), [`Cancelled`](crate::ErrorKind::Cancelled).
    pub(in crate::store) fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.left == 0 {
                return Err(Error::invalid_input("patch", "writes more than the missing files"));
            }
            let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            if let Some(open) = &mut self.open {
                self.tree.put(open, &bytes[..count])?;
            }
            bytes = &bytes[count..];
            self.left -= count as u64;
            if self.left == 0 {
                self.next()?;
            }
        }
        Ok(())
    }

    /// Ends the stream. A file that is not complete is removed.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the stream ended before the last file.
    pub(in crate::store) fn finish(mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.tree.discard(open);
        }
        if self.left > 0 {
            return Err(Error::invalid_input("patch", "writes less than the missing files"));
        }
        Ok(())
    }
}
