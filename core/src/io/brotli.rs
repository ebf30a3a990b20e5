//! Reading Brotli, also in the forms that some encoders write in place of it.

use std::io;
use std::io::{Chain, Cursor, Read};

use brotli_decompressor::Decompressor;

use super::pipeline::read_full;

const BUFFER: usize = 16 << 10;
/// An encoder wraps only what it cannot compress, and only small files were seen. Longer ones are not kept in memory.
const MAX_WRAPPED: usize = 64 << 10;
/// The empty stream of an encoder that then ends without one.
const EMPTY: [u8; 3] = [0x1b, 0x00, 0x06];
/// The start of stored bytes.
const STORED: [u8; 3] = [0x0b, 0x02, 0x80];
/// The end of both wrappers.
const END: u8 = 0x03;

type Source<'a> = Chain<Cursor<Vec<u8>>, Box<dyn Read + 'a>>;

/// The plain form of a reader of Brotli (RFC 7932), in constant memory: the window has at most 16 MiB.
///
/// As Capgo's plugins, it also accepts an empty file, the three bytes `1b 00 06`, both of which mean an empty file, and
/// plain bytes between `1b 00 06` or `0b 02 80` and `03`, up to 64 KiB. Reading fails with
/// [`InvalidData`](io::ErrorKind::InvalidData) or [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream is damaged.
pub(crate) fn reader<'a>(mut source: Box<dyn Read + 'a>) -> io::Result<BrotliReader<'a>> {
    let mut head = vec![0; EMPTY.len()];
    let count = read_full(&mut source, &mut head)?;
    head.truncate(count);
    if head.is_empty() {
        return Ok(BrotliReader::Plain(Cursor::new(head)));
    }
    if head == EMPTY || head == STORED {
        let mut limited = source.take(MAX_WRAPPED as u64);
        limited.read_to_end(&mut head)?;
        source = limited.into_inner();
        let is_whole = head.len() < EMPTY.len() + MAX_WRAPPED;
        if is_whole && (head == EMPTY || (head.len() > EMPTY.len() && head.last() == Some(&END))) {
            head.truncate((head.len() - 1).max(EMPTY.len()));
            head.drain(..EMPTY.len());
            return Ok(BrotliReader::Plain(Cursor::new(head)));
        }
    }
    let source = Cursor::new(head).chain(source);
    Ok(BrotliReader::Compressed(Box::new(Decompressor::new(source, BUFFER))))
}

/// Made by [`reader`].
pub(crate) enum BrotliReader<'a> {
    /// The content was stored.
    Plain(Cursor<Vec<u8>>),
    /// The content is compressed. Boxed, since the tables are large.
    Compressed(Box<Decompressor<Source<'a>>>),
}

impl Read for BrotliReader<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.read(to),
            Self::Compressed(compressed) => compressed.read(to),
        }
    }
}

#[cfg(test)]
mod tests;
