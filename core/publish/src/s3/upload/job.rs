//! The upload of one file to one key, and its result.

use std::sync::{Mutex, PoisonError};

use super::super::bucket::Bucket;
use super::super::object::StoredObject;
use super::super::response::Refused;
use super::plan::Plan;
use crate::error::{Error, Result};
use capbundle::progress::Control;

pub(super) const OPERATION: &str = "upload a file";

/// The upload of one file to one key.
pub(super) struct Job<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) plan: &'a Plan,
    pub(super) key: &'a str,
    /// The headers of the object.
    pub(super) headers: Vec<(String, String)>,
    pub(super) parallel: usize,
    /// Whether checksum headers are sent.
    pub(super) checksums: bool,
    /// Whether an open upload may be resumed.
    pub(super) resume: bool,
    /// Whether to write only if no object exists, since the credentials cannot read.
    pub(super) only_if_absent: bool,
    /// The written object, as soon as the server confirmed it.
    pub(super) written: &'a Mutex<Option<StoredObject>>,
    pub(super) control: &'a Control,
}

/// How the stored bytes were compared with the sent ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checked {
    /// The server confirmed the SHA-256 of every part.
    ByServer,
    /// Only the size was compared: the server does not support checksums. The signature covers the digests nevertheless, and most
    /// servers check it.
    BySize,
}

/// The result of sending.
pub(super) enum SendOutcome {
    Sent(Sent),
    /// The server refuses checksum headers; nothing remains of the attempt.
    NoChecksums(Refused),
}

pub(super) struct Sent {
    pub(super) resumed: u32,
    pub(super) checked: Checked,
    pub(super) etag: Option<String>,
}

impl Job<'_> {
    pub(super) fn note_written(&self, etag: Option<&str>) {
        let written = StoredObject {
            digest: self.plan.digest,
            etag: etag.map(str::to_owned),
        };
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(written);
    }

    /// Compares the server's checksum with ours.
    pub(super) fn compare(&self, theirs: Option<&str>, ours: &str) -> Result<Checked> {
        match theirs {
            None => Ok(Checked::BySize),
            Some(theirs) if theirs == ours => Ok(Checked::ByServer),
            Some(theirs) => {
                let problem = format!("expected SHA-256 (Base64) {ours}, found {theirs}");
                Err(self.bucket.not_as_sent(self.key, &problem))
            }
        }
    }
}

impl Bucket {
    pub(super) fn not_as_sent(&self, key: &str, problem: &str) -> Error {
        Error::Core(capbundle::Error::Server {
            url: self.place.object_url(key).to_string(),
            status: 200,
            problem: format!("the stored object differs from the uploaded file: {problem}"),
        })
    }
}
