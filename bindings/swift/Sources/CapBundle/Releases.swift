import Foundation

extension Store {
    /// Looks at a static channel and, if it has a release for this device, downloads it, installs it and has it come next.
    ///
    /// ```swift
    /// switch try await store.update(from: source).outcome {
    /// case let .installed(bundle): print("\(bundle.version) is shown from the next start on")
    /// default: break
    /// }
    /// ```
    ///
    /// What is refused is no error but told in `skipped`, since a channel may offer something else as well. What came of a download
    /// that failed, was cancelled or ended with the process is gone on with by the next call.
    ///
    /// - Throws: `CapBundleError.Network`, and `Server` for the channel file; `NotTrusted` for one of another app or channel or that
    ///   is none, and for plain HTTP; what ``keyRing(options:)`` throws; `NoSpace`, `Busy`, `Io`, `Cancelled`.
    public func update(
        from source: ChannelSource, over transport: any HttpTransport = URLSessionTransport(),
        options: DownloadOptions = DownloadOptions(), progress: ProgressHandler? = nil
    ) async throws -> ChannelUpdate {
        try await cancellable { token in
            try self.updateFromChannel(
                transport: transport, source: source, options: options, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Starts ``update(from:over:options:progress:)`` as something whose progress can be read in a loop.
    public func updating(
        from source: ChannelSource, over transport: any HttpTransport = URLSessionTransport(),
        options: DownloadOptions = DownloadOptions()
    ) -> ProgressTask<ChannelUpdate> {
        ProgressTask { token, observer in
            try self.updateFromChannel(transport: transport, source: source, options: options, cancel: token, progress: observer)
        }
    }

    /// Installs a release from files that the app downloaded itself: the envelope, the archive as it was published (sealed, where the
    /// release says so) and the list of its files. It is served once it is set as next or current. The archive stays the app's.
    ///
    /// Whatever is refused changes nothing. ``checkRelease(envelope:options:)`` says beforehand whether the release would be taken, and
    /// where archive and list are.
    ///
    /// - Throws: what ``checkRelease(envelope:options:)`` throws; `CapBundleError.DigestMismatch` and `DecryptionFailed` if archive or
    ///   list are not those of the release, or not of each other; and as ``install(_:as:progress:)``.
    public func install(
        release envelope: Data, archive: URL, fileList: Data, options: ReleaseOptions, progress: ProgressHandler? = nil
    ) async throws -> BundleRecord {
        try await cancellable { token in
            try self.installRelease(
                envelope: envelope, archive: archive.path, fileList: fileList, options: options, cancel: token,
                progress: HandlerObserver.of(progress))
        }
    }

    /// As ``checkReleaseBlocking(envelope:options:)``, without blocking the caller.
    public func checkRelease(envelope: Data, options: ReleaseOptions) async throws -> Release {
        try await blocking { try self.checkReleaseBlocking(envelope: envelope, options: options) }
    }

    /// As ``acceptBuiltInBlocking(envelope:options:)``, without blocking the caller.
    public func acceptBuiltIn(envelope: Data, options: ReleaseOptions) async throws -> Bool {
        try await blocking { try self.acceptBuiltInBlocking(envelope: envelope, options: options) }
    }

    /// As ``keyRingBlocking(options:)``, without blocking the caller.
    public func keyRing(options: ReleaseOptions) async throws -> Int64 {
        try await blocking { try self.keyRingBlocking(options: options) }
    }

    /// As ``followRingBlocking(envelope:options:)``, without blocking the caller.
    public func followRing(envelope: Data, options: ReleaseOptions) async throws -> Int64 {
        try await blocking { try self.followRingBlocking(envelope: envelope, options: options) }
    }

    /// As ``deviceIdBlocking()``, without blocking the caller.
    public func deviceId() async throws -> String {
        try await blocking { try self.deviceIdBlocking() }
    }
}
