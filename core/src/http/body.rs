//! What a request carries.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use crate::io::positional_reader::PositionalReader;

/// The body of a request. It can be sent again: reading it changes nothing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Body {
    /// In memory, for what is small.
    Bytes(Vec<u8>),
    /// A part of a file, read while it is sent.
    File {
        /// The open file. Its position is neither used nor moved, so many bodies may share it.
        file: Arc<File>,
        /// Where the body begins, in bytes.
        offset: u64,
        /// How many bytes it has.
        length: u64,
    },
    /// Several, one after the other: a form has text around the file.
    Parts(Vec<Self>),
}

impl Body {
    /// In bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
            Self::Parts(parts) => parts.iter().map(Self::length).fold(0, u64::saturating_add),
        }
    }

    /// Reads it from its beginning. A file that has become shorter ends early.
    #[must_use]
    pub fn reader(&self) -> Box<dyn Read + '_> {
        match self {
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Self::File { file, offset, length } => {
                let mut reader = PositionalReader::new(Arc::clone(file), offset.saturating_add(*length));
                reader.jump(*offset, *length);
                Box::new(reader)
            }
            Self::Parts(parts) => {
                let nothing: Box<dyn Read + '_> = Box::new(io::empty());
                parts
                    .iter()
                    .fold(nothing, |before, part| Box::new(before.chain(part.reader())))
            }
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

#[cfg(test)]
mod tests;
