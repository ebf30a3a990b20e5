//! What can go wrong, told so that the person who reads it knows what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::{ParseDigestError, Sha256Digest};
use crate::finding::Finding;

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A coarse, stable classification of an [`Error`], meant for `match` in Rust, Swift and Kotlin.
///
/// The message of the error is for people; this is for programs.
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
    /// The bytes are others than the digest says.
    DigestMismatch,
    /// A signature was not made by the key it was checked with.
    SignatureInvalid,
    /// The ciphertext cannot be decrypted with this key.
    DecryptionFailed,
    /// A key cannot be read, has the wrong size or is the wrong half of the pair.
    KeyInvalid,
    /// Local policy refuses it: unsigned, malformed proof, downgrade, expiry, wrong app.
    NotTrusted,
    /// A file, folder or bundle that was named does not exist.
    NotFound,
    /// It is in use and cannot be removed or replaced.
    InUse,
    /// Another process holds the lock, or was quicker.
    Busy,
    /// The disk is full or would be.
    NoSpace,
    /// Reading or writing failed for another reason.
    Io,
    /// The network failed.
    Network,
    /// A server answered with an error.
    Server,
    /// The caller cancelled the operation.
    Cancelled,
    /// This version cannot do that.
    Unsupported,
    /// Something stored by this crate cannot be read back.
    Corrupt,
}

/// Why a connection with TLS was not made, and so what may be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InsecureReason {
    /// The server's certificate is signed by an authority that is not trusted.
    UntrustedIssuer,
    /// The server answered without TLS.
    NoTls,
}

impl ErrorKind {
    /// The kind as a stable word in snake case, for logs and machine-readable output.
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

/// Why [`Error::ReleaseRefused`] was the answer: one word for each check of docs/format.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The envelope or the document in it is not what docs/format.md says, or larger.
    Malformed,
    /// Too few keys of the ring signed it.
    Signatures,
    /// It has a format that this version does not know.
    UnknownFormat,
    /// It has a critical member that this version does not know.
    UnknownCritical,
    /// It is for another app.
    WrongApp,
    /// It is for another channel.
    WrongChannel,
    /// The native app was built with this release or a later one.
    BuiltInIsNewer,
    /// A later release of the channel was accepted before, or another one with the same sequence.
    Replayed,
    /// It is past its time.
    Expired,
    /// It does not run on this native version.
    NativeOutOfRange,
    /// A content key of this app is a signing key as well.
    KeyInBothRoles,
    /// A key ring that does not follow the one before by number.
    WrongNumber,
    /// A key ring that forgets a retired key.
    RetiredKeyMissing,
    /// The archive is not the one that the release names.
    ArchiveDiffers,
    /// The file list is not the one that the release names, or the unpacked files are not those of the list.
    FilesDiffer,
}

