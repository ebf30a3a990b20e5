//! The last bytes of the new side, from which a patch copies, and the way to the output.

use super::damage::damaged;
use crate::error::Result;

/// How far back a patch copies from the new side: 8 MiB.
const WINDOW: usize = 8 << 20;
/// Bytes that are passed on at once.
const PART: usize = 256 << 10;

/// Receives the new side, and keeps its last bytes.
pub(super) struct Window<'a> {
    output: &'a mut dyn FnMut(&[u8]) -> Result<()>,
    bytes: Box<[u8]>,
    /// Bytes so far.
    size: u64,
    /// Place of the next byte.
    place: usize,
    /// Place of the first byte that was not passed on.
    waiting: usize,
    /// The last four bytes, the newest lowest.
    last: u32,
}

impl<'a> Window<'a> {
    pub(super) fn new(output: &'a mut dyn FnMut(&[u8]) -> Result<()>) -> Self {
        Self {
            output,
            bytes: vec![0; WINDOW].into_boxed_slice(),
            size: 0,
            place: 0,
            waiting: 0,
            last: 0,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn last_four(&self) -> u32 {
        self.last
    }

    pub(super) fn push(&mut self, byte: u8) -> Result<()> {
        self.bytes[self.place] = byte;
        self.advance(1)
    }

    /// Appends bytes; at most [`PART`].
    pub(super) fn append(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let count = bytes.len().min(WINDOW - self.place);
            let (now, later) = bytes.split_at(count);
            self.bytes[self.place..self.place + count].copy_from_slice(now);
            self.advance(count)?;
            bytes = later;
        }
        Ok(())
    }

    /// Appends `length` bytes that begin `distance` before the end. They may overlap with what they append.
    pub(super) fn repeat(&mut self, distance: u64, mut length: u64) -> Result<()> {
        let back = self
            .place_before(distance)
            .ok_or_else(|| damaged("copies from before its window"))?;
        let mut from = back;
        while length > 0 {
            let gap = if from < self.place {
                self.place - from
            } else {
                WINDOW - from
            };
            let count = gap
                .min(WINDOW - self.place)
                .min(usize::try_from(length).unwrap_or(PART))
                .min(PART);
            self.bytes.copy_within(from..from + count, self.place);
            self.advance(count)?;
            from = (from + count) % WINDOW;
            length -= count as u64;
        }
        Ok(())
    }

    /// The byte `distance` before the end, if the window holds it.
    pub(super) fn byte(&self, distance: u64) -> Option<u8> {
        self.place_before(distance).map(|place| self.bytes[place])
    }

    fn place_before(&self, distance: u64) -> Option<usize> {
        if distance == 0 || distance > self.size {
            return None;
        }
        let distance = usize::try_from(distance).ok().filter(|distance| *distance <= WINDOW)?;
        Some((self.place + WINDOW - distance) % WINDOW)
    }

    fn advance(&mut self, count: usize) -> Result<()> {
        let end = self.place + count;
        for byte in &self.bytes[end - count.min(4)..end] {
            self.last = self.last << 8 | u32::from(*byte);
        }
        self.size += count as u64;
        self.place = end;
        if end - self.waiting >= PART || end == WINDOW {
            self.pass_on()?;
        }
        Ok(())
    }

    /// Passes on what waits.
    pub(super) fn pass_on(&mut self) -> Result<()> {
        let (start, end) = (self.waiting, self.place);
        self.place = end % WINDOW;
        self.waiting = self.place;
        if start == end {
            Ok(())
        } else {
            (self.output)(&self.bytes[start..end])
        }
    }
}
