//! Finding equal bytes.

/// Hashes have as many bits.
const HASH_BITS: u32 = 22;
const BUCKETS: usize = 1 << HASH_BITS;
/// Steps along a chain of the window.
const DEPTH: usize = 12;
/// Hashes read up to as many bytes behind a position; the text is padded with them.
pub(super) const PADDING: usize = 64;
const NONE: u32 = u32::MAX;
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

fn word(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&text[..8]);
    u64::from_le_bytes(bytes)
}

#[allow(clippy::cast_possible_truncation, reason = "22 bits")]
fn hash(text: &[u8], length: usize) -> usize {
    let mut mixed = 0_u64;
    if length < 8 {
        mixed = word(text) << (64 - 8 * length);
    } else {
        for part in text[..length].chunks_exact(8) {
            mixed = (mixed ^ word(part)).wrapping_mul(ODD);
            mixed ^= mixed >> 29;
        }
    }
    (mixed.wrapping_mul(ODD) >> (64 - HASH_BITS)) as usize
}

/// How many bytes are equal at the starts of both.
pub(super) fn common(one: &[u8], other: &[u8]) -> usize {
    let most = one.len().min(other.len());
    let mut length = 0;
    while length + 8 <= most {
        let differ = word(&one[length..]) ^ word(&other[length..]);
        if differ != 0 {
            return length + differ.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    while length < most && one[length] == other[length] {
        length += 1;
    }
    length
}

/// The places in a text by the hash of the bytes that begin there, those of each hash in ascending order.
pub(super) struct Places {
    pub(super) length: usize,
    starts: Vec<u32>,
    ordered: Vec<u32>,
}

impl Places {
    /// Every `step`th place of `text`, by `length` bytes.
    #[expect(clippy::cast_possible_truncation, reason = "the caller bounds the text to 32 bits")]
    pub(super) fn new(text: &[u8], length: usize, step: usize) -> Self {
        let end = text.len().saturating_sub(length.max(8) - 1);
        let mut starts = vec![0_u32; BUCKETS + 2];
        for place in (0..end).step_by(step) {
            starts[hash(&text[place..], length) + 2] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut places = vec![0; end.div_ceil(step)];
        for place in (0..end).step_by(step) {
            let next = &mut starts[hash(&text[place..], length) + 1];
            places[*next as usize] = place as u32;
            *next += 1;
        }
        Self {
            length,
            starts,
            ordered: places,
        }
    }

    /// Up to `most` places where the bytes at the start of `text` may be, the nearest to `near` first.
    pub(super) fn nearest(&self, text: &[u8], near: i64, most: usize, mut each: impl FnMut(usize)) {
        let bucket = hash(text, self.length);
        let places = &self.ordered[self.starts[bucket] as usize..self.starts[bucket + 1] as usize];
        let mut after = places.partition_point(|place| i64::from(*place) < near);
        let mut before = after;
        for _ in 0..most {
            let below = before.checked_sub(1).map(|place| places[place]);
            let take_below = match (below, places.get(after)) {
                (Some(below), Some(above)) => near - i64::from(below) < i64::from(*above) - near,
                (below, None) if below.is_none() => return,
                (below, _) => below.is_some(),
            };
            if take_below {
                before -= 1;
                each(places[before] as usize);
            } else {
                after += 1;
                each(places[after - 1] as usize);
            }
        }
    }
}

/// The places of the new side so far, by the hash of four bytes.
pub(super) struct Chains {
    base: usize,
    heads: Vec<u32>,
    before: Vec<u32>,
}

impl Chains {
    pub(super) fn new(base: usize, size: usize) -> Self {
        Self {
            base,
            heads: vec![NONE; BUCKETS],
            before: Vec::with_capacity(size),
        }
    }

    /// Adds the places of `text` up to and with `last`.
    #[expect(clippy::cast_possible_truncation, reason = "the caller bounds the text to 32 bits")]
    pub(super) fn add_up_to(&mut self, text: &[u8], last: usize) {
        for place in self.base + self.before.len()..=last {
            let head = &mut self.heads[hash(&text[place..], 4)];
            self.before.push(*head);
            *head = place as u32;
        }
    }

    /// The places before `place` where its bytes may be, the nearest first, until `each` says to stop.
    pub(super) fn earlier(&self, place: usize, mut each: impl FnMut(usize) -> bool) {
        let mut next = self.before[place - self.base];
        for _ in 0..DEPTH {
            if next == NONE || !each(next as usize) {
                return;
            }
            next = self.before[next as usize - self.base];
        }
    }
}
