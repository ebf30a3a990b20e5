//! Errors in Swift and Kotlin: one case per kind, each with a readable message.
//!
//! The error is «flat»: only the case and the text cross the FFI. This is the one form in which the text
//! becomes `Exception.message` in Kotlin; the bindings add `kind`.

use std::fmt;

use capbundle_core as core;

/// The result of every fallible exported function.
pub(crate) type Result<T, E = CapBundleError> = std::result::Result<T, E>;

/// Declares the kind and the error with the same cases, so that the two cannot differ.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident,)+) => {
        /// The kind of an error, for programs. The message is for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        /// Every error of this library. The message says what was expected, what was found and what to do; it never holds
        /// key material.
        #[derive(Debug, Clone, PartialEq, Eq, uniffi::Error)]
        #[uniffi(flat_error)]
        pub enum CapBundleError {
            $($(#[doc = $doc])+ $kind(String),)+
        }

        impl CapBundleError {
            /// An error of this kind.
            pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
                match kind {
                    $(ErrorKind::$kind => Self::$kind(message.into()),)+
                }
            }

            /// The kind of this error.
            #[must_use]
            pub fn kind(&self) -> ErrorKind {
                match self {
                    $(Self::$kind(_) => ErrorKind::$kind,)+
                }
            }
        }

        impl fmt::Display for CapBundleError {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$kind(message) => formatter.write_str(message),)+
                }
            }
        }
    };
}

kinds! {
    /// An argument is invalid.
    InvalidInput,
    /// The folder or archive is not a web bundle, for example because it has no root `index.html`.
    NotABundle,
    /// The archive contains an entry that must not reach the disk, or contradicts itself.
    UnsafeArchive,
    /// A limit on size, count, depth or expansion was exceeded.
    LimitExceeded,
    /// The bytes do not match the digest.
    DigestMismatch,
    /// A signature was not made by the expected key.
    SignatureInvalid,
    /// The ciphertext cannot be decrypted with this key.
    DecryptionFailed,
    /// A key cannot be read, has an unsupported size or is the wrong half of the pair.
    KeyInvalid,
    /// Local policy refuses it: it is unsigned, its proof is malformed, or the bundle failed before.
    NotTrusted,
    /// The given file, folder or bundle does not exist.
    NotFound,
    /// It is in use and cannot be removed or replaced.
    InUse,
    /// Another process or thread holds the lock. Retrying later may succeed.
    Busy,
    /// The disk is full or would become full.
    NoSpace,
    /// Another read or write error.
    Io,
    /// The network failed.
    Network,
    /// A server answered with an error.
    Server,
    /// The caller cancelled the operation.
    Cancelled,
    /// This version does not support the operation or format.
    Unsupported,
    /// Stored data cannot be read back.
    Corrupt,
    /// An observer or transport of the host threw or broke its contract; the operation was stopped.
    Callback,
    /// A bug in this library: please report it. The operation did not complete.
    Internal,
}

impl std::error::Error for CapBundleError {}

impl From<core::Error> for CapBundleError {
    fn from(error: core::Error) -> Self {
        Self::from(&error)
    }
}

impl From<core::digest::ParseDigestError> for CapBundleError {
    fn from(error: core::digest::ParseDigestError) -> Self {
        core::Error::from(error).into()
    }
}

impl From<&core::Error> for CapBundleError {
    fn from(error: &core::Error) -> Self {
        Self::new(error.kind().into(), error.to_string())
    }
}

impl From<core::ErrorKind> for ErrorKind {
    fn from(kind: core::ErrorKind) -> Self {
        match kind {
            core::ErrorKind::InvalidInput => Self::InvalidInput,
            core::ErrorKind::NotABundle => Self::NotABundle,
            core::ErrorKind::UnsafeArchive => Self::UnsafeArchive,
            core::ErrorKind::LimitExceeded => Self::LimitExceeded,
            core::ErrorKind::DigestMismatch => Self::DigestMismatch,
            core::ErrorKind::SignatureInvalid => Self::SignatureInvalid,
            core::ErrorKind::DecryptionFailed => Self::DecryptionFailed,
            core::ErrorKind::KeyInvalid => Self::KeyInvalid,
            core::ErrorKind::NotTrusted => Self::NotTrusted,
            core::ErrorKind::NotFound => Self::NotFound,
            core::ErrorKind::InUse => Self::InUse,
            core::ErrorKind::Busy => Self::Busy,
            core::ErrorKind::NoSpace => Self::NoSpace,
            core::ErrorKind::Io => Self::Io,
            core::ErrorKind::Network => Self::Network,
            core::ErrorKind::Server => Self::Server,
            core::ErrorKind::Cancelled => Self::Cancelled,
            core::ErrorKind::Unsupported => Self::Unsupported,
            core::ErrorKind::Corrupt => Self::Corrupt,
            // A kind that this list lacks is a bug in this library, which a test detects.
            _ => Self::Internal,
        }
    }
}

pub(crate) fn invalid_input(what: impl Into<String>, problem: impl Into<String>) -> CapBundleError {
    let (what, problem) = (what.into(), problem.into());
    core::Error::InvalidInput { what, problem }.into()
}

/// The error that an observer of the host throws. Any other exception also arrives as this one.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Error)]
pub enum CallbackError {
    /// The observer failed.
    Failed {
        /// The reason, for people.
        reason: String,
    },
}

impl fmt::Display for CallbackError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Failed { reason } = self;
        formatter.write_str(reason)
    }
}

impl std::error::Error for CallbackError {}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed {
            reason: first_line(&error.reason),
        }
    }
}

/// Kotlin sends a whole stack trace; the first line is the readable part.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests;
