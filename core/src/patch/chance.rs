//! Chances of bits, which adapt to the bits that were seen.

/// Writes or reads bits. Reader and writer of patches share the [model](super::model): what the writer passes in, the
/// reader returns.
pub trait BitCoder {
    /// Whether chances learn from the bits. An estimate of costs leaves them as they are.
    const LEARNS: bool = true;

    /// One bit, which is 1 with a chance of `one` / 65,536. A writer writes `bit` and returns it, a reader ignores `bit` and
    /// returns what it reads.
    fn bit(&mut self, one: u32, bit: u32) -> u32;

    /// Up to 16 bits that are as often 0 as 1.
    fn even_bits(&mut self, count: u32, value: u32) -> u32;
}

/// After as many bits a chance is as slow as it becomes. It still follows a file that differs from those before.
const SLOWEST: u32 = 255;

/// How much a chance moves towards the bit that was seen after `seen` earlier ones: 65,536 / (seen + 1.5).
const RATES: [u16; SLOWEST as usize + 1] = {
    let mut rates = [0; SLOWEST as usize + 1];
    let mut seen = 0;
    while seen < rates.len() {
        #[expect(clippy::cast_possible_truncation, reason = "at most 43,690")]
        {
            rates[seen] = (131_072 / (2 * seen + 3)) as u16;
        }
        seen += 1;
    }
    rates
};

/// The chance that a bit is 1, in 22 bits, and the number of bits seen, in 10.
#[derive(Debug, Clone, Copy)]
pub struct Chance(u32);

impl Chance {
    /// Nothing seen yet: 1/2.
    pub const EVEN: Self = Self(1 << 31);

    /// In 16 bits, for the coder; never certain.
    #[must_use]
    pub fn of_one(self) -> u32 {
        (self.0 >> 16).max(1)
    }

    /// In 12 bits, for the mixer.
    #[must_use]
    pub(super) fn coarse(self) -> usize {
        (self.0 >> 20) as usize
    }

    /// Moves towards `bit`.
    pub fn learn(&mut self, bit: u32) {
        let (chance, seen) = (self.0 >> 10, self.0 & 1023);
        let step = |distance: u32| (u64::from(distance) * u64::from(RATES[seen as usize])) >> 16;
        #[expect(clippy::cast_possible_truncation, reason = "less than the distance")]
        let chance = if bit == 1 {
            chance + step(0x3f_ffff - chance) as u32
        } else {
            chance - step(chance) as u32
        };
        self.0 = chance << 10 | (seen + u32::from(seen < SLOWEST));
    }
}

/// One bit with a chance that learns from it.
pub(super) fn flag<C: BitCoder>(coder: &mut C, chance: &mut Chance, bit: u32) -> u32 {
    let bit = coder.bit(chance.of_one(), bit);
    if C::LEARNS {
        chance.learn(bit);
    }
    bit
}

/// A number of `bits` bits from the highest on, each with a chance that depends on those before.
pub(super) fn tree<C: BitCoder>(coder: &mut C, chances: &mut [Chance], bits: u32, value: u32) -> u32 {
    let mut node = 1;
    for place in (0..bits).rev() {
        node = node << 1 | flag(coder, &mut chances[node as usize], value >> place & 1);
    }
    node - (1 << bits)
}
