//! Key rings: who may sign releases of an app, and how one ring hands on to the next (docs/format.md, "Key ring").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::document::require_type;
use super::envelope::{Envelope, KEYS_TYPE};
use super::fields::{self, FORMAT};
use super::refusal::Refusal;
use crate::app_id::AppId;
use crate::error::RefusalReason;
use crate::error::{Error, Result};
use crate::json;
use crate::json::{Object, Value};
use crate::keys::{KeyId, SigningKey, VerifyingKey};
use crate::time::Timestamp;

const MAX_KEYS: usize = 32;
/// Rings a device follows at a time; the next time it goes on. Bounds what a site that never ends costs.
pub const MAX_RINGS_AT_A_TIME: usize = 64;
/// The members that this version understands.
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

/// A new ring in an envelope, signed by each of `keys`: enough of the ring before, and enough of its own.
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
        Self::of_object(&document).map_err(Refusal::malformed)
    }

    fn of_object(document: &Object<'_>) -> Result<Self, String> {
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
                "threshold: {} keys must sign, and it has {}",
                ring.threshold,
                ring.keys.len()
            ));
        }
        match ring.keys.iter().find(|key| ring.retired.contains(&key.id())) {
            Some(key) => Err(format!("keys: {} is retired", key.id())),
            None => Ok(ring),
        }
    }

    /// Refuses an envelope that fewer keys of this ring signed than must. Tells which did.
    pub(super) fn require_signed(&self, envelope: &Envelope) -> Result<Vec<KeyId>, Refusal> {
        let signers = envelope.signers(&self.keys);
        if signers.len() as u64 >= self.threshold {
            return Ok(signers);
        }
        let problem = format!(
            "{} of the {} keys of ring {} must sign it, and the signatures of {} hold",
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

/// An envelope and the ring in it, of which nothing is verified: for those who look at rings and make others of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedKeyRing {
    envelope: Envelope,
    ring: RingDocument,
}

impl SignedKeyRing {
    /// Reads an envelope and the ring in it.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) with the reason `malformed`, and
    /// [`Unsupported`](crate::ErrorKind::Unsupported), if it holds none that this version understands.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(|refusal| refusal.of("key ring"))
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let envelope = Envelope::read(bytes)?;
        require_type(&envelope, KEYS_TYPE, "a key ring")?;
        let ring = RingDocument::read(envelope.payload())?;
        Ok(Self { envelope, ring })
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

    /// What the payload says.
    #[must_use]
    pub fn ring(&self) -> &RingDocument {
        &self.ring
    }
}

/// A key ring that is trusted: the first one by local configuration, a later one since the one before handed on to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing(RingDocument);

impl KeyRing {
    /// Takes the ring that local configuration names, and only such a one. Its own signatures must reach its threshold, so
    /// that nobody starts with a ring whose keys are lost.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted), [`SignatureInvalid`](crate::ErrorKind::SignatureInvalid) and
    /// [`Unsupported`](crate::ErrorKind::Unsupported) with the reasons of docs/format.md.
    pub fn trusted(bytes: &[u8], app: &AppId) -> Result<Self> {
        let first = || {
            let SignedKeyRing { envelope, ring } = SignedKeyRing::read(bytes)?;
            ring.require_signed(&envelope)?;
            ring.require_app(app)?;
            Ok(Self(ring))
        };
        first().map_err(|refusal: Refusal| refusal.of("key ring"))
    }

    /// The ring after this one, if enough keys of this ring and enough of its own signed it.
    ///
    /// # Errors
    /// As [`trusted`](Self::trusted).
    pub fn follow(&self, bytes: &[u8]) -> Result<Self> {
        let next = || {
            let envelope = Envelope::read(bytes)?;
            require_type(&envelope, KEYS_TYPE, "a key ring")?;
            // Before a byte of the document is looked at.
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
                "it is ring {}, and ring {} was followed last",
                next.number, self.0.number
            );
            return Err(Refusal::new(RefusalReason::WrongNumber, problem));
        }
        match self.0.retired.iter().find(|id| !next.retired.contains(id)) {
            None => Ok(()),
            Some(id) => {
                let problem = format!("ring {} retired the key {id}, and it does not", self.0.number);
                Err(Refusal::new(RefusalReason::RetiredKeyMissing, problem))
            }
        }
    }

    /// What the ring says.
    #[must_use]
    pub fn document(&self) -> &RingDocument {
        &self.0
    }

    /// The app whose releases it is for.
    #[must_use]
    pub fn app_id(&self) -> &AppId {
        &self.0.app_id
    }

    /// One more than the ring before.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// How many of the keys must sign.
    #[must_use]
    pub fn threshold(&self) -> u64 {
        self.0.threshold
    }

    /// The keys, no modulus twice.
    #[must_use]
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.0.keys
    }

    /// Ids of keys that count for nothing any more.
    #[must_use]
    pub fn retired(&self) -> &[KeyId] {
        &self.0.retired
    }
}

fn keys(value: &Value<'_>) -> Result<Vec<VerifyingKey>, String> {
    let values = value.list()?;
    if values.is_empty() || values.len() > MAX_KEYS {
        return Err(format!("expected 1 to {MAX_KEYS} keys, found {}", values.len()));
    }
    let mut keys: Vec<VerifyingKey> = Vec::with_capacity(values.len());
    for value in values {
        let der = STANDARD
            .decode(value.text()?)
            .map_err(|error| format!("expected base64: {error}"))?;
        let key = VerifyingKey::from_spki_der(&der)?;
        // Whoever holds one private key would count as two.
        if keys.iter().any(|other| other.same_modulus(&key)) {
            return Err("one modulus is there twice".to_owned());
        }
        keys.push(key);
    }
    Ok(keys)
}

fn key_ids(value: &Value<'_>) -> Result<Vec<KeyId>, String> {
    let digests = value.list()?.iter().map(fields::digest);
    let ids: Vec<KeyId> = digests
        .map(|digest| digest.map(|digest| KeyId::of_digest(&digest)))
        .collect::<Result<_, _>>()?;
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("one key is there twice".to_owned());
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
