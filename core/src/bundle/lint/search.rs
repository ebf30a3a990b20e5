//! Searching a file of any size for a word, with the text around it.

use std::io::{self, Read};
use std::ops::ControlFlow;

use memchr::memmem::Finder;

/// Bytes of context on either side of a hit.
pub(in crate::bundle) const CONTEXT: usize = 256;
/// Bytes per read.
const CHUNK: usize = 64 << 10;

/// An occurrence of the word.
pub(in crate::bundle) struct Hit<'a> {
    /// Up to [`CONTEXT`] bytes before it.
    pub(in crate::bundle) before: &'a [u8],
    /// Up to [`CONTEXT`] bytes after it.
    pub(in crate::bundle) after: &'a [u8],
    /// Its line, counted from 1.
    pub(in crate::bundle) line: u64,
}

/// Calls `visit` for each occurrence of `word` in `source` until it breaks. Constant memory.
pub(in crate::bundle) fn find_each(
    source: &mut impl Read,
    word: &str,
    mut visit: impl FnMut(Hit<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    let finder = Finder::new(word);
    let mut text: Vec<u8> = Vec::with_capacity(CHUNK + 2 * CONTEXT + word.len());
    // The line of the start of `text`, and the position in `text` where the search continues.
    let (mut line, mut searched) = (1, 0);
    loop {
        let read = source.by_ref().take(CHUNK as u64).read_to_end(&mut text)?;
        let at_end = read == 0;
        // A hit is reported once its context is complete.
        let complete = if at_end {
            text.len()
        } else {
            text.len().saturating_sub(CONTEXT)
        };
        while let Some(offset) = finder.find(&text[searched..]) {
            let (start, end) = (searched + offset, searched + offset + word.len());
            if end > complete {
                break;
            }
            let hit = Hit {
                before: &text[start.saturating_sub(CONTEXT)..start],
                after: &text[end..text.len().min(end + CONTEXT)],
                line: line + newlines(&text[..start]),
            };
            if visit(hit).is_break() {
                return Ok(());
            }
            searched = end;
        }
        if at_end {
            return Ok(());
        }
        // Keep the text that was not searched, and the context before it.
        searched = searched.max((complete + 1).saturating_sub(word.len())).min(text.len());
        let discarded = searched.saturating_sub(CONTEXT);
        line += newlines(&text[..discarded]);
        text.drain(..discarded);
        searched -= discarded;
    }
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

#[cfg(test)]
mod tests;
