//! Looking for a word in a file of any size, with the text around it.

use std::io::{self, Read};
use std::ops::ControlFlow;

use memchr::memmem::Finder;

/// Text shown to the caller on either side of a hit.
pub(in crate::bundle) const CONTEXT: usize = 256;
/// Read at once.
const CHUNK: usize = 64 << 10;

/// A place where the word stands.
pub(in crate::bundle) struct Hit<'a> {
    /// Up to [`CONTEXT`] bytes in front of it.
    pub(in crate::bundle) before: &'a [u8],
    /// Up to [`CONTEXT`] bytes behind it.
    pub(in crate::bundle) after: &'a [u8],
    /// Its line, counted from 1.
    pub(in crate::bundle) line: u64,
}

/// Calls `visit` for every place where `word` stands in `source`, until it breaks. Constant memory.
pub(in crate::bundle) fn find_each(
    source: &mut impl Read,
    word: &str,
    mut visit: impl FnMut(Hit<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    let finder = Finder::new(word);
    let mut text: Vec<u8> = Vec::with_capacity(CHUNK + 2 * CONTEXT + word.len());
    // Lines that ended before the text in hand, and where in it the search goes on.
    let (mut line, mut searched) = (1, 0);
    loop {
        let read = source.by_ref().take(CHUNK as u64).read_to_end(&mut text)?;
        let at_end = read == 0;
        // A hit counts when all the text behind it that the caller may want is there.
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
        // Keep what a hit that is still to come may want in front of it, and what was not searched.
        searched = searched.max((complete + 1).saturating_sub(word.len())).min(text.len());
        let forget = searched.saturating_sub(CONTEXT);
        line += newlines(&text[..forget]);
        text.drain(..forget);
        searched -= forget;
    }
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

#[cfg(test)]
mod tests;
