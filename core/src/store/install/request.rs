//! What is to be installed.

use std::path::Path;
use std::sync::Arc;

use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::keys::ContentKey;
use crate::native::{NativeRange, NativeVersion};
use crate::release::{FileList, TrustedRelease};
use crate::store::records::AcceptedRelease;
use crate::verified::VerifiedArchive;

/// What the caller says of a bundle that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NewBundle {
    /// Its version, as the one who published it calls it.
    pub version: String,
    /// Native versions it runs on.
    pub native: NativeRange,
    /// Link given by who published it.
    pub link: Option<String>,
    /// Comment given by who published it.
    pub comment: Option<String>,
    /// Sequence of the release it came with.
    pub sequence: Option<u64>,
}

impl NewBundle {
    /// A bundle of this version, for every native app.
    #[must_use]
    pub fn new(version: impl Into<String>) -> Self {
        Self {
            version: version.into(),
            ..Self::default()
        }
    }
}

/// What the app knows by itself, and what decides which releases it takes. Nothing of it comes from a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReleaseOptions {
    /// The app's own id.
    pub app_id: AppId,
    /// The channel whose releases it takes.
    pub channel: ChannelName,
    /// The envelope of the key ring that the app brings. Later ones are followed from it.
    pub first_ring: Vec<u8>,
    /// The version of the native app.
    pub native: NativeVersion,
    /// The keys that sealed archives are opened with.
    pub content_keys: Vec<Arc<ContentKey>>,
}

impl ReleaseOptions {
    /// Releases of this app and channel for this native version, signed by keys of this ring; plain archives.
    #[must_use]
    pub fn new(app_id: AppId, channel: ChannelName, first_ring: Vec<u8>, native: NativeVersion) -> Self {
        Self {
            app_id,
            channel,
            first_ring,
            native,
            content_keys: Vec::new(),
        }
    }
}

/// The archive of a release.
#[derive(Debug)]
pub(in crate::store) enum ArchiveSource<'a> {
    /// As it was published.
    File(&'a Path),
    /// Plain, and hashed when it was downloaded.
    Hashed(Box<VerifiedArchive>),
}

/// What a release demands of the bundle that is installed for it, and what is remembered then.
#[derive(Debug)]
pub(in crate::store) struct Acceptance<'a> {
    pub(in crate::store) release: AcceptedRelease,
    pub(in crate::store) files: &'a FileList,
}

/// What is installed for a release, and what it must be.
pub(in crate::store) fn accepting<'a>(trusted: &TrustedRelease, files: &'a FileList) -> (NewBundle, Acceptance<'a>) {
    let release = trusted.release();
    let new = NewBundle {
        version: release.version.clone(),
        native: release.native.clone(),
        link: release.link.clone(),
        comment: release.comment.clone(),
        sequence: Some(release.sequence),
    };
    let accepted = AcceptedRelease::of(trusted);
    let acceptance = Acceptance {
        release: accepted,
        files,
    };
    (new, acceptance)
}
