//! The subset of DER (ITU-T X.690) that public keys use. Strict: only the one canonical encoding is accepted.

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const NULL: u8 = 0x05;
const INTEGER: u8 = 0x02;

/// Set in the first byte of a length if it gives the number of length bytes that follow.
const LONG: u8 = 0x80;

/// Reads elements in sequence.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The contents of the next element, if it has this tag.
    pub(super) fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_first()?;
        if *first != tag {
            return None;
        }
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            short if short < LONG => (usize::from(short), rest),
            0x81 => {
                let (length, rest) = rest.split_first()?;
                (usize::from(*length), rest)
            }
            0x82 => {
                let (length, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        // DER requires the shortest form.
        let least = match *first {
            0x81 => usize::from(LONG),
            0x82 => 0x100,
            _ => 0,
        };
        let (contents, rest) = rest.split_at_checked(length).filter(|_| length >= least)?;
        self.0 = rest;
        Some(contents)
    }

    /// The next element if it is a non-negative integer, without the leading zero of its sign.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        match self.element(INTEGER)? {
            [] => None,
            [0, rest @ ..] if rest.first().is_some_and(|next| next & 0x80 == 0) => None,
            [0, rest @ ..] if !rest.is_empty() => Some(rest),
            [first, ..] if first & 0x80 != 0 => None,
            number => Some(number),
        }
    }

    /// Some if no bytes are left.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// An element with these contents, fewer than 64 KiB.
pub(super) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = contents.len().to_be_bytes();
    match *without_zeros(&length) {
        [] => bytes.push(0),
        [short] if short < LONG => bytes.push(short),
        [length] => bytes.extend([LONG | 1, length]),
        ref length => {
            // Two bytes, since the contents have fewer than 64 KiB.
            bytes.push(LONG | 2);
            bytes.extend(length);
        }
    }
    bytes.extend_from_slice(contents);
    bytes
}

/// The integer with these bytes, which have no leading zeros.
pub(super) fn unsigned(number: &[u8]) -> Vec<u8> {
    let mut contents = Vec::with_capacity(number.len() + 1);
    if number.first().is_none_or(|first| first & 0x80 != 0) {
        contents.push(0);
    }
    contents.extend_from_slice(number);
    element(INTEGER, &contents)
}

/// An object identifier in dotted form: `1.2.840.113549.1.1.1`.
pub(super) fn dotted(identifier: &[u8]) -> String {
    let mut text = String::new();
    let mut number = 0_u64;
    for byte in identifier {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (number / 40).min(2);
            text = format!("{first}.{}", number - first * 40);
        } else {
            text = format!("{text}.{number}");
        }
        number = 0;
    }
    text
}

/// A big-endian number without its leading zeros.
pub(super) fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

#[cfg(test)]
mod tests;
