//! A file's work in two stages, on two threads where that pays: while one chunk is hashed the next is read, say.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::error::Result;

/// Bytes of a chunk. Large enough that system calls cost nothing beside SHA-256, small enough for the second-level
/// cache.
pub(crate) const CHUNK: usize = 256 << 10;
/// Room behind a chunk, for the padding of a cipher.
const SPARE: usize = 16;
/// Chunks on their way at once: one in each stage and one between them, so that neither waits for the other's hiccup.
const IN_FLIGHT: usize = 3;
/// Below this many bytes a second thread costs more than it saves.
const WORTH_A_THREAD: u64 = 2 << 20;

/// A piece of a file on its way through both stages.
pub(crate) struct Chunk {
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
    pub(crate) fn buffer(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// Says how many bytes at the start of the buffer are the chunk's, and whether it is the last.
    pub(crate) fn set(&mut self, filled: usize, is_last: bool) {
        (self.filled, self.is_last) = (filled, is_last);
    }

    /// Reads a chunk; the last is one that is not full.
    pub(crate) fn read_from(&mut self, source: &mut impl Read) -> io::Result<()> {
        let filled = read_full(source, &mut self.buffer[..CHUNK])?;
        self.set(filled, filled < CHUNK);
        Ok(())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    pub(crate) fn is_last(&self) -> bool {
        self.is_last
    }
}

/// Fills the buffer as far as the source goes; less than its length means the end.
pub(crate) fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
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
pub(crate) fn run(
    total: u64,
    mut first: impl FnMut(&mut Chunk) -> Result<()> + Send,
    mut second: impl FnMut(&mut Chunk) -> Result<()>,
) -> Result<()> {
    if total >= WORTH_A_THREAD
        && let Some(result) = at_once(&mut first, &mut second)
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
fn at_once(
    first: &mut (impl FnMut(&mut Chunk) -> Result<()> + Send),
    second: &mut impl FnMut(&mut Chunk) -> Result<()>,
) -> Option<Result<()>> {
    thread::scope(|scope| {
        let (to_second, from_first) = sync_channel(IN_FLIGHT);
        let (give_back, empty) = sync_channel(IN_FLIGHT);
        let producer = thread::Builder::new().spawn_scoped(scope, move || produce(first, &empty, &to_second));
        let producer = producer.ok()?;
        // A producer that has ended takes no chunk back, now or later: it has made its last, or failed.
        (0..IN_FLIGHT).for_each(|_| drop(give_back.send(Chunk::new())));
        while let Ok(mut chunk) = from_first.recv() {
            if let Err(error) = second(&mut chunk) {
                return Some(Err(error));
            }
            drop(give_back.send(chunk));
        }
        match producer.join() {
            Ok(result) => Some(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn produce(
    first: &mut impl FnMut(&mut Chunk) -> Result<()>,
    empty: &Receiver<Chunk>,
    to_second: &SyncSender<Chunk>,
) -> Result<()> {
    while let Ok(mut chunk) = empty.recv() {
        first(&mut chunk)?;
        let is_last = chunk.is_last;
        if to_second.send(chunk).is_err() || is_last {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
