//! The release: which bundle may run, where, and until when (docs/format.md, "Release").

use serde::Serialize;

use super::envelope::{Envelope, RELEASE_TYPE};
use super::fields;
use super::fields::FORMAT;
use super::refusal::Refusal;
use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::Sha256Digest;
use crate::error::RefusalReason;
use crate::error::{Error, Result};
use crate::json;
use crate::json::{Object, Value};
use crate::keys::{PublicContentKey, SigningKey};
use crate::native::NativeRange;
use crate::path::printable;
use crate::time::Timestamp;

const MAX_LINK_BYTES: usize = 2_048;
const MAX_COMMENT_BYTES: usize = 4_096;
/// The member that sends devices to the bundle inside the native app. Always critical: a reader that does not know it must
/// refuse the release.
pub const BUILT_IN: &str = "built_in";
/// The members that this version understands.
const MEMBERS: [&str; 15] = [
    "format",
    "app_id",
    "channel",
    "version",
    "sequence",
    "created_at",
    "expires_at",
    "native",
    BUILT_IN,
    "archive",
    "sealed",
    "files_sha256",
    "link",
    "comment",
    "critical",
];

/// Members of releases that name a bundle, and of no others.
const OF_BUNDLES: [&str; 3] = ["archive", "sealed", "files_sha256"];

/// A plain archive, by size and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveIdentity {
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub digest: Sha256Digest,
}

/// A sealed archive, by size and header digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedIdentity {
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its header.
    pub header_digest: Sha256Digest,
}

/// The bundle that a release names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleIdentity {
    /// The plain archive.
    pub archive: ArchiveIdentity,
    /// The sealed archive, if that is what is delivered.
    pub sealed: Option<SealedIdentity>,
    /// SHA-256 of the bytes of the [file list](super::FileList).
    pub files_digest: Sha256Digest,
}

/// What devices that accept a release serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseTarget {
    /// This bundle.
    Bundle(BundleIdentity),
    /// The bundle inside the native app. `critical` must name [`BUILT_IN`].
    BuiltIn,
}

impl ReleaseTarget {
    /// The bundle, unless it is the one inside the native app.
    #[must_use]
    pub fn bundle(&self) -> Option<&BundleIdentity> {
        match self {
            Self::Bundle(bundle) => Some(bundle),
            Self::BuiltIn => None,
        }
    }
}

/// What a new release says; [`create`] makes a document of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRelease {
    /// The app it is for.
    pub app_id: AppId,
    /// The channel it is for.
    pub channel: ChannelName,
    /// What people call it, 1 to 256 bytes.
    pub version: String,
    /// 1 or more, and more than any release of this app on this channel had before.
    pub sequence: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it may be accepted; later than `created_at`.
    pub expires_at: Timestamp,
    /// The native versions it runs on.
    pub native: NativeRange,
    /// What devices serve.
    pub target: ReleaseTarget,
    /// For people, at most 2,048 bytes.
    pub link: Option<String>,
    /// For people, at most 4,096 bytes.
    pub comment: Option<String>,
    /// Members that a reader must understand, by the names of docs/format.md.
    pub critical: Vec<String>,
}

/// What a release says. That anybody vouches for it, only a [`TrustedRelease`](super::TrustedRelease) tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// The app it is for.
    pub app_id: AppId,
    /// The channel it is for.
    pub channel: ChannelName,
    /// What people call it.
    pub version: String,
    /// Of two releases of an app on a channel the later one has the higher.
    pub sequence: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it may be accepted.
    pub expires_at: Timestamp,
    /// The native versions it runs on.
    pub native: NativeRange,
    /// What devices serve.
    pub target: ReleaseTarget,
    /// For people.
    pub link: Option<String>,
    /// For people.
    pub comment: Option<String>,
    /// Members that a reader must understand; this version understands all of them.
    pub critical: Vec<String>,
}

/// The bytes of a new release, to be put into an [`Envelope`] of type [`RELEASE_TYPE`].
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) if a reader would refuse it.
pub fn create(new: &NewRelease) -> Result<Vec<u8>> {
    let written = Written::of(new);
    let payload = serde_json::to_vec(&written)
        .map_err(|error| Error::invalid_input("release", format!("it cannot be written: {error}")))?;
    Release::read(&payload).map_err(|refusal| Error::invalid_input("release", refusal.problem))?;
    Ok(payload)
}

