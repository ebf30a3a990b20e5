//! Failures of the demo.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use capbundle_publish::Error;

/// A stable code and a message.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// A step had an unexpected result.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new("demo_failed", message)
    }

    /// The demo's own I/O failed.
    pub(crate) fn io(operation: &str, path: &Path, error: &io::Error) -> Self {
        Self::new("io", format!("{}: {operation} failed: {error}", path.display()))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Core(capbundle::Error::ReleaseRefused { reason, .. }) => reason.as_str(),
            other => other.kind().as_str(),
        };
        Self::new(code, error.to_string())
    }
}

impl From<capbundle::Error> for Failure {
    fn from(error: capbundle::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<capbundle::digest::ParseDigestError> for Failure {
    fn from(error: capbundle::digest::ParseDigestError) -> Self {
        Error::from(error).into()
    }
}
