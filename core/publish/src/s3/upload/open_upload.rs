//! A multipart upload that is open on the server, and how it is aborted.

use super::super::request::S3Request;
use super::super::response::S3Response;
use super::job::Job;
use crate::error::{Error, Result};
use capbundle::http::Method;
use capbundle::progress::Control;

/// The code for an upload that was completed or aborted before.
pub(super) const NO_SUCH_UPLOAD: &str = "NoSuchUpload";
/// Few, so that the error of a failed upload is reported soon.
const ABORT_ATTEMPTS: u32 = 3;

/// A multipart upload that is open on the server.
pub(super) struct Open {
    pub(super) id: String,
    /// The parts that the server has, in order.
    pub(super) there: Vec<Option<StoredPart>>,
}

/// A part that the server has.
#[derive(Debug, Clone)]
pub(super) struct StoredPart {
    pub(super) etag: String,
    /// Whether the server confirmed its checksum.
    pub(super) checked: bool,
}

impl Job<'_> {
    /// Aborts an upload. Cannot be cancelled.
    pub(super) fn abort(&self, id: &str) -> Result<()> {
        let query = [("uploadId", id)];
        let mut request = S3Request::new(Method::Delete, Some(self.key), "abort an upload");
        request.query = &query;
        request.attempts = ABORT_ATTEMPTS;
        match self.bucket.send(&request, &Control::new(), &mut ())? {
            S3Response::Refused(refused) if refused.status == 404 => Ok(()),
            answer => answer.done().map(|_| ()),
        }
    }
}

/// The message for an upload that could not be aborted.
pub(super) fn left_open(id: &str, why: &Error) -> String {
    format!("the multipart upload {id} is left open on the server, since it could not be aborted: {why}")
}
