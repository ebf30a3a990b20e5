@file:JvmName("Errors")

package dev.capbundle

/**
 * The kind of the error, for programs; [CapBundleException.message] is for people.
 *
 * From Java: `Errors.kindOf(exception)`.
 */
@get:JvmName("kindOf")
val CapBundleException.kind: ErrorKind
    get() = when (this) {
        is CapBundleException.InvalidInput -> ErrorKind.INVALID_INPUT
        is CapBundleException.NotABundle -> ErrorKind.NOT_A_BUNDLE
        is CapBundleException.UnsafeArchive -> ErrorKind.UNSAFE_ARCHIVE
        is CapBundleException.LimitExceeded -> ErrorKind.LIMIT_EXCEEDED
        is CapBundleException.DigestMismatch -> ErrorKind.DIGEST_MISMATCH
        is CapBundleException.SignatureInvalid -> ErrorKind.SIGNATURE_INVALID
        is CapBundleException.DecryptionFailed -> ErrorKind.DECRYPTION_FAILED
        is CapBundleException.KeyInvalid -> ErrorKind.KEY_INVALID
        is CapBundleException.NotTrusted -> ErrorKind.NOT_TRUSTED
        is CapBundleException.NotFound -> ErrorKind.NOT_FOUND
        is CapBundleException.InUse -> ErrorKind.IN_USE
        is CapBundleException.Busy -> ErrorKind.BUSY
        is CapBundleException.NoSpace -> ErrorKind.NO_SPACE
        is CapBundleException.Io -> ErrorKind.IO
        is CapBundleException.Network -> ErrorKind.NETWORK
        is CapBundleException.Server -> ErrorKind.SERVER
        is CapBundleException.Cancelled -> ErrorKind.CANCELLED
        is CapBundleException.Unsupported -> ErrorKind.UNSUPPORTED
        is CapBundleException.Corrupt -> ErrorKind.CORRUPT
        is CapBundleException.Callback -> ErrorKind.CALLBACK
        is CapBundleException.Internal -> ErrorKind.INTERNAL
    }
