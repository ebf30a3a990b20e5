//! Applying a patch.

use std::io::Read;

use super::damage::damaged;
use super::decoder::Decoder;
use super::header::PatchHeader;
use super::memory::{self, LONGEST_GAP, LONGEST_WORD, Memory, is_word};
use super::model::{LiteralContext, Model, Operation, Recent};
use super::side::{Blocks, Side};
use super::window::Window;
use crate::error::Result;
use crate::progress::{Control, Phase};

/// Operations between two looks at whether the caller cancelled.
const CHECK_EVERY: u32 = 4096;

/// Writes the new side of a patch, in pieces of at most 256 KiB: exactly `header.new_size` bytes, or an error.
///
/// `patch` stands behind its header, which [`PatchHeader::read`] read. Memory: 20 MiB whatever the sizes. Nothing
/// that it writes is proved: verify each file.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it is no patch or none of this old side, what `output`, `old` and
/// reading fail with, [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn apply(
    header: &PatchHeader,
    patch: &mut dyn Read,
    old: &mut dyn Side,
    output: &mut dyn FnMut(&[u8]) -> Result<()>,
    control: &Control,
) -> Result<()> {
    if old.size() != header.old_size {
        return Err(damaged("is for an old bundle of another size"));
    }
    let old = Blocks::new(old);
    let mut state = State {
        decoder: Decoder::new(patch),
        model: Box::new(Model::new()),
        window: Window::new(output),
        distances: [old.size(); 4],
        old_distance: old.size(),
        old,
        recent: Recent::default(),
        memory: Memory::new(),
        words: Vec::new(),
        gap: u64::MAX,
        run: 0,
        left: header.new_size,
    };
    let mut count = 0;
    while state.left > 0 {
        if count % CHECK_EVERY == 0 {
            control.check("apply the patch")?;
            control.report(Phase::Unpack, state.window.size(), header.new_size);
        }
        count = count.wrapping_add(1);
        state.step()?;
    }
    state.window.pass_on()?;
    control.report(Phase::Unpack, header.new_size, header.new_size);
    state.decoder.finish()
}

struct State<'a> {
    decoder: Decoder<'a>,
    model: Box<Model>,
    old: Blocks<'a>,
    window: Window<'a>,
    /// The last four distances of copies, in the old side followed by the new one; the latest first.
    distances: [u64; 4],
    /// The distance of the last copy from the old side.
    old_distance: u64,
    recent: Recent,
    memory: Memory,
    /// Bytes of a copy in which words may yet be replaced.
    words: Vec<u8>,
    /// Bytes since the last copy from the old side.
    gap: u64,
    /// Literals since the last copy.
    run: u32,
    /// Bytes of the new side that are missing.
    left: u64,
}

