//! Packing is reproducible: the same folder has the same digest with every version and on every system.
//!
//! If this fails after an update of `zlib-rs` or `flate2`, the compressor produces other bytes. That is allowed, but it
//! changes the digest of every bundle that is packed again: mention it in the change log, then update the digest here.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;

use capbundle::bundle::{PackOptions, pack};
use capbundle::progress::Control;
use capbundle_tests::tree::Tree;

const GOLDEN: &str = "11e13421500dac629ec4968d0e26e50e37e8a567617ef7549419eb8e03d177b7";

#[test]
fn a_fixed_folder_packs_to_a_fixed_digest() {
    let workspace = tempfile::tempdir().unwrap();
    let (web, archive) = (workspace.path().join("web"), workspace.path().join("bundle.zip"));
    fs::create_dir(&web).unwrap();
    fixed_tree().write_to(&web).unwrap();
    let packed = pack(&web, &archive, &PackOptions::default(), &Control::new()).unwrap();
    assert_eq!(
        packed.digest.to_string(),
        GOLDEN,
        "the compressor or the archive's layout changed"
    );
}

/// Content that a compressor treats differently: text, code, a run, noise and an empty file.
fn fixed_tree() -> Tree {
    let code: Vec<String> = (0..4_000)
        .map(|n| format!("function f{n}(x) {{ return x * {} + f{}(x); }}\n", n * 7, n / 2))
        .collect();
    let noise: Vec<u8> = (0..50_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .collect();
    Tree::bundle()
        .with_file("assets/app.js", code.concat().as_bytes())
        .with_file("assets/run.bin", &vec![7; 100_000])
        .with_file("assets/noise.png", &noise)
        .with_file("assets/empty.css", b"")
        .with_file("\u{e9}/\u{1f680}.txt", b"unicode\n")
        .with_folder("empty")
}
