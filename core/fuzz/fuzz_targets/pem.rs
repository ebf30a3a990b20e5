//! Arbitrary text as a private key, a public key and several public keys. Writing a parsed key and parsing it again
//! returns the same key.

#![no_main]

use capbundle::keys::{SigningKey, VerifyingKey, VerifyingKeys};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match VerifyingKey::from_pem(text) {
        Ok(key) => {
            assert!((2_048..=4_096).contains(&key.bits()));
            let again = VerifyingKey::from_pem(&key.to_pem()).expect("a written key can be parsed");
            assert_eq!(again, key);
            assert_eq!(key.capgo_key_id().len(), 20);
        }
        Err(error) => drop(error.to_string()),
    }
    match VerifyingKeys::from_pem(text) {
        Ok(keys) => {
            assert_eq!(Some(keys.first()), VerifyingKey::from_pem(text).ok().as_ref());
            let written: String = keys.iter().map(VerifyingKey::to_pem).collect();
            let again = VerifyingKeys::from_pem(&written).expect("written keys can be parsed");
            assert_eq!(again, keys);
        }
        Err(error) => drop(error.to_string()),
    }
    match SigningKey::from_pem(text) {
        Ok(key) => {
            let again = SigningKey::from_pem(&key.to_pem().expect("a parsed key can be written"))
                .expect("a written key can be parsed");
            assert_eq!(again.verifying_key(), key.verifying_key());
        }
        Err(error) => drop(error.to_string()),
    }
});
