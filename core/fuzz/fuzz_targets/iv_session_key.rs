//! Arbitrary text as an ivSessionKey. An accepted one has only one spelling, and decrypts only files that were
//! encrypted for it.

#![no_main]

use capbundle::ErrorKind;
use capbundle::capgo::IvSessionKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match text.parse::<IvSessionKey>() {
    Ok(parsed) => assert_eq!(parsed.to_string(), text),
    Err(error) => assert_eq!(error.kind(), ErrorKind::NotTrusted),
});
