//! The releases that a device accepted, so that it accepts no older one.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::release::{Accepted, RefusalReason, TrustedRelease};
use crate::store::storage::json::{self, FromJson, Object};
use crate::store::storage::{FileContent, Storage};
use crate::time::Timestamp;

const BUILT_IN: &str = "built_in";

/// A release that was accepted on this device: its bundle was installed, or the built-in bundle came next.
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
    /// When it was created, by the publisher's clock.
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

/// The last accepted release of each channel, and the latest creation time of all.
///
/// Neither the sequence of a channel nor the latest time ever decreases.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(in crate::store) struct RollbackGuard {
    accepted: Vec<AcceptedRelease>,
    latest_time: Timestamp,
    /// The id of this installation in rollouts if the host provides none: a UUID, or 32 hexadecimal digits if an
    /// earlier version created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) device_id: Option<String>,
}

/// A later release was accepted after this one had been checked.
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

    /// The last accepted release of this app and channel.
    pub(in crate::store) fn last_accepted(&self, app: &AppId, channel: &ChannelName) -> Option<Accepted> {
        let last = self.accepted.iter().find(|accepted| accepted.is_of(app, channel))?;
        Some(Accepted {
            sequence: last.sequence,
            payload_digest: last.payload_sha256,
        })
    }

    /// Records an accepted release. Fails if a later one of its channel was accepted, or another one of its sequence.
    pub(in crate::store) fn accept(&mut self, release: &AcceptedRelease) -> Result<(), Superseded> {
        let last = self.last_accepted(&release.app_id, &release.channel);
        match last {
            Some(last) if last.sequence > release.sequence => Err(release.superseded_by(last.sequence)),
            Some(last) if last.sequence == release.sequence && last.payload_digest != release.payload_sha256 => {
                Err(release.superseded_by(last.sequence))
            }
            _ => {
                self.recall(release);
                Ok(())
            }
        }
    }

    /// Records a release from another record, unless a later one of its channel is known. Returns whether it was new.
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

/// The last release of each channel that selects the built-in bundle. The record of a bundle cannot hold it, so it has
/// its own file, from which a lost state is recovered.
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

    /// Replaces the previous release of its channel.
    pub(in crate::store) fn remember(&mut self, release: &AcceptedRelease) {
        (self.accepted).retain(|known| !known.is_of(&release.app_id, &release.channel));
        self.accepted.push(release.clone());
    }
}

impl Storage {
    /// Writes the releases that select the built-in bundle, durable when it returns.
    pub(in crate::store) fn save_built_in_releases(&self, releases: &BuiltInReleases) -> crate::error::Result<()> {
        self.replace_durably(&self.layout.built_in(), BUILT_IN, releases)
    }

    /// The releases that select the built-in bundle. An undecodable file counts as empty, since the state, which is
    /// usually intact, records them as well.
    pub(in crate::store) fn built_in_releases(&self) -> crate::error::Result<BuiltInReleases> {
        match self.find(BUILT_IN, &self.layout.built_in())? {
            FileContent::Good(_, releases) => Ok(releases),
            FileContent::Corrupt(_) | FileContent::Missing => Ok(BuiltInReleases::default()),
        }
    }
}

impl AcceptedRelease {
    fn superseded_by(&self, by: u64) -> Superseded {
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
            problem: format!("sequence {sequence} is superseded: sequence {by} was accepted during this update"),
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
