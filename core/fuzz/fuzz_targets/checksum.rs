//! Arbitrary text as a signed checksum in both forms. An accepted checksum has only one spelling (except for the case
//! of hex), and only the signer's checksums verify.

#![no_main]

use std::sync::LazyLock;

use capbundle::ErrorKind;
use capbundle::capgo::{ChecksumForm, SignedChecksum};
use capbundle::digest::Sha256Digest;
use capbundle::keys::VerifyingKey;
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<VerifyingKey> = LazyLock::new(|| {
    let pem = include_str!("../../../tests/vectors/keys/test-signer.public.pem");
    VerifyingKey::from_pem(pem).expect("the key of the vectors is valid")
});

fuzz_target!(|text: &str| {
    for form in [ChecksumForm::V3, ChecksumForm::V2] {
        match SignedChecksum::parse(text, form) {
            Ok(parsed) => {
                let written = parsed.to_string();
                assert!(written == text || (form == ChecksumForm::V3 && written.eq_ignore_ascii_case(text)));
                if let Err(error) = parsed.verify(&KEY) {
                    assert!(matches!(
                        error.kind(),
                        ErrorKind::SignatureInvalid | ErrorKind::NotTrusted
                    ));
                }
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotTrusted),
        }
    }
    if let Ok(digest) = text.parse::<Sha256Digest>() {
        assert!(digest.to_string().eq_ignore_ascii_case(text));
    }
});
