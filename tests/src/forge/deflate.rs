//! A deflate encoder.

/// The length of the matches in a run, which is one literal and matches at distance 1.
const MATCH: usize = 258;

/// `content` as stored blocks of at most 65,535 bytes, the last one final.
#[must_use]
pub fn literally(content: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut rest = content;
    loop {
        let (block, after) = rest.split_at(rest.len().min(65_535));
        stream.extend(stored_block(block.len(), after.is_empty()));
        stream.extend(block);
        rest = after;
        if rest.is_empty() {
            return stream;
        }
    }
}

/// The five bytes before a stored block of `length` bytes, at most 65,535.
#[must_use]
pub fn stored_block(length: usize, last: bool) -> [u8; 5] {
    let [low, high] = super::low_u16(length).to_le_bytes();
    [u8::from(last), low, high, !low, !high]
}

/// A stream of zeros with deflate's best ratio, 1,032 : 1, and their number (at least `at_least`).
///
/// Two bits for each match: the code of the block has one bit for "length 258", and two for a zero and for the end.
#[must_use]
pub fn zeros(at_least: usize) -> (Vec<u8>, usize) {
    let matches = at_least.saturating_sub(1).div_ceil(MATCH);
    let mut bits = Bits::default();
    bits.push(1, 1); // last block
    bits.push(2, 2); // dynamic code
    bits.push(29, 5); // 286 literal and length codes
    bits.push(0, 5); // 1 distance code
    bits.push(18 - 4, 4); // lengths of 18 code-length codes follow, in the order of RFC 1951:
    for length in [0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2] {
        bits.push(length, 3); // 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1: two bits each for 18, 0, 2, 1
    }
    bits.two_bit_code(Symbol::Length2); // literal 0
    bits.zero_lengths(138);
    bits.zero_lengths(117); // literals 1 to 255
    bits.two_bit_code(Symbol::Length2); // 256, end of block
    bits.zero_lengths(28); // 257 to 284
    bits.two_bit_code(Symbol::Length1); // 285, length 258
    bits.two_bit_code(Symbol::Length1); // distance 1
    bits.push_code(0b10, 2); // a zero
    for _ in 0..matches {
        bits.push(0, 2); // 258 more of the same
    }
    bits.push_code(0b11, 2); // end of block
    (bits.finish(), 1 + matches * MATCH)
}

/// `content` in the fixed code, with runs of one byte compressed: for long archives of little content.
#[must_use]
pub fn runs(content: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(1, 1); // last block
    bits.push(1, 2); // fixed code
    let (mut rest, mut before) = (content, None);
    while let Some((&byte, after)) = rest.split_first() {
        let run = rest
            .iter()
            .take(MATCH)
            .take_while(|next| Some(**next) == before)
            .count();
        if run == MATCH {
            bits.push_code(0b1100_0101, 8); // length 258
            bits.push_code(0, 5); // distance 1
            rest = &rest[MATCH..];
            continue;
        }
        match byte {
            0..144 => bits.push_code(0b0011_0000 + u32::from(byte), 8),
            _ => bits.push_code(0b1_1001_0000 + u32::from(byte - 144), 9),
        }
        (rest, before) = (after, Some(byte));
    }
    bits.push_code(0, 7); // end of block
    bits.finish()
}

/// The code-length symbols that [`zeros`] uses, in the order of their two-bit codes.
#[derive(Clone, Copy)]
enum Symbol {
    Length1 = 1,
    Length2 = 2,
    ManyZeros = 3,
}

/// Bits, packed from the least significant one.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn push(&mut self, value: u32, count: usize) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if value >> bit & 1 == 1
                && let Some(last) = self.bytes.last_mut()
            {
                *last |= 1 << (self.used % 8);
            }
            self.used += 1;
        }
    }

    /// Huffman codes are packed from their most significant bit.
    fn push_code(&mut self, code: u32, count: usize) {
        for bit in (0..count).rev() {
            self.push(code >> bit & 1, 1);
        }
    }

    fn two_bit_code(&mut self, symbol: Symbol) {
        self.push_code(symbol as u32, 2);
    }

    fn zero_lengths(&mut self, count: u32) {
        self.two_bit_code(Symbol::ManyZeros);
        self.push(count - 11, 7);
    }

    fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
