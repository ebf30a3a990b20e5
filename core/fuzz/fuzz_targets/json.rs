//! Any bytes as strict JSON: what it takes, `serde_json` takes too, and no member of it is lost there.

#![no_main]

use capbundle::release::{FileList, require_strict_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match require_strict_json(bytes) {
        Ok(()) => {
            let value: serde_json::Value = serde_json::from_slice(bytes).expect("it is JSON");
            // Whatever is written in one way only is strict again.
            let again = serde_json::to_vec(&value).expect("it is written");
            require_strict_json(&again).expect("it stays strict");
        }
        Err(problem) => assert!(problem.len() < 1_000),
    }
    if let Ok(list) = FileList::parse(bytes) {
        let again = list.to_bytes().expect("it is written");
        assert_eq!(FileList::parse(&again).expect("it is read back"), list);
    }
});
