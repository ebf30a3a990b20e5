#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::fs;
use std::sync::LazyLock;

use super::*;
use crate::error::ErrorKind;
use crate::keys::SigningKey;

static KEY: LazyLock<ContentKey> = LazyLock::new(|| ContentKey::generate(KeyBits::B2048).unwrap());

fn problem<T: fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyInvalid, "{error}");
    error.to_string()
}

#[test]
fn wrapped_keys_are_unwrapped_at_every_key_size() {
    for bits in [KeyBits::B2048, KeyBits::B3072, KeyBits::B4096] {
        let key = ContentKey::generate(bits).unwrap();
        let secret = [7; ARCHIVE_KEY_BYTES];
        let wrapped = key.public().wrap(&secret).unwrap();
        assert_eq!(wrapped.len(), bits.count() / 8);
        assert_eq!(*key.unwrap(&wrapped).unwrap().unwrap(), secret);
        assert_ne!(key.public().wrap(&secret).unwrap(), wrapped, "never the same bytes");
    }
}

#[test]
fn wrapped_keys_for_another_key_damaged_or_of_another_length_are_refused() {
    let other = ContentKey::generate(KeyBits::B2048).unwrap();
    let wrapped = KEY.public().wrap(&[7; ARCHIVE_KEY_BYTES]).unwrap();
    assert!(other.unwrap(&wrapped).unwrap().is_none());
    for position in [0, 1, 128, 255] {
        let mut damaged = wrapped.clone();
        damaged[position] ^= 1;
        assert!(KEY.unwrap(&damaged).unwrap().is_none(), "{position}");
    }
    for length in [0, 255] {
        assert!(KEY.unwrap(&wrapped[..length]).unwrap().is_none(), "{length}");
    }
    assert!(KEY.unwrap(&[0xff; 256]).unwrap().is_none(), "above the modulus");
    let longer = [wrapped, vec![0]].concat();
    assert!(KEY.unwrap(&longer).unwrap().is_none());
}

#[test]
fn only_a_whole_archive_key_with_the_right_hash_and_no_label_is_accepted() {
    let (modulus, exponent) = KEY.public().0.numbers();
    let exponent = BoxedUint::from(exponent);
    let public = RsaPublicKey::new(BoxedUint::from_be_slice_vartime(modulus), exponent).unwrap();
    let mut rng = recovery::system_rng().unwrap();
    let short = public.encrypt(&mut rng, Oaep::<Sha256>::new(), &[7; 31]).unwrap();
    let labelled = public.encrypt(&mut rng, Oaep::<Sha256>::new_with_label(*b"x"), &[7; 32]);
    let hashed = public.encrypt(&mut rng, Oaep::<sha2::Sha512>::new(), &[7; 32]).unwrap();
    let mgf = Oaep::<Sha256, sha2::Sha512>::new_with_mgf_hash();
    let masked = public.encrypt(&mut rng, mgf, &[7; 32]).unwrap();
    let padded = public.encrypt(&mut rng, rsa::Pkcs1v15Encrypt, &[7; 32]).unwrap();
    for wrapped in [short, labelled.unwrap(), hashed, masked, padded] {
        assert!(KEY.unwrap(&wrapped).unwrap().is_none());
    }
}

#[test]
fn a_key_round_trips_through_pem_and_accepts_the_older_forms() {
    let pem = KEY.to_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let public = KEY.public().to_pem();
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    assert_eq!(ContentKey::from_pem(&pem).unwrap().public(), KEY.public());
    assert_eq!(PublicContentKey::from_pem(&public).unwrap(), *KEY.public());

    let signing = SigningKey::from_pem(&pem).unwrap();
    let pkcs1 = ContentKey::from_pem(&signing.to_pem().unwrap()).unwrap();
    assert_eq!(pkcs1.public(), KEY.public());
    let pkcs1 = signing.verifying_key().to_pem();
    assert_eq!(PublicContentKey::from_pem(&pkcs1).unwrap(), *KEY.public());
}

#[test]
fn the_wrong_half_of_the_pair_is_named_in_the_error() {
    let (private, public) = (KEY.to_pem().unwrap(), KEY.public().to_pem());
    assert!(problem(PublicContentKey::from_pem(&private)).contains(".capbundle_content_key.pub"));
    assert!(problem(ContentKey::from_pem(&public)).contains(".capbundle_content_key, without .pub"));
}

#[test]
fn a_signing_key_is_recognised_by_its_modulus() {
    let same = SigningKey::from_pem(&KEY.to_pem().unwrap()).unwrap();
    assert!(KEY.public().same_modulus_as(&same.verifying_key()));
    assert_eq!(KEY.public().id(), same.verifying_key().id());
    let other = SigningKey::generate(KeyBits::B2048).unwrap();
    assert!(!KEY.public().same_modulus_as(&other.verifying_key()));
}

#[test]
#[cfg(unix)]
fn only_the_owner_can_read_a_private_key_file_and_it_is_not_replaced_by_default() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".capbundle_content_key");
    KEY.write(&path, Overwrite::Never).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(ContentKey::read(&path).unwrap().public(), KEY.public());
    let error = KEY.write(&path, Overwrite::Never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("sealed for it"), "{error}");
}

#[test]
fn debug_output_of_a_private_key_hides_it() {
    assert_eq!(format!("{:?}", *KEY), "ContentKey { bits: 2048, .. }");
}
