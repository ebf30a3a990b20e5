//! RSA keys in PEM text, with an error message for each kind of text that is commonly pasted by mistake.
//!
//! Sources: RFC 7468 (textual encodings), RFC 8017 A.1 (PKCS#1), RFC 5208 (PKCS#8), RFC 5280 4.1 (SPKI). Base64 lines
//! may have any length, since keys are passed in environment variables and JSON.

use std::fmt;
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rsa::RsaPrivateKey;
use rsa::pkcs1::RsaPrivateKeyRef;
use rsa::pkcs1::der::Decode as _;
use rsa::pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::der;
use super::public::PublicKey;

/// Smaller keys can be factored by a determined attacker within the life of an app.
const MIN_BITS: usize = 2048;
/// Larger keys only cost time. The `rsa` crate has the same limit.
const MAX_BITS: usize = 4096;
/// FIPS 186-5 requires more than 2^16, and every tool makes 65537. Exponents as small as 3 invite forgeries.
const MIN_EXPONENT: u64 = 65_537;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const PKCS1_PRIVATE: &str = "RSA PRIVATE KEY";
const PKCS8_PRIVATE: &str = "PRIVATE KEY";
const PKCS8_ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const PKCS1_PUBLIC: &str = "RSA PUBLIC KEY";
const SPKI_PUBLIC: &str = "PUBLIC KEY";

/// The object identifier of RSA in PKCS#8 and SPKI (PKCS#1).
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
/// The same in DER.
const RSA_ENCRYPTION_DER: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// RFC 7468 2: characters per line.
const LINE: usize = 64;

/// The PEM text of a private key. Wiped from memory when dropped.
pub struct SecretPem(pub(super) Zeroizing<String>);

impl Deref for SecretPem {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretPem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretPem(..)")
    }
}

/// The texts of messages about one kind of key pair.
pub(super) struct Pair {
    /// Where the private half is stored.
    private: &'static str,
    /// Where the public half is stored.
    public: &'static str,
    /// A warning about the private half.
    secret: &'static str,
    /// What replacing the key would break.
    pub(super) carried: &'static str,
}

impl Pair {
    pub(super) const CAPGO: Self = Self {
        private: "Capgo stores it in .capgo_key_v2, without .pub",
        public: "Capgo stores it in .capgo_key_v2.pub",
        secret: ", which must not leave CI",
        carried: "apps that contain it accept only bundles signed with it",
    };
    pub(super) const CONTENT: Self = Self {
        private: "stored in .capbundle_content_key, without .pub",
        public: "stored in .capbundle_content_key.pub",
        secret: ", which belongs in the app only",
        carried: "apps that contain it open only archives sealed for it",
    };
}

pub(super) fn private_key(text: &str, pair: &Pair) -> Result<RsaPrivateKey, String> {
    let (Block { label, der }, _) = decode(text)?;
    match label {
        PKCS1_PRIVATE => private_from_pkcs1(&der),
        PKCS8_PRIVATE => {
            let info = PrivateKeyInfoRef::try_from(der.as_slice()).map_err(|_| damaged("PKCS#8 private key"))?;
            require_rsa(&info.algorithm.oid.to_string())?;
            private_from_pkcs1(info.private_key.as_bytes())
        }
        PKCS1_PUBLIC | SPKI_PUBLIC => Err(format!(
            "expected the private key, found the public key (the private key: {})",
            pair.private
        )),
        other => Err(unexpected(other, "a private RSA key")),
    }
}

pub(super) fn public_key(text: &str, pair: &Pair) -> Result<PublicKey, String> {
    public_key_of(&decode(text)?.0, pair)
}

/// The keys of all PEM blocks.
pub(super) fn public_keys(text: &str, pair: &Pair) -> Result<Vec<PublicKey>, String> {
    let is_one = text.matches(BEGIN).count() <= 1;
    let mut keys = Vec::new();
    let mut rest = text;
    // A marker without its counterpart is half a block, which must not be ignored as text is.
    while keys.is_empty() || rest.contains(BEGIN) || rest.contains(END) {
        let is_half = rest.split(BEGIN).next().is_some_and(|before| before.contains(END));
        let block = if is_half { Err(not_pem()) } else { decode(rest) };
        let read = block.and_then(|(block, after)| Ok((public_key_of(&block, pair)?, after)));
        let (key, after) = read.map_err(|problem| match (is_one, keys.len() + 1) {
            (true, 1) => problem,
            (_, number) => format!("public key {number}: {problem}"),
        })?;
        keys.push(key);
        rest = after;
    }
    Ok(keys)
}

fn public_key_of(block: &Block<'_>, pair: &Pair) -> Result<PublicKey, String> {
    let Block { label, der } = block;
    match *label {
        PKCS1_PUBLIC => public_from_pkcs1(der),
        SPKI_PUBLIC => public_from_spki(der),
        PKCS1_PRIVATE | PKCS8_PRIVATE | PKCS8_ENCRYPTED => Err(format!(
            "expected the public key, found the private key{} (the public key: {})",
            pair.secret, pair.public
        )),
        other => Err(unexpected(other, "a public RSA key")),
    }
}

fn private_from_pkcs1(der: &[u8]) -> Result<RsaPrivateKey, String> {
    let parts = RsaPrivateKeyRef::from_der(der).map_err(|_| damaged("RSA private key"))?;
    require_size(parts.modulus.as_bytes(), parts.public_exponent.as_bytes())?;
    RsaPrivateKey::try_from(parts)
        .map_err(|_| "the RSA private key is inconsistent: its numbers do not match".to_owned())
}

