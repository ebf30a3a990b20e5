//! A file's work in two stages, on two threads where that pays: while one chunk is hashed the next is read, say.

use std::io::{self, Read};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use crate::error::Result;

/// Bytes of a chunk. Large enough that system calls cost nothing beside SHA-256, small enough for the second-level
/// cache.
pub const CHUNK: usize = 256 << 10;
/// Room behind a chunk, for the padding of a cipher.
const SPARE: usize = 16;
/// Chunks on their way at once: one in each stage and one between them, so that neither waits for the other's hiccup.
const IN_FLIGHT: usize = 3;
/// Below this many bytes a second thread costs more than it saves.
const WORTH_A_THREAD: u64 = 2 << 20;

/// A piece of a file on its way through both stages.
pub struct Chunk {
    buffer: Box<[u8]>,
    filled: usize,
    is_last: bool,
}

impl Chunk {
    fn new() -> Self {
        Self {
            buffer: vec![0; CHUNK + SPARE].into_boxed_slice(),
            filled: 0,
            is_last: false,
        }
    }

    /// The whole buffer: [`CHUNK`] bytes and the spare ones.
    pub fn buffer(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// Says how many bytes at the start of the buffer are the chunk's, and whether it is the last.
    pub fn set(&mut self, filled: usize, is_last: bool) {
        (self.filled, self.is_last) = (filled, is_last);
    }

    /// Reads a chunk; the last is one that is not full.
    pub fn read_from(&mut self, source: &mut impl Read) -> io::Result<()> {
        let filled = read_full(source, &mut self.buffer[..CHUNK])?;
        self.set(filled, filled < CHUNK);
        Ok(())
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    #[must_use]
    pub fn is_last(&self) -> bool {
        self.is_last
    }
}

/// Fills the buffer as far as the source goes; less than its length means the end.
pub fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Hands every chunk that `first` makes to `second`, in order, until the last or an error. `total` is the size of the
/// work in bytes; no thread is left when this returns.
pub fn run(
    total: u64,
    mut first: impl FnMut(&mut Chunk) -> Result<()> + Send,
    mut second: impl FnMut(&mut Chunk) -> Result<()>,
) -> Result<()> {
    run_stages(total, &mut first, &mut second)
}

type First<'a> = dyn FnMut(&mut Chunk) -> Result<()> + Send + 'a;
type Second<'a> = dyn FnMut(&mut Chunk) -> Result<()> + 'a;

/// One copy for all stages: a call through a pointer is nothing beside a chunk.
fn run_stages(total: u64, first: &mut First<'_>, second: &mut Second<'_>) -> Result<()> {
    if total >= WORTH_A_THREAD
        && let Some(result) = at_once(first, second)
    {
        return result;
    }
    let mut chunk = Chunk::new();
    while !chunk.is_last {
        first(&mut chunk)?;
        second(&mut chunk)?;
    }
    Ok(())
}

/// `None`, with nothing done, where the system gives no thread.
fn at_once(first: &mut First<'_>, second: &mut Second<'_>) -> Option<Result<()>> {
    let belt = Belt::default();
    thread::scope(|scope| {
        // Also when `second` panics, or the producer would wait for ever.
        let end = End(&belt);
        let producer = thread::Builder::new().spawn_scoped(scope, || produce(first, &belt));
        let producer = producer.ok()?;
        (0..IN_FLIGHT).for_each(|_| belt.change(|chunks| chunks.empty.push(Chunk::new())));
        while let Some(mut chunk) = belt.filled() {
            if let Err(error) = second(&mut chunk) {
                return Some(Err(error));
            }
            belt.change(|chunks| chunks.empty.push(chunk));
        }
        drop(end);
        match producer.join() {
            Ok(result) => Some(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn produce(first: &mut First<'_>, belt: &Belt) -> Result<()> {
    let _end = End(belt);
    while let Some(mut chunk) = belt.empty() {
        first(&mut chunk)?;
        let is_last = chunk.is_last;
        belt.change(|chunks| chunks.filled.push(chunk));
        if is_last {
            break;
        }
    }
    Ok(())
}

/// Chunks going round between two threads. Not channels of the standard library: they are 12 kB of a phone's library.
#[derive(Default)]
struct Belt {
    chunks: Mutex<Chunks>,
    changed: Condvar,
}

#[derive(Default)]
struct Chunks {
    empty: Vec<Chunk>,
    /// The oldest first.
    filled: Vec<Chunk>,
    /// One of the threads is done: what is filled still counts, and nothing is added.
    ended: bool,
}

impl Belt {
    fn change(&self, change: impl FnOnce(&mut Chunks)) {
        change(&mut self.chunks.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// A chunk to fill; `None` when nobody wants one.
    fn empty(&self) -> Option<Chunk> {
        self.wait(|chunks| {
            if chunks.ended {
                return Some(None);
            }
            chunks.empty.pop().map(Some)
        })
    }

    /// The next filled chunk; `None` after the last.
    fn filled(&self) -> Option<Chunk> {
        self.wait(|chunks| {
            if chunks.filled.is_empty() {
                return chunks.ended.then_some(None);
            }
            Some(Some(chunks.filled.remove(0)))
        })
    }

    fn wait(&self, mut look: impl FnMut(&mut Chunks) -> Option<Option<Chunk>>) -> Option<Chunk> {
        let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = look(&mut chunks) {
                return found;
            }
            chunks = self.changed.wait(chunks).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends the belt when dropped.
struct End<'a>(&'a Belt);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.change(|chunks| chunks.ended = true);
    }
}

#[cfg(test)]
mod tests;
