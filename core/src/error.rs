//! Errors: the kinds, the reasons, and the messages.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::{ParseDigestError, Sha256Digest};
use crate::finding::Finding;

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A coarse, stable classification of an [`Error`], meant for `match` in Rust, Swift and Kotlin.
///
/// Programs match on the kind; the message is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is not what the operation takes.
    InvalidInput,
    /// The folder or archive is not a web bundle, for example because it has no root `index.html`.
    NotABundle,
    /// The archive holds something that must not reach the disk, or contradicts itself.
    UnsafeArchive,
    /// A limit on size, count, depth or expansion was reached.
    LimitExceeded,
    /// The bytes do not have the expected digest.
    DigestMismatch,
    /// A signature does not verify with the given key.
    SignatureInvalid,
    /// The ciphertext cannot be decrypted with this key.
    DecryptionFailed,
    /// A key cannot be read, has the wrong size or is the wrong half of the pair.
    KeyInvalid,
    /// Local policy refuses the input: unsigned, malformed proof, downgrade, expired, wrong app.
    NotTrusted,
    /// A file, folder or bundle does not exist.
    NotFound,
    /// The bundle is in use and cannot be removed or replaced.
    InUse,
    /// Another process holds the lock, or made a conflicting change first.
    Busy,
    /// The disk is full, or too small for the operation.
    NoSpace,
    /// Reading or writing failed for another reason.
    Io,
    /// The network failed.
    Network,
    /// A server answered with an error.
    Server,
    /// The caller cancelled the operation.
    Cancelled,
    /// This version does not support the operation.
    Unsupported,
    /// Data stored by this crate cannot be read back.
    Corrupt,
}

/// Why no trusted TLS connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InsecureReason {
    /// The server's certificate is issued by an untrusted authority.
    UntrustedIssuer,
    /// The server answered without TLS.
    NoTls,
}

impl ErrorKind {
    /// The kind in snake case, for logs and machine-readable output. Stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::NotABundle => "not_a_bundle",
            Self::UnsafeArchive => "unsafe_archive",
            Self::LimitExceeded => "limit_exceeded",
            Self::DigestMismatch => "digest_mismatch",
            Self::SignatureInvalid => "signature_invalid",
            Self::DecryptionFailed => "decryption_failed",
            Self::KeyInvalid => "key_invalid",
            Self::NotTrusted => "not_trusted",
            Self::NotFound => "not_found",
            Self::InUse => "in_use",
            Self::Busy => "busy",
            Self::NoSpace => "no_space",
            Self::Io => "io",
            Self::Network => "network",
            Self::Server => "server",
            Self::Cancelled => "cancelled",
            Self::Unsupported => "unsupported",
            Self::Corrupt => "corrupt",
        }
    }
}

/// The reason in [`Error::ReleaseRefused`]: one for each check in docs/format.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The envelope or its document does not follow docs/format.md, or is too large.
    Malformed,
    /// Too few keys of the ring signed the document.
    Signatures,
    /// This version does not know the document's format.
    UnknownFormat,
    /// This version does not know a critical member.
    UnknownCritical,
    /// The document is for another app.
    WrongApp,
    /// The document is for another channel.
    WrongChannel,
    /// The native app was built with this release or a later one.
    BuiltInIsNewer,
    /// The device already accepted a later release of the channel, or another one with the same sequence.
    Replayed,
    /// The release has expired.
    Expired,
    /// The release does not support this native version.
    NativeOutOfRange,
    /// A content key of this app is also a signing key.
    KeyInBothRoles,
    /// The key ring's number is not one more than the previous ring's.
    WrongNumber,
    /// The key ring does not list a key that an earlier ring retired.
    RetiredKeyMissing,
    /// The archive is not the one in the release.
    ArchiveDiffers,
    /// The file list is not the one in the release, or the unpacked files differ from the list.
    FilesDiffer,
}

