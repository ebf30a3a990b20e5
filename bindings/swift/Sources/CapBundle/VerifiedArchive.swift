import Foundation

extension VerifiedArchive {
    /// Proves that a file has the SHA-256 `digest` (64 hexadecimal digits, either case), which came over a channel you trust.
    ///
    /// - Throws: `CapBundleError.DigestMismatch` if it is another file, `InvalidInput` if `digest` is none; `NotFound`, `Io`,
    ///   `Cancelled`.
    public static func verify(
        _ archive: URL, digest: String, progress: ProgressHandler? = nil
    ) async throws -> VerifiedArchive {
        try await cancellable { token in
            try fromDigest(path: archive.path, digest: digest, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Opens a sealed Capgo v2 archive: decrypts it and proves that the plain bytes are the ones that `checksum` names.
    ///
    /// The plain bytes live in a private file in the folder `staging` (on the file system of the store, to be quick) and are
    /// removed unless the proof holds, and when the last reference to the result is gone.
    ///
    /// - Throws: `CapBundleError.NotTrusted` for a missing, plain or malformed `checksum` or `ivSessionKey`,
    ///   `SignatureInvalid` if another key signed the checksum, `DecryptionFailed` for a foreign session key or wrong padding,
    ///   `DigestMismatch` if the plain bytes are others than the signed ones; `NotFound`, `Io`, `NoSpace`, `Cancelled`.
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

    /// Proves an archive that was signed but not encrypted. Only for where your own configuration says that a signature
    /// suffices: Capgo's own devices want both.
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

    /// Unpacks into the new folder `folder`, whose parent must exist. `Store.install` is what a device needs; this is for
    /// everything else. On an error nothing is left.
    ///
    /// - Throws: `CapBundleError.InvalidInput` if `folder` exists, `UnsafeArchive` and `LimitExceeded` naming the entry,
    ///   `NotABundle` without a root `index.html`; `NoSpace`, `Io`, `Cancelled`.
    public func unpack(to folder: URL, limits: Limits? = nil, progress: ProgressHandler? = nil) async throws -> Unpacked {
        try await cancellable { token in
            try self.unpack(
                to: folder.path, limits: limits, threads: nil, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Writes the plain archive to a file, which appears whole or not at all and replaces one that is there.
    ///
    /// - Throws: `CapBundleError.Io`, `NoSpace`, `DigestMismatch` if the file changed since it was proved.
    public func copy(to file: URL) async throws {
        try await blocking { try self.copyTo(to: file.path) }
    }
}
