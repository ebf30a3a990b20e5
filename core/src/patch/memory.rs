//! What replaced which words: bundlers rename chunks and variables in many places at once.
//!
//! A word is a longest run of letters, digits, `_` and `$`. The memory says for a word of the old side
//! by which word of the same length the new side replaced it last.

/// Longer words are not remembered.
pub const LONGEST_WORD: usize = 24;
/// A copy that goes on after at most as many other bytes teaches what they replaced.
pub const LONGEST_GAP: u64 = 32;
/// Entries, as a binary logarithm.
const ENTRY_BITS: u32 = 16;
const ENTRIES: usize = 1 << ENTRY_BITS;
const FIRST_HASH: u32 = 0x811C_9DC5;
const HASH_FACTOR: u32 = 0x9E37_79B1;
/// What an entry did before: it has just replaced its word.
const FIRST_HISTORY: u8 = 1;

/// Whether `byte` is part of a word.
#[must_use]
#[inline]
pub fn is_word(byte: u8) -> bool {
    IN_WORD[usize::from(byte)]
}

const IN_WORD: [bool; 256] = {
    let mut in_word = [false; 256];
    let mut byte = 0;
    while byte < in_word.len() {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let letter = byte as u8;
        in_word[byte] = letter.is_ascii_alphanumeric() || letter == b'_' || letter == b'$';
        byte += 1;
    }
    in_word
};

/// The hash of a word.
#[must_use]
pub fn hash(word: &[u8]) -> u32 {
    word.iter().fold(FIRST_HASH, |hash, byte| {
        let hash = (hash ^ u32::from(*byte)).wrapping_mul(HASH_FACTOR);
        hash ^ hash >> 15
    })
}

#[derive(Clone, Copy)]
struct Entry {
    /// 0 for none.
    length: u8,
    /// Whether the last copies of the word replaced it, the latest lowest.
    history: u8,
    replacement: [u8; LONGEST_WORD],
}

const NONE: Entry = Entry {
    length: 0,
    history: 0,
    replacement: [0; LONGEST_WORD],
};

/// An entry as it was.
pub struct Saved(usize, u32, Entry);

/// The replacements so far.
pub struct Memory {
    /// The hash of each entry. Apart, so that they stay in a processor's cache: nearly all words are in no entry.
    hashes: Vec<u32>,
    entries: Vec<Entry>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// Without replacements.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hashes: vec![0; ENTRIES],
            entries: vec![NONE; ENTRIES],
        }
    }

    /// The replacement of the word of `length` bytes with `hash`, and what it did before.
    #[must_use]
    pub fn find(&self, hash: u32, length: usize) -> Option<(&[u8], u8)> {
        let place = place(hash);
        if self.hashes[place] != hash {
            return None;
        }
        let entry = &self.entries[place];
        (usize::from(entry.length) == length).then(|| (&entry.replacement[..length], entry.history))
    }

    /// The word with `hash`, which is remembered, was copied.
    pub fn used(&mut self, hash: u32, was_replaced: bool) {
        let history = &mut self.entries[place(hash)].history;
        *history = *history << 1 | u8::from(was_replaced);
    }

    /// What is remembered where a word with `hash` belongs, for [`restore`](Self::restore).
    #[must_use]
    pub fn saved(&self, hash: u32) -> Saved {
        let place = place(hash);
        Saved(place, self.hashes[place], self.entries[place])
    }

    /// Forgets what was learned since.
    pub fn restore(&mut self, saved: &Saved) {
        (self.hashes[saved.0], self.entries[saved.0]) = (saved.1, saved.2);
    }

    /// Remembers the words of `old` that `new`, which is as long, replaces. Words are whole if a byte that is part of no word
    /// precedes and follows them, or the old side starts or ends there. Returns whether that changes anything.
    pub fn learn(&mut self, old: &[u8], new: &[u8], starts: bool, ends: bool) -> bool {
        let mut changed = false;
        let mut start = if starts {
            0
        } else {
            old.iter().position(|byte| !is_word(*byte)).unwrap_or(old.len())
        };
        while start < old.len() {
            let length = old[start..]
                .iter()
                .position(|byte| !is_word(*byte))
                .unwrap_or(old.len() - start);
            let end = start + length;
            if (1..=LONGEST_WORD).contains(&length) && (end < old.len() || ends) && old[start..end] != new[start..end] {
                changed |= self.put(hash(&old[start..end]), &new[start..end]);
            }
            start = end + 1;
        }
        changed
    }

    fn put(&mut self, hash: u32, replacement: &[u8]) -> bool {
        let place = place(hash);
        let entry = &mut self.entries[place];
        let length = replacement.len();
        if self.hashes[place] == hash
            && usize::from(entry.length) == length
            && entry.replacement[..length] == *replacement
        {
            return false;
        }
        *entry = NONE;
        self.hashes[place] = hash;
        entry.history = FIRST_HISTORY;
        #[expect(clippy::cast_possible_truncation, reason = "at most the longest word")]
        {
            entry.length = length as u8;
        }
        entry.replacement[..length].copy_from_slice(replacement);
        true
    }
}

fn place(hash: u32) -> usize {
    (hash >> (32 - ENTRY_BITS)) as usize
}