impl RefusalReason {
    /// The reason in snake case, as in docs/format.md. Stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Signatures => "signatures",
            Self::UnknownFormat => "unknown_format",
            Self::UnknownCritical => "unknown_critical",
            Self::WrongApp => "wrong_app",
            Self::WrongChannel => "wrong_channel",
            Self::BuiltInIsNewer => "built_in_is_newer",
            Self::Replayed => "replayed",
            Self::Expired => "expired",
            Self::NativeOutOfRange => "native_out_of_range",
            Self::KeyInBothRoles => "key_in_both_roles",
            Self::WrongNumber => "wrong_number",
            Self::RetiredKeyMissing => "retired_key_missing",
            Self::ArchiveDiffers => "archive_differs",
            Self::FilesDiffer => "files_differ",
        }
    }

    /// The coarse classification of an error with this reason.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Signatures => ErrorKind::SignatureInvalid,
            Self::UnknownFormat | Self::UnknownCritical => ErrorKind::Unsupported,
            Self::KeyInBothRoles => ErrorKind::KeyInvalid,
            Self::ArchiveDiffers | Self::FilesDiffer => ErrorKind::DigestMismatch,
            Self::Malformed
            | Self::WrongApp
            | Self::WrongChannel
            | Self::BuiltInIsNewer
            | Self::Replayed
            | Self::Expired
            | Self::NativeOutOfRange
            | Self::WrongNumber
            | Self::RetiredKeyMissing => ErrorKind::NotTrusted,
        }
    }
}

