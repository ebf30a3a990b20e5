//! Patches: valid ones, and valid ones with one change each.

use capbundle::digest::Sha256Digest;
use capbundle::patch::{HEADER_BYTES, PatchHeader};
use sha2::{Digest as _, Sha256};

use super::{Vector, escape};
use crate::forge::capgo::hex;

/// All patch vectors.
///
/// # Errors
/// If a patch cannot be made.
pub fn all() -> Result<Vec<Vector>, String> {
    Ok([sound()?, refused()?].concat())
}

/// Two chunks of a bundler.
const OLD: &[u8] = b"import{a as e}from\"./index-DQ3xK2a1.js\";function t(n){return e(n)+n}export{t as default};\n\
import{b as r,c as e}from\"./index-DQ3xK2a1.js\";const o=r(e);for(let n=0;n<o.length;n++)console.log(o[n]);\n";
/// The same under another hash, with other variables and one more call.
const NEW: &[u8] =
    b"import{b as r,c as e}from\"./index-BcPjbneV.js\";const o=r(e);for(let n=0;n<o.length;n++)console.log(o[n]);\n\
import{a as e}from\"./index-BcPjbneV.js\";function s(i){return e(i)+i}export{s as default};s(s(1));s(s(1));s(s(1));\n";

fn sound() -> Result<Vec<Vector>, String> {
    let mut long = Vec::new();
    for number in 0..3_000_u32 {
        long.extend_from_slice(format!("const v{number}=\"{:x}\";", number.wrapping_mul(0x9E37_79B1)).as_bytes());
    }
    let mut shuffled = long[20_000..].to_vec();
    shuffled.extend_from_slice(&long[..20_000]);
    shuffled[777] ^= 1;
    let repeated = b"0123456789abcdef".repeat(40);
    let bytes: Vec<u8> = (0..=255).collect();
    let cases: [(&str, &str, &[u8], &[u8]); 8] = [
        (
            "renamed-chunks",
            "all operations, and words that are replaced",
            OLD,
            NEW,
        ),
        ("empty", "two empty sides", b"", b""),
        ("nothing-new", "a new bundle of old files", OLD, b""),
        ("from-nothing", "an empty old side", b"", NEW),
        ("to-itself", "one copy", OLD, OLD),
        (
            "far-jumps",
            "jumps in both directions, and numbers of many bits",
            &long,
            &shuffled,
        ),
        (
            "overlapping",
            "copies that overlap with what they write",
            b"0",
            &repeated,
        ),
        (
            "any-bytes",
            "bytes that are no text",
            &bytes,
            &[&bytes[100..], &bytes[..100]].concat(),
        ),
    ];
    let vector = |(name, why, old, new): (&str, &str, &[u8], &[u8])| {
        let plain = hex(&Sha256::digest(new));
        Ok(of_patch(name, "ok", why, old, made(old, new)?).with("plain", &plain))
    };
    cases.into_iter().map(vector).collect()
}

fn refused() -> Result<Vec<Vector>, String> {
    let patch = made(OLD, NEW)?;
    let changed = |place: usize, byte: u8| {
        let mut changed = patch.clone();
        changed[place] = byte;
        changed
    };
    let sized = |old: usize, new: usize| {
        let mut sized = header(old as u64, new as u64).to_bytes().to_vec();
        sized.extend_from_slice(&patch[HEADER_BYTES..]);
        sized
    };
    let cut = |length: usize| patch[..length].to_vec();
    let bad = |name, why, body| of_patch(name, "invalid_input", why, OLD, body);
    Ok(vec![
        bad("no-bytes", "an empty file", Vec::new()),
        bad("cut-in-header", "truncated within the header", cut(HEADER_BYTES - 1)),
        bad(
            "cut-in-start",
            "fewer bytes than the decoder begins with",
            cut(HEADER_BYTES + 3),
        ),
        bad("cut-in-body", "truncated within the operations", cut(patch.len() - 20)),
        bad("cut-by-one", "without its last byte", cut(patch.len() - 1)),
        bad("longer", "a byte behind the end", [&patch[..], &[0]].concat()),
        bad(
            "end-damaged",
            "another last byte",
            changed(patch.len() - 1, patch[patch.len() - 1] ^ 1),
        ),
        bad("other-magic", "a sealed archive's magic bytes", changed(3, b'S')),
        bad("reserved", "a reserved byte that is not 0", changed(15, 1)),
        of_patch("later-version", "unsupported", "version 2", OLD, changed(8, 2)),
        bad(
            "other-old-size",
            "made from a larger old side",
            sized(OLD.len() + 1, NEW.len()),
        ),
        bad("huge-size", "a size that no JSON number holds", changed(88, 0xff)),
        bad(
            "shorter-new-side",
            "operations that write more than the header says",
            sized(OLD.len(), NEW.len() - 2),
        ),
        bad(
            "longer-new-side",
            "operations that write less than the header says",
            sized(OLD.len(), NEW.len() + 1),
        ),
        of_patch(
            "shorter-old-side",
            "invalid_input",
            "copies from behind the old side",
            &OLD[..20],
            sized(20, NEW.len()),
        ),
    ])
}

fn header(old_size: u64, new_size: u64) -> PatchHeader {
    PatchHeader {
        old_list: Sha256Digest::of(b"old list"),
        new_list: Sha256Digest::of(b"new list"),
        old_size,
        new_size,
    }
}

fn made(mut old: &[u8], mut new: &[u8]) -> Result<Vec<u8>, String> {
    let header = header(old.len() as u64, new.len() as u64);
    capbundle_publish::patch::make(&header, &mut old, &mut new).map_err(|error| error.to_string())
}

fn of_patch(name: &str, expect: &str, why: &str, old: &[u8], body: Vec<u8>) -> Vector {
    Vector::new(name, expect, why, body).with("old", &escape(old))
}
