import Foundation

extension Store {
    /// Downloads an archive, proves it, opens it and installs it. It is served once it is set as next or current.
    ///
    /// Nothing is downloaded if the proof is less than what the store asks for, if the bundle failed on this device before, or if
    /// it is installed already: its record is returned then. What came of a download that failed, was cancelled or ended with the
    /// process is gone on with by the next call for the same archive, whatever its URL is by then.
    ///
    /// - Throws: `CapBundleError.Network` when no try is left, `Server` for an answer that means no; `NotTrusted`,
    ///   `SignatureInvalid`, `DigestMismatch`, `DecryptionFailed` for what is not proved; and as ``install(_:as:progress:)``.
    public func install(
        from archive: RemoteArchive, over transport: any HttpTransport = URLSessionTransport(),
        options: DownloadOptions = DownloadOptions(), progress: ProgressHandler? = nil
    ) async throws -> BundleRecord {
        try await cancellable { token in
            try self.installFrom(
                transport: transport, archive: archive, options: options, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Starts ``install(from:over:options:progress:)`` as something whose progress can be read in a loop.
    public func installing(
        from archive: RemoteArchive, over transport: any HttpTransport = URLSessionTransport(),
        options: DownloadOptions = DownloadOptions()
    ) -> ProgressTask<BundleRecord> {
        ProgressTask { token, observer in
            try self.installFrom(transport: transport, archive: archive, options: options, cancel: token, progress: observer)
        }
    }

    /// Proves, opens and installs an archive that the app downloaded itself, for example in a background session. The file stays
    /// the app's.
    ///
    /// - Throws: as ``install(from:over:options:progress:)``, but nothing of the network.
    public func install(
        file: URL, proof: ExpectedProof, as bundle: NewBundle, progress: ProgressHandler? = nil
    ) async throws -> BundleRecord {
        try await cancellable { token in
            try self.installFile(
                file: file.path, proof: proof, bundle: bundle, cancel: token, progress: HandlerObserver.of(progress))
        }
    }
}

/// Downloads a file into `folder`, which must exist and be of the app alone. `Store.install(from:)` is what a device needs; this is
/// for everything else.
///
/// What came stays in the folder when the download fails, is cancelled or the process dies, and the next call goes on from there if
/// the server still has the same file. A file that has not the digest or size asked for is removed.
///
/// - Throws: `CapBundleError.Network` when no try is left; `Server` for an answer that means no; `NotTrusted` for plain HTTP, a
///   redirect to it and a certificate that does not hold; `DigestMismatch`, `LimitExceeded`, `NoSpace`, `Busy`, `Io`, `Cancelled`.
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