/// The error of every operation of this crate.
///
/// Messages name the path (and the archive entry), what was expected, what was found and what to do. They never contain
/// key material or tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument is not what the operation takes.
    #[error("{what}: {problem}")]
    InvalidInput {
        /// Which argument.
        what: String,
        /// What was expected and found.
        problem: String,
    },
    /// The check before packing found problems that would break the bundle on a device.
    #[error("{}: {}", folder.display(), first_error(findings))]
    CheckFailed {
        /// The folder to pack.
        folder: PathBuf,
        /// All findings, errors and warnings.
        findings: Vec<Finding>,
    },
    /// The archive is intact but not a web bundle.
    #[error("{}: not a web bundle: {problem}", path.display())]
    NotABundle {
        /// The archive or folder.
        path: PathBuf,
        /// What is missing.
        problem: String,
    },
    /// The archive is damaged, contradicts itself or tries to leave its folder.
    #[error("{}: unsafe archive{}: {problem}", path.display(), in_entry(entry.as_deref()))]
    UnsafeArchive {
        /// The archive.
        path: PathBuf,
        /// The entry, its name escaped for printing.
        entry: Option<String>,
        /// What is wrong with it.
        problem: String,
    },
    /// A limit was reached; see [`Limits`](crate::Limits).
    #[error("{}: {what} exceeds the limit of {limit}{}", path.display(), in_entry(entry.as_deref()))]
    LimitExceeded {
        /// The archive or folder.
        path: PathBuf,
        /// The entry, its name escaped for printing.
        entry: Option<String>,
        /// Which limit, in words.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The file does not have the expected digest.
    #[error("{}: expected SHA-256 {expected}, found {found}: the file is damaged or is a different one", path.display())]
    DigestMismatch {
        /// The file.
        path: PathBuf,
        /// The expected digest.
        expected: Sha256Digest,
        /// The digest of the file.
        found: Sha256Digest,
    },
    /// A signature does not verify with the given key, or with one of them.
    #[error("{what}: not signed by a trusted key: {problem}")]
    SignatureInvalid {
        /// What was verified.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The ciphertext does not decrypt.
    #[error("{}: cannot be decrypted: {problem}", path.display())]
    DecryptionFailed {
        /// The sealed file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A key is unusable.
    #[error("{origin}: {problem}")]
    KeyInvalid {
        /// The source of the key: a path or "key data". Never the key itself.
        origin: String,
        /// What is wrong with it and what was expected.
        problem: String,
    },
    /// Local policy refuses the input.
    #[error("{what}: not trusted: {problem}")]
    NotTrusted {
        /// What was refused.
        what: String,
        /// Why.
        problem: String,
    },
    /// An update server offers an archive without a checksum, and nothing else verifies it.
    #[error("{what}: no checksum: {problem}")]
    ChecksumRequired {
        /// What the server offers.
        what: String,
        /// Why a checksum is required, and what to do.
        problem: String,
    },
    /// TLS was requested, and no trusted connection could be made.
    #[error("{url}: not trusted: {problem}")]
    InsecureConnection {
        /// The URL, without its query.
        url: String,
        /// Why there is no trusted connection.
        reason: InsecureReason,
        /// Details.
        problem: String,
    },
    /// A release, a key ring, an archive or a file list is refused.
    #[error("{what}: refused ({}): {problem}", reason.as_str())]
    ReleaseRefused {
        /// What was refused.
        what: String,
        /// The check that failed.
        reason: RefusalReason,
        /// What was expected and found.
        problem: String,
    },
    /// This device refused the archive of the release before, for its contents, and did not download it again.
    #[error("this archive was refused before and is not downloaded again: {problem}")]
    RefusedBefore {
        /// The kind of the original error.
        kind: ErrorKind,
        /// The message of the original error.
        problem: String,
    },
    /// The disk is full.
    #[error("{}: no space left on the device ({operation})", path.display())]
    NoSpace {
        /// The operation.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The disk has too little free space for the operation.
    #[error(
        "{}: not enough space to {operation}: {needed} bytes are needed and {available} are free; free {} more",
        path.display(),
        needed.saturating_sub(*available)
    )]
    NotEnoughSpace {
        /// The operation.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Bytes needed, including a margin.
        needed: u64,
        /// Free bytes.
        available: u64,
    },
    /// The store has no such bundle.
    #[error("no bundle {id} is installed")]
    UnknownBundle {
        /// Its id.
        id: String,
    },
    /// The bundle is in use and cannot be removed.
    #[error("bundle {id} cannot be deleted: it is {role}")]
    InUse {
        /// Its id.
        id: String,
        /// How it is used.
        role: &'static str,
    },
    /// Another process or thread holds the lock: it is changing the store or the site, or downloading the same file.
    #[error("{}: in use by another process or thread ({}); retry when it has finished", path.display(), waiting(*waited))]
    Busy {
        /// The locked file.
        path: PathBuf,
        /// How long this call waited for the lock.
        waited: std::time::Duration,
    },
    /// This version, or its input, does not support the operation.
    #[error("{what}: not supported: {problem}")]
    Unsupported {
        /// What was requested.
        what: String,
        /// Why it is not supported.
        problem: String,
    },
    /// Data stored by this crate cannot be read back, or was changed.
    #[error("{}: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file or folder does not exist.
    #[error("{}: not found ({operation})", path.display())]
    NotFound {
        /// The operation.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Reading or writing failed.
    #[error("{}: {operation} failed: {source}", path.display())]
    Io {
        /// The operation.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The operating system's random number generator failed.
    #[error("the operating system's random number generator failed: {source}")]
    Random {
        /// The system's error.
        source: io::Error,
    },
    /// Cleaning up after a failure failed as well.
    #[error("{problem}; and {} could not be removed: {source}", folder.display())]
    LeftBehind {
        /// The folder that remains.
        folder: PathBuf,
        /// The first failure; this error has the same kind.
        problem: Box<Error>,
        /// Why the folder could not be removed.
        source: io::Error,
    },
    /// The network failed: there was no response, or no usable one.
    #[error("{url}: {problem}")]
    Network {
        /// The URL, without its query.
        url: String,
        /// What happened, and the number of attempts.
        problem: String,
    },
    /// The server responded with an error or violated HTTP.
    #[error("{url}: the server answered {status}{}", explained(problem))]
    Server {
        /// The URL, without its query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the status means here, or what is wrong with the response.
        problem: String,
    },
    /// The caller cancelled the operation through its [`CancelToken`](crate::progress::CancelToken).
    #[error("cancelled: {operation}")]
    Cancelled {
        /// The operation.
        operation: &'static str,
    },
}

impl Error {
    /// The coarse classification of this error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidInput { .. } => ErrorKind::InvalidInput,
            Self::CheckFailed { .. } | Self::NotABundle { .. } => ErrorKind::NotABundle,
            Self::UnsafeArchive { .. } => ErrorKind::UnsafeArchive,
            Self::LimitExceeded { .. } => ErrorKind::LimitExceeded,
            Self::DigestMismatch { .. } => ErrorKind::DigestMismatch,
            Self::SignatureInvalid { .. } => ErrorKind::SignatureInvalid,
            Self::DecryptionFailed { .. } => ErrorKind::DecryptionFailed,
            Self::KeyInvalid { .. } => ErrorKind::KeyInvalid,
            Self::NotTrusted { .. } | Self::ChecksumRequired { .. } | Self::InsecureConnection { .. } => {
                ErrorKind::NotTrusted
            }
            Self::ReleaseRefused { reason, .. } => reason.kind(),
            Self::RefusedBefore { kind, .. } => *kind,
            Self::NoSpace { .. } | Self::NotEnoughSpace { .. } => ErrorKind::NoSpace,
            Self::NotFound { .. } | Self::UnknownBundle { .. } => ErrorKind::NotFound,
            Self::InUse { .. } => ErrorKind::InUse,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::Io { .. } | Self::Random { .. } => ErrorKind::Io,
            Self::LeftBehind { problem, .. } => problem.kind(),
            Self::Network { .. } => ErrorKind::Network,
            Self::Server { .. } => ErrorKind::Server,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
        }
    }

    /// An I/O error of `operation` at `path`, as [`NoSpace`](Self::NoSpace), [`NotFound`](Self::NotFound) or [`Io`](Self::Io).
    #[must_use]
    pub fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace {
                operation,
                path,
                source,
            },
            io::ErrorKind::NotFound => Self::NotFound {
                operation,
                path,
                source,
            },
            _ => Self::Io {
                operation,
                path,
                source,
            },
        }
    }

    /// The operating system's random number generator failed.
    pub fn random(source: impl Into<io::Error>) -> Self {
        Self::Random { source: source.into() }
    }

    /// An argument is not what the operation takes.
    pub fn invalid_input(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::InvalidInput {
            what: what.into(),
            problem: problem.into(),
        }
    }

    /// The key from `origin` is unusable.
    pub fn key_invalid(origin: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::KeyInvalid {
            origin: origin.into(),
            problem: problem.into(),
        }
    }

    /// Local policy refuses `what`.
    pub fn not_trusted(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::NotTrusted {
            what: what.into(),
            problem: problem.into(),
        }
    }

    pub(crate) fn unsafe_archive(path: &Path, entry: Option<String>, problem: impl Into<String>) -> Self {
        Self::UnsafeArchive {
            path: path.to_path_buf(),
            entry,
            problem: problem.into(),
        }
    }
}

impl From<ParseDigestError> for Error {
    fn from(error: ParseDigestError) -> Self {
        Self::invalid_input("checksum", error.to_string())
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

fn in_entry(entry: Option<&str>) -> String {
    entry.map(|name| format!(" (entry {name})")).unwrap_or_default()
}

fn waiting(waited: std::time::Duration) -> String {
    match waited.as_millis() {
        0 => "did not wait for it".to_owned(),
        waited => format!("waited {waited} ms for it"),
    }
}

fn explained(problem: &str) -> String {
    if problem.is_empty() {
        String::new()
    } else {
        format!(": {problem}")
    }
}

fn first_error(findings: &[Finding]) -> String {
    let mut errors = findings.iter().filter(|finding| finding.is_error());
    let Some(first) = errors.next() else {
        return "the check failed".to_owned();
    };
    match errors.count() {
        0 => first.to_string(),
        more => format!("{first} (and {more} more)"),
    }
}
