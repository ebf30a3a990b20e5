#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::fixtures::{CREATED, app, key, new_ring, reason, ring, signed_ring};
use super::*;
use crate::ErrorKind;

fn id(place: usize) -> KeyId {
    key(place).verifying_key().id()
}

/// The second ring, with these keys.
fn second(threshold: u64, keys: &[usize]) -> RingDocument {
    RingDocument {
        number: 2,
        ..new_ring(threshold, keys)
    }
}

fn follow(first: &KeyRing, new: &RingDocument, signers: &[usize]) -> Result<KeyRing> {
    first.follow(&signed_ring(new, signers))
}

/// A ring whose document is changed before it is signed.
fn changed(signers: &[usize], change: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut document = serde_json::from_slice(&create_ring(&second(1, &[0, 1])).unwrap()).unwrap();
    change(&mut document);
    let keys: Vec<_> = signers.iter().map(|place| key(*place)).collect();
    let envelope = Envelope::sign(KEYS_TYPE, serde_json::to_vec(&document).unwrap(), &keys).unwrap();
    envelope.to_json().unwrap()
}

#[test]
fn a_ring_is_serialized_as_specified() {
    let new = RingDocument {
        retired: vec![id(1)],
        ..new_ring(1, &[0])
    };
    let expected = format!(
        "{{\"format\":1,\"app_id\":\"com.example.app\",\"number\":1,\"threshold\":1,\"created_at\":{CREATED},\
         \"keys\":[\"{}\"],\"retired\":[\"{}\"]}}",
        STANDARD.encode(key(0).verifying_key().to_spki_der()),
        id(1)
    );
    assert_eq!(String::from_utf8(create_ring(&new).unwrap()).unwrap(), expected);
    let read = RingDocument::read(expected.as_bytes()).unwrap();
    assert_eq!((read.number, read.threshold, read.retired), (1, 1, vec![id(1)]));
    assert_eq!(read.keys, [key(0).verifying_key()]);
}

#[test]
fn the_first_ring_must_reach_its_own_threshold() {
    let new = new_ring(2, &[0, 1, 2]);
    let trusted = |signers: &[usize]| KeyRing::trusted(&signed_ring(&new, signers), &app());
    assert_eq!(trusted(&[0, 2]).unwrap().number(), 1);
    assert_eq!(reason(trusted(&[0])), "signatures");
    assert_eq!(reason(trusted(&[0, 3])), "signatures");
    assert_eq!(reason(trusted(&[])), "signatures");
    // The first ring of an app may have any number.
    let later = RingDocument { number: 7, ..new };
    assert!(KeyRing::trusted(&signed_ring(&later, &[0, 1]), &app()).is_ok());
}

#[test]
fn the_first_ring_must_be_of_this_app() {
    let bytes = signed_ring(&new_ring(1, &[0]), &[0]);
    let other = "com.example.other".parse().unwrap();
    assert_eq!(reason(KeyRing::trusted(&bytes, &other)), "wrong_app");
}

#[test]
fn a_rotation_needs_enough_keys_of_both_rings() {
    let first = ring(2, &[0, 1, 2]);
    let new = second(2, &[2, 3, 4]);
    assert_eq!(follow(&first, &new, &[0, 1, 3, 4]).unwrap().number(), 2);
    assert!(
        follow(&first, &new, &[0, 2, 3]).is_ok(),
        "one key may count on both sides"
    );
    assert_eq!(
        reason(follow(&first, &new, &[0, 3, 4])),
        "signatures",
        "too few of the old"
    );
    assert_eq!(
        reason(follow(&first, &new, &[0, 1, 3])),
        "signatures",
        "too few of the new"
    );
    assert_eq!(reason(follow(&first, &new, &[3, 4])), "signatures", "none of the old");
    assert_eq!(reason(follow(&first, &new, &[0, 1])), "signatures", "none of the new");
}

