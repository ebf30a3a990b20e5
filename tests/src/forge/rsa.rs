//! RSA with blocks of any padding and numbers of any size.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use sha2::{Digest, Sha256};

/// A key as numbers; `private` is the private exponent, if known.
#[derive(Debug, Clone)]
pub struct Key {
    /// The modulus.
    pub modulus: BigUint,
    /// The public exponent.
    pub public: BigUint,
    /// The private exponent.
    pub private: BigUint,
}

impl Key {
    /// Parses a PKCS#1 private key; `None` for any other text.
    #[must_use]
    pub fn from_private_pem(pem: &str) -> Option<Self> {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).ok()?;
        let (mut sequence, _) = der_value(&der, 0x30)?;
        let mut numbers = Vec::new();
        while numbers.len() < 4 {
            let (number, rest) = der_value(sequence, 0x02)?;
            numbers.push(BigUint::from_bytes_be(number));
            sequence = rest;
        }
        let [_version, modulus, public, private] = numbers.try_into().ok()?;
        Some(Self {
            modulus,
            public,
            private,
        })
    }

    /// The size of the modulus in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        usize::try_from(self.modulus.bits().div_ceil(8)).unwrap_or(usize::MAX)
    }

    /// The private operation on a block with any padding.
    #[must_use]
    pub fn sign_block(&self, block: &[u8]) -> Vec<u8> {
        self.to_block(&BigUint::from_bytes_be(block).modpow(&self.private, &self.modulus))
    }

    /// The private operation on `payload` with valid padding, like Node's `privateEncrypt`.
    #[must_use]
    pub fn sign(&self, payload: &[u8]) -> Vec<u8> {
        self.sign_block(&padded(self.size(), payload))
    }

    /// The public operation on a block with any padding.
    #[must_use]
    pub fn encrypt_block(&self, block: &[u8]) -> Vec<u8> {
        self.to_block(&BigUint::from_bytes_be(block).modpow(&self.public, &self.modulus))
    }

    /// SHA-256 of the key as SPKI DER.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        let algorithm = [der(0x06, RSA_ENCRYPTION), der(0x05, &[])].concat();
        let numbers = [der_integer(&self.modulus), der_integer(&self.public)].concat();
        let bits = [vec![0], der(0x30, &numbers)].concat();
        let spki = der(0x30, &[der(0x30, &algorithm), der(0x03, &bits)].concat());
        Sha256::digest(spki).into()
    }

    /// A number as a block of the key's size.
    #[must_use]
    pub fn to_block(&self, number: &BigUint) -> Vec<u8> {
        let bytes = number.to_bytes_be();
        [vec![0; self.size().saturating_sub(bytes.len())], bytes].concat()
    }

    /// A number that is congruent to `block` but larger than the modulus. May need one byte more.
    #[must_use]
    pub fn plus_modulus(&self, block: &[u8]) -> Vec<u8> {
        self.to_block(&(BigUint::from_bytes_be(block) + &self.modulus))
    }

    /// A block whose cube starts with `prefix`, computed without a private key: the forgery that works with an exponent of 3 and a
    /// verifier that ignores the bytes after the payload.
    #[must_use]
    pub fn cube_root_of(&self, prefix: &[u8]) -> Vec<u8> {
        let wanted = [prefix, &vec![0xff; self.size() - prefix.len()]].concat();
        self.to_block(&BigUint::from_bytes_be(&wanted).cbrt())
    }
}

/// The OID of RSA in DER: 1.2.840.113549.1.1.1.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// `00 || masked seed || masked (hash of the label || 00… 01 || message)`, the padding of OAEP, with the hash `H` and
/// the mask hash `M`. The seed is fixed, so that vectors are reproducible.
#[must_use]
pub fn oaep_padded<H: Digest, M: Digest>(size: usize, label: &[u8], message: &[u8]) -> Vec<u8> {
    let mut seed = vec![0x5e; <H as Digest>::output_size()];
    let mut block = H::digest(label).to_vec();
    block.resize(size.saturating_sub(seed.len() + message.len() + 2), 0);
    block.push(1);
    block.extend(message);
    let mask = mgf1::<M>(&seed, block.len());
    block.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    let mask = mgf1::<M>(&block, seed.len());
    seed.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    [vec![0], seed, block].concat()
}

/// RFC 8017 §B.2.1.
fn mgf1<M: Digest>(seed: &[u8], length: usize) -> Vec<u8> {
    let block = |counter: u32| {
        M::new()
            .chain_update(seed)
            .chain_update(counter.to_be_bytes())
            .finalize()
            .to_vec()
    };
    (0..).flat_map(block).take(length).collect()
}

/// `00 01 FF… 00 payload`, the padding of PKCS#1 type 1.
#[must_use]
pub fn padded(size: usize, payload: &[u8]) -> Vec<u8> {
    padded_with(&[0, 1], &vec![0xff; size.saturating_sub(payload.len() + 3)], payload)
}

/// `head`, `run`, a zero and the payload.
#[must_use]
pub fn padded_with(head: &[u8], run: &[u8], payload: &[u8]) -> Vec<u8> {
    [head, run, &[0], payload].concat()
}

/// A PKCS#1 public key PEM of any two numbers.
#[must_use]
pub fn public_pem(modulus: &BigUint, exponent: &BigUint) -> String {
    let numbers = [der_integer(modulus), der_integer(exponent)].concat();
    let body = STANDARD.encode(der(0x30, &numbers));
    let lines: Vec<&str> = (0..body.len())
        .step_by(64)
        .map(|at| &body[at..body.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
        lines.join("\n")
    )
}

/// The public half of a key as SPKI DER.
#[must_use]
pub fn spki(key: &Key) -> Vec<u8> {
    spki_of(&key.modulus, &key.public)
}

/// Any two numbers as the SPKI DER of an RSA key.
#[must_use]
pub fn spki_of(modulus: &BigUint, exponent: &BigUint) -> Vec<u8> {
    const RSA_ENCRYPTION: [u8; 15] = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let numbers = [der_integer(modulus), der_integer(exponent)].concat();
    let bits = [&[0], der(0x30, &numbers).as_slice()].concat();
    der(0x30, &[&RSA_ENCRYPTION, der(0x03, &bits).as_slice()].concat())
}

fn der_integer(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    der(0x02, &bytes)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = super::low_u16(content.len()).to_be_bytes();
    let head = match content.len() {
        ..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head.as_slice(), content].concat()
}

/// The content of the first value, which must have this tag, and what follows it.
fn der_value(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = bytes.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
    };
    rest.split_at_checked(length)
}
