//! Arbitrary bytes as a patch of a small bundle: never more bytes than its header says, and never a panic.

#![no_main]

use capbundle::patch::{self, PatchHeader};
use capbundle::progress::Control;
use libfuzzer_sys::fuzz_target;

/// A larger new side only takes longer.
const MOST: u64 = 1 << 16;
/// The old side of the vectors has its size in their headers; so that all patches reach the operations, this one has any.
const TEXT: &[u8] = include_bytes!("patch.rs");

fuzz_target!(|bytes: &[u8]| {
    let mut patch = bytes;
    let Ok(mut header) = PatchHeader::read(&mut patch) else { return };
    header.new_size %= MOST;
    header.old_size %= TEXT.len() as u64 + 1;
    let mut old = &TEXT[..usize::try_from(header.old_size).expect("it is small")];
    let mut written = 0;
    let mut output = |bytes: &[u8]| {
        written += bytes.len() as u64;
        Ok(())
    };
    let result = patch::apply(&header, &mut patch, &mut old, &mut output, &Control::new());
    assert!(written <= header.new_size);
    match result {
        Ok(()) => assert_eq!(written, header.new_size),
        Err(error) => drop(error.to_string()),
    }
});
