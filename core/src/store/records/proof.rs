//! How an installed bundle was verified.

use serde::Serialize;
use serde_json::Value;

use crate::keys::KeyId;
use crate::store::storage::json::{self, FromJson, Object};
use crate::verified::Proof;

/// How the files of a bundle were verified when it was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordedProof {
    /// The kind of the proof.
    pub kind: ProofKind,
    /// The keys whose signatures it consists of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyId>,
}

/// The kind of a [`RecordedProof`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProofKind {
    /// Nothing was verified: the bundle was migrated from Capgo's plugin. It is served, but it does not replace the
    /// installation of a verified one.
    Assumed,
    /// No digest was known; the bytes came from an `https` URL.
    UnverifiedHttps,
    /// A digest that the host knew.
    Digest,
    /// A signature in Capgo's v2 form.
    CapgoSigned,
    /// A signed release.
    Release,
}

impl ProofKind {
    /// The kind in snake case, for logs and machine-readable output. Stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::UnverifiedHttps => "unverified_https",
            Self::Digest => "digest",
            Self::CapgoSigned => "capgo_signed",
            Self::Release => "release",
        }
    }
}

impl RecordedProof {
    /// That of a bundle whose files were never verified.
    pub(in crate::store) fn assumed() -> Self {
        Self::from(&Proof::Assumed)
    }
}

impl From<&Proof> for RecordedProof {
    fn from(proof: &Proof) -> Self {
        let (kind, keys) = match proof {
            Proof::Assumed => (ProofKind::Assumed, Vec::new()),
            Proof::UnverifiedHttps => (ProofKind::UnverifiedHttps, Vec::new()),
            Proof::Digest => (ProofKind::Digest, Vec::new()),
            Proof::CapgoSigned(key) => (ProofKind::CapgoSigned, vec![*key]),
            Proof::Release { keys, .. } => (ProofKind::Release, keys.clone()),
        };
        Self { kind, keys }
    }
}

impl FromJson for RecordedProof {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            kind: object.get("kind")?,
            keys: object.get_or_default("keys")?,
        })
    }
}

impl FromJson for ProofKind {
    fn from_json(value: &Value) -> Result<Self, String> {
        Ok(match json::text(value)? {
            "unverified_https" => Self::UnverifiedHttps,
            "digest" => Self::Digest,
            "capgo_signed" => Self::CapgoSigned,
            "release" => Self::Release,
            // Also the kind of a later version, which proves nothing to this one. It must not make a state unreadable.
            _ => Self::Assumed,
        })
    }
}

impl FromJson for KeyId {
    fn from_json(value: &Value) -> Result<Self, String> {
        json::parsed(value)
    }
}
