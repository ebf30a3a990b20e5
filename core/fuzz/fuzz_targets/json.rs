//! Any bytes as strict JSON: what it accepts, `serde_json` accepts too, without losing a member.

#![no_main]

use capbundle::release::{FileList, require_strict_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match require_strict_json(bytes) {
        Ok(()) => {
            let value: serde_json::Value = serde_json::from_slice(bytes).expect("it is valid JSON");
            // Serialized again, it is still strict.
            let again = serde_json::to_vec(&value).expect("it can be written");
            require_strict_json(&again).expect("it is still strict");
        }
        Err(problem) => assert!(problem.len() < 1_000),
    }
    if let Ok(list) = FileList::parse(bytes) {
        let again = list.to_bytes().expect("it can be written");
        assert_eq!(FileList::parse(&again).expect("it can be read back"), list);
    }
});
