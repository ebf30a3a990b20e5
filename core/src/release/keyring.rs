//! Key rings: the keys that may sign releases of an app, and their rotation (docs/format.md, "Key ring").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::document::require_type;
use super::envelope::{Envelope, KEYS_TYPE, SignedDocument};
use super::fields::{self, FORMAT};
use super::refusal::Refusal;
use crate::app_id::AppId;
use crate::error::{Error, RefusalReason, Result};
use crate::json::{self, Object, Value};
use crate::keys::{KeyId, SigningKey, VerifyingKey};
use crate::time::Timestamp;

const MAX_KEYS: usize = 32;
/// The number of rings that a device follows in one update; the next update continues. Limits the work for an endless site.
pub const MAX_RINGS_AT_A_TIME: usize = 64;
/// The members that this version knows.
const MEMBERS: [&str; 8] = [
    "format",
    "app_id",
    "number",
    "threshold",
    "created_at",
    "keys",
    "retired",
    "critical",
];

/// The bytes of a ring, for an [`Envelope`] of type [`KEYS_TYPE`].
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) if a reader would refuse it.
pub fn create_ring(ring: &RingDocument) -> Result<Vec<u8>> {
    let payload = serde_json::to_vec(ring)
        .map_err(|error| Error::invalid_input("key ring", format!("cannot be serialized: {error}")))?;
    RingDocument::read(&payload).map_err(|refusal| Error::invalid_input("key ring", refusal.problem))?;
    Ok(payload)
}

/// A ring in an envelope, signed by each of `keys`. Devices require the threshold of the previous ring and of the new one.
///
/// # Errors
/// As [`create_ring`] and [`Envelope::sign`].
pub fn sign_ring(ring: &RingDocument, keys: &[&SigningKey]) -> Result<Envelope> {
    Envelope::sign(KEYS_TYPE, create_ring(ring)?, keys)
}

/// The contents of a key ring. Unverified; only a [`KeyRing`] is trusted.
///
/// The fields are public: set them, then [`sign_ring`] checks the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingDocument {
    /// The app whose releases the ring verifies.
    pub app_id: AppId,
    /// 1 for the first ring, then one more than the ring before.
    pub number: u64,
    /// How many of the keys must sign: 1 to all of them.
    pub threshold: u64,
    /// When the ring was made.
    pub created_at: Timestamp,
    /// 1 to 32 keys, each modulus once.
    pub keys: Vec<VerifyingKey>,
    /// Ids of retired keys, including those that earlier rings retired.
    pub retired: Vec<KeyId>,
}

impl RingDocument {
    /// Ring number 1 of an app: any one of `keys` may sign.
    #[must_use]
    pub fn new(app_id: AppId, keys: Vec<VerifyingKey>, created_at: Timestamp) -> Self {
        Self {
            app_id,
            number: 1,
            threshold: 1,
            created_at,
            keys,
            retired: Vec::new(),
        }
    }

    /// Requires this many of the keys to sign.
    #[must_use]
    pub fn with_threshold(mut self, threshold: u64) -> Self {
        self.threshold = threshold;
        self
    }

    /// The next ring, made at `created_at`: one number higher, with the same keys and threshold.
    #[must_use]
    pub fn next(&self, created_at: Timestamp) -> Self {
        Self {
            number: self.number.saturating_add(1),
            created_at,
            ..self.clone()
        }
    }

    /// Removes a key from the ring and lists it as retired.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the ring has no such key.
    pub fn retire(&mut self, id: KeyId) -> Result<()> {
        let before = self.keys.len();
        self.keys.retain(|key| key.id() != id);
        if self.keys.len() == before {
            let problem = "the ring has no such key";
            return Err(Error::invalid_input(format!("key {id}"), problem));
        }
        self.retired.push(id);
        Ok(())
    }

    fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let document = json::parse_object(payload).map_err(Refusal::malformed)?;
        fields::require_understood(&document, &MEMBERS)?;
        Self::from_object(&document).map_err(Refusal::malformed)
    }

    fn from_object(document: &Object<'_>) -> Result<Self, String> {
        let ring = Self {
            app_id: document.get("app_id", fields::app_id)?,
            number: document.get("number", fields::positive)?,
            threshold: document.get("threshold", fields::positive)?,
            created_at: document.get("created_at", fields::time)?,
            keys: document.get("keys", keys)?,
            retired: document.get_if_any("retired", key_ids)?.unwrap_or_default(),
        };
        fields::critical_members(document)?;
        if ring.threshold > ring.keys.len() as u64 {
            return Err(format!(
                "threshold: {} keys must sign, but the ring has {}",
                ring.threshold,
                ring.keys.len()
            ));
        }
        match ring.keys.iter().find(|key| ring.retired.contains(&key.id())) {
            Some(key) => Err(format!("keys: {} is retired", key.id())),
            None => Ok(ring),
        }
    }

    /// Checks that enough keys of this ring signed the envelope. Returns those that did.
    pub(super) fn require_signed(&self, envelope: &Envelope) -> Result<Vec<KeyId>, Refusal> {
        let signers = envelope.signers(&self.keys);
        if signers.len() as u64 >= self.threshold {
            return Ok(signers);
        }
        let problem = format!(
            "{} of the {} keys of ring {} must sign it, found {} valid signatures",
            self.threshold,
            self.keys.len(),
            self.number,
            signers.len()
        );
        Err(Refusal::new(RefusalReason::Signatures, problem))
    }

    fn require_app(&self, app: &AppId) -> Result<(), Refusal> {
        fields::require_app(&self.app_id, app)
    }
}

