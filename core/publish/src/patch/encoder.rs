//! The range encoder, and an estimate of what it would write.

use capbundle::patch::model::BitCoder;

/// As in the decoder.
const LEAST_RANGE: u32 = 1 << 24;

/// Writes bits by their chances.
pub(super) struct Encoder {
    low: u64,
    range: u32,
    /// The last byte that a carry may still change.
    held: u8,
    /// Bytes of 255 behind it, which a carry would change as well.
    full: u64,
    started: bool,
    output: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            low: 0,
            range: u32::MAX,
            held: 0,
            full: 0,
            started: false,
            output: Vec::new(),
        }
    }

    /// All bits so far, and an end.
    pub(super) fn finish(mut self) -> Vec<u8> {
        for _ in 0..5 {
            self.shift();
        }
        self.output
    }

    fn normalize(&mut self) {
        while self.range < LEAST_RANGE {
            self.range <<= 8;
            self.shift();
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the carry is one bit, the rest is masked"
    )]
    fn shift(&mut self) {
        let carry = (self.low >> 32) as u8;
        let highest = (self.low >> 24) as u8;
        if highest == u8::MAX && carry == 0 {
            self.full += 1;
        } else {
            // The first byte held is no part of the output: the decoder starts with the four behind it.
            if self.started {
                self.output.push(self.held.wrapping_add(carry));
            }
            for _ in 0..self.full {
                self.output.push(u8::MAX.wrapping_add(carry));
            }
            (self.held, self.full, self.started) = (highest, 0, true);
        }
        self.low = (self.low & 0x00ff_ffff) << 8;
    }
}

impl BitCoder for Encoder {
    fn bit(&mut self, one: u32, bit: u32) -> u32 {
        let bound = (self.range >> 16) * one;
        if bit == 1 {
            self.range = bound;
        } else {
            self.low += u64::from(bound);
            self.range -= bound;
        }
        self.normalize();
        bit
    }

    fn even_bits(&mut self, count: u32, value: u32) -> u32 {
        self.range >>= count;
        self.low += u64::from(value) * u64::from(self.range);
        self.normalize();
        value
    }
}

/// Sums what bits would cost, in 1/[`PER_BIT`] bits.
pub(super) struct Cost {
    sum: u32,
    of_chance: Vec<u32>,
}

const PER_BIT: u32 = 4096;

impl Cost {
    pub(super) fn new() -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 12 bits"
        )]
        let cost = |chance: u32| (-(f64::from(chance.max(1)) / 4096.0).log2() * f64::from(PER_BIT)) as u32;
        Self {
            sum: 0,
            of_chance: (0..=4096).map(cost).collect(),
        }
    }

    /// The cost of the bits that `code` codes.
    pub(super) fn of(&mut self, code: impl FnOnce(&mut Self)) -> u32 {
        self.sum = 0;
        code(self);
        self.sum
    }
}

impl BitCoder for Cost {
    const LEARNS: bool = false;

    fn bit(&mut self, one: u32, bit: u32) -> u32 {
        let chance = if bit == 1 { one } else { 65_536 - one };
        self.sum += self.of_chance[(chance >> 4) as usize];
        bit
    }

    fn even_bits(&mut self, count: u32, value: u32) -> u32 {
        self.sum += count * PER_BIT;
        value
    }
}
