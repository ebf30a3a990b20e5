//! Arbitrary bytes as strict JSON: `serde_json` accepts every text that the strict parser accepts, without losing a
//! member.

#![no_main]

use capbundle::release::{FileList, require_strict_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match require_strict_json(bytes) {
        Ok(()) => {
            let value: serde_json::Value = serde_json::from_slice(bytes).expect("strict JSON is JSON");
            // The output of `serde_json` is strict as well.
            let again = serde_json::to_vec(&value).expect("a value can be written");
            require_strict_json(&again).expect("the output is strict");
        }
        Err(problem) => assert!(problem.len() < 1_000),
    }
    if let Ok(list) = FileList::parse(bytes) {
        let again = list.to_bytes().expect("a parsed file list can be written");
        assert_eq!(
            FileList::parse(&again).expect("a written file list can be parsed"),
            list
        );
    }
});