impl RefusalReason {
    /// The reason as a stable word in snake case: the one in docs/format.md.
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

/// Every way an operation of this crate can fail.
///
/// Messages name the path (and the archive entry, where there is one), what was expected, what was found and what
/// to do. They never hold key material or tokens.
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
    /// The folder was checked before packing and has faults that would break it on a device.
    #[error("{}: {}", folder.display(), first_error(findings))]
    CheckFailed {
        /// The folder that was to be packed.
        folder: PathBuf,
        /// All findings, errors and warnings.
        findings: Vec<Finding>,
    },
    /// The archive is sound but not a web bundle.
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
    /// The file is not the one the digest names.
    #[error("{}: SHA-256 is {found}, expected {expected}: the file is damaged or another one", path.display())]
    DigestMismatch {
        /// The file.
        path: PathBuf,
        /// The digest it should have.
        expected: Sha256Digest,
        /// The digest it has.
        found: Sha256Digest,
    },
    /// A signature was not made by this key.
    #[error("{what}: not signed by this key: {problem}")]
    SignatureInvalid {
        /// What was to be verified.
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
        /// Where the key came from: a path or "key data". Never the key itself.
        origin: String,
        /// What is wrong with it and what was expected.
        problem: String,
    },
    /// Local policy refuses what was offered.
    #[error("{what}: not trusted: {problem}")]
    NotTrusted {
        /// What was refused.
        what: String,
        /// Why.
        problem: String,
    },
    /// TLS was requested, and no trusted connection could be made.
    #[error("{url}: not trusted: {problem}")]
    InsecureConnection {
        /// The address, without its query.
        url: String,
        /// What may be done about it.
        reason: InsecureReason,
        /// Why.
        problem: String,
    },
    /// A release, a key ring or what was downloaded for it is refused.
    #[error("{what}: refused ({}): {problem}", reason.as_str())]
    ReleaseRefused {
        /// What was refused.
        what: String,
        /// By which check.
        reason: RefusalReason,
        /// What was expected and found.
        problem: String,
    },
    /// The archive of a release was refused on this device before, for what is in it, and was not downloaded again.
    #[error("refused before, and not downloaded again: {problem}")]
    RefusedBefore {
        /// The kind of the error that it was refused with.
        kind: ErrorKind,
        /// The message of that error.
        problem: String,
    },
    /// The disk is full.
    #[error("{}: no space left on the device ({operation})", path.display())]
    NoSpace {
        /// What was being done.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
    /// The disk has not enough space for what is to be done.
    #[error(
        "{}: {needed} bytes are needed to {operation} and {available} are free: {} are missing",
        path.display(),
        needed.saturating_sub(*available)
    )]
    NotEnoughSpace {
        /// What was to be done.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// Bytes that it takes, a margin included.
        needed: u64,
        /// Bytes that are free.
        available: u64,
    },
    /// The store knows no such bundle.
    #[error("no bundle {id} is installed")]
    UnknownBundle {
        /// Its id.
        id: String,
    },
    /// A bundle is needed and cannot be removed.
    #[error("bundle {id} cannot be deleted: it is {role}")]
    InUse {
        /// Its id.
        id: String,
        /// What it is needed for.
        role: &'static str,
    },
    /// Another process or thread holds a lock: it changes the store or the site, or downloads the same file.
    #[error("{}: in use by another process or thread ({}); retry when it has finished", path.display(), waiting(*waited))]
    Busy {
        /// The locked file.
        path: PathBuf,
        /// How long this call waited for it.
        waited: std::time::Duration,
    },
    /// This version, or what it works on, cannot do that.
    #[error("{what}: not supported: {problem}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// Why it cannot be done.
        problem: String,
    },
    /// Something that this crate stored cannot be read back, or is not what was stored.
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
        /// What was being done.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
    /// Reading or writing failed.
    #[error("{}: {operation} failed: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
    /// The operating system gave no random numbers.
    #[error("the operating system's random number generator failed: {source}")]
    Random {
        /// The system's own error.
        source: io::Error,
    },
    /// After a failure not everything could be removed again.
    #[error("{problem}; and {} could not be removed: {source}", folder.display())]
    LeftBehind {
        /// What remains.
        folder: PathBuf,
        /// What failed first; its kind is the kind of this error.
        problem: Box<Error>,
        /// Why it could not be removed.
        source: io::Error,
    },
    /// The network failed: no answer came, or none that could be used.
    #[error("{url}: {problem}")]
    Network {
        /// Whom was asked, without the query.
        url: String,
        /// What happened and how often it was tried.
        problem: String,
    },
    /// A server answered with an error, or with what HTTP does not allow.
    #[error("{url}: the server answered {status}{}", explained(problem))]
    Server {
        /// Whom was asked, without the query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What that means here, or what is wrong with the answer.
        problem: String,
    },
    /// The caller cancelled the operation through its [`CancelToken`](crate::progress::CancelToken).
    #[error("cancelled: {operation}")]
    Cancelled {
        /// What was being done.
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
            Self::NotTrusted { .. } | Self::InsecureConnection { .. } => ErrorKind::NotTrusted,
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

    /// The operating system gave no random numbers.
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

    pub fn key_invalid(origin: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::KeyInvalid {
            origin: origin.into(),
            problem: problem.into(),
        }
    }

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

/// Adds to an I/O error what was done and where, at the one place where both are known.
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
