//! DSSE, "Dead Simple Signing Envelope" 1.0: signatures over exact bytes, without canonicalization
//! (github.com/secure-systems-lab/dsse; docs/format.md, "Envelope").

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Serialize, Serializer};

use super::fields;
use super::refusal::Refusal;
use crate::error::{Error, Result};
use crate::json::{self, Object, Value};
use crate::keys::{KeyId, SigningKey, VerifyingKey};

/// Payload type of a release.
pub const RELEASE_TYPE: &str = "application/vnd.capbundle.release.v1+json";
/// Payload type of a key ring.
pub const KEYS_TYPE: &str = "application/vnd.capbundle.keys.v1+json";
/// Maximum size of an envelope in bytes. A release takes 1 to 10 kB, a ring of 32 large keys 30 kB.
pub const MAX_ENVELOPE_BYTES: usize = 256 << 10;
/// The maximum number of keys in a ring.
const MAX_SIGNATURES: usize = 32;

/// A document and signatures over its exact bytes. Unverified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    #[serde(serialize_with = "as_base64")]
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

/// An envelope and the document in it. Unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedDocument<T> {
    envelope: Envelope,
    document: T,
}

impl<T> SignedDocument<T> {
    pub(super) fn new(envelope: Envelope, document: T) -> Self {
        Self { envelope, document }
    }

    /// The envelope.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The envelope, to add signatures to.
    #[must_use]
    pub fn into_envelope(self) -> Envelope {
        self.envelope
    }

    pub(super) fn into_document(self) -> T {
        self.document
    }

    pub(super) fn document(&self) -> &T {
        &self.document
    }
}

/// One signature of an [`Envelope`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Signature {
    /// The key to verify with. Unauthenticated.
    #[serde(rename = "keyid")]
    key_id: KeyId,
    #[serde(rename = "sig", serialize_with = "as_base64")]
    bytes: Vec<u8>,
}

impl Envelope {
    /// Makes an envelope around `payload`, signed by each key.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more than 32 keys,
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if signing fails.
    pub fn sign(payload_type: &str, payload: Vec<u8>, keys: &[&SigningKey]) -> Result<Self> {
        let mut envelope = Self {
            payload_type: payload_type.to_owned(),
            payload,
            signatures: Vec::new(),
        };
        for key in keys {
            envelope.add_signature(key)?;
        }
        Ok(envelope)
    }

    /// Adds a signature of the payload by `key`. Replaces an existing signature with the same key id.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn add_signature(&mut self, key: &SigningKey) -> Result<()> {
        let key_id = key.verifying_key().id();
        self.signatures.retain(|signature| signature.key_id != key_id);
        if self.signatures.len() == MAX_SIGNATURES {
            let problem = format!("expected at most {MAX_SIGNATURES} signatures");
            return Err(Error::invalid_input("envelope", problem));
        }
        let bytes = key.sign_pss(&self.signed_bytes())?;
        self.signatures.push(Signature { key_id, bytes });
        Ok(())
    }

    /// Adds the signatures of another envelope around the same payload by `wanted` keys that have not signed this one. The number
    /// of signatures is limited, and anyone can add worthless ones, so others are skipped.
    pub fn take_signatures(&mut self, other: &Self, wanted: impl Fn(&KeyId) -> bool) {
        for signature in &other.signatures {
            let is_new = self.signatures.iter().all(|own| own.key_id != signature.key_id);
            if is_new && wanted(&signature.key_id) && self.signatures.len() < MAX_SIGNATURES {
                self.signatures.push(signature.clone());
            }
        }
    }

    /// Reads an envelope; verifies nothing.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) with the reason `malformed` if the bytes are not an envelope or too many.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(|refusal| refusal.of("envelope"))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            let problem = format!("expected at most {MAX_ENVELOPE_BYTES} bytes, found {}", bytes.len());
            return Err(Refusal::malformed(problem));
        }
        let object = json::parse_object(bytes).map_err(Refusal::malformed)?;
        Self::from_object(&object).map_err(Refusal::malformed)
    }

    fn from_object(object: &Object<'_>) -> Result<Self, String> {
        let signatures = object.get("signatures", Value::array)?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(format!(
                "expected at most {MAX_SIGNATURES} signatures, found {}",
                signatures.len()
            ));
        }
        Ok(Self {
            payload_type: object.get("payloadType", Value::string)?.to_owned(),
            payload: object.get("payload", base64)?,
            signatures: signatures.iter().map(Signature::from_value).collect::<Result<_, _>>()?,
        })
    }

    /// The type of the payload.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The signed bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The key ids of all signatures, unverified and in order.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.signatures.iter().map(|signature| signature.key_id)
    }

    /// The envelope as one JSON object without white space.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the envelope is larger than readers accept.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Error::invalid_input("envelope", format!("cannot be serialized: {error}")))?;
        if bytes.len() > MAX_ENVELOPE_BYTES {
            let problem = format!("expected at most {MAX_ENVELOPE_BYTES} bytes, found {}", bytes.len());
            return Err(Error::invalid_input("envelope", problem));
        }
        Ok(bytes)
    }

    /// The keys among `keys` that signed this payload. Ignores invalid signatures.
    pub(super) fn signers(&self, keys: &[VerifyingKey]) -> Vec<KeyId> {
        let message = self.signed_bytes();
        let signed = |key: &VerifyingKey, id: KeyId| {
            let mut own = self.signatures.iter().filter(|signature| signature.key_id == id);
            own.any(|signature| key.verify_pss(&message, &signature.bytes))
        };
        keys.iter()
            .map(|key| (key, key.id()))
            .filter(|(key, id)| signed(key, *id))
            .map(|(_, id)| id)
            .collect()
    }

    /// The pre-authentication encoding of DSSE, which is what a key signs.
    fn signed_bytes(&self) -> Vec<u8> {
        let (kind, payload) = (&self.payload_type, &self.payload);
        let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        bytes
    }
}

impl Signature {
    fn from_value(value: &Value<'_>) -> Result<Self, String> {
        let object = value.object()?;
        let key_id = KeyId::of_digest(&object.get("keyid", fields::digest)?);
        let bytes = object.get("sig", base64)?;
        Ok(Self { key_id, bytes })
    }
}

/// Reads padded base64 in either alphabet of RFC 4648, as DSSE requires.
fn base64(value: &Value<'_>) -> Result<Vec<u8>, String> {
    let text = value.string()?;
    let alphabet = if text.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    alphabet
        .decode(text)
        .map_err(|error| format!("expected base64: {error}"))
}

fn as_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
}

#[cfg(test)]
mod tests;