/// A new release in an envelope, signed by each of `keys`. `recipients` are the content keys its archive is sealed for.
///
/// # Errors
/// As [`create`] and [`Envelope::sign`]; [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if a key that signs is one of the
/// recipients too.
pub fn sign(new: &NewRelease, keys: &[&SigningKey], recipients: &[&PublicContentKey]) -> Result<Envelope> {
    for key in keys {
        let public = key.verifying_key();
        if recipients.iter().any(|recipient| recipient.same_modulus_as(&public)) {
            let problem = "it signs and is a content key of the archive; whoever has the app could sign releases";
            return Err(Error::key_invalid(format!("key {}", public.id()), problem));
        }
    }
    Envelope::sign(RELEASE_TYPE, create(new)?, keys)
}

impl Release {
    /// Reads the payload of an envelope; verifies nothing.
    pub(super) fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let document = json::parse_object(payload).map_err(Refusal::malformed)?;
        fields::require_understood(&document, &MEMBERS)?;
        Self::of_object(&document).map_err(Refusal::malformed)
    }

    fn of_object(document: &Object<'_>) -> Result<Self, String> {
        let release = Self {
            app_id: document.get("app_id", fields::app_id)?,
            channel: document.get("channel", fields::channel)?,
            version: document.get("version", fields::version)?,
            sequence: document.get("sequence", fields::positive)?,
            created_at: document.get("created_at", fields::time)?,
            expires_at: document.get("expires_at", fields::time)?,
            native: document.get_if_any("native", fields::native_range)?.unwrap_or_default(),
            target: ReleaseTarget::of_object(document)?,
            link: document.get_if_any("link", |value| fields::bounded(value, MAX_LINK_BYTES))?,
            comment: document.get_if_any("comment", |value| fields::bounded(value, MAX_COMMENT_BYTES))?,
            critical: fields::critical_members(document)?,
        };
        if release.created_at >= release.expires_at {
            return Err("expires_at: expected a time after created_at".to_owned());
        }
        if release.is_built_in() && !release.critical.iter().any(|name| name == BUILT_IN) {
            return Err(format!(
                "critical: expected it to name {BUILT_IN}, so that older readers refuse the release"
            ));
        }
        Ok(release)
    }

    /// The bundle that it names; `None` if devices go to the one inside the native app.
    #[must_use]
    pub fn bundle(&self) -> Option<&BundleIdentity> {
        self.target.bundle()
    }

    /// Whether devices go to the bundle inside the native app.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.target == ReleaseTarget::BuiltIn
    }
}

impl ReleaseTarget {
    fn of_object(document: &Object<'_>) -> Result<Self, String> {
        if document.get_if_any(BUILT_IN, expect_true)?.is_none() {
            return Ok(Self::Bundle(BundleIdentity {
                archive: document.get("archive", ArchiveIdentity::of_value)?,
                sealed: document.get_if_any("sealed", SealedIdentity::of_value)?,
                files_digest: document.get("files_sha256", fields::digest)?,
            }));
        }
        match OF_BUNDLES.into_iter().find(|name| document.find(name).is_some()) {
            Some(name) => Err(format!(
                "{name}: expected no such member in a release with {BUILT_IN}, which names no bundle"
            )),
            None => Ok(Self::BuiltIn),
        }
    }
}

/// A release to another bundle leaves the member out: one meaning is written in one way.
fn expect_true(value: &Value<'_>) -> Result<(), String> {
    if *value == Value::Bool(true) {
        return Ok(());
    }
    Err("expected true, or no such member".to_owned())
}

impl ArchiveIdentity {
    fn of_value(value: &Value<'_>) -> Result<Self, String> {
        let object = value.object()?;
        Ok(Self {
            size: object.get("size", Value::number)?,
            digest: object.get("sha256", fields::digest)?,
        })
    }
}

impl SealedIdentity {
    fn of_value(value: &Value<'_>) -> Result<Self, String> {
        let object = value.object()?;
        Ok(Self {
            size: object.get("size", Value::number)?,
            header_digest: object.get("header_sha256", fields::digest)?,
        })
    }
}

