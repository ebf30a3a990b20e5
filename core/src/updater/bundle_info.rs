//! Bundles in the words of Capgo's plugin.

use serde_json::Value;

use crate::digest::Sha256Digest;
use crate::json::JsonObject;
use crate::store::{BundleId, BundleRecord, BundleRef, FailedBundle, Status};
use crate::time::Timestamp;

/// A bundle as Capgo's plugin describes it to JavaScript: `BundleInfo`.
///
/// Differences between the plugin's platforms: Android writes the time of the download as `+0000`, iOS as `Z`; both
/// write milliseconds. Here it is `Z`, as in JavaScript. Android omits an empty `link` or `comment`, iOS an absent one;
/// here an empty one is omitted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BundleInfo {
    /// The id on this device: ten letters and digits, or `builtin`.
    pub id: String,
    /// The version, as named by the publisher; of the built-in bundle, the version of the native app.
    pub version: String,
    /// When it was downloaded, or when the download began or failed; 1970 for the built-in bundle.
    pub downloaded: Timestamp,
    /// SHA-256 of the archive in hex; empty if unknown, and for the built-in bundle.
    pub checksum: String,
    /// What state it is in.
    pub status: BundleInfoStatus,
    /// A URL for people, from the publisher.
    pub link: Option<String>,
    /// A comment for people, from the publisher.
    pub comment: Option<String>,
}

/// The status of a bundle in the words of Capgo's plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BundleInfoStatus {
    /// Confirmed, or built in.
    Success,
    /// Failed on this device.
    Error,
    /// Downloaded and not confirmed.
    Pending,
    /// Being downloaded.
    Downloading,
    /// Deleted.
    Deleted,
    /// Being deleted.
    Deleting,
}

impl BundleInfoStatus {
    /// The status as JavaScript reads it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Pending => "pending",
            Self::Downloading => "downloading",
            Self::Deleted => "deleted",
            Self::Deleting => "deleting",
        }
    }
}

impl From<Status> for BundleInfoStatus {
    /// A confirmed bundle that is made the next one is `pending` again in the plugin, and here.
    fn from(status: Status) -> Self {
        match status {
            Status::Proven => Self::Success,
            Status::Installed | Status::Next | Status::Trial => Self::Pending,
        }
    }
}

impl BundleInfo {
    /// The built-in bundle of a native app of this version. Capgo's plugin writes `builtin` for an empty version.
    #[must_use]
    pub fn built_in(native_version: &str) -> Self {
        let version = if native_version.is_empty() {
            BundleRef::BUILT_IN
        } else {
            native_version
        };
        Self::new(BundleRef::BUILT_IN, version, Timestamp(0), BundleInfoStatus::Success)
    }

    /// An installed bundle.
    #[must_use]
    pub fn installed(record: &BundleRecord, status: Status) -> Self {
        Self {
            checksum: checksum(record.digest.as_ref()),
            link: record.link.clone(),
            comment: record.comment.clone(),
            ..Self::new(
                record.id.as_str(),
                &record.version,
                record.installed_at,
                BundleInfoStatus::from(status),
            )
        }
    }

    /// A bundle that failed on this device. The time is that of the failure, since the record of its download is gone.
    #[must_use]
    pub fn failed(bundle: &FailedBundle) -> Self {
        Self {
            checksum: checksum(bundle.digest.as_ref()),
            ..Self::new(bundle.id.as_str(), &bundle.version, bundle.at, BundleInfoStatus::Error)
        }
    }

    /// A bundle whose download began at this time. Its checksum is not known yet, as in the plugin.
    #[must_use]
    pub fn downloading(id: &BundleId, version: &str, since: Timestamp) -> Self {
        Self::new(id.as_str(), version, since, BundleInfoStatus::Downloading)
    }

    fn new(id: &str, version: &str, downloaded: Timestamp, status: BundleInfoStatus) -> Self {
        Self {
            id: id.to_owned(),
            version: version.to_owned(),
            downloaded,
            checksum: String::new(),
            status,
            link: None,
            comment: None,
        }
    }

    /// The object that JavaScript receives.
    #[must_use]
    pub fn to_json(&self) -> Value {
        JsonObject::new()
            .text("id", &self.id)
            .text("version", &self.version)
            .text("downloaded", &self.downloaded.to_iso8601())
            .text("checksum", &self.checksum)
            .text("status", self.status.as_str())
            .text_if_any("link", self.link.as_deref().filter(|text| !text.is_empty()))
            .text_if_any("comment", self.comment.as_deref().filter(|text| !text.is_empty()))
            .done()
    }
}

fn checksum(digest: Option<&Sha256Digest>) -> String {
    digest.map(Sha256Digest::to_string).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests;