/// An envelope and the ring in it, unverified: for inspecting rings and making new ones.
pub type SignedKeyRing = SignedDocument<RingDocument>;

impl SignedDocument<RingDocument> {
    /// Reads an envelope and its ring; verifies nothing.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) with the reason `malformed`;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if this version does not know the format or a critical member.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(|refusal| refusal.of("key ring"))
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let envelope = Envelope::read(bytes)?;
        require_type(&envelope, KEYS_TYPE, "a key ring")?;
        let ring = RingDocument::read(envelope.payload())?;
        Ok(Self::new(envelope, ring))
    }

    /// The contents of the payload.
    #[must_use]
    pub fn ring(&self) -> &RingDocument {
        self.document()
    }
}

/// A trusted key ring: the first one from local configuration, or a later one that the previous ring signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing(RingDocument);

impl KeyRing {
    /// Trusts a ring from local configuration. Never pass a ring from a server.
    ///
    /// The ring's own signatures must reach its threshold: this catches a ring whose keys are lost before it ships.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted), [`SignatureInvalid`](crate::ErrorKind::SignatureInvalid) and
    /// [`Unsupported`](crate::ErrorKind::Unsupported) with the reasons of docs/format.md.
    pub fn trusted(bytes: &[u8], app: &AppId) -> Result<Self> {
        let first = || {
            let signed = SignedKeyRing::read(bytes)?;
            signed.ring().require_signed(signed.envelope())?;
            signed.ring().require_app(app)?;
            Ok(Self(signed.into_document()))
        };
        first().map_err(|refusal: Refusal| refusal.of("key ring"))
    }

    /// The next ring, if enough keys of this ring and of the next one signed it.
    ///
    /// # Errors
    /// As [`trusted`](Self::trusted).
    pub fn follow(&self, bytes: &[u8]) -> Result<Self> {
        let next = || {
            let envelope = Envelope::read(bytes)?;
            require_type(&envelope, KEYS_TYPE, "a key ring")?;
            // Before the document is read.
            self.0.require_signed(&envelope)?;
            let ring = RingDocument::read(envelope.payload())?;
            ring.require_signed(&envelope)?;
            ring.require_app(&self.0.app_id)?;
            self.require_next(&ring)?;
            Ok(Self(ring))
        };
        next().map_err(|refusal: Refusal| refusal.of(format!("key ring {}", self.number().saturating_add(1))))
    }

    fn require_next(&self, next: &RingDocument) -> Result<(), Refusal> {
        if next.number != self.0.number.saturating_add(1) {
            let problem = format!(
                "expected ring {}, found ring {}",
                self.0.number.saturating_add(1),
                next.number
            );
            return Err(Refusal::new(RefusalReason::WrongNumber, problem));
        }
        match self.0.retired.iter().find(|id| !next.retired.contains(id)) {
            None => Ok(()),
            Some(id) => {
                let problem = format!(
                    "ring {} retired the key {id}, but this ring does not list it as retired",
                    self.0.number
                );
                Err(Refusal::new(RefusalReason::RetiredKeyMissing, problem))
            }
        }
    }

    /// The contents of the ring.
    #[must_use]
    pub fn document(&self) -> &RingDocument {
        &self.0
    }

    /// The app whose releases the ring verifies.
    #[must_use]
    pub fn app_id(&self) -> &AppId {
        &self.0.app_id
    }

    /// The number of the ring, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// The number of keys that must sign.
    #[must_use]
    pub fn threshold(&self) -> u64 {
        self.0.threshold
    }

    /// The keys, each modulus once.
    #[must_use]
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.0.keys
    }

    /// Ids of retired keys.
    #[must_use]
    pub fn retired(&self) -> &[KeyId] {
        &self.0.retired
    }
}

fn keys(value: &Value<'_>) -> Result<Vec<VerifyingKey>, String> {
    let values = value.array()?;
    if values.is_empty() || values.len() > MAX_KEYS {
        return Err(format!("expected 1 to {MAX_KEYS} keys, found {}", values.len()));
    }
    let mut keys: Vec<VerifyingKey> = Vec::with_capacity(values.len());
    for value in values {
        let der = STANDARD
            .decode(value.string()?)
            .map_err(|error| format!("expected base64: {error}"))?;
        let key = VerifyingKey::from_spki_der(&der)?;
        // The holder of one private key must not count as two signers.
        if keys.iter().any(|other| other.same_modulus(&key)) {
            return Err("duplicate modulus".to_owned());
        }
        keys.push(key);
    }
    Ok(keys)
}

fn key_ids(value: &Value<'_>) -> Result<Vec<KeyId>, String> {
    let digests = value.array()?.iter().map(fields::digest);
    let ids: Vec<KeyId> = digests
        .map(|digest| digest.map(|digest| KeyId::of_digest(&digest)))
        .collect::<Result<_, _>>()?;
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("duplicate key".to_owned());
    }
    Ok(ids)
}

/// In the order of docs/format.md.
impl Serialize for RingDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys: Vec<String> = self.keys.iter().map(|key| STANDARD.encode(key.to_spki_der())).collect();
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("format", &FORMAT)?;
        members.serialize_entry("app_id", &self.app_id)?;
        members.serialize_entry("number", &self.number)?;
        members.serialize_entry("threshold", &self.threshold)?;
        members.serialize_entry("created_at", &self.created_at)?;
        members.serialize_entry("keys", &keys)?;
        if !self.retired.is_empty() {
            members.serialize_entry("retired", &self.retired)?;
        }
        members.end()
    }
}

#[cfg(test)]
mod tests;