impl From<Release> for NewRelease {
    /// The same again: what a renewal or a way back starts from.
    fn from(release: Release) -> Self {
        Self {
            app_id: release.app_id,
            channel: release.channel,
            version: release.version,
            sequence: release.sequence,
            created_at: release.created_at,
            expires_at: release.expires_at,
            native: release.native,
            target: release.target,
            link: release.link,
            comment: release.comment,
            critical: release.critical,
        }
    }
}

/// An envelope and the release in it, of which nothing is verified: for those who look at releases and make others of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRelease {
    envelope: Envelope,
    release: Release,
}

impl SignedRelease {
    /// Reads an envelope and the release in it.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) with the reason `malformed`, and
    /// [`Unsupported`](crate::ErrorKind::Unsupported), if it holds none that this version understands.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let read = || {
            let envelope = Envelope::read(bytes)?;
            require_release(&envelope)?;
            let release = Release::read(envelope.payload())?;
            Ok(Self { envelope, release })
        };
        read().map_err(|refusal: Refusal| refusal.of("release"))
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
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// SHA-256 of the payload.
    #[must_use]
    pub fn payload_digest(&self) -> Sha256Digest {
        Sha256Digest::of(self.envelope.payload())
    }

    /// The digest that decides which devices are in a [rollout](crate::update::channel::bucket) of this release.
    #[must_use]
    pub fn rollout_digest(&self) -> Sha256Digest {
        rollout_digest(&self.release, self.payload_digest())
    }
}

/// The plain archive's digest, so that the same bundle goes to the same devices first; a release without one has its payload's.
pub(super) fn rollout_digest(release: &Release, payload: Sha256Digest) -> Sha256Digest {
    release.bundle().map_or(payload, |bundle| bundle.archive.digest)
}

pub(super) fn require_release(envelope: &Envelope) -> Result<(), Refusal> {
    require_type(envelope, RELEASE_TYPE, "a release")
}

pub(super) fn require_type(envelope: &Envelope, expected: &str, what: &str) -> Result<(), Refusal> {
    let found = envelope.payload_type();
    if found == expected {
        return Ok(());
    }
    let problem = format!("expected {what} ({expected}), found {}", printable(found.as_bytes()));
    Err(Refusal::new(RefusalReason::Malformed, problem))
}

/// As it is written, in the order of docs/format.md.
#[derive(Serialize)]
struct Written<'a> {
    format: u64,
    app_id: &'a str,
    channel: &'a str,
    version: &'a str,
    sequence: u64,
    created_at: Timestamp,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<&'a NativeRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    built_in: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<WrittenArchive>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<WrittenSealed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    critical: &'a [String],
}

#[derive(Serialize)]
struct WrittenArchive {
    size: u64,
    sha256: String,
}

#[derive(Serialize)]
struct WrittenSealed {
    size: u64,
    header_sha256: String,
}

impl<'a> Written<'a> {
    fn of(new: &'a NewRelease) -> Self {
        let NativeRange { min, max } = &new.native;
        let bundle = new.target.bundle();
        // What is critical must be there, even if it says nothing.
        let is_native_said = min.is_some() || max.is_some() || new.critical.iter().any(|name| name == "native");
        Self {
            format: FORMAT,
            app_id: new.app_id.as_str(),
            channel: new.channel.as_str(),
            version: &new.version,
            sequence: new.sequence,
            created_at: new.created_at,
            expires_at: new.expires_at,
            native: is_native_said.then_some(&new.native),
            built_in: bundle.is_none().then_some(true),
            archive: bundle.map(|bundle| WrittenArchive {
                size: bundle.archive.size,
                sha256: bundle.archive.digest.to_string(),
            }),
            sealed: bundle.and_then(|bundle| bundle.sealed).map(|sealed| WrittenSealed {
                size: sealed.size,
                header_sha256: sealed.header_digest.to_string(),
            }),
            files_sha256: bundle.map(|bundle| bundle.files_digest.to_string()),
            link: new.link.as_deref(),
            comment: new.comment.as_deref(),
            critical: &new.critical,
        }
    }
}

#[cfg(test)]
mod tests;
