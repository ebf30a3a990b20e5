//! What keeps the server from starting, or a command from working.

use std::io;
use std::path::PathBuf;

/// The result of everything that is not a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the server does not start, or a command does not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is wrong.
    #[error("{what}: {problem}")]
    Setting {
        /// Which.
        what: &'static str,
        /// What was found, and what to do.
        problem: String,
    },
    /// A file or folder cannot be used.
    #[error("{}: cannot {operation}: {source}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
    /// Another server works on the same folder.
    #[error("{}: another server works in this folder", data.display())]
    InUse {
        /// The folder.
        data: PathBuf,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Host and port.
        address: std::net::SocketAddr,
        /// The system's own error.
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The database was written by a newer version of this program.
    #[error("the database has format {found}, and this version knows {known}: run a newer version")]
    Newer {
        /// The format found.
        found: i64,
        /// The format known.
        known: i64,
    },
    /// The operating system gave no random numbers.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
    /// The runtime could not be made, or a thread of the server died.
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
