#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::native::NativeRange;
use crate::store::records::BundleRecord;

fn problem<T: FromJson>(text: &str) -> String {
    read::<T>(text.as_bytes()).err().unwrap_or_default()
}

#[test]
fn a_wrong_type_is_reported_with_its_path() {
    assert_eq!(problem::<NativeRange>("[]"), "expected an object, found an array");
    assert_eq!(
        problem::<NativeRange>(r#"{"min":1}"#),
        "min: expected a string, found a number"
    );
    assert_eq!(problem::<BundleRecord>("{}"), "id is missing");
    assert_eq!(problem::<u64>("-1"), "expected a whole number, found a number");
    assert_eq!(
        problem::<u32>("4294967296"),
        "expected a number below 2^32, found 4294967296"
    );
    assert_eq!(problem::<bool>("null"), "expected a boolean, found null");
    assert_eq!(problem::<String>("true"), "expected a string, found a boolean");
    assert_eq!(problem::<Vec<u64>>("{}"), "expected an array, found an object");
    assert!(problem::<u64>("{").contains("line 1"));
}

#[test]
fn an_optional_member_may_be_null_and_unknown_members_are_ignored() {
    let range: NativeRange = read(br#"{"min":null,"of a later version":[1]}"#).unwrap();
    assert_eq!(range, NativeRange::default());
}
