import Foundation

extension VerifiedArchive {
    /// Verifies that a file has the SHA-256 `digest` (64 hexadecimal digits, either case), which came over a
    /// trusted channel.
    ///
    /// - Throws: `CapBundleError.DigestMismatch` if the file differs, `InvalidInput` if `digest` is malformed;
    ///   `NotFound`, `Io`, `Cancelled`.
    public static func verify(
        _ archive: URL, digest: String, progress: ProgressHandler? = nil
    ) async throws -> VerifiedArchive {
        try await cancellable { token in
            try fromDigest(path: archive.path, digest: digest, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Decrypts an archive in Capgo's v2 format and verifies that the plain bytes match the signed `checksum`.
    ///
    /// The plain bytes are written to a private file in the folder `staging` (fastest on the file system of the
    /// store). It is removed if the verification fails, and when the last reference to the result is released.
    ///
    /// - Throws: `CapBundleError.NotTrusted` for a missing, unsigned or malformed `checksum` or `ivSessionKey`,
    ///   `SignatureInvalid` if another key signed the checksum, `DecryptionFailed` for the wrong session key or
    ///   invalid padding, `DigestMismatch` if the plain bytes do not match the signed digest; `NotFound`, `Io`,
    ///   `NoSpace`, `Cancelled`.
    public static func decrypt(
        _ encrypted: URL, staging: URL, ivSessionKey: String, checksum: String, form: ChecksumForm = .v3, key: VerifyingKey,
        progress: ProgressHandler? = nil
    ) async throws -> VerifiedArchive {
        try await cancellable { token in
            try decryptCapgo(
                encrypted: encrypted.path, staging: staging.path, ivSessionKey: ivSessionKey, checksum: checksum, form: form, key: key,
                cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Verifies an archive that is signed but not encrypted. Use it only if your own configuration says that a
    /// signature is sufficient: Capgo's own devices require both.
    ///
    /// - Throws: as ``decrypt(_:staging:ivSessionKey:checksum:form:key:progress:)``.
    public static func verify(
        _ archive: URL, signedChecksum checksum: String, form: ChecksumForm = .v3, key: VerifyingKey,
        progress: ProgressHandler? = nil
    ) async throws -> VerifiedArchive {
        try await cancellable { token in
            try verifySignedOnly(
                path: archive.path, checksum: checksum, form: form, key: key, cancel: token,
                progress: HandlerObserver.of(progress))
        }
    }

    /// Unpacks into the new folder `folder`, whose parent must exist. On a device use `Store.install`; this is
    /// for everything else. On an error nothing is left behind.
    ///
    /// - Throws: `CapBundleError.InvalidInput` if `folder` exists, `UnsafeArchive` and `LimitExceeded` naming
    ///   the entry, `NotABundle` without a root `index.html`; `NoSpace`, `Io`, `Cancelled`.
    public func unpack(to folder: URL, limits: Limits? = nil, progress: ProgressHandler? = nil) async throws -> Unpacked {
        try await cancellable { token in
            try self.unpack(
                to: folder.path, limits: limits, threads: nil, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Writes the plain archive to a file, atomically; an existing file is replaced.
    ///
    /// - Throws: `CapBundleError.Io`, `NoSpace`, `DigestMismatch` if the file changed since it was verified.
    public func copy(to file: URL) async throws {
        try await blocking { try self.copyTo(to: file.path) }
    }
}
