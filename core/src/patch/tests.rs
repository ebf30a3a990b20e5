#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind};
use crate::progress::Control;

fn header(old: &[u8], new_size: u64) -> PatchHeader {
    PatchHeader {
        old_list: Sha256Digest::of(b"old"),
        new_list: Sha256Digest::of(b"new"),
        old_size: old.len() as u64,
        new_size,
    }
}

fn applied(header: &PatchHeader, body: &[u8], mut old: &[u8]) -> Result<Vec<u8>, Error> {
    let mut written = Vec::new();
    let mut output = |bytes: &[u8]| {
        written.extend_from_slice(bytes);
        Ok(())
    };
    let result = apply(header, &mut &*body, &mut old, &mut output, &Control::new());
    assert!(written.len() as u64 <= header.new_size);
    result.map(|()| written)
}

#[test]
fn a_header_survives_writing_and_reading() {
    let header = header(b"old side", 1234);
    let mut bytes: &[u8] = &header.to_bytes();
    assert_eq!(PatchHeader::read(&mut bytes).unwrap(), header);
    assert!(bytes.is_empty());
}

#[test]
fn every_changed_byte_of_the_fixed_part_of_a_header_is_refused() {
    let header = header(b"", 0).to_bytes();
    for place in 0..16 {
        let mut changed = header;
        changed[place] ^= 1;
        let kind = PatchHeader::read(&mut &changed[..]).unwrap_err().kind();
        let expected = if place == 8 {
            ErrorKind::Unsupported
        } else {
            ErrorKind::InvalidInput
        };
        assert_eq!(kind, expected, "byte {place}");
    }
}

#[test]
fn a_header_cut_anywhere_ends_early() {
    let header = header(b"", 0).to_bytes();
    for length in 0..header.len() {
        let error = PatchHeader::read(&mut &header[..length]).unwrap_err();
        assert_eq!(error.to_string(), "patch: ends early");
    }
}

#[test]
fn an_old_side_of_another_size_is_refused_before_anything_is_written() {
    let error = applied(&header(b"1234", 4), &[0; 16], b"123").unwrap_err();
    assert_eq!(error.to_string(), "patch: is for an old bundle of another size");
}

#[test]
fn an_empty_new_side_is_four_zero_bytes() {
    assert_eq!(applied(&header(b"old", 0), &[0; 4], b"old").unwrap(), b"");
    assert_eq!(
        applied(&header(b"old", 0), &[0; 5], b"old").unwrap_err().to_string(),
        "patch: bytes follow its end"
    );
    assert_eq!(
        applied(&header(b"old", 0), &[0; 3], b"old").unwrap_err().to_string(),
        "patch: ends early"
    );
}

#[test]
fn any_bytes_give_an_error_or_at_most_the_declared_size() {
    let old: Vec<u8> = (0..10_000_u32)
        .map(|number| ((number * number) >> 3).to_le_bytes()[0])
        .collect();
    let mut random = 1_u64;
    for _ in 0..30 {
        let body: Vec<u8> = (0..64)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 56) as u8
            })
            .collect();
        _ = applied(&header(&old, 50_000), &body, &old);
    }
}
