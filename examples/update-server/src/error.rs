//! Errors of starting the server and of its commands.

use std::io;
use std::path::PathBuf;

/// The result of everything that is not a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the server cannot start, or a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is invalid.
    #[error("{setting}: {reason}")]
    InvalidSetting {
        /// The option or argument.
        setting: &'static str,
        /// The expected value and the one found, or the cause.
        reason: String,
    },
    /// A file or folder cannot be used.
    #[error("{}: cannot {operation}: {source}", path.display())]
    File {
        /// The operation that failed.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Another server uses the data folder.
    #[error("{}: another server uses this folder; stop it, or pass another --data", data.display())]
    InUse {
        /// The data folder.
        data: PathBuf,
    },
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address and port.
        address: std::net::SocketAddr,
        /// The operating system's error.
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The database was written by a newer version of this program.
    #[error(
        "the database has format {found}, but this version supports formats up to {known}: install a newer version"
    )]
    NewerDatabase {
        /// The format of the database.
        found: i64,
        /// The newest format that this version supports.
        known: i64,
    },
    /// The operating system returned no random bytes.
    #[error("cannot get random bytes from the operating system: {0}")]
    Random(getrandom::Error),
    /// The server could not create its threads, or one of them failed.
    #[error("the server stopped: {0}")]
    Stopped(String),
}

impl Error {
    pub(crate) fn file(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            operation,
            path,
            source,
        }
    }
}
