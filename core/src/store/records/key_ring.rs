//! The key ring that was followed last.

use serde::Serialize;
use serde_json::Value;

use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::release::Envelope;
use crate::store::storage::json::{FromJson, Object};
use crate::store::storage::{FileContent, Storage};

const RING: &str = "ring";

/// The last followed ring, and the chain of rings to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::store) struct FollowedRing {
    /// Digests of the payloads of the rings in order, from the one in the app to this one. They show whether the ring
    /// of a later app is part of the chain. If it is, no ring is followed twice; if it is not, the chain does not
    /// count.
    pub(in crate::store) chain: Vec<RingLink>,
    /// The envelope of this ring.
    pub(in crate::store) envelope: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct RingLink(Sha256Digest);

impl Serialize for RingLink {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl FromJson for RingLink {
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
    /// The number of rings in the chain.
    pub(in crate::store) fn length(&self) -> u64 {
        self.chain.len() as u64
    }
}

impl Storage {
    /// Writes the last followed ring, durable when it returns.
    pub(in crate::store) fn save_ring(&self, ring: &FollowedRing) -> Result<()> {
        self.replace_durably(&self.layout.ring(), RING, ring)
    }

    /// The last followed ring. An undecodable file counts as missing: the rings are then followed again from the one in
    /// the app.
    pub(in crate::store) fn followed_ring(&self) -> Result<Option<FollowedRing>> {
        match self.find(RING, &self.layout.ring())? {
            FileContent::Good(_, ring) => Ok(Some(ring)),
            FileContent::Corrupt(_) | FileContent::Missing => Ok(None),
        }
    }
}

/// The link for the ring in this envelope.
pub(in crate::store) fn link(envelope: &[u8]) -> Result<RingLink> {
    Ok(RingLink(Sha256Digest::of(Envelope::parse(envelope)?.payload())))
}
