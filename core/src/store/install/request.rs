//! Requests to install a bundle.

use std::path::Path;
use std::sync::Arc;

use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::Sha256Digest;
use crate::keys::ContentKey;
use crate::native::{NativeRange, NativeVersion};
use crate::release::{TrustedRelease, VerifiedFiles};
use crate::setters::setters;
use crate::store::bundle_id::BundleId;
use crate::store::records::{AcceptedRelease, Identity};
use crate::verified::VerifiedArchive;

/// Metadata of a bundle that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NewBundle {
    /// Its version, as named by its publisher.
    pub version: String,
    /// The native versions it runs on.
    pub native: NativeRange,
    /// Link given by the publisher.
    pub link: Option<String>,
    /// Comment given by the publisher.
    pub comment: Option<String>,
    /// Sequence of its release.
    pub sequence: Option<u64>,
    /// The id that it will have; otherwise a random one.
    pub(crate) id: Option<BundleId>,
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

    setters! {
        with_native(native: NativeRange);
        with_link(link: impl Into<Option<String>>);
        with_comment(comment: impl Into<Option<String>>);
        with_sequence(sequence: impl Into<Option<u64>>);
    }

    /// Its version and these digests, of its archive and of its file list.
    pub(in crate::store) fn identity<'a>(
        &'a self,
        digest: Option<&'a Sha256Digest>,
        content_digest: Option<&'a Sha256Digest>,
    ) -> Identity<'a> {
        Identity {
            version: &self.version,
            digest,
            content_digest,
        }
    }

    /// Sets the id that it will have, so that it can be named before it is installed.
    pub(crate) fn with_id(mut self, id: BundleId) -> Self {
        self.id = Some(id);
        self
    }
}

/// Settings of the app that decide which releases it accepts. None of them comes from a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReleaseOptions {
    /// The app's own id.
    pub app_id: AppId,
    /// The channel whose releases it accepts.
    pub channel: ChannelName,
    /// The envelope of the key ring in the app. Later rings are followed from it.
    pub first_ring: Vec<u8>,
    /// The version of the native app.
    pub native: NativeVersion,
    /// The keys that open sealed archives.
    pub content_keys: Vec<Arc<ContentKey>>,
}

impl ReleaseOptions {
    /// Releases of this app and channel for this native version, signed by keys of this ring, with plain archives.
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

    setters! {
        with_content_keys(content_keys: Vec<Arc<ContentKey>>);
    }
}

/// The files of a release, as published.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseFiles<'a> {
    /// The bytes of its envelope.
    pub envelope: &'a [u8],
    /// Its archive: the sealed one if the release names one, otherwise the plain one.
    pub archive: &'a Path,
    /// The bytes of its file list.
    pub file_list: &'a [u8],
}

/// The archive of a release.
#[derive(Debug)]
pub(in crate::store) enum ArchiveSource<'a> {
    /// As published.
    File(&'a Path),
    /// Plain, and hashed during its download.
    Hashed(Box<VerifiedArchive>),
}

/// The requirements of a release on its bundle, and the record of its acceptance.
#[derive(Debug)]
pub(in crate::store) struct Acceptance<'a> {
    pub(in crate::store) release: AcceptedRelease,
    pub(in crate::store) files: &'a VerifiedFiles,
}

/// The metadata of the bundle of a release, and the requirements on it.
pub(in crate::store) fn acceptance_of<'a>(
    trusted: &TrustedRelease,
    files: &'a VerifiedFiles,
) -> (NewBundle, Acceptance<'a>) {
    let release = trusted.release();
    let new = NewBundle {
        version: release.version.clone(),
        native: release.native.clone(),
        link: release.link.clone(),
        comment: release.comment.clone(),
        sequence: Some(release.sequence),
        id: None,
    };
    let accepted = AcceptedRelease::of(trusted);
    let acceptance = Acceptance {
        release: accepted,
        files,
    };
    (new, acceptance)
}
