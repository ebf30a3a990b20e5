//! Capgo v2 inputs: valid encrypted bundles with one invalid part each.

mod checksums;
mod ciphertexts;
mod keys;
mod session_keys;

use super::{Vector, escape};
use crate::forge::capgo::SealedParts;
use crate::forge::rsa::Key;
use crate::forge::{Archive, Entry};

pub use keys::forged_pems;

/// The private keys of the vectors.
#[derive(Debug)]
pub struct TestKeys {
    /// The key that the device trusts.
    pub signer: Key,
    /// Another publisher's key.
    pub other: Key,
    /// 3,072 bits.
    pub signer_3072: Key,
    /// 4,096 bits.
    pub signer_4096: Key,
    /// With the public exponent 3.
    pub exponent_3: Key,
}

impl TestKeys {
    /// Reads the keys from `tests/vectors/keys`.
    ///
    /// # Errors
    /// If a key cannot be read.
    pub fn read(folder: &std::path::Path) -> Result<Self, String> {
        let key = |name: &str| {
            let path = folder.join(format!("test-{name}.private.pem"));
            let pem = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            Key::from_private_pem(&pem).ok_or_else(|| format!("{}: no PKCS#1 private key", path.display()))
        };
        Ok(Self {
            signer: key("signer")?,
            other: key("other")?,
            signer_3072: key("signer-3072")?,
            signer_4096: key("signer-4096")?,
            exponent_3: key("e3")?,
        })
    }
}

/// All Capgo v2 vectors.
#[must_use]
pub fn all(keys: &TestKeys) -> Vec<Vector> {
    [
        checksums::all(keys),
        session_keys::all(keys),
        ciphertexts::all(keys),
        keys::all(keys),
    ]
    .concat()
}

const SIGNER: &str = "test-signer.public.pem";

/// A bundle of several AES blocks.
fn sealed() -> SealedParts {
    let archive = Archive::bundle([Entry::file("app.js", b"notifyAppReady()")]);
    SealedParts::new(&archive.bytes(), *b"session key no 1", *b"a fixed IV, no 1")
}

/// Another bundle of the same publisher.
fn other_sealed() -> SealedParts {
    let archive = Archive::bundle([Entry::file("app.js", b"notifyAppReady(); old()")]);
    SealedParts::new(&archive.bytes(), *b"session key no 2", *b"a fixed IV, no 2")
}

/// A vector of valid parts, one of which `replacing` then replaces.
fn sound(keys: &TestKeys, name: &str, expect: &str, why: &str) -> Vector {
    let parts = sealed();
    with_parts(
        name,
        expect,
        why,
        &parts,
        &parts.iv_session_key(&keys.signer),
        &parts.checksum_v3(&keys.signer),
    )
}

fn with_parts(
    name: &str,
    expect: &str,
    why: &str,
    parts: &SealedParts,
    iv_session_key: &str,
    checksum: &str,
) -> Vector {
    Vector::new(name, expect, why, parts.sealed.clone())
        .with("form", "v3")
        .with("key", SIGNER)
        .with("iv_session_key", &escape(iv_session_key.as_bytes()))
        .with("checksum", &escape(checksum.as_bytes()))
}

/// A vector in which the device trusts `key` and all parts are by `signer`.
fn signed_by(signer: &Key, key: &str, name: &str, expect: &str, why: &str) -> Vector {
    let parts = sealed();
    with_parts(
        name,
        expect,
        why,
        &parts,
        &parts.iv_session_key(signer),
        &parts.checksum_v3(signer),
    )
    .replacing("key", key)
}
