//! The channel file: which releases a channel offers, and to which devices (docs/format.md, "Channel file").

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::RefusalReason;
use super::fields::{self, FORMAT};
use super::refusal::Refusal;
use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::error::{Error, Result};
use crate::json::{self, Object, Value};
use crate::setters::setters;

/// Maximum size of a channel file in bytes.
pub const MAX_CHANNEL_FILE_BYTES: usize = 64 << 10;
/// All devices, in basis points: hundredths of a percent.
pub const ALL_DEVICES: u16 = 10_000;

/// The releases that a channel offers. Unsigned: it can only offer releases that are signed themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelFile {
    /// The app of its releases.
    pub app_id: AppId,
    /// The channel of its releases.
    pub channel: ChannelName,
    /// The sequence of the release for all devices.
    pub stable: Option<u64>,
    /// The release for some of the devices.
    pub candidate: Option<Candidate>,
}

/// A release for some of the devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The sequence of the release.
    pub sequence: u64,
    /// The share of devices that take it, 0 to 10,000.
    pub rollout_bps: u16,
}

impl ChannelFile {
    /// A channel that offers nothing.
    #[must_use]
    pub fn empty(app_id: AppId, channel: ChannelName) -> Self {
        Self {
            app_id,
            channel,
            stable: None,
            candidate: None,
        }
    }

    setters! {
        with_stable(stable: impl Into<Option<u64>>);
        with_candidate(candidate: impl Into<Option<Candidate>>);
    }

    /// Reads the channel file of this app and channel.
    ///
    /// # Errors
    /// [`Error::ReleaseRefused`]: `malformed`, `unknown_format`, `wrong_app`, `wrong_channel`.
    pub fn parse(bytes: &[u8], app: &AppId, channel: &ChannelName) -> Result<Self> {
        let what = || format!("channel file of {channel}");
        let file = Self::read(bytes).map_err(|refusal| refusal.of(what()))?;
        fields::require_app(&file.app_id, app).map_err(|refusal| refusal.of(what()))?;
        if file.channel != *channel {
            let problem = format!("expected a file for {channel}, found one for {}", file.channel);
            return Err(Refusal::new(RefusalReason::WrongChannel, problem).of(what()));
        }
        Ok(file)
    }

    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_CHANNEL_FILE_BYTES {
            let problem = format!("expected at most {MAX_CHANNEL_FILE_BYTES} bytes, found {}", bytes.len());
            return Err(Refusal::malformed(problem));
        }
        let document = json::parse_object(bytes).map_err(Refusal::malformed)?;
        fields::require_understood(&document, &[])?;
        Self::from_object(&document).map_err(Refusal::malformed)
    }

    fn from_object(document: &Object<'_>) -> Result<Self, String> {
        Ok(Self {
            app_id: document.get("app_id", fields::app_id)?,
            channel: document.get("channel", fields::channel)?,
            stable: document.get_if_any("stable", |value| value.object()?.get("sequence", fields::positive))?,
            candidate: document.get_if_any("candidate", candidate)?,
        })
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if a reader would refuse it.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Error::invalid_input("channel file", format!("cannot be serialized: {error}")))?;
        Self::read(&bytes).map_err(|refusal| Error::invalid_input("channel file", refusal.problem))?;
        Ok(bytes)
    }

    /// The sequences of the offered releases.
    pub fn sequences(&self) -> impl Iterator<Item = u64> {
        let candidate = self.candidate.map(|candidate| candidate.sequence);
        self.stable.into_iter().chain(candidate)
    }
}

fn candidate(value: &Value<'_>) -> Result<Candidate, String> {
    let candidate = value.object()?;
    let rollout_bps = candidate.get("rollout_bps", |value| match u16::try_from(value.number()?) {
        Ok(share) if share <= ALL_DEVICES => Ok(share),
        _ => Err(format!("expected 0 to {ALL_DEVICES}")),
    })?;
    Ok(Candidate {
        sequence: candidate.get("sequence", fields::positive)?,
        rollout_bps,
    })
}

/// In the order of docs/format.md.
impl Serialize for ChannelFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Stable {
            sequence: u64,
        }
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("format", &FORMAT)?;
        members.serialize_entry("app_id", &self.app_id)?;
        members.serialize_entry("channel", &self.channel)?;
        if let Some(sequence) = self.stable {
            members.serialize_entry("stable", &Stable { sequence })?;
        }
        if let Some(candidate) = &self.candidate {
            members.serialize_entry("candidate", candidate)?;
        }
        members.end()
    }
}

#[cfg(test)]
mod tests;