#[test]
fn the_threshold_may_be_raised_and_lowered() {
    let raised = second(3, &[0, 1, 2]);
    assert_eq!(reason(follow(&ring(1, &[0, 1, 2]), &raised, &[0])), "signatures");
    assert_eq!(
        follow(&ring(1, &[0, 1, 2]), &raised, &[0, 1, 2]).unwrap().threshold(),
        3
    );
    let lowered = second(1, &[0, 1, 2]);
    assert_eq!(reason(follow(&ring(3, &[0, 1, 2]), &lowered, &[0])), "signatures");
    assert_eq!(
        follow(&ring(3, &[0, 1, 2]), &lowered, &[0, 1, 2]).unwrap().threshold(),
        1
    );
}

#[test]
fn the_next_ring_has_the_next_number() {
    let first = ring(1, &[0]);
    for number in [1, 3, 4] {
        let new = RingDocument {
            number,
            ..second(1, &[0])
        };
        assert_eq!(reason(follow(&first, &new, &[0])), "wrong_number", "{number}");
    }
    let last = RingDocument {
        number: (1 << 53) - 1,
        ..new_ring(1, &[0])
    };
    let last = KeyRing::trusted(&signed_ring(&last, &[0]), &app()).unwrap();
    assert_eq!(reason(follow(&last, &new_ring(1, &[0]), &[0])), "wrong_number");
}

#[test]
fn a_ring_of_another_app_is_refused() {
    let new = RingDocument {
        app_id: "com.example.other".parse().unwrap(),
        ..second(1, &[0])
    };
    assert_eq!(reason(follow(&ring(1, &[0]), &new, &[0])), "wrong_app");
}

#[test]
fn a_retired_key_stays_retired() {
    let mut retiring = second(1, &[0, 1]);
    retiring.retire(id(0)).unwrap();
    let second = follow(&ring(1, &[0, 1]), &retiring, &[0, 1]).unwrap();
    assert_eq!(second.retired(), [id(0)]);
    // A retired key is missing from the list, which would allow it to return.
    let forgetful = RingDocument {
        number: 3,
        ..new_ring(1, &[1])
    };
    assert_eq!(reason(follow(&second, &forgetful, &[1])), "retired_key_missing");
    let returning = RingDocument {
        number: 3,
        ..new_ring(1, &[0, 1])
    };
    assert_eq!(reason(follow(&second, &returning, &[1])), "retired_key_missing");
    // A key cannot be active and retired.
    let both = RingDocument {
        retired: vec![id(0)],
        ..returning
    };
    assert_eq!(create_ring(&both).unwrap_err().kind(), ErrorKind::InvalidInput);
    // Its signature does not count for a rotation.
    let stolen = RingDocument {
        retired: vec![id(0)],
        ..RingDocument {
            number: 3,
            ..new_ring(1, &[2])
        }
    };
    assert_eq!(reason(follow(&second, &stolen, &[0, 2])), "signatures");
    assert!(follow(&second, &stolen, &[1, 2]).is_ok());
}

#[test]
fn a_device_catches_up_after_three_rotations() {
    let first = ring(1, &[0]);
    let added = second(1, &[0, 1]);
    let second = signed_ring(&added, &[0, 1]);
    let mut retired = RingDocument { number: 3, ..added };
    retired.retire(id(0)).unwrap();
    let third = signed_ring(&retired, &[0, 1]);
    let mut last = RingDocument { number: 4, ..retired };
    last.keys = vec![key(2).verifying_key()];
    let fourth = signed_ring(&last, &[1, 2]);
    let walked = [&second, &third, &fourth]
        .iter()
        .try_fold(first.clone(), |ring, next| ring.follow(next));
    let walked = walked.unwrap();
    assert_eq!((walked.number(), walked.retired()), (4, &[id(0)][..]));
    // No ring can be skipped.
    assert_eq!(reason(first.follow(&third)), "wrong_number");
    assert_eq!(reason(first.follow(&fourth)), "signatures");
    // There is no way back to an earlier ring.
    assert_eq!(reason(walked.follow(&second)), "signatures");
}

