import Foundation

extension Store {
    /// Downloads an archive, verifies it and installs it. It is served once it is set as next or current.
    ///
    /// Nothing is downloaded if the proof is weaker than the store requires, the bundle failed on this device
    /// before, or it is already installed; in the last case its record is returned. The next call for the same
    /// archive resumes a download that failed, was cancelled or ended with the process, even under another URL.
    ///
    /// - Throws: `CapBundleError.Network` when no attempt is left, `Server` for an error status; `NotTrusted`,
    ///   `SignatureInvalid`, `DigestMismatch`, `DecryptionFailed` if the verification fails; and as
    ///   ``install(_:as:progress:)``.
    public func install(
        from archive: RemoteArchive, over transport: any HttpTransport = URLSessionTransport(),
        options: DownloadOptions = DownloadOptions(), progress: ProgressHandler? = nil
    ) async throws -> BundleRecord {
        try await cancellable { token in
            try self.installFrom(
                transport: transport, archive: archive, options: options, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Starts ``install(from:over:options:progress:)`` and returns a sequence of its progress.
    public func installing(
        from archive: RemoteArchive, over transport: any HttpTransport = URLSessionTransport(),
        options: DownloadOptions = DownloadOptions()
    ) -> ProgressTask<BundleRecord> {
        ProgressTask { token, observer in
            try self.installFrom(transport: transport, archive: archive, options: options, cancel: token, progress: observer)
        }
    }

    /// Verifies and installs an archive that the app downloaded itself, for example in a background session.
    /// The file stays the app's.
    ///
    /// - Throws: as ``install(from:over:options:progress:)``, except for network errors.
    public func install(
        file: URL, proof: ExpectedProof, as bundle: NewBundle, progress: ProgressHandler? = nil
    ) async throws -> BundleRecord {
        try await cancellable { token in
            try self.installFile(
                file: file.path, proof: proof, bundle: bundle, cancel: token, progress: HandlerObserver.of(progress))
        }
    }
}

/// Downloads a file into `folder`, which must exist and be private to the app. On a device use
/// `Store.install(from:)`; this is for everything else.
///
/// A partial download stays in the folder when the call fails, is cancelled or the process dies. The next call
/// resumes it if the server still has the same file. A file with the wrong digest or size is removed.
///
/// - Throws: `CapBundleError.Network` when no attempt is left; `Server` for an error status; `NotTrusted` for
///   plain HTTP, a redirect to plain HTTP or an untrusted certificate; `DigestMismatch`, `LimitExceeded`,
///   `NoSpace`, `Busy`, `Io`, `Cancelled`.
public func download(
    _ file: RemoteFile, to folder: URL, over transport: any HttpTransport = URLSessionTransport(),
    options: DownloadOptions = DownloadOptions(), progress: ProgressHandler? = nil
) async throws -> Downloaded {
    try await cancellable { token in
        try download(
            transport: transport, file: file, folder: folder.path, options: options, cancel: token,
            progress: HandlerObserver.of(progress))
    }
}
