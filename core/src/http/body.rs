//! The body of a request.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use crate::io::positional_reader::PositionalReader;

/// The body of a request. Reading it changes nothing, so it can be sent again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Body {
    /// Bytes in memory, for small bodies.
    Bytes(Vec<u8>),
    /// A part of a file, read while it is sent.
    File {
        /// The open file. Its position is neither used nor changed, so several bodies may share it.
        file: Arc<File>,
        /// Where the body begins in the file, in bytes.
        offset: u64,
        /// Its length in bytes.
        length: u64,
    },
    /// Several bodies in sequence, for example a form around a file.
    Parts(Vec<Self>),
}

impl Body {
    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
            Self::Parts(parts) => parts.iter().map(Self::length).fold(0, u64::saturating_add),
        }
    }

    /// Reads the body from its start. Ends early if the file was truncated.
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
