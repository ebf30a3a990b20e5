//! Uploads to a key whose object cannot be read: the credentials may only write, or a response was lost.
//!
//! The upload then has the precondition that no object exists, if the server supports it. A server that accepts and ignores the
//! precondition cannot be detected.

use super::super::object::Looked;
use super::super::response::Refused;
use super::job::{Checked, Job, Sent};
use crate::error::Error;

/// Whether a file arrived whose upload was sent more than once.
pub(super) enum Arrived {
    Yes(Sent),
    No,
    /// The object cannot be read, or reading failed.
    Unknown,
}

impl Job<'_> {
    /// Checks whether a request whose response was lost completed the upload.
    pub(super) fn arrived(&self, resumed: u32) -> Arrived {
        match self.bucket.look(self.key, self.control) {
            Ok(Looked::There(object)) if self.plan.is(&object) => {
                self.note_written(object.etag.as_deref());
                Arrived::Yes(Sent {
                    resumed,
                    checked: Checked::BySize,
                    etag: object.etag,
                })
            }
            Ok(Looked::There(_) | Looked::Absent) => Arrived::No,
            Ok(Looked::Hidden(_)) | Err(_) => Arrived::Unknown,
        }
    }

    /// The precondition of a write to a key that cannot be read.
    pub(super) fn condition(&self) -> Option<(String, String)> {
        self.only_if_absent
            .then(|| ("if-none-match".to_owned(), "*".to_owned()))
    }

    /// The error for a refusal of the write.
    pub(super) fn not_written(&self, refused: Refused) -> Error {
        let refuse = |problem: &str| {
            let what = format!("S3 key in bucket {}", self.bucket.name());
            Error::invalid_input(what, format!("{}: {problem}", self.key))
        };
        if self.only_if_absent && (refused.status == 412 || refused.is_concurrent()) {
            return refuse(
                "an object exists there, and the credentials may not read whether it is this file; devices may already expect it: \
                 use another key or version, allow the credentials to read, or allow replacing it (`replace`; \
                 `--s3-replace`)",
            );
        }
        if self.only_if_absent && refused.status == 501 {
            return refuse(
                "the credentials may not read what is stored there, and the store does not support preconditions that prevent \
                 replacing it: allow the credentials to read, or allow replacing it (`replace`; `--s3-replace`)",
            );
        }
        refused.into_error()
    }

    /// The error for a refusal after an earlier attempt whose result is unknown. It is a network error, since after a refusal the
    /// caller would assume that nothing was written.
    pub(super) fn unknown(&self, refused: Refused) -> Error {
        Error::Core(capbundle::Error::Network {
            url: self.bucket.place.object_url(self.key).to_string(),
            problem: format!(
                "a repeated request was refused ({}); whether an earlier attempt stored the file is unknown, since the credentials may \
                 not read",
                refused.into_error()
            ),
        })
    }
}
