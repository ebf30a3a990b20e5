import Foundation

/// SHA-256 of a file of any size, as 64 lower-case hexadecimal digits, in constant memory.
///
/// - Throws: `CapBundleError.NotFound`, `Io` or `Cancelled`.
public func sha256OfFile(_ file: URL, progress: ProgressHandler? = nil) async throws -> String {
    try await cancellable { token in
        try sha256OfFile(path: file.path, cancel: token, progress: HandlerObserver.of(progress))
    }
}

/// CRC-32 of a file, as 8 lower-case hexadecimal digits, for Capgo plugins from before 2023. A CRC detects
/// accidents, not attacks: it is not a verification.
///
/// - Throws: `CapBundleError.NotFound`, `Io` or `Cancelled`.
public func crc32OfFile(_ file: URL, progress: ProgressHandler? = nil) async throws -> String {
    try await cancellable { token in
        try crc32OfFile(path: file.path, cancel: token, progress: HandlerObserver.of(progress))
    }
}

/// Checks a folder of web assets as the `capbundle` command does before it packs one.
///
/// - Returns: the findings; packing refuses a folder with an error among them.
/// - Throws: what stops the check itself: `CapBundleError.InvalidInput` for a symbolic link that leaves the
///   folder or a name that no bundle can hold; `NotFound`, `Io`, `Cancelled`.
public func checkFolder(
    _ folder: URL, options: CheckOptions? = nil, progress: ProgressHandler? = nil
) async throws -> [Finding] {
    try await cancellable { token in
        try checkFolder(folder: folder.path, options: options, cancel: token, progress: HandlerObserver.of(progress))
    }
}

/// Reads the directory of an archive, under the same rules as unpacking. Contents are neither read nor
/// verified.
///
/// - Throws: `CapBundleError.UnsafeArchive` and `LimitExceeded` as unpacking does; `NotFound`, `Io`.
public func inspectArchive(_ archive: URL, limits: Limits? = nil) async throws -> Inspection {
    try await blocking { try inspectArchive(path: archive.path, limits: limits) }
}

/// Decrypts into the file `plain` without verifying the result, and returns its SHA-256.
///
/// Only for code that must keep the order of Capgo's plugin, which decrypts first and compares the signed
/// checksum afterwards: the caller must compare before anything reads the file. `VerifiedArchive.decrypt` does
/// both in one step.
///
/// - Throws: `CapBundleError.NotTrusted` for a malformed `ivSessionKey`, `DecryptionFailed` for the wrong
///   session key or invalid padding; `NotFound`, `Io`, `NoSpace`, `Cancelled`.
public func decryptUnverified(
    _ encrypted: URL, to plain: URL, ivSessionKey: String, key: VerifyingKey, progress: ProgressHandler? = nil
) async throws -> String {
    try await cancellable { token in
        try decryptUnverified(
            encrypted: encrypted.path, to: plain.path, ivSessionKey: ivSessionKey, key: key, cancel: token,
            progress: HandlerObserver.of(progress))
    }
}