impl State<'_> {
    fn step(&mut self) -> Result<()> {
        let operation = self.model.operation(&mut self.decoder, self.recent, Operation::Literal);
        if operation == Operation::Literal {
            self.literal()?;
        } else {
            self.copy(operation)?;
        }
        self.recent = self.recent.then(operation);
        self.decoder.check()
    }

    fn literal(&mut self) -> Result<()> {
        let context = LiteralContext {
            last: self.window.last_four(),
            expected: self.expected()?,
            run: self.run,
        };
        let byte = self.model.literal(&mut self.decoder, context, 0);
        self.run = self.run.saturating_add(1);
        self.gap = self.gap.saturating_add(1);
        self.left -= 1;
        self.window.push(byte)
    }

    fn expected(&mut self) -> Result<u8> {
        let distance = self.distances[0];
        match self.in_old(distance) {
            Some(position) => Ok(self.old.from(position)?.first().copied().unwrap_or(0)),
            None => Ok(self.window.byte(distance).unwrap_or(0)),
        }
    }

    /// The position in the old side at `distance`, or none if it is in the new side.
    fn in_old(&self, distance: u64) -> Option<u64> {
        let end = self.old.size() + self.window.size();
        end.checked_sub(distance).filter(|position| *position < self.old.size())
    }

    fn copy(&mut self, operation: Operation) -> Result<()> {
        let length = self.model.length(&mut self.decoder, self.recent, operation, 0);
        let distance = self.distance(operation, length)?;
        let length = length + 1;
        if length > self.left {
            return Err(damaged("writes more bytes than it says"));
        }
        self.left -= length;
        self.run = 0;
        let Some(position) = self.in_old(distance) else {
            self.gap = self.gap.saturating_add(length);
            return self.window.repeat(distance, length);
        };
        if position + length > self.old.size() {
            return Err(damaged("copies from behind the old bundle"));
        }
        if distance == self.old_distance && (1..=LONGEST_GAP).contains(&self.gap) {
            self.learn(position, length)?;
        }
        (self.old_distance, self.gap) = (distance, 0);
        self.copy_words(position, length)
    }

    /// Learns what the bytes since the last copy replaced, before a copy of `length` bytes from `position` goes on.
    fn learn(&mut self, position: u64, length: u64) -> Result<()> {
        let longest = LONGEST_WORD as u64 + 1;
        let back = (self.gap + longest).min(position).min(self.window.size());
        let (start, end) = (position - back, (position + length).min(position + longest));
        let mut old = Vec::with_capacity(128);
        while start + (old.len() as u64) < end {
            let bytes = self.old.from(start + old.len() as u64)?;
            let count = bytes
                .len()
                .min(usize::try_from(end - start).unwrap_or(usize::MAX) - old.len());
            old.extend_from_slice(&bytes[..count]);
        }
        let mut new = old.clone();
        for (byte, distance) in new.iter_mut().zip((1..=back).rev()) {
            *byte = self.window.byte(distance).unwrap_or(0);
        }
        self.memory.learn(&old, &new, start == 0, end == self.old.size());
        Ok(())
    }

    /// Copies from the old side, and replaces the words that the patch says.
    fn copy_words(&mut self, mut position: u64, mut length: u64) -> Result<()> {
        let is_within = match position.checked_sub(1) {
            None => false,
            Some(last) => self.old.from(last)?.first().copied().is_some_and(is_word),
        };
        // Where the current word begins in the buffer; none within a word that begins before the copy.
        let mut word = (!is_within).then_some(0);
        let mut words = std::mem::take(&mut self.words);
        words.clear();
        while length > 0 {
            let bytes = self.old.from(position)?;
            let count = bytes.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            let mut place = words.len();
            words.extend_from_slice(&bytes[..count]);
            position += count as u64;
            length -= count as u64;
            while place < words.len() {
                let byte = words[place];
                if !is_word(byte) {
                    if let Some(start) = word {
                        self.replace(&mut words[start..place]);
                    }
                    word = Some(place + 1);
                }
                place += 1;
            }
            if length == 0 {
                let next = self.old.from(position)?.first().copied();
                if let Some(start) = word.filter(|_| !next.is_some_and(is_word)) {
                    self.replace(&mut words[start..place]);
                }
            }
            let done = word
                .filter(|start| place - start <= LONGEST_WORD && length > 0)
                .unwrap_or(place);
            self.window.append(&words[..done])?;
            words.drain(..done);
            word = word.and_then(|start| start.checked_sub(done));
        }
        self.words = words;
        Ok(())
    }

    fn replace(&mut self, word: &mut [u8]) {
        if !(1..=LONGEST_WORD).contains(&word.len()) {
            return;
        }
        let hash = memory::hash(word);
        if let Some((replacement, history)) = self.memory.find(hash, word.len()) {
            let replaced = self.model.replaced(&mut self.decoder, word.len(), history, false);
            if replaced {
                word.copy_from_slice(replacement);
            }
            self.memory.used(hash, replaced);
        }
    }

    /// The distance of a copy, which becomes the first of the four.
    fn distance(&mut self, operation: Operation, length: u64) -> Result<u64> {
        let (distance, number) = match operation {
            Operation::Literal => (self.distances[0], 0),
            Operation::Again(number) => (self.distances[number as usize], number as usize),
            Operation::Jump => (self.jump(length)?, 3),
            Operation::Repeat => (self.model.distance(&mut self.decoder, length, 0) + 1, 3),
        };
        self.distances[..=number].rotate_right(1);
        self.distances[0] = distance;
        Ok(distance)
    }

    fn jump(&mut self, length: u64) -> Result<u64> {
        let jump = self.model.jump(&mut self.decoder, length, 0);
        let distance = if jump & 1 == 0 {
            self.old_distance.checked_sub(jump >> 1)
        } else {
            self.old_distance.checked_add((jump >> 1) + 1)
        };
        distance
            .filter(|distance| *distance <= self.old.size() + self.window.size())
            .filter(|distance| self.in_old(*distance).is_some())
            .ok_or_else(|| damaged("jumps out of the old bundle"))
    }
}
