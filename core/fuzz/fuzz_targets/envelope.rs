//! Any bytes as an envelope of a release or key ring: a parsed one round-trips, and none is trusted that the ring's
//! key did not sign.

#![no_main]

use std::sync::LazyLock;

use capbundle::AppId;
use capbundle::release::{Envelope, KeyRing, SignedKeyRing, SignedRelease};
use libfuzzer_sys::fuzz_target;

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let app: AppId = "com.example.app".parse().expect("the id is valid");
    KeyRing::trusted(include_bytes!("../../../tests/vectors/trust/one.json"), &app).expect("the ring is valid")
});

fuzz_target!(|bytes: &[u8]| {
    match Envelope::parse(bytes) {
        Ok(envelope) => {
            // It may be too large in standard base64, which is longer than the input.
            if let Ok(again) = envelope.to_json() {
                assert_eq!(Envelope::parse(&again).expect("it can be read back"), envelope);
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
