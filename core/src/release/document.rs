//! The release: which bundle may run, for which app and channel, until when (docs/format.md, "Release").

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::envelope::{Envelope, RELEASE_TYPE, SignedDocument};
use super::fields::{self, FORMAT};
use super::refusal::Refusal;
use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::Sha256Digest;
use crate::error::{Error, RefusalReason, Result};
use crate::json::{self, Object, Value};
use crate::keys::{PublicContentKey, SigningKey};
use crate::native::NativeRange;
use crate::path::printable;
use crate::sealed::ExpectedSealed;
use crate::setters::setters;
use crate::time::Timestamp;

const MAX_LINK_BYTES: usize = 2_048;
const MAX_COMMENT_BYTES: usize = 4_096;
/// The member of releases that return devices to the bundle inside the native app. Always critical: a reader that does not
/// know it must refuse the release.
pub const BUILT_IN: &str = "built_in";
/// The member with the patches.
const PATCHES: &str = "patches";
/// Maximum number of patches of a release: publishers make about five, for the last releases.
pub const MAX_PATCHES: usize = 64;
/// The members that this version knows.
const MEMBERS: [&str; 16] = [
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
    PATCHES,
    "link",
    "comment",
    "critical",
];

/// Members that only releases of a bundle have.
const OF_BUNDLES: [&str; 4] = ["archive", "sealed", "files_sha256", PATCHES];

/// Identifies a plain archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ArchiveIdentity {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256.
    #[serde(rename = "sha256")]
    pub digest: Sha256Digest,
}

/// Identifies a sealed archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SealedIdentity {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of its header.
    #[serde(rename = "header_sha256")]
    pub header_digest: Sha256Digest,
}

/// A patch from the files of an earlier bundle to those of the bundle of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PatchIdentity {
    /// SHA-256 of the file list of the earlier bundle.
    pub from: Sha256Digest,
    /// Size of the plain patch in bytes.
    pub size: u64,
    /// SHA-256 of the plain patch.
    #[serde(rename = "sha256")]
    pub digest: Sha256Digest,
    /// The sealed patch, if the archive of the release is sealed: it is sealed for the same content keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedIdentity>,
}

/// The bundle of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleIdentity {
    /// The plain archive.
    pub archive: ArchiveIdentity,
    /// The sealed archive, if that one is delivered.
    pub sealed: Option<SealedIdentity>,
    /// SHA-256 of the bytes of the [file list](super::FileList).
    pub files_digest: Sha256Digest,
}

impl BundleIdentity {
    /// The expected sealed archive, if there is one.
    pub(crate) fn expected_sealed(&self) -> Option<ExpectedSealed> {
        self.sealed.map(|sealed| ExpectedSealed {
            size: sealed.size,
            header_digest: sealed.header_digest,
            plain_size: self.archive.size,
            digest: self.archive.digest,
        })
    }
}

/// The bundle that devices run after they accept a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseTarget {
    /// A bundle.
    Bundle(BundleIdentity),
    /// The bundle inside the native app. `critical` must name [`BUILT_IN`].
    BuiltIn,
}

impl ReleaseTarget {
    /// The bundle, or `None` for the one inside the native app.
    #[must_use]
    pub fn bundle(&self) -> Option<&BundleIdentity> {
        match self {
            Self::Bundle(bundle) => Some(bundle),
            Self::BuiltIn => None,
        }
    }
}

/// The contents of a release. Unverified; only a [`TrustedRelease`](super::TrustedRelease) is trusted.
///
/// The fields are public: set them, then [`create`] or [`sign`] checks the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// The app it is for.
    pub app_id: AppId,
    /// The channel it is for.
    pub channel: ChannelName,
    /// The version for people, 1 to 256 bytes.
    pub version: String,
    /// 1 or more, and higher than in any earlier release of this app on this channel.
    pub sequence: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Devices refuse it from this time on; later than `created_at`.
    pub expires_at: Timestamp,
    /// The native versions it runs on.
    pub native: NativeRange,
    /// The bundle that devices run.
    pub target: ReleaseTarget,
    /// Patches to its bundle, at most [`MAX_PATCHES`]. Devices that cannot use one download the archive.
    pub patches: Vec<PatchIdentity>,
    /// A URL for people, at most 2,048 bytes.
    pub link: Option<String>,
    /// A comment for people, at most 4,096 bytes.
    pub comment: Option<String>,
    /// Members that a reader must understand, by their names in docs/format.md.
    pub critical: Vec<String>,
}

