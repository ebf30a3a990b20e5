#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::LazyLock;

use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};

use super::*;
use crate::error::ErrorKind;
use crate::keys::{KeyBits, KeyId, KeyIds, SigningKey, recovery};

static KEYS: LazyLock<[SigningKey; 5]> =
    LazyLock::new(|| [(); 5].map(|()| SigningKey::generate(KeyBits::B2048).unwrap()));

fn key(index: usize) -> VerifyingKey {
    KEYS[index].verifying_key()
}

fn pem(index: usize) -> String {
    key(index).to_pem()
}

fn ids(keys: &VerifyingKeys) -> Vec<KeyId> {
    keys.ids().iter().copied().collect()
}

fn problem(result: Result<VerifyingKeys>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyInvalid, "{error}");
    error.to_string()
}

#[test]
fn one_to_four_keys_keep_their_order() {
    for order in [&[2][..], &[1, 0], &[0, 1, 3], &[3, 2, 1, 0]] {
        let given: Vec<_> = order.iter().map(|index| key(*index)).collect();
        let keys = VerifyingKeys::new(given.clone()).unwrap();
        assert_eq!(*keys.first(), given[0]);
        assert_eq!(keys.iter().cloned().collect::<Vec<_>>(), given);
        assert_eq!(ids(&keys), given.iter().map(VerifyingKey::id).collect::<Vec<_>>());
        assert_eq!(keys.capgo_key_id(), given[0].capgo_key_id());
        let text: String = order.iter().map(|index| pem(*index)).collect();
        assert_eq!(VerifyingKeys::from_pem(&text).unwrap(), keys);
    }
}

#[test]
fn one_key_is_a_set_of_one() {
    let keys = VerifyingKeys::from(key(0));
    assert_eq!(keys, VerifyingKeys::from_pem(&pem(0)).unwrap());
    assert_eq!(KeyIds::from(&keys), KeyIds::from(key(0).id()));
    assert_eq!(KeyIds::from(&keys).to_string(), key(0).id().to_string());
}

#[test]
fn no_key_more_than_four_keys_and_one_key_twice_are_refused() {
    assert!(problem(VerifyingKeys::new(Vec::new())).contains("found none"));
    let five = [0, 1, 2, 3, 4].map(key).to_vec();
    assert!(problem(VerifyingKeys::new(five)).contains("at most 4 public keys, found 5"));
    let spki = KEYS[0].0.to_public_key().to_public_key_pem(LineEnding::LF).unwrap();
    for twice in [pem(0) + &pem(1) + &pem(0), pem(0) + &pem(1) + &spki] {
        let problem = problem(VerifyingKeys::from_pem(&twice));
        assert!(
            problem.contains("public keys 1 and 3 have the same modulus"),
            "{problem}"
        );
    }
}

#[test]
fn each_block_is_checked_as_a_single_key_is() {
    let (good, private) = (pem(0), KEYS[1].to_pem().unwrap());
    let small = RsaPrivateKey::new_unchecked(&mut recovery::system_rng().unwrap(), 1024).unwrap();
    let small = small.to_public_key().to_public_key_pem(LineEnding::LF).unwrap();
    for (bad, hint) in [
        (small.as_str(), "1024 bits"),
        (&private, "found the private key"),
        (
            "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----",
            "damaged",
        ),
        ("-----BEGIN RSA PUBLIC KEY-----\nMIIB", "truncated"),
        ("MIIB\n-----END RSA PUBLIC KEY-----", "not a PEM key"),
    ] {
        let second = problem(VerifyingKeys::from_pem(&format!("{good}{bad}")));
        assert!(second.contains(hint) && second.contains("public key 2:"), "{second}");
        let only = problem(VerifyingKeys::from_pem(bad));
        assert!(only.contains(hint) && !only.contains("public key 1:"), "{only}");
        assert_eq!(only, problem(VerifyingKey::from_pem(bad).map(Into::into)));
    }
    for (bad, hint) in [
        (small.as_str(), "public key 1: the RSA key has 1024 bits"),
        (
            "-----BEGIN RSA PUBLIC KEY-----\nMIIB\n",
            "public key 1: the PEM text is damaged",
        ),
        ("MIIB\n-----END RSA PUBLIC KEY-----\n", "not a PEM key"),
    ] {
        let first = problem(VerifyingKeys::from_pem(&format!("{bad}{good}")));
        assert!(first.contains(hint), "{first}");
    }
}

#[test]
fn comments_and_line_endings_of_configuration_files_are_read() {
    let file = format!("# signs today\n{}\n# signs from May on\n{}\n\n", pem(0), pem(1));
    for text in [file.clone(), file.replace('\n', "\r\n"), file.replace('\n', " ")] {
        let keys = VerifyingKeys::from_pem(&text).unwrap();
        assert_eq!(ids(&keys), [key(0).id(), key(1).id()]);
    }
}

#[test]
fn an_invalid_file_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.pem");
    std::fs::write(&path, pem(0) + &pem(1)).unwrap();
    assert_eq!(VerifyingKeys::read(&path).unwrap().iter().count(), 2);
    std::fs::write(&path, pem(0) + &pem(0)).unwrap();
    assert!(problem(VerifyingKeys::read(&path)).contains("keys.pem"));
}
