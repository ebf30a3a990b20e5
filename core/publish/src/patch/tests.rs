#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use capbundle::digest::Sha256Digest;
use capbundle::patch::{self, HEADER_BYTES, PatchHeader};
use capbundle::{Control, Result};
use proptest::prelude::*;

use super::make;

fn made(old: &[u8], new: &[u8]) -> Vec<u8> {
    let header = PatchHeader {
        old_list: Sha256Digest::of(b"old"),
        new_list: Sha256Digest::of(b"new"),
        old_size: old.len() as u64,
        new_size: new.len() as u64,
    };
    make(&header, &mut &*old, &mut &*new).unwrap()
}

fn applied(mut patch: &[u8], mut old: &[u8]) -> Result<Vec<u8>> {
    let header = PatchHeader::read(&mut patch)?;
    let mut written = Vec::new();
    let mut output = |bytes: &[u8]| {
        written.extend_from_slice(bytes);
        Ok(())
    };
    patch::apply(&header, &mut patch, &mut old, &mut output, &Control::new())?;
    Ok(written)
}

/// Text of a few words, so that there is something to find.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just("function(e,t){return e}".to_owned()),
        Just("import{a as b}from\"./index-".to_owned()),
        "[a-zA-Z0-9_-]{1,12}",
    ];
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_patch_writes_the_new_side(old in text(), between in text(), new in text(), cut in 0..500_usize) {
        let cut = cut.min(old.len());
        let new = [&old[cut..], &between[..], &old[..cut], &new[..]].concat();
        prop_assert_eq!(applied(&made(&old, &new), &old).unwrap(), new);
    }

    #[test]
    fn a_patch_of_any_bytes_writes_them(old: Vec<u8>, new: Vec<u8>) {
        prop_assert_eq!(applied(&made(&old, &new), &old).unwrap(), new);
    }
}

#[test]
fn a_cut_patch_is_refused() {
    let patch = made(b"the old side", b"the new side, which is longer");
    for length in 0..patch.len() {
        applied(&patch[..length], b"the old side").unwrap_err();
    }
}

#[test]
fn a_flipped_bit_is_refused_or_writes_other_bytes_of_the_same_size() {
    let (old, new) = (
        b"one two three four five six seven",
        b"seven six five four three two one!",
    );
    let patch = made(old, new);
    for bit in HEADER_BYTES * 8..patch.len() * 8 {
        let mut changed = patch.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(written) = applied(&changed, old) {
            assert_eq!(written.len(), new.len());
            assert_ne!(written, new, "bit {bit}");
        }
    }
}

#[test]
fn a_renamed_and_edited_file_costs_few_bytes() {
    let old: Vec<u8> = (0..20_000_u32)
        .flat_map(|number| number.wrapping_mul(0x9E37_79B9).to_le_bytes())
        .collect();
    let mut new = old[40_000..].to_vec();
    new.extend(&old[..40_000]);
    new[1234] ^= 0xff;
    let patch = made(&old, &new);
    assert!(patch.len() < HEADER_BYTES + 40, "{} bytes", patch.len());
}
