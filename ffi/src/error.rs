//! Errors as Swift and Kotlin see them: one case for each kind, each with a message a person can use.
//!
//! The error is «flat»: what crosses is the case and the text. That is the one form in which the text is
//! `Exception.message` in Kotlin; the bindings add `kind`.

use std::fmt;

use capbundle_core as core;

/// The result of every fallible function of the border.
pub(crate) type Result<T, E = CapBundleError> = std::result::Result<T, E>;

/// Declares the kind and the error with the same cases, so that neither can lack one of the other.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident,)+) => {
        /// What kind of thing went wrong: for programs to tell errors apart. The message is for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        /// Everything that can go wrong. Each case has a message that says what was expected, what was found and what to do;
        /// it never holds key material.
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
    /// Local policy refuses it: unsigned, malformed proof, failed before.
    NotTrusted,
    /// A file, folder or bundle that was named does not exist.
    NotFound,
    /// It is in use and cannot be removed or replaced.
    InUse,
    /// Another process or thread holds the lock. Trying again later may help.
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
    /// Something that was stored cannot be read back.
    Corrupt,
    /// An observer or transport of the host threw, or did not keep to what is asked of it; the operation was stopped.
    Callback,
    /// A fault in this library: please report it. What was being done did not happen, or not to the end.
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
            // A kind that the core got and this list did not: a fault of this library, and a test says so.
            _ => Self::Internal,
        }
    }
}

pub(crate) fn invalid_input(what: impl Into<String>, problem: impl Into<String>) -> CapBundleError {
    let (what, problem) = (what.into(), problem.into());
    core::Error::InvalidInput { what, problem }.into()
}

/// What an observer of the host throws. Anything else that it throws arrives as this as well.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Error)]
pub enum CallbackError {
    /// The observer could not do its part.
    Failed {
        /// Why, for people.
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

/// Kotlin sends its whole stack trace; the first line is what a person can use.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests;
