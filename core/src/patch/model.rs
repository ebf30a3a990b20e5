//! The model of a patch: which operations, numbers and bytes are likely after which. Reader and writer share it.
//!
//! Written from docs/format.md, "Patch". Every calculation is exact in integers, so that all programs agree on each chance.

pub use super::chance::{BitCoder, Chance};
use super::chance::{flag, tree};

/// What a patch does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Writes a byte that the patch contains.
    Literal,
    /// Copies from one of the last four distances.
    Again(u32),
    /// Copies from elsewhere in the old side.
    Jump,
    /// Copies from the window of the new side.
    Repeat,
}

/// The kinds of the last three operations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recent(u32);

impl Recent {
    /// After `operation`.
    #[must_use]
    pub fn then(self, operation: Operation) -> Self {
        let kind = match operation {
            Operation::Literal => 0,
            Operation::Again(_) => 1,
            Operation::Jump => 2,
            Operation::Repeat => 3,
        };
        Self((self.0 << 2 | kind) & 63)
    }

    /// As a number below 64.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Numbers: the count of their bits by a tree, the three bits below the highest by others, the rest as even bits.
struct Number {
    size: [Chance; 64],
    high: [[Chance; 8]; MAX_BITS as usize],
}

/// The largest numbers have as many bits.
const MAX_BITS: u32 = 40;
/// Bits below the highest one that have chances of their own.
const HIGH_BITS: u32 = 3;
/// Even bits are coded at most as many at once.
const EVEN_BITS: u32 = 16;

impl Number {
    const NEW: Self = Self {
        size: [Chance::EVEN; 64],
        high: [[Chance::EVEN; 8]; MAX_BITS as usize],
    };