/// The bytes of a release, for an [`Envelope`] of type [`RELEASE_TYPE`].
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) if a reader would refuse it.
pub fn create(release: &Release) -> Result<Vec<u8>> {
    let payload = serde_json::to_vec(release)
        .map_err(|error| Error::invalid_input("release", format!("cannot be serialized: {error}")))?;
    Release::read(&payload).map_err(|refusal| Error::invalid_input("release", refusal.problem))?;
    Ok(payload)
}

/// A release in an envelope, signed by each of `keys`. `recipients` are the content keys of its sealed archive.
///
/// # Errors
/// As [`create`] and [`Envelope::sign`]; [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if a signing key is also a
/// recipient.
pub fn sign(release: &Release, keys: &[&SigningKey], recipients: &[&PublicContentKey]) -> Result<Envelope> {
    for key in keys {
        let public = key.verifying_key();
        if recipients.iter().any(|recipient| recipient.same_modulus_as(&public)) {
            let problem = "used both to sign and as a content key: everyone with the app could sign releases";
            return Err(Error::key_invalid(format!("key {}", public.id()), problem));
        }
    }
    Envelope::sign(RELEASE_TYPE, create(release)?, keys)
}

impl Release {
    /// A release with the sequence `sequence`. Set the version and the validity before signing it.
    #[must_use]
    pub fn new(app_id: AppId, channel: ChannelName, sequence: u64, target: ReleaseTarget) -> Self {
        let critical = match target {
            ReleaseTarget::Bundle(_) => Vec::new(),
            ReleaseTarget::BuiltIn => vec![BUILT_IN.to_owned()],
        };
        Self {
            app_id,
            channel,
            version: String::new(),
            sequence,
            created_at: Timestamp(0),
            expires_at: Timestamp(0),
            native: NativeRange::default(),
            target,
            patches: Vec::new(),
            link: None,
            comment: None,
            critical,
        }
    }

    /// Sets the version for people.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets when the release was made and from when on devices refuse it.
    #[must_use]
    pub fn with_validity(mut self, created_at: Timestamp, expires_at: Timestamp) -> Self {
        self.created_at = created_at;
        self.expires_at = expires_at;
        self
    }

    setters! {
        with_native(native: NativeRange);
        with_patches(patches: Vec<PatchIdentity>);
        with_link(link: impl Into<Option<String>>);
        with_comment(comment: impl Into<Option<String>>);
    }

    /// Adds members that a reader must understand, by their names in docs/format.md.
    #[must_use]
    pub fn with_critical(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.critical.extend(names);
        self
    }

