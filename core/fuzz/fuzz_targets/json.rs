//! Arbitrary bytes as strict JSON: `serde_json` accepts every text that the strict parser accepts, without losing a
//! member.

#![no_main]

use capbundle::json;
use capbundle::release::FileList;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match json::validate(bytes) {
        Ok(()) => {
            let value: serde_json::Value = serde_json::from_slice(bytes).expect("it is JSON");
            // Whatever is written in one way only is strict again.
            let again = serde_json::to_vec(&value).expect("it is written");
            json::validate(&again).expect("it stays strict");
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
