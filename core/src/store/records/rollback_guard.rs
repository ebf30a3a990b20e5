//! What a device remembers of the releases it took, so that nobody can give it an older one.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::release::{Accepted, RefusalReason, TrustedRelease};
use crate::store::storage::json::{self, FromJson, Object};
use crate::store::storage::{Found, Storage};
use crate::time::Timestamp;

const BUILT_IN: &str = "built_in";

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
    pub(in crate::store) fn of(trusted: &TrustedRelease) -> Self {
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
pub(in crate::store) struct RollbackGuard {
    accepted: Vec<AcceptedRelease>,
    latest_time: Timestamp,
    /// What tells this installation from others in a rollout, where the host has no name for it: a UUID, or 32 hexadecimal
    /// digits where an earlier version made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) device_id: Option<String>,
}

/// Why a release cannot be accepted any more: another was, after it had been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Superseded {
    by: u64,
    sequence: u64,
}

impl RollbackGuard {
    pub(in crate::store) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The latest creation time of an accepted release.
    pub(in crate::store) fn latest_time(&self) -> Timestamp {
        self.latest_time
    }

    /// The last release of this app and channel that was accepted.
    pub(in crate::store) fn last_accepted(&self, app: &AppId, channel: &ChannelName) -> Option<Accepted> {
        let last = self.accepted.iter().find(|accepted| accepted.is_of(app, channel))?;
        Some(Accepted {
            sequence: last.sequence,
            payload_digest: last.payload_sha256,
        })
    }

    /// Remembers a release whose bundle is installed, or that goes to the built-in one. Refused if a later one was accepted, or another of its sequence.
    pub(in crate::store) fn accept(&mut self, release: &AcceptedRelease) -> Result<(), Superseded> {
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
    pub(in crate::store) fn recall(&mut self, release: &AcceptedRelease) -> bool {
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
pub(in crate::store) struct BuiltInReleases {
    accepted: Vec<AcceptedRelease>,
}

impl BuiltInReleases {
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    pub(in crate::store) fn iter(&self) -> std::slice::Iter<'_, AcceptedRelease> {
        self.accepted.iter()
    }

    /// The release takes the place of the one before it on its channel.
    pub(in crate::store) fn remember(&mut self, release: &AcceptedRelease) {
        (self.accepted).retain(|known| !known.is_of(&release.app_id, &release.channel));
        self.accepted.push(release.clone());
    }
}

impl Storage {
    /// Writes the releases that went to the built-in bundle, durable when it returns.
    pub(in crate::store) fn save_built_in_releases(&self, releases: &BuiltInReleases) -> crate::error::Result<()> {
        self.replace_durably(&self.layout.built_in(), BUILT_IN, releases)
    }

    /// The releases that went to the built-in bundle. A file that does not decode counts as none: the state, which is intact
    /// mostly, knows them as well.
    pub(in crate::store) fn built_in_releases(&self) -> crate::error::Result<BuiltInReleases> {
        match self.find(BUILT_IN, &self.layout.built_in())? {
            Found::Good(_, releases) => Ok(releases),
            Found::Corrupt(_) | Found::Missing => Ok(BuiltInReleases::default()),
        }
    }
}

impl AcceptedRelease {
    fn overtaken_by(&self, by: u64) -> Superseded {
        let sequence = self.sequence;
        Superseded { by, sequence }
    }
}

impl Superseded {
    pub(in crate::store) fn into_error(self) -> Error {
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

impl FromJson for RollbackGuard {
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
