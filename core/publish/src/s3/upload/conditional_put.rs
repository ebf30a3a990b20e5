//! Uploads to a key of which nobody can say what is there: the credentials may write and not look, or an answer was lost.
//!
//! The server itself is then asked to write only where nothing is, where it knows that condition. One that takes it and does not
//! look at it cannot be told from one that does.

use super::super::error::Refused;
use super::{Checked, Job, Looked, Sent};
use crate::error::Error;

/// What a look tells of a file whose upload was asked for more than once.
pub(super) enum Arrived {
    Yes(Sent),
    No,
    /// Nobody may look, or looking failed.
    Unseen,
}

impl Job<'_> {
    /// The answer to a request that finished it may have been lost, and then the file is there.
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
            Ok(Looked::Hidden(_)) | Err(_) => Arrived::Unseen,
        }
    }

    /// The condition under which what nobody can see is written.
    pub(super) fn condition(&self) -> Option<(String, String)> {
        self.only_if_absent
            .then(|| ("if-none-match".to_owned(), "*".to_owned()))
    }

    /// What a refusal of the request that writes the file means.
    pub(super) fn not_written(&self, refused: Refused) -> Error {
        let refuse = |problem: &str| {
            let what = format!("S3 key in bucket {}", self.bucket.name());
            Error::invalid_input(what, format!("{}: {problem}", self.key))
        };
        if self.only_if_absent && (refused.status == 412 || refused.is_concurrent()) {
            return refuse(
                "something is stored there, and the credentials may not look whether it is this file; devices may have been told \
                 its checksum: take another key or version, let the credentials look, or allow replacing it (`replace`; \
                 `--s3-replace`)",
            );
        }
        if self.only_if_absent && refused.status == 501 {
            return refuse(
                "the credentials may not look what is stored there, and the store knows no condition that keeps it from being \
                 replaced: let the credentials look, or allow replacing it (`replace`; `--s3-replace`)",
            );
        }
        refused.into_error()
    }

    /// A refusal after an earlier try whose fate nobody can see: an error of the network is one after which nobody knows.
    pub(super) fn unknown(&self, refused: Refused) -> Error {
        Error::Core(capbundle::Error::Network {
            url: self.bucket.place.object_url(self.key).to_string(),
            problem: format!(
                "it refused to go on ({}); whether the file arrived all the same, by a try whose answer was lost, is not known, \
                 since nobody may look",
                refused.into_error()
            ),
        })
    }
}
