//! The range decoder: bits out of bytes, by their chances.

use std::io::{self, Read};

use super::chance::BitCoder;
use super::damage::damaged;
use crate::error::{Error, Result};
use crate::io::pipeline::read_full;

/// The range stays above this, so that a chance of 16 bits is precise to 1/256.
const LEAST_RANGE: u32 = 1 << 24;
/// Bytes read at once.
const BUFFER: usize = 16 << 10;

/// Reads bits from the body of a patch.
pub(super) struct Decoder<'a> {
    source: &'a mut dyn Read,
    buffer: Box<[u8]>,
    position: usize,
    filled: usize,
    code: u32,
    range: u32,
    /// The first failure. From there on all bytes are zero.
    failure: Option<Error>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(source: &'a mut dyn Read) -> Self {
        let mut decoder = Self {
            source,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            position: 0,
            filled: 0,
            code: 0,
            range: u32::MAX,
            failure: None,
        };
        for _ in 0..4 {
            decoder.code = decoder.code << 8 | decoder.next_byte();
        }
        decoder
    }

    /// Fails if the bits so far were not all there.
    pub(super) fn check(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Fails unless the bits end here, as a writer ends them, and the patch with them.
    pub(super) fn finish(mut self) -> Result<()> {
        self.check()?;
        if self.code != 0 {
            return Err(damaged("its end is damaged"));
        }
        if self.position < self.filled {
            return Err(damaged("bytes follow its end"));
        }
        self.fill();
        match self.failure {
            None => Err(damaged("bytes follow its end")),
            Some(Error::InvalidInput { .. }) => Ok(()),
            Some(failure) => Err(failure),
        }
    }

    fn next_byte(&mut self) -> u32 {
        if self.position == self.filled {
            self.fill();
        }
        let byte = self.buffer[self.position];
        self.position += 1;
        u32::from(byte)
    }

    #[cold]
    fn fill(&mut self) {
        (self.position, self.filled) = (0, 1);
        self.buffer[0] = 0;
        if self.failure.is_some() {
            return;
        }
        match read_full(&mut self.source, &mut self.buffer) {
            Ok(0) => self.failure = Some(damaged(ENDS_EARLY)),
            Ok(filled) => self.filled = filled,
            Err(error) => self.failure = Some(read_problem(error)),
        }
    }

    fn normalize(&mut self) {
        while self.range < LEAST_RANGE {
            self.range <<= 8;
            self.code = self.code << 8 | self.next_byte();
        }
    }
}

impl BitCoder for Decoder<'_> {
    #[inline]
    fn bit(&mut self, one: u32, _: u32) -> u32 {
        let bound = (self.range >> 16) * one;
        let bit = u32::from(self.code < bound);
        if bit == 1 {
            self.range = bound;
        } else {
            self.code -= bound;
            self.range -= bound;
        }
        self.normalize();
        bit
    }

    fn even_bits(&mut self, count: u32, _: u32) -> u32 {
        self.range >>= count;
        // The remainder of the division of the range is never reached by a writer; a damaged patch must not overflow.
        let value = (self.code / self.range).min((1 << count) - 1);
        self.code = self.code.wrapping_sub(value * self.range);
        self.normalize();
        value
    }
}

const ENDS_EARLY: &str = "ends early";

/// The error of reading a patch.
pub(super) fn read_problem(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged(ENDS_EARLY),
        _ => Error::io("read", "patch".as_ref(), error),
    }
}