    /// Reads the payload of an envelope; verifies nothing.
    pub(super) fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let document = json::parse_object(payload).map_err(Refusal::malformed)?;
        fields::require_understood(&document, &MEMBERS)?;
        Self::from_object(&document).map_err(Refusal::malformed)
    }

    fn from_object(document: &Object<'_>) -> Result<Self, String> {
        let release = Self {
            app_id: document.get("app_id", fields::app_id)?,
            channel: document.get("channel", fields::channel)?,
            version: document.get("version", fields::version)?,
            sequence: document.get("sequence", fields::positive)?,
            created_at: document.get("created_at", fields::time)?,
            expires_at: document.get("expires_at", fields::time)?,
            native: document.get_if_any("native", fields::native_range)?.unwrap_or_default(),
            target: ReleaseTarget::from_object(document)?,
            patches: document.get_if_any(PATCHES, patches)?.unwrap_or_default(),
            link: document.get_if_any("link", |value| fields::bounded(value, MAX_LINK_BYTES))?,
            comment: document.get_if_any("comment", |value| fields::bounded(value, MAX_COMMENT_BYTES))?,
            critical: fields::critical_members(document)?,
        };
        if release.created_at >= release.expires_at {
            return Err("expires_at: expected a time after created_at".to_owned());
        }
        let is_sealed = release.bundle().is_some_and(|bundle| bundle.sealed.is_some());
        if release.patches.iter().any(|patch| patch.sealed.is_some() != is_sealed) {
            return Err("patches: expected sealed patches if the archive is sealed, and only then".to_owned());
        }
        if release.is_built_in() && !release.critical.iter().any(|name| name == BUILT_IN) {
            return Err(format!(
                "critical: expected {BUILT_IN}, so that older readers refuse the release"
            ));
        }
        Ok(release)
    }

    /// The bundle; `None` if devices return to the one inside the native app.
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
    fn from_object(document: &Object<'_>) -> Result<Self, String> {
        if document.get_if_any(BUILT_IN, expect_true)?.is_none() {
            return Ok(Self::Bundle(BundleIdentity {
                archive: document.get("archive", ArchiveIdentity::from_value)?,
                sealed: document.get_if_any("sealed", SealedIdentity::from_value)?,
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

fn patches(value: &Value<'_>) -> Result<Vec<PatchIdentity>, String> {
    let patches = value.array()?;
    if patches.len() > MAX_PATCHES {
        return Err(format!(
            "expected at most {MAX_PATCHES} patches, found {}",
            patches.len()
        ));
    }
    patches.iter().map(PatchIdentity::from_value).collect()
}

/// A release to another bundle leaves the member out: one meaning is written in one way.
fn expect_true(value: &Value<'_>) -> Result<(), String> {
    if *value == Value::Bool(true) {
        return Ok(());
    }
    Err("expected true, or no such member".to_owned())
}

impl ArchiveIdentity {
    fn from_value(value: &Value<'_>) -> Result<Self, String> {
        let object = value.object()?;
        Ok(Self {
            size: object.get("size", Value::number)?,
            digest: object.get("sha256", fields::digest)?,
        })
    }
}

impl PatchIdentity {
    fn from_value(value: &Value<'_>) -> Result<Self, String> {
        let object = value.object()?;
        Ok(Self {
            from: object.get("from", fields::digest)?,
            size: object.get("size", Value::number)?,
            digest: object.get("sha256", fields::digest)?,
            sealed: object.get_if_any("sealed", SealedIdentity::from_value)?,
        })
    }
}

impl SealedIdentity {
    fn from_value(value: &Value<'_>) -> Result<Self, String> {
        let object = value.object()?;
        Ok(Self {
            size: object.get("size", Value::number)?,
            header_digest: object.get("header_sha256", fields::digest)?,
        })
    }
}

/// An envelope and the release in it, unverified: for inspecting releases and making new ones.
pub type SignedRelease = SignedDocument<Release>;

impl SignedDocument<Release> {
    /// Reads an envelope and its release; verifies nothing.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) with the reason `malformed`;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if this version does not know the format or a critical member.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let read = || {
            let envelope = Envelope::read(bytes)?;
            require_release(&envelope)?;
            let release = Release::read(envelope.payload())?;
            Ok(Self::new(envelope, release))
        };
        read().map_err(|refusal: Refusal| refusal.of("release"))
    }

    /// The contents of the payload.
    #[must_use]
    pub fn release(&self) -> &Release {
        self.document()
    }

    /// SHA-256 of the payload.
    #[must_use]
    pub fn payload_digest(&self) -> Sha256Digest {
        Sha256Digest::of(self.envelope().payload())
    }

    /// The digest that selects the devices of a [rollout](crate::update::channel::bucket) of this release.
    #[must_use]
    pub fn rollout_digest(&self) -> Sha256Digest {
        rollout_digest(self.release(), self.payload_digest())
    }
}

/// The plain archive's digest, so that the same bundle goes to the same devices first. A release without an archive uses its
/// payload's digest.
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

/// In the order of docs/format.md.
impl Serialize for Release {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let NativeRange { min, max } = &self.native;
        // A critical member must be present, even when it restricts nothing.
        let is_native_critical = self.critical.iter().any(|name| name == "native");
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("format", &FORMAT)?;
        members.serialize_entry("app_id", &self.app_id)?;
        members.serialize_entry("channel", &self.channel)?;
        members.serialize_entry("version", &self.version)?;
        members.serialize_entry("sequence", &self.sequence)?;
        members.serialize_entry("created_at", &self.created_at)?;
        members.serialize_entry("expires_at", &self.expires_at)?;
        if min.is_some() || max.is_some() || is_native_critical {
            members.serialize_entry("native", &self.native)?;
        }
        match &self.target {
            ReleaseTarget::BuiltIn => members.serialize_entry(BUILT_IN, &true)?,
            ReleaseTarget::Bundle(bundle) => {
                members.serialize_entry("archive", &bundle.archive)?;
                if let Some(sealed) = &bundle.sealed {
                    members.serialize_entry("sealed", sealed)?;
                }
                members.serialize_entry("files_sha256", &bundle.files_digest)?;
            }
        }
        if !self.patches.is_empty() {
            members.serialize_entry(PATCHES, &self.patches)?;
        }
        if let Some(link) = &self.link {
            members.serialize_entry("link", link)?;
        }
        if let Some(comment) = &self.comment {
            members.serialize_entry("comment", comment)?;
        }
        if !self.critical.is_empty() {
            members.serialize_entry("critical", &self.critical)?;
        }
        members.end()
    }
}

#[cfg(test)]
mod tests;
