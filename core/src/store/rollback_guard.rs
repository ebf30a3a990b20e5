//! What a device remembers of the releases it took, so that nobody can give it an older one.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::json::{self, FromJson, Object};
use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::release::{Accepted, RefusalReason, TrustedRelease};
use crate::time::Timestamp;

/// A release that was accepted on this device: its bundle was installed, or the built-in one came next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AcceptedRelease {
    /// Its app.
    #[serde(serialize_with = "as_text")]
    pub app_id: AppId,
    /// Its channel.
    #[serde(serialize_with = "as_text")]
    pub channel: ChannelName,
    /// Its sequence.
    pub sequence: u64,
    /// SHA-256 of its payload.
    #[serde(serialize_with = "as_text")]
    pub payload_sha256: Sha256Digest,
    /// When it was made, by the clock of who published it.
    pub created_at: Timestamp,
}

impl AcceptedRelease {
    pub(super) fn of(trusted: &TrustedRelease) -> Self {
        let release = trusted.release();
        Self {
            app_id: release.app_id.clone(),
            channel: release.channel.clone(),
            sequence: release.sequence,
            payload_sha256: trusted.payload_digest(),
            created_at: release.created_at,
        }
    }

    fn is_of(&self, app: &AppId, channel: &ChannelName) -> bool {
        self.app_id == *app && self.channel == *channel
    }
}

/// What was accepted: the last release of each channel, and the latest of all times.
///
/// Two things hold after every change: the sequence of a channel never goes down, nor does the latest time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(super) struct TrustMemory {
    accepted: Vec<AcceptedRelease>,
    latest_time: Timestamp,
    /// What tells this installation from others in a rollout, where the host has no name for it: a UUID, or 32 hexadecimal
    /// digits where an earlier version made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_id: Option<String>,
}

/// Why a release cannot be accepted any more: another was, after it had been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Superseded {
    by: u64,
    sequence: u64,
}

impl TrustMemory {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The latest creation time of an accepted release.
    pub(super) fn latest_time(&self) -> Timestamp {
        self.latest_time
    }

    /// The last release of this app and channel that was accepted.
    pub(super) fn last_accepted(&self, app: &AppId, channel: &ChannelName) -> Option<Accepted> {
        let last = self.accepted.iter().find(|accepted| accepted.is_of(app, channel))?;
        Some(Accepted {
            sequence: last.sequence,
            payload_digest: last.payload_sha256,
        })
    }

    /// Remembers a release whose bundle is installed, or that goes to the built-in one. Refused if a later one was accepted, or another of its sequence.
    pub(super) fn accept(&mut self, release: &AcceptedRelease) -> Result<(), Superseded> {
        let last = self.last_accepted(&release.app_id, &release.channel);
        match last {
            Some(last) if last.sequence > release.sequence => Err(release.overtaken_by(last.sequence)),
            Some(last) if last.sequence == release.sequence && last.payload_digest != release.payload_sha256 => {
                Err(release.overtaken_by(last.sequence))
            }
            _ => {
                self.recall(release);
                Ok(())
            }
        }
    }

    /// Takes over what another memory knew of a release, unless this one knows of a later. Says whether it was new.
    pub(super) fn recall(&mut self, release: &AcceptedRelease) -> bool {
        self.latest_time = self.latest_time.max(release.created_at);
        let known = |accepted: &&mut AcceptedRelease| accepted.is_of(&release.app_id, &release.channel);
        match self.accepted.iter_mut().find(known) {
            Some(last) if last.sequence >= release.sequence => return false,
            Some(last) => last.clone_from(release),
            None => self.accepted.push(release.clone()),
        }
        true
    }
}

/// The last release of each channel that went to the built-in bundle. No record of a bundle holds it, so it has a file of its
/// own, from which a lost state knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(super) struct BuiltInReleases {
    accepted: Vec<AcceptedRelease>,
}

impl BuiltInReleases {
    pub(super) fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, AcceptedRelease> {
        self.accepted.iter()
    }

    /// The release takes the place of the one before it on its channel.
    pub(super) fn remember(&mut self, release: &AcceptedRelease) {
        (self.accepted).retain(|known| !known.is_of(&release.app_id, &release.channel));
        self.accepted.push(release.clone());
    }
}

impl AcceptedRelease {
    fn overtaken_by(&self, by: u64) -> Superseded {
        let sequence = self.sequence;
        Superseded { by, sequence }
    }
}

impl Superseded {
    pub(super) fn into_error(self) -> Error {
        let Self { by, sequence } = self;
        Error::ReleaseRefused {
            what: "release".to_owned(),
            reason: RefusalReason::Replayed,
            problem: format!("it has sequence {sequence}, and {by} was accepted meanwhile"),
        }
    }
}

fn as_text<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl FromJson for AppId {
    fn from_json(value: &Value) -> Result<Self, String> {
        json::parsed(value)
    }
}

impl FromJson for ChannelName {
    fn from_json(value: &Value) -> Result<Self, String> {
        json::parsed(value)
    }
}

impl FromJson for AcceptedRelease {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            app_id: object.get("app_id")?,
            channel: object.get("channel")?,
            sequence: object.get("sequence")?,
            payload_sha256: object.get("payload_sha256")?,
            created_at: object.get("created_at")?,
        })
    }
}

impl FromJson for BuiltInReleases {
    fn from_json(value: &Value) -> Result<Self, String> {
        Ok(Self {
            accepted: Object::of(value)?.get("accepted")?,
        })
    }
}

impl FromJson for TrustMemory {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            accepted: object.get("accepted")?,
            latest_time: object.get("latest_time")?,
            device_id: object.get_or_default("device_id")?,
        })
    }
}

#[cfg(test)]
mod tests;
