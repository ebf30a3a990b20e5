//! Arbitrary bytes as the payload of a key ring: an accepted ring has enough keys for its threshold, and no retired
//! ones.

#![no_main]

use capbundle::release::{Envelope, KEYS_TYPE, RingDocument, SignedKeyRing, create_ring};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let Ok(unsigned) = Envelope::sign(KEYS_TYPE, payload.to_vec(), &[]).and_then(|envelope| envelope.to_json()) else {
        return;
    };
    let Ok(read) = SignedKeyRing::parse(&unsigned) else {
        return;
    };
    let ring = read.ring();
    assert!(ring.threshold >= 1 && ring.threshold <= ring.keys.len() as u64 && ring.keys.len() <= 32);
    for key in &ring.keys {
        assert!((2_048..=4_096).contains(&key.bits()));
        assert!(!ring.retired.contains(&key.id()));
    }
    let mut next = RingDocument::next(ring, ring.created_at);
    // The last number has no successor, so the number of the ring is reused.
    next.number = ring.number;
    drop(create_ring(&next).expect("a parsed key ring can be written"));
});
