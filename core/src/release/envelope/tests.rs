#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::fixtures::{key, reason};
use super::*;

const TYPE: &str = "text/plain";

fn signed(payload: &[u8], keys: &[usize]) -> Envelope {
    let keys: Vec<_> = keys.iter().map(|place| key(*place)).collect();
    Envelope::sign(TYPE, payload.to_vec(), &keys).unwrap()
}

fn signers(envelope: &Envelope, keys: &[usize]) -> usize {
    let keys: Vec<_> = keys.iter().map(|place| key(*place).verifying_key()).collect();
    envelope.signers(&keys).len()
}

/// The JSON of a signed envelope, for changes.
fn written() -> Json {
    serde_json::from_slice(&signed(b"payload", &[0]).to_json().unwrap()).unwrap()
}

fn parse(envelope: &Json) -> Result<Envelope> {
    Envelope::parse(&serde_json::to_vec(envelope).unwrap())
}

#[test]
fn the_signed_bytes_are_the_pre_authentication_encoding() {
    // The example in DSSE's protocol document.
    let envelope = Envelope {
        payload_type: "http://example.com/HelloWorld".to_owned(),
        payload: b"hello world".to_vec(),
        signatures: Vec::new(),
    };
    assert_eq!(
        envelope.signed_bytes(),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn an_envelope_is_parsed_back() {
    let envelope = signed(b"{\"a\": 1}", &[0, 1]);
    let again = Envelope::parse(&envelope.to_json().unwrap()).unwrap();
    assert_eq!(again, envelope);
    assert_eq!((again.payload_type(), again.payload()), (TYPE, &b"{\"a\": 1}"[..]));
    assert_eq!(signers(&again, &[0, 1, 2]), 2);
}

#[test]
fn unknown_members_are_ignored() {
    let mut envelope = written();
    envelope["note"] = json!({"a": [1, 2]});
    envelope["signatures"][0]["cert"] = json!("x");
    assert_eq!(signers(&parse(&envelope).unwrap(), &[0]), 1);
}

#[test]
fn a_signature_is_valid_for_its_payload_type_only() {
    let mut envelope = signed(b"payload", &[0]);
    envelope.payload_type = KEYS_TYPE.to_owned();
    assert_eq!(signers(&envelope, &[0]), 0);
}

#[test]
fn bytes_cannot_move_between_type_and_payload() {
    let mut envelope = signed(b"payload", &[0]);
    envelope.payload_type = "text/plain 7 payload".to_owned();
    envelope.payload = Vec::new();
    assert_eq!(signers(&envelope, &[0]), 0);
}

#[test]
fn signing_twice_with_one_key_leaves_one_signature() {
    let mut envelope = signed(b"payload", &[0, 1]);
    envelope.add_signature(key(0)).unwrap();
    assert_eq!((envelope.key_ids().count(), signers(&envelope, &[0, 1])), (2, 2));
}

#[test]
fn a_signature_with_the_id_of_another_key_counts_for_neither() {
    let mut envelope = signed(b"payload", &[0]);
    envelope.signatures[0].key_id = key(1).verifying_key().id();
    assert_eq!(signers(&envelope, &[0, 1]), 0);
}

#[test]
fn a_repeated_signature_counts_once_even_after_an_invalid_one() {
    let mut envelope = signed(b"payload", &[0]);
    let good = envelope.signatures[0].clone();
    let mut bad = good.clone();
    bad.bytes[7] ^= 1;
    envelope.signatures = vec![bad, good.clone(), good.clone(), good];
    assert_eq!(signers(&envelope, &[0, 1]), 1);
}

#[test]
fn base64_is_accepted_in_either_alphabet_but_not_mixed() {
    // Bytes whose base64 contains the two characters that differ.
    let payload = [0xfb, 0xff, 0xfe, 0xfb, 0xff, 0xfe];
    let mut envelope = written();
    for (text, fits) in [
        ("+//++//+", true),
        ("-__--__-", true),
        ("+//+-__-", false),
        ("+//++//", false),
        ("+//+ +//+", false),
        ("+//+\n+//+", false),
        ("+//++//+====", false),
    ] {
        envelope["payload"] = json!(text);
        match parse(&envelope) {
            Ok(envelope) => assert!(fits && envelope.payload() == payload, "{text}"),
            Err(error) => assert!(!fits && reason::<()>(Err(error)) == "malformed", "{text}"),
        }
    }
    // No padding, and nonzero trailing bits.
    for text in ["YQ", "YR=="] {
        envelope["payload"] = json!(text);
        assert_eq!(reason(parse(&envelope)), "malformed", "{text}");
    }
}

#[test]
fn an_invalid_envelope_is_malformed() {
    let without = |member: &str| {
        let mut envelope = written();
        envelope.as_object_mut().unwrap().remove(member);
        envelope
    };
    let with = |path: &str, value: Json| {
        let mut envelope = written();
        *envelope.pointer_mut(path).unwrap() = value;
        envelope
    };
    let id = key(0).verifying_key().id().to_string();
    for wrong in [
        json!([]),
        json!({}),
        without("payload"),
        without("payloadType"),
        without("signatures"),
        with("/payload", json!(1)),
        with("/payloadType", json!(null)),
        with("/signatures", json!({})),
        with("/signatures/0", json!("x")),
        with("/signatures/0/keyid", json!("x")),
        with("/signatures/0/keyid", json!(id.to_uppercase())),
        with("/signatures/0/keyid", json!(format!("0x{}", &id[2..]))),
        with("/signatures/0/sig", json!("*")),
        with("/signatures", json!(vec![written()["signatures"][0].clone(); 33])),
    ] {
        assert_eq!(reason(parse(&wrong)), "malformed", "{wrong}");
    }
    let many = with("/signatures", json!(vec![written()["signatures"][0].clone(); 32]));
    assert!(parse(&many).is_ok());
}

#[test]
fn an_envelope_is_at_most_256_kib() {
    let payload = vec![b'a'; 196_000];
    let fits = signed(&payload, &[0]).to_json().unwrap();
    assert!(Envelope::parse(&fits).is_ok());
    let mut padded = fits;
    padded.resize(MAX_ENVELOPE_BYTES, b' ');
    assert!(Envelope::parse(&padded).is_ok());
    padded.push(b' ');
    assert_eq!(reason(Envelope::parse(&padded)), "malformed");
    let error = signed(&vec![b'a'; 200_000], &[0]).to_json().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::InvalidInput);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_changed_byte_is_refused_or_leaves_the_signed_bytes_unchanged(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        static ENVELOPE: std::sync::LazyLock<Vec<u8>> =
            std::sync::LazyLock::new(|| signed(b"{\"sequence\":42}", &[0, 1]).to_json().unwrap());
        let mut bytes = ENVELOPE.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(envelope) = Envelope::parse(&bytes) {
            let holds = envelope.payload() == b"{\"sequence\":42}" && envelope.payload_type() == TYPE;
            prop_assert!(holds || signers(&envelope, &[0, 1]) == 0);
            prop_assert!(holds || bytes != *ENVELOPE);
        }
    }
}
