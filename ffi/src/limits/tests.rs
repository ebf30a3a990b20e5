#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn defaults() -> Limits {
    Limits {
        entries: 100_000,
        total_size: 2_147_483_648,
        file_size: 1_073_741_824,
        path_length: 1_024,
        component_length: 255,
        depth: 64,
        expansion_ratio: 200,
        expansion_free: 16_777_216,
    }
}

#[test]
fn the_defaults_equal_those_of_the_core() {
    assert_eq!(Limits::to_core(Some(&defaults())).unwrap(), core::Limits::default());
    assert_eq!(Limits::to_core(None).unwrap(), core::Limits::default());
}

#[test]
fn a_negative_limit_is_refused_under_its_name_in_swift_and_kotlin() {
    let limits = Limits {
        file_size: -1,
        ..defaults()
    };
    let error = Limits::to_core(Some(&limits)).unwrap_err();
    assert_eq!(error.to_string(), "limits.fileSize: expected 0 or more, found -1");
}
