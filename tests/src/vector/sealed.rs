//! Sealed archives: valid ones with one invalid part each.

mod headers;
mod recipients;
mod segments;

use super::Vector;
use crate::forge::capgo::hex;
use crate::forge::rsa::Key;
use crate::forge::sealed::{SMALL_SEGMENTS, SealedArchive};
use sha2::{Digest as _, Sha256};

/// The private content keys of the vectors.
#[derive(Debug)]
pub struct ContentKeys {
    /// The key of the device.
    pub own: Key,
    /// The key of another app.
    pub other: Key,
    /// 3,072 bits.
    pub own_3072: Key,
}

impl ContentKeys {
    /// Reads the keys from `tests/vectors/keys`.
    ///
    /// # Errors
    /// If a key cannot be read.
    pub fn read(folder: &std::path::Path) -> Result<Self, String> {
        let key = |name: &str| {
            let path = folder.join(format!("test-{name}.private.pem"));
            let pem = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            Key::from_private_pem(&pem).ok_or_else(|| format!("{}: no PKCS#1 private key", path.display()))
        };
        Ok(Self {
            own: key("content")?,
            other: key("content-other")?,
            own_3072: key("content-3072")?,
        })
    }
}

/// All sealed archive vectors.
#[must_use]
pub fn all(keys: &ContentKeys) -> Vec<Vector> {
    [
        sound(keys),
        headers::all(keys),
        recipients::all(keys),
        segments::all(keys),
    ]
    .concat()
}

const OWN: &str = "test-content.private.pem";
const SEGMENT: usize = 1 << SMALL_SEGMENTS;

/// Bytes in which no two segments are equal.
fn plain(size: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(size).collect()
}

/// An archive of two segments, the second one short.
fn two_segments(keys: &ContentKeys) -> SealedArchive {
    SealedArchive::new(&plain(SEGMENT + 100), SMALL_SEGMENTS, &[&keys.own])
}

/// An archive of one short segment.
fn one_segment(keys: &ContentKeys) -> SealedArchive {
    SealedArchive::new(&plain(100), SMALL_SEGMENTS, &[&keys.own])
}

fn opens(name: &str, why: &str, size: usize, archive: &SealedArchive) -> Vector {
    Vector::new(name, "ok", why, archive.bytes())
        .with("key", OWN)
        .with("plain", &hex(&Sha256::digest(plain(size))))
}

fn refused(name: &str, why: &str, body: Vec<u8>) -> Vector {
    Vector::new(name, "decryption_failed", why, body).with("key", OWN)
}

/// Rejected, after up to `segments` segments may have been released.
fn refused_after(segments: usize, name: &str, why: &str, body: Vec<u8>) -> Vector {
    let vector = refused(name, why, body);
    if segments == 0 {
        return vector;
    }
    let size = segments * SEGMENT;
    let released = format!("{size} {}", hex(&Sha256::digest(plain(size))));
    vector.with("released", &released)
}

fn sound(keys: &ContentKeys) -> Vec<Vector> {
    let of = |size, bits| SealedArchive::new(&plain(size), bits, &[&keys.own]);
    let both = SealedArchive::new(&plain(100), SMALL_SEGMENTS, &[&keys.other, &keys.own]);
    let larger = SealedArchive::new(&plain(100), SMALL_SEGMENTS, &[&keys.own_3072, &keys.own]);
    vec![
        opens("sound-empty", "an empty archive is one empty segment", 0, &of(0, 16)),
        opens("sound-one-byte", "one byte", 1, &of(1, 16)),
        opens("sound-as-written", "the segment size of a writer", 5000, &of(5000, 16)),
        opens(
            "sound-whole-segment",
            "a last segment that is whole",
            SEGMENT,
            &of(SEGMENT, 12),
        ),
        opens(
            "sound-two-segments",
            "a byte in the second segment",
            SEGMENT + 1,
            &of(SEGMENT + 1, 12),
        ),
        opens("sound-largest-segments", "segments of 1 MiB", 100, &of(100, 20)),
        opens("sound-two-recipients", "for two apps, opened by one", 100, &both),
        opens(
            "sound-two-recipients-other",
            "for two apps, opened by the other",
            100,
            &both,
        )
        .replacing("key", "test-content-other.private.pem"),
        opens("sound-3072", "for a key of 3072 bits", 100, &larger).replacing("key", "test-content-3072.private.pem"),
        opens(
            "sound-two-sizes",
            "for keys of two sizes, opened by the smaller",
            100,
            &larger,
        ),
    ]
}
