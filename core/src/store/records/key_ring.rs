//! The key ring that was followed last.

use serde::Serialize;
use serde_json::Value;

use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::release::Envelope;
use crate::store::storage::json::{FromJson, Object};
use crate::store::storage::{Found, Storage};

const RING: &str = "ring";

/// The last ring that was followed, and the way to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::store) struct FollowedRing {
    /// The payloads of the rings in their order, from the one that the app brought to this one. By them it is seen that the
    /// ring of a later app lies on the way, so that nothing is walked twice, or does not, so that nothing of it counts.
    pub(in crate::store) chain: Vec<Link>,
    /// This ring as it came.
    pub(in crate::store) envelope: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Link(Sha256Digest);

impl Serialize for Link {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl FromJson for Link {
    fn from_json(value: &Value) -> Result<Self, String> {
        Sha256Digest::from_json(value).map(Self)
    }
}

impl FromJson for FollowedRing {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            chain: object.get("chain")?,
            envelope: object.get("envelope")?,
        })
    }
}

#[cfg(test)]
impl FollowedRing {
    /// How many rings lie on the way.
    pub(in crate::store) fn length(&self) -> u64 {
        self.chain.len() as u64
    }
}

impl Storage {
    /// Writes the last ring that was followed, durable when it returns.
    pub(in crate::store) fn save_ring(&self, ring: &FollowedRing) -> Result<()> {
        self.replace_durably(&self.layout.ring(), RING, ring)
    }

    /// The last ring that was followed. One that was read in full and does not decode counts as none: the rings are walked
    /// anew then, from the one that the app brings.
    pub(in crate::store) fn followed_ring(&self) -> Result<Option<FollowedRing>> {
        match self.find(RING, &self.layout.ring())? {
            Found::Good(_, ring) => Ok(Some(ring)),
            Found::Corrupt(_) | Found::Missing => Ok(None),
        }
    }
}

/// The link of the chain for the ring in this envelope.
pub(in crate::store) fn link(envelope: &[u8]) -> Result<Link> {
    Ok(Link(Sha256Digest::of(Envelope::parse(envelope)?.payload())))
}