    fn code<C: BitCoder>(&mut self, coder: &mut C, value: u64) -> u64 {
        let size = tree(coder, &mut self.size, 6, u64::BITS - value.leading_zeros()).min(MAX_BITS);
        if size <= 1 {
            return u64::from(size);
        }
        let high = (size - 1).min(HIGH_BITS);
        let mut left = size - 1 - high;
        let chances = &mut self.high[size as usize - 1];
        let mut number = 1 << high | u64::from(tree(coder, chances, high, bits(value >> left, high)));
        while left > 0 {
            let count = left.min(EVEN_BITS);
            left -= count;
            number = number << count | u64::from(coder.even_bits(count, bits(value >> left, count)));
        }
        number
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 16 bits remain")]
fn bits(value: u64, count: u32) -> u32 {
    value as u32 & ((1 << count) - 1)
}

/// The chances of all that a patch contains.
pub struct Model {
    copies: [Chance; 64],
    fresh: [Chance; 64],
    again: [[Chance; 3]; 64],
    repeats: [Chance; 64],
    lengths: [Number; 5],
    jumps: [Number; 4],
    distances: [Number; 4],
    replaced: [[Chance; 256]; 4],
    literals: Literals,
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

impl Model {
    /// Before the first operation.
    #[must_use]
    pub fn new() -> Self {
        Self {
            copies: [Chance::EVEN; 64],
            fresh: [Chance::EVEN; 64],
            again: [[Chance::EVEN; 3]; 64],
            repeats: [Chance::EVEN; 64],
            lengths: [Number::NEW; 5],
            jumps: [Number::NEW; 4],
            distances: [Number::NEW; 4],
            replaced: [[Chance::EVEN; 256]; 4],
            literals: Literals::new(),
        }
    }

    /// The next operation.
    pub fn operation<C: BitCoder>(&mut self, coder: &mut C, recent: Recent, operation: Operation) -> Operation {
        let place = recent.index();
        let is_copy = u32::from(operation != Operation::Literal);
        if flag(coder, &mut self.copies[place], is_copy) == 0 {
            return Operation::Literal;
        }
        let is_fresh = u32::from(matches!(operation, Operation::Jump | Operation::Repeat));
        if flag(coder, &mut self.fresh[place], is_fresh) == 1 {
            let is_repeat = u32::from(operation == Operation::Repeat);
            let is_repeat = flag(coder, &mut self.repeats[place], is_repeat) == 1;
            return if is_repeat { Operation::Repeat } else { Operation::Jump };
        }
        let number = if let Operation::Again(number) = operation {
            number
        } else {
            0
        };
        let mut found = 0;
        for chance in &mut self.again[place] {
            if flag(coder, chance, u32::from(number > found)) == 0 {
                break;
            }
            found += 1;
        }
        Operation::Again(found)
    }

    /// The length of a copy, less one.
    pub fn length<C: BitCoder>(&mut self, coder: &mut C, recent: Recent, operation: Operation, length: u64) -> u64 {
        self.lengths[length_set(recent, operation)].code(coder, length)
    }

    /// How far a jump leads from where the last copy from the old side would go on, as zigzag.
    pub fn jump<C: BitCoder>(&mut self, coder: &mut C, length: u64, jump: u64) -> u64 {
        self.jumps[jump_set(length)].code(coder, jump)
    }

    /// How far back in the new side a copy begins, less one.
    pub fn distance<C: BitCoder>(&mut self, coder: &mut C, length: u64, distance: u64) -> u64 {
        self.distances[distance_set(length)].code(coder, distance)
    }

    /// Whether a copy replaces a word of `length` bytes that is remembered with `history`.
    pub fn replaced<C: BitCoder>(&mut self, coder: &mut C, length: usize, history: u8, replaced: bool) -> bool {
        let chance = &mut self.replaced[length.min(4) - 1][usize::from(history)];
        flag(coder, chance, u32::from(replaced)) == 1
    }

    /// A byte.
    pub fn literal<C: BitCoder>(&mut self, coder: &mut C, context: LiteralContext, byte: u8) -> u8 {
        self.literals.code(coder, context, byte)
    }
}

/// Which numbers code the length of `operation`.
#[must_use]
pub fn length_set(recent: Recent, operation: Operation) -> usize {
    match operation {
        Operation::Literal | Operation::Again(0) => usize::from(recent.index().trailing_zeros() >= 2),
        Operation::Again(_) => 2,
        Operation::Jump => 3,
        Operation::Repeat => 4,
    }
}

/// Which numbers code a jump before a copy of `length` + 1 bytes.
#[must_use]
pub fn jump_set(length: u64) -> usize {
    match length {
        0..8 => 0,
        8..16 => 1,
        16..32 => 2,
        _ => 3,
    }
}

/// Which numbers code the distance of a copy of `length` + 1 bytes.
#[must_use]
pub fn distance_set(length: u64) -> usize {
    match length {
        0..3 => 0,
        3 => 1,
        4 => 2,
        _ => 3,
    }
}

/// What a literal depends on.
#[derive(Debug, Clone, Copy)]
pub struct LiteralContext {
    /// The last four bytes of the new side, the newest lowest; zero before its start.
    pub last: u32,
    /// The next byte of the last copy, had it been longer; 0 if it does not exist.
    pub expected: u8,
    /// Literals since the last copy.
    pub run: u32,
}

/// Chances for each hashed context.
const HASHED_BITS: u32 = 18;
/// Longer runs of literals are one context.
const LONGEST_RUN: u32 = 3;
/// Contexts of each literal.
const CONTEXTS: usize = 5;
/// The share of each context at first: together a little more than one.
const FIRST_WEIGHT: i32 = 20_000;
/// How fast weights follow.
const WEIGHT_RATE: i32 = 6;

/// Bytes by five contexts: the last one to four bytes, and the byte that was expected. What each says of the next bit is
/// mixed with weights that follow which of them was right (logistic mixing, as in Mahoney's PAQ).
struct Literals {
    last_byte: Vec<Chance>,
    hashed: [Vec<Chance>; 3],
    expected: Vec<Chance>,
    weights: Vec<[i32; CONTEXTS]>,
    stretched: Vec<i16>,
}

/// Odd numbers without a pattern in their bits.
const HASHES: [u32; 5] = [0x9E37_79B1, 0x85EB_CA6B, 0xC2B2_AE35, 0x2C1B_3C6D, 0x9E37_79B1];

impl Literals {
    fn new() -> Self {
        let runs = LONGEST_RUN as usize + 1;
        Self {
            last_byte: vec![Chance::EVEN; 1 << 16],
            hashed: std::array::from_fn(|_| vec![Chance::EVEN; 1 << HASHED_BITS]),
            expected: vec![Chance::EVEN; runs << 16],
            weights: vec![[FIRST_WEIGHT; CONTEXTS]; runs << 8],
            stretched: stretched(),
        }
    }

    fn code<C: BitCoder>(&mut self, coder: &mut C, context: LiteralContext, byte: u8) -> u8 {
        let last = context.last;
        let hashes = [
            (last & 0xffff).wrapping_mul(HASHES[0]),
            (last & 0xff_ffff).wrapping_mul(HASHES[1]),
            last.wrapping_mul(HASHES[2]),
        ];
        let last_byte = (last as usize & 0xff) << 8;
        let run = context.run.min(LONGEST_RUN) as usize;
        let expected = (run << 8 | usize::from(context.expected)) << 8;
        let mut node = 1_u32;
        for place in (0..8).rev() {
            let bit = u32::from(byte) >> place & 1;
            let [two, three, four] = &mut self.hashed;
            let spread = node.wrapping_mul(HASHES[3]);
            let slots = hashes.map(|hash| ((hash ^ spread).wrapping_mul(HASHES[4]) >> (32 - HASHED_BITS)) as usize);
            let mut chances = [
                &mut self.last_byte[last_byte | node as usize],
                &mut two[slots[0]],
                &mut three[slots[1]],
                &mut four[slots[2]],
                &mut self.expected[expected | node as usize],
            ];
            let said = chances
                .each_ref()
                .map(|chance| i32::from(self.stretched[chance.coarse()]));
            let weights = &mut self.weights[run << 8 | node as usize];
            let sum: i32 = weights
                .iter()
                .zip(said)
                .map(|(weight, said)| (weight * said) >> 8)
                .sum();
            let mixed = squash(sum >> 8);
            #[expect(clippy::cast_sign_loss, reason = "from 1 to 4095")]
            let bit = coder.bit((mixed as u32) << 4, bit);
            if C::LEARNS {
                #[expect(clippy::cast_possible_wrap, reason = "0 or 1")]
                let error = ((bit as i32) << 12) - mixed;
                for (weight, said) in weights.iter_mut().zip(said) {
                    *weight = (*weight + ((said * error * WEIGHT_RATE + 0x2000) >> 14)).clamp(-MAX_WEIGHT, MAX_WEIGHT);
                }
                for chance in &mut chances {
                    chance.learn(bit);
                }
            }
            node = node << 1 | bit;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the bits below the first")]
        {
            node as u8
        }
    }
}

/// So large that no weight reaches it but in a patch that is made for it, and so small that sums fit.
const MAX_WEIGHT: i32 = 1 << 19;

/// The logistic function at steps of 128, in 12 bits.
const LOGISTIC: [i32; 33] = [
    1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785, 3901,
    3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094,
];
/// Chances beyond are treated as certain.
const FARTHEST: i32 = 2047;

/// 4096 / (1 + e^(-x / 256)), by straight lines between the steps; from 1 to 4095.
fn squash(x: i32) -> i32 {
    if x > FARTHEST {
        return 4095;
    }
    if x < -FARTHEST {
        return 1;
    }
    #[expect(clippy::cast_sign_loss, reason = "from 0 to 31")]
    let step = ((x >> 7) + 16) as usize;
    let part = x & 127;
    (LOGISTIC[step] * (128 - part) + LOGISTIC[step + 1] * part + 64) >> 7
}

/// The inverse of [`squash`] for each of its results.
fn stretched() -> Vec<i16> {
    let mut inverse = Vec::with_capacity(4096);
    for (x, value) in (-2047_i16..).zip(-FARTHEST..=FARTHEST) {
        while i32::try_from(inverse.len()).is_ok_and(|next| next <= squash(value)) {
            inverse.push(x);
        }
    }
    inverse.resize(4096, 2047);
    inverse
}
