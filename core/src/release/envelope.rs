//! DSSE, "Dead Simple Signing Envelope" 1.0: signatures over exact bytes, not over what they mean
//! (github.com/secure-systems-lab/dsse; docs/format.md, "Envelope").

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Serialize, Serializer};

use super::fields;
use super::refusal::Refusal;
use crate::error::{Error, Result};
use crate::json;
use crate::json::{Object, Value};
use crate::keys::{KeyId, SigningKey, VerifyingKey};

/// Payload type of a release.
pub const RELEASE_TYPE: &str = "application/vnd.capbundle.release.v1+json";
/// Payload type of a key ring.
pub const KEYS_TYPE: &str = "application/vnd.capbundle.keys.v1+json";
/// Bytes of the largest envelope: a release has 1 to 10 kB, a ring of 32 large keys 30 kB.
pub const MAX_ENVELOPE_BYTES: usize = 256 << 10;
/// As many as a ring may have keys.
const MAX_SIGNATURES: usize = 32;

/// A document and signatures over its very bytes. Whether any of them holds is not known before somebody verified it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    #[serde(serialize_with = "as_base64")]
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

/// One signature of an [`Envelope`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Signature {
    /// Which key to try. Nobody vouches for it.
    #[serde(rename = "keyid")]
    key_id: KeyId,
    #[serde(rename = "sig", serialize_with = "as_base64")]
    bytes: Vec<u8>,
}

impl Envelope {
    /// An envelope around `payload` with a signature of each key.
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

    /// Adds the signature of one more key, over the payload as it is; in the place of one that names the same key.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn add_signature(&mut self, key: &SigningKey) -> Result<()> {
        let key_id = key.verifying_key().id();
        self.signatures.retain(|signature| signature.key_id != key_id);
        if self.signatures.len() == MAX_SIGNATURES {
            let problem = format!("it has {MAX_SIGNATURES} signatures, and there may be no more");
            return Err(Error::invalid_input("envelope", problem));
        }
        let bytes = key.sign_pss(&self.signed_bytes())?;
        self.signatures.push(Signature { key_id, bytes });
        Ok(())
    }

    /// Adds signatures of another envelope around the same payload that name keys which this one has none of. Of the others
    /// only those of `wanted` keys: anybody can add what counts for nothing, and there is a limit.
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
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) with the reason `malformed` if it is none, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(|refusal| refusal.of("envelope"))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            let problem = format!("it has {} bytes, at most {MAX_ENVELOPE_BYTES} are allowed", bytes.len());
            return Err(Refusal::malformed(problem));
        }
        let object = json::parse_object(bytes).map_err(Refusal::malformed)?;
        Self::of_object(&object).map_err(Refusal::malformed)
    }

    fn of_object(object: &Object<'_>) -> Result<Self, String> {
        let signatures = object.get("signatures", Value::list)?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(format!(
                "it has {} signatures, at most {MAX_SIGNATURES} are allowed",
                signatures.len()
            ));
        }
        Ok(Self {
            payload_type: object.get("payloadType", Value::text)?.to_owned(),
            payload: object.get("payload", base64)?,
            signatures: signatures.iter().map(Signature::of_value).collect::<Result<_, _>>()?,
        })
    }

    /// What the payload says it is.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The keys that are said to have signed, each as often as it is said.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.signatures.iter().map(|signature| signature.key_id)
    }

    /// The envelope as one JSON object without white space.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it is larger than any reader takes.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Error::invalid_input("envelope", format!("it cannot be written: {error}")))?;
        if bytes.len() > MAX_ENVELOPE_BYTES {
            let problem = format!("it has {} bytes, at most {MAX_ENVELOPE_BYTES} are allowed", bytes.len());
            return Err(Error::invalid_input("envelope", problem));
        }
        Ok(bytes)
    }

    /// Those of `keys` that signed this payload. A signature that does not hold is as good as none.
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

    /// The pre-authentication encoding: what is signed.
    fn signed_bytes(&self) -> Vec<u8> {
        let (kind, payload) = (&self.payload_type, &self.payload);
        let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        bytes
    }
}

impl Signature {
    fn of_value(value: &Value<'_>) -> Result<Self, String> {
        let object = value.object()?;
        let key_id = KeyId::of_digest(&object.get("keyid", fields::digest)?);
        let bytes = object.get("sig", base64)?;
        Ok(Self { key_id, bytes })
    }
}

/// Either alphabet of RFC 4648, as DSSE has it, padded.
fn base64(value: &Value<'_>) -> Result<Vec<u8>, String> {
    let text = value.text()?;
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
