#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

#[test]
fn ranges_are_parsed_strictly() {
    assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
    assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
    for wrong in [
        "",
        "5-9/10",
        "bytes 9-5/10",
        "bytes 5-10/10",
        "bytes */10",
        "bytes 5-/10",
        "bytes -5/10",
        "items 5-9/10",
    ] {
        assert_eq!(content_range(wrong), None, "{wrong}");
    }
    assert_eq!(unsatisfied_range("bytes */10"), Some(10));
    assert_eq!(unsatisfied_range("bytes 0-9/10"), None);
}
