//! The public half of an RSA key and the one thing it does: raising a number to its exponent (RFC 8017 5.2.2).
//!
//! Written here for the sake of phones: a general library of big numbers with everything that private keys need is 60 kB
//! of code there, and this is all that they use of it. Nothing in here is secret (signatures, public keys, and what anybody
//! who has both can compute), so it need not take constant time. Private keys never come here: `rsa` has them. Tests
//! compare every result with that crate's.

use rsa::RsaPrivateKey;
use rsa::traits::PublicKeyParts as _;

use super::der;

/// Bits of a digit. Two of them fit into the registers of every phone.
const DIGIT: u32 = u32::BITS;
/// As in the `rsa` crate: what is larger only costs time.
const MAX_EXPONENT: u64 = (1 << 33) - 1;

/// A public RSA key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    /// Big-endian, without leading zeros.
    modulus: Vec<u8>,
    exponent: u64,
}

impl PublicKey {
    /// The key of these two numbers, big-endian, if they can be one: both odd, the exponent neither 1 nor beyond 33 bits.
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        if exponent.len() > size_of::<u64>() {
            return None;
        }
        let exponent = exponent
            .iter()
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let is_odd = modulus.last().is_some_and(|last| last & 1 == 1) && exponent & 1 == 1;
        let is_key = is_odd && exponent > 1 && exponent <= MAX_EXPONENT && modulus.len() > size_of::<u64>();
        is_key.then(|| Self {
            modulus: modulus.to_vec(),
            exponent,
        })
    }

    /// The public half of a private key.
    pub(super) fn of(key: &RsaPrivateKey) -> Self {
        let exponent = key.e().to_be_bytes();
        let exponent = exponent.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Self {
            modulus: without_zeros(&key.n().to_be_bytes()).to_vec(),
            exponent,
        }
    }

    /// Bytes of the modulus.
    pub(super) fn size(&self) -> usize {
        self.modulus.len()
    }

    /// Bits of the modulus.
    pub(super) fn bits(&self) -> usize {
        let unused = self.modulus.first().map_or(0, |first| first.leading_zeros() as usize);
        self.modulus.len() * 8 - unused
    }

    /// PKCS#1: `SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017 A.1.1).
    pub(super) fn to_pkcs1_der(&self) -> Vec<u8> {
        let numbers = [
            der::unsigned(&self.modulus),
            der::unsigned(without_zeros(&self.exponent.to_be_bytes())),
        ];
        der::element(der::SEQUENCE, &numbers.concat())
    }

    /// `value` to the exponent, modulo the modulus; `None` if it is not below the modulus. Both have [`size`](Self::size)
    /// bytes, big-endian.
    pub(super) fn power(&self, value: &[u8]) -> Option<Vec<u8>> {
        if value.len() != self.size() || *value >= *self.modulus {
            return None;
        }
        let field = Field::new(digits(&self.modulus));
        let base = field.product(&digits(value), &field.square_of_radix());
        let mut power = base.clone();
        for bit in (0..self.exponent.ilog2()).rev() {
            power = field.product(&power, &power);
            if self.exponent >> bit & 1 == 1 {
                power = field.product(&power, &base);
            }
        }
        // The product with one takes the radix out again.
        let mut one = vec![0; power.len()];
        one[0] = 1;
        let power = field.product(&power, &one);
        let bytes: Vec<u8> = power.iter().rev().flat_map(|digit| digit.to_be_bytes()).collect();
        Some(bytes[bytes.len() - self.size()..].to_vec())
    }
}

/// Numbers modulo an odd one, multiplied as Montgomery does: every product is divided by the radix, 2 to the bits of all
/// digits. Digits are little-endian, as many as the modulus has. Source: Koç, Acar and Kaliski, "Analyzing and Comparing
/// Montgomery Multiplication Algorithms" (IEEE Micro 1996), method CIOS.
struct Field {
    modulus: Vec<u32>,
    /// Minus one over the lowest digit of the modulus, modulo 2 to the bits of a digit.
    inverse: u32,
}

impl Field {
    fn new(modulus: Vec<u32>) -> Self {
        let lowest = modulus[0];
        // Newton's method doubles the right bits: an odd number is its own inverse modulo 8.
        let inverse = (0..4).fold(lowest, |inverse, _| {
            inverse.wrapping_mul(2_u32.wrapping_sub(lowest.wrapping_mul(inverse)))
        });
        Self {
            modulus,
            inverse: inverse.wrapping_neg(),
        }
    }

    /// `a` times `b` over the radix. Both are below the modulus, and so is the product.
    fn product(&self, a: &[u32], b: &[u32]) -> Vec<u32> {
        let mut sum = vec![0; self.modulus.len()];
        let mut above = 0;
        for digit in b {
            let carried = add_multiple(&mut sum, a, *digit);
            let (mut top, overflow) = halves(u64::from(above) + u64::from(carried));
            // What makes the lowest digit zero, so that the whole can be moved down by it.
            let factor = sum[0].wrapping_mul(self.inverse);
            let carried = add_multiple(&mut sum, &self.modulus, factor);
            sum.rotate_left(1);
            let (last, more) = halves(u64::from(top) + u64::from(carried));
            top = last;
            if let Some(highest) = sum.last_mut() {
                *highest = top;
            }
            above = overflow + more;
        }
        self.reduce(&mut sum, above);
        sum
    }

    /// The square of the radix, which brings numbers into the field: one, doubled as often as that has bits.
    fn square_of_radix(&self) -> Vec<u32> {
        let mut number = vec![0; self.modulus.len()];
        number[0] = 1;
        for _ in 0..2 * self.modulus.len() * DIGIT as usize {
            let mut above = 0;
            for digit in &mut number {
                (*digit, above) = (*digit << 1 | above, *digit >> (DIGIT - 1));
            }
            self.reduce(&mut number, above);
        }
        number
    }

    /// Takes the modulus away from a number that has the digit `above` on top and is below twice the modulus, unless it is
    /// below the modulus already.
    fn reduce(&self, number: &mut [u32], above: u32) {
        if above == 0 && number.iter().rev().lt(self.modulus.iter().rev()) {
            return;
        }
        let mut borrowed = false;
        for (digit, subtrahend) in number.iter_mut().zip(&self.modulus) {
            let (less, first) = digit.overflowing_sub(*subtrahend);
            let (less, second) = less.overflowing_sub(u32::from(borrowed));
            (*digit, borrowed) = (less, first || second);
        }
    }
}

/// Adds `factor` times `number` to `sum`, and gives what is carried beyond its last digit.
fn add_multiple(sum: &mut [u32], number: &[u32], factor: u32) -> u32 {
    let mut carried = 0;
    for (digit, other) in sum.iter_mut().zip(number) {
        // At most (2^32 - 1)^2 + 2 (2^32 - 1), which is 2^64 - 1.
        let total = u64::from(*digit) + u64::from(*other) * u64::from(factor) + u64::from(carried);
        (*digit, carried) = halves(total);
    }
    carried
}

/// The lower half and the upper one.
#[allow(clippy::cast_possible_truncation, reason = "it is halves that are wanted")]
fn halves(number: u64) -> (u32, u32) {
    (number as u32, (number >> DIGIT) as u32)
}

/// Little-endian digits of a big-endian number.
fn digits(bytes: &[u8]) -> Vec<u32> {
    bytes
        .rchunks(size_of::<u32>())
        .map(|chunk| chunk.iter().fold(0, |digit, byte| digit << 8 | u32::from(*byte)))
        .collect()
}

pub(super) fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

#[cfg(test)]
mod tests;