fn public_from_pkcs1(der: &[u8]) -> Result<PublicKey, String> {
    let (modulus, exponent) = pkcs1_parts(der).ok_or_else(|| damaged("RSA public key"))?;
    require_size(modulus, exponent)?;
    PublicKey::new(modulus, exponent)
        .ok_or_else(|| "the RSA public key is invalid: its modulus or exponent is out of range".to_owned())
}

pub(super) fn public_from_spki(der: &[u8]) -> Result<PublicKey, String> {
    let (algorithm, key) = spki_parts(der).ok_or_else(|| damaged("SPKI public key"))?;
    require_rsa(&der::dotted(algorithm))?;
    public_from_pkcs1(key)
}

/// Modulus and exponent of `SEQUENCE { modulus INTEGER, publicExponent INTEGER }`.
fn pkcs1_parts(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = der::Reader::new(der);
    let mut numbers = der::Reader::new(outer.element(der::SEQUENCE)?);
    outer.end()?;
    let parts = (numbers.unsigned()?, numbers.unsigned()?);
    numbers.end()?;
    Some(parts)
}

/// The algorithm identifier and the key of
/// `SEQUENCE { SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY }, subjectPublicKey BIT STRING }`.
fn spki_parts(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = der::Reader::new(der);
    let mut parts = der::Reader::new(outer.element(der::SEQUENCE)?);
    outer.end()?;
    // Parameters are ignored: RSA has none.
    let algorithm = der::Reader::new(parts.element(der::SEQUENCE)?).element(der::OBJECT_IDENTIFIER)?;
    let (unused, key) = parts.element(der::BIT_STRING)?.split_first()?;
    parts.end()?;
    (*unused == 0).then_some((algorithm, key))
}

/// The key as SPKI (RFC 5280 4.1, RFC 3279 2.3.1).
pub(super) fn spki_der(key: &PublicKey) -> Vec<u8> {
    let algorithm = [
        der::element(der::OBJECT_IDENTIFIER, RSA_ENCRYPTION_DER),
        der::element(der::NULL, &[]),
    ];
    let mut bits = vec![0];
    bits.extend(key.to_pkcs1_der());
    let parts = [
        der::element(der::SEQUENCE, &algorithm.concat()),
        der::element(der::BIT_STRING, &bits),
    ];
    der::element(der::SEQUENCE, &parts.concat())
}

/// The key as PKCS#1 PEM.
pub(super) fn encode_public(key: &PublicKey) -> String {
    encode(PKCS1_PUBLIC, &key.to_pkcs1_der())
}

/// The key as SPKI PEM.
pub(super) fn encode_public_as_spki(key: &PublicKey) -> String {
    encode(SPKI_PUBLIC, &spki_der(key))
}

fn encode(label: &str, der: &[u8]) -> String {
    let base64 = BASE64.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text + "-----END " + label + "-----\n"
}

fn require_size(modulus: &[u8], exponent: &[u8]) -> Result<(), String> {
    let bits = modulus
        .first()
        .map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(format!(
            "the RSA key has {bits} bits, expected {MIN_BITS} to {MAX_BITS}"
        ));
    }
    let small =
        exponent.len() < 8 && exponent.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte)) < MIN_EXPONENT;
    if small {
        return Err(format!(
            "the RSA key has a public exponent below {MIN_EXPONENT}, which makes forgery easier"
        ));
    }
    Ok(())
}

fn require_rsa(oid: &str) -> Result<(), String> {
    if oid == RSA_ENCRYPTION {
        Ok(())
    } else {
        Err(format!("expected an RSA key, found algorithm {oid}"))
    }
}

/// A PEM block.
struct Block<'a> {
    label: &'a str,
    der: Zeroizing<Vec<u8>>,
}

/// The first PEM block, and the text after it.
fn decode(text: &str) -> Result<(Block<'_>, &str), String> {
    let (_, rest) = text.split_once(BEGIN).ok_or_else(not_pem)?;
    let (label, rest) = rest.split_once("-----").ok_or_else(not_pem)?;
    let end = format!("{END}{label}-----");
    let (body, after) = rest
        .split_once(end.as_str())
        .ok_or_else(|| format!("the PEM text is truncated: no {end}"))?;
    if body.contains("Proc-Type:") {
        return Err(unexpected(PKCS8_ENCRYPTED, ""));
    }
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    base64.extend(body.chars().filter(|character| !character.is_ascii_whitespace()));
    let der = BASE64.decode(base64.as_bytes()).map_err(|_| {
        if body.contains("\\n") {
            "the PEM text contains \\n as two characters instead of line breaks".to_owned()
        } else {
            "the PEM text is damaged: not base64".to_owned()
        }
    })?;
    let der = Zeroizing::new(der);
    Ok((Block { label, der }, after))
}

fn not_pem() -> String {
    "not a PEM key: no line -----BEGIN RSA … KEY-----".to_owned()
}

fn damaged(what: &str) -> String {
    format!("the {what} is damaged: invalid DER encoding")
}

fn unexpected(label: &str, wanted: &str) -> String {
    match label {
        PKCS8_ENCRYPTED => {
            "the private key is encrypted with a passphrase; decrypt it (openssl pkey -in KEY -out PLAIN) and keep the \
             result in a secret store"
                .to_owned()
        }
        "CERTIFICATE" => format!("expected {wanted}, found a certificate"),
        "OPENSSH PRIVATE KEY" => {
            format!("expected {wanted} in PEM form, found an OpenSSH key (convert it with ssh-keygen -p -m PEM)")
        }
        other => format!("expected {wanted}, found a PEM block \"{other}\""),
    }
}
