//! Arbitrary bytes as an envelope, as a release and as a key ring: writing a parsed envelope and parsing it again
//! returns the same one, and only envelopes that the ring's key signed are trusted.

#![no_main]

use std::sync::LazyLock;

use capbundle::AppId;
use capbundle::release::{Envelope, KeyRing, SignedKeyRing, SignedRelease};
use libfuzzer_sys::fuzz_target;

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let app: AppId = "com.example.app".parse().expect("the app id is valid");
    KeyRing::trusted(include_bytes!("../../../tests/vectors/trust/one.json"), &app).expect("the key ring is valid")
});

fuzz_target!(|bytes: &[u8]| {
    match Envelope::parse(bytes) {
        Ok(envelope) => {
            // Standard base64 may be larger than the input, and exceed the limit.
            if let Ok(again) = envelope.to_json() {
                assert_eq!(
                    Envelope::parse(&again).expect("a written envelope can be parsed"),
                    envelope
                );
            }
        }
        Err(error) => drop(error.to_string()),
    }
    drop(SignedRelease::parse(bytes).map_err(|error| error.to_string()));
    drop(SignedKeyRing::parse(bytes).map_err(|error| error.to_string()));
    if let Ok(next) = RING.follow(bytes) {
        assert_eq!(next.number(), RING.number() + 1);
    }
});
