//! Releases whose JSON readers interpret differently or reject.

use super::{Vector, release, signed_text};
use crate::vector::capgo::TestKeys;

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    let sound = release().to_string();
    let case =
        |name: &str, expect: &str, why: &str, text: String| signed_text(keys, name, expect, why, text.as_bytes());
    let first = |more: &str| sound.replacen('{', &format!("{{{more},"), 1);
    let deep = |levels: usize| format!("\"x\":{}{}", "[".repeat(levels), "]".repeat(levels));
    vec![
        case(
            "duplicate-sequence",
            "malformed",
            "two sequences: the first or the last counts, as the reader likes",
            first("\"sequence\":7"),
        ),
        case(
            "duplicate-escaped",
            "malformed",
            "the same name in another spelling",
            first("\"\\u0073equence\":7"),
        ),
        case(
            "duplicate-unknown",
            "malformed",
            "a member that nobody knows, twice",
            first("\"x\":1,\"x\":1"),
        ),
        case(
            "duplicate-deep",
            "malformed",
            "twice inside a member that nobody knows",
            first("\"x\":[{\"a\":1,\"a\":2}]"),
        ),
        case(
            "sequence-fraction",
            "malformed",
            "42.0",
            sound.replacen(":42,", ":42.0,", 1),
        ),
        case(
            "sequence-exponent",
            "malformed",
            "4.2e1",
            sound.replacen(":42,", ":4.2e1,", 1),
        ),
        case(
            "sequence-negative",
            "malformed",
            "below zero",
            sound.replacen(":42,", ":-42,", 1),
        ),
        case(
            "sequence-huge",
            "malformed",
            "beyond 64 bits",
            sound.replacen(":42,", ":18446744073709551658,", 1),
        ),
        case(
            "unknown-fraction",
            "malformed",
            "a fraction in a member that nobody knows",
            first("\"x\":0.5"),
        ),
        case(
            "unknown-minus-zero",
            "malformed",
            "-0, which is 0 to some",
            first("\"x\":-0"),
        ),
        case("deep-31", "ok", "32 levels", first(&deep(31))),
        case("deep-32", "malformed", "33 levels", first(&deep(32))),
        case(
            "deep-10000",
            "malformed",
            "what overflows a stack",
            first(&deep(10_000)),
        ),
        case(
            "payload-byte-order-mark",
            "malformed",
            "a byte order mark in front",
            format!("\u{feff}{sound}"),
        ),
        case(
            "payload-trailing",
            "malformed",
            "a second document behind",
            format!("{sound}{sound}"),
        ),
        case(
            "payload-white-space",
            "ok",
            "white space around it is signed too",
            format!(" {sound}\n"),
        ),
        case("payload-no-json", "malformed", "text", "release 42".to_owned()),
        case("payload-list", "malformed", "not an object", format!("[{sound}]")),
        case("payload-empty", "malformed", "nothing", String::new()),
        case(
            "payload-comment",
            "malformed",
            "a comment",
            sound.replacen('{', "{/* */", 1),
        ),
        case(
            "half-surrogate",
            "malformed",
            "half a surrogate pair",
            first("\"x\":\"\\ud800\""),
        ),
        signed_text(
            keys,
            "not-utf-8",
            "malformed",
            "a byte that is no UTF-8",
            &[sound.as_bytes(), b"\xff"].concat(),
        ),
    ]
}