#[test]
fn one_modulus_is_one_key() {
    let double = changed(&[0, 1], |ring| {
        let first = ring["keys"][0].clone();
        ring["keys"].as_array_mut().unwrap().push(first);
    });
    assert_eq!(reason(ring(1, &[0, 1]).follow(&double)), "malformed");
    // The same modulus with another exponent has another id, but the same private key.
    let disguised = changed(&[0, 1], |ring| {
        let mut der = key(0).verifying_key().to_spki_der();
        // The exponent, 65537, is at the end.
        let end = der.len() - 1;
        assert_eq!(der[end - 2..], [1, 0, 1]);
        der[end] = 3;
        ring["keys"].as_array_mut().unwrap().push(json!(STANDARD.encode(der)));
    });
    assert_eq!(reason(ring(1, &[0, 1]).follow(&disguised)), "malformed");
}

#[test]
fn an_invalid_ring_is_malformed() {
    let refuse = |change: &dyn Fn(&mut Json)| {
        assert_eq!(reason(ring(1, &[0, 1]).follow(&changed(&[0, 1], change))), "malformed");
    };
    refuse(&|ring| ring["threshold"] = json!(0));
    refuse(&|ring| ring["threshold"] = json!(3));
    refuse(&|ring| ring["number"] = json!(0));
    refuse(&|ring| ring["number"] = json!("2"));
    refuse(&|ring| ring["keys"] = json!([]));
    refuse(&|ring| ring["keys"] = json!(["AAAA"]));
    refuse(&|ring| ring["keys"] = json!([1]));
    refuse(&|ring| ring["keys"] = json!(vec![ring["keys"][0].clone(); 33]));
    refuse(&|ring| ring["retired"] = json!([id(0).to_string()]));
    refuse(&|ring| ring["retired"] = json!([id(2).to_string(), id(2).to_string()]));
    refuse(&|ring| ring["retired"] = json!([id(2).to_string().to_uppercase()]));
    refuse(&|ring| ring["retired"] = json!(null));
    refuse(&|ring| ring["created_at"] = json!(null));
    refuse(&|ring| ring["app_id"] = json!("app"));
    refuse(&|ring| drop(ring.as_object_mut().unwrap().remove("threshold")));
    let unknown = |change: &dyn Fn(&mut Json)| ring(1, &[0, 1]).follow(&changed(&[0, 1], change));
    assert_eq!(reason(unknown(&|ring| ring["format"] = json!(2))), "unknown_format");
    assert_eq!(
        reason(unknown(&|ring| ring["critical"] = json!(["quorum"]))),
        "unknown_critical"
    );
    assert!(unknown(&|ring| ring["note"] = json!("x")).is_ok());
}

#[test]
fn a_release_is_not_a_ring() {
    let payload = create_ring(&second(1, &[0])).unwrap();
    let envelope = Envelope::sign(super::super::RELEASE_TYPE, payload, &[key(0)]).unwrap();
    assert_eq!(reason(ring(1, &[0]).follow(&envelope.to_json().unwrap())), "malformed");
}

#[test]
fn a_ring_that_the_old_keys_did_not_sign_is_not_parsed() {
    // The document is malformed, but the signatures are checked first.
    let foreign = changed(&[2], |ring| ring["keys"] = json!([]));
    assert_eq!(reason(ring(1, &[0, 1]).follow(&foreign)), "signatures");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_order_of_keys_and_signatures_does_not_matter(
        keys in Just(vec![0_usize, 1, 2]).prop_shuffle(),
        signers in Just(vec![0_usize, 1, 2]).prop_shuffle(),
        count in 0_usize..=3,
    ) {
        let trusted = KeyRing::trusted(&signed_ring(&new_ring(2, &keys), &signers[..count]), &app());
        prop_assert_eq!(trusted.is_ok(), count >= 2);
    }

    #[test]
    fn a_changed_byte_of_a_ring_is_refused_or_has_no_effect(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        static RING: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| signed_ring(&second(1, &[0, 1]), &[0, 1]));
        let mut bytes = RING.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let first = ring(1, &[0]);
        if let Ok(found) = first.follow(&bytes) {
            prop_assert_eq!(found, first.follow(&RING).unwrap());
        }
    }
}
