//! Proven bundles that lost a later trial.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::types::digest_text;
use crate::digest::Sha256Digest;
use crate::store::storage::json::{FromJson, Object};
use crate::time::Timestamp;

/// How long a bundle is not offered again: long enough for an outage to end, short enough that users get the bundle
/// back.
const PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// A bundle that is not offered again for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::store) struct SetAside {
    pub(in crate::store) version: String,
    #[serde(serialize_with = "digest_text", skip_serializing_if = "Option::is_none")]
    pub(in crate::store) digest: Option<Sha256Digest>,
    #[serde(serialize_with = "digest_text", skip_serializing_if = "Option::is_none")]
    pub(in crate::store) content_digest: Option<Sha256Digest>,
    /// The sequence of its release: a later one offers the bundle again immediately.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) sequence: Option<u64>,
    pub(in crate::store) at: Timestamp,
}

impl SetAside {
    /// When it is offered again.
    pub(in crate::store) fn until(&self) -> Timestamp {
        Timestamp(self.at.0.saturating_add(PAUSE.as_secs()))
    }

    /// A clock that was set back must not prolong the pause.
    pub(in crate::store) fn is_over(&self, now: Timestamp) -> bool {
        now < self.at || now >= self.until()
    }
}

impl FromJson for SetAside {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            version: object.get("version")?,
            digest: object.get_or_default("digest")?,
            content_digest: object.get_or_default("content_digest")?,
            sequence: object.get_or_default("sequence")?,
            at: object.get("at")?,
        })
    }
}
