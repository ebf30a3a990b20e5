//! Errors of publishing.

use std::io;
use std::path::Path;

use capbundle::ErrorKind;

use crate::api_error::ApiError;

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every way that publishing can fail.
///
/// Messages name what failed, on what, why, and what to do. They never hold keys or tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation of the core failed: files, keys, archives, the network.
    #[error(transparent)]
    Core(#[from] capbundle::Error),
    /// A server of the Bundles API refused the request.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// Another publisher changed it between reading and writing; nothing was overwritten.
    #[error("{what}: modified concurrently; nothing was overwritten. Review it and retry")]
    ModifiedConcurrently {
        /// The object that was to be changed.
        what: String,
    },
    /// The location holds no site. Only publishing creates one.
    #[error("{site}: no site found; check the location, or publish a release or key ring to it first")]
    NoSuchSite {
        /// The location.
        site: String,
    },
    /// The site has neither a channel of this name nor a release for it. Only publishing creates a channel.
    #[error("channel {channel}: {site} has no such channel{}", known_channels(known))]
    NoSuchChannel {
        /// The channel that was requested.
        channel: String,
        /// The site.
        site: String,
        /// The channels it has.
        known: Vec<String>,
    },
}

impl From<capbundle::digest::ParseDigestError> for Error {
    fn from(error: capbundle::digest::ParseDigestError) -> Self {
        Self::Core(error.into())
    }
}

fn known_channels(known: &[String]) -> String {
    match known {
        [] => String::new(),
        known => format!("; it has {}", known.join(", ")),
    }
}

impl Error {
    /// The coarse classification of this error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Core(error) => error.kind(),
            Self::Api(_) => ErrorKind::Server,
            Self::ModifiedConcurrently { .. } => ErrorKind::Busy,
            Self::NoSuchSite { .. } | Self::NoSuchChannel { .. } => ErrorKind::NotFound,
        }
    }

    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Core(capbundle::Error::io(operation, path, source))
    }

    pub(crate) fn invalid_input(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Core(capbundle::Error::invalid_input(what, problem))
    }

    pub(crate) fn key_invalid(origin: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Core(capbundle::Error::key_invalid(origin, problem))
    }

    pub(crate) fn not_trusted(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Core(capbundle::Error::not_trusted(what, problem))
    }
}

/// Adds the operation and the path to an I/O error.
pub(crate) trait IoContext<T> {
    fn with_path(self, operation: &'static str, path: &Path) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn with_path(self, operation: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::io(operation, path, source))
    }
}
