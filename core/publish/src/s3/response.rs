//! A response of the server.

use crate::error::{Error, Result};
use capbundle::http::client::Response;

/// Codes for bytes that do not match their checksum.
const MISMATCHES: [&str; 3] = ["BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"];
/// Codes of 400 and 403 whose cause is not an unsupported header. A wrong signature is one of them: a proxy that drops the header
/// already shows that with the `HEAD` before the upload.
const CAUSES: [&str; 29] = [
    "BadDigest",
    "InvalidDigest",
    "XAmzContentSHA256Mismatch",
    "IncompleteBody",
    "RequestTimeout",
    "AccessDenied",
    "AllAccessDisabled",
    "AccountProblem",
    "AuthorizationHeaderMalformed",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "XAdminUserNotFound",
    "NotSignedUp",
    "InvalidToken",
    "ExpiredToken",
    "TokenRefreshRequired",
    "RequestTimeTooSkewed",
    "IllegalLocationConstraintException",
    "InvalidBucketName",
    "KeyTooLongError",
    "MetadataTooLarge",
    "EntityTooSmall",
    "EntityTooLarge",
    "QuotaExceeded",
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidObjectState",
    "NoSuchBucket",
    "NoSuchUpload",
];

/// A response of the server.
pub(super) enum S3Response {
    /// A success.
    Done(Response),
    /// An error.
    Refused(Refused),
}

impl S3Response {
    /// Turns an error response into an error.
    pub(super) fn done(self) -> Result<Response> {
        match self {
            Self::Done(response) => Ok(response),
            Self::Refused(refused) => Err(refused.into_error()),
        }
    }
}

/// An error response.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    /// The S3 error code; empty if the response has no code.
    pub(super) code: String,
    pub(super) url: String,
    pub(super) problem: String,
    pub(super) mentions_checksums: bool,
}

impl Refused {
    /// Whether the bytes were damaged or too slow, so that the same request may succeed.
    pub(super) fn is_transient(&self) -> bool {
        // A success whose body is an error may succeed the next time.
        (200..300).contains(&self.status)
            && matches!(self.code.as_str(), "InternalError" | "SlowDown" | "ServiceUnavailable")
            || self.status == 400 && matches!(self.code.as_str(), "RequestTimeout" | "BadDigest" | "IncompleteBody")
    }

    /// Whether it is about the checksum header itself, rather than the checksum in it.
    pub(super) fn names_checksums(&self) -> bool {
        self.status >= 400 && self.mentions_checksums && !MISMATCHES.contains(&self.code.as_str())
    }

    /// Whether it may be about an unsupported header, because it names no other cause.
    pub(super) fn names_no_other_cause(&self) -> bool {
        matches!(self.status, 400 | 403 | 501) && !CAUSES.contains(&self.code.as_str())
    }

    /// Whether another client is writing the same object.
    pub(super) fn is_concurrent(&self) -> bool {
        self.status == 409 && self.code == "ConditionalRequestConflict"
    }

    /// Whether valid credentials lack the permission.
    pub(super) fn is_not_allowed(&self) -> bool {
        self.status == 403 && matches!(self.code.as_str(), "AccessDenied" | "AllAccessDisabled")
    }

    pub(super) fn into_error(self) -> Error {
        Error::Core(capbundle::Error::Server {
            url: self.url,
            status: self.status,
            problem: self.problem,
        })
    }
}
