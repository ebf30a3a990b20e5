//! Why a release, a key ring or what was downloaded for it is refused.

use crate::error::{Error, ErrorKind};

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

/// A refusal on its way to the place that knows what was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: RefusalReason,
    pub(crate) problem: String,
}

impl Refusal {
    pub(crate) fn new(reason: RefusalReason, problem: impl Into<String>) -> Self {
        let problem = problem.into();
        Self { reason, problem }
    }

    pub(crate) fn malformed(problem: impl Into<String>) -> Self {
        Self::new(RefusalReason::Malformed, problem)
    }

    pub(crate) fn of(self, what: impl Into<String>) -> Error {
        Error::ReleaseRefused {
            what: what.into(),
            reason: self.reason,
            problem: self.problem,
        }
    }
}
