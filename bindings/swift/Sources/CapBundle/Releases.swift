import Foundation

extension Store {
    /// Checks a static channel and, if it has a release for this device, downloads it, installs it and makes it
    /// next.
    ///
    /// ```swift
    /// switch try await store.update(from: source).outcome {
    /// case let .installed(bundle): print("\(bundle.version) is shown from the next start on")
    /// default: break
    /// }
    /// ```
    ///
    /// A refused release is not an error but listed in `skipped`, because the channel may offer another one.
    /// The next call resumes a download that failed, was cancelled or ended with the process.
    ///
    /// - Throws: `CapBundleError.Network`, and `Server` for the channel file; `NotTrusted` for a channel file
    ///   that is malformed or belongs to another app or channel, and for plain HTTP; as ``keyRing(options:)``;
    ///   `NoSpace`, `Busy`, `Io`, `Cancelled`.
    public func update(
        from source: ChannelSource, over transport: any HttpTransport = URLSessionTransport(),
        options: DownloadOptions = DownloadOptions(), progress: ProgressHandler? = nil
    ) async throws -> ChannelUpdate {
        try await cancellable { token in
            try self.updateFromChannel(
                transport: transport, source: source, options: options, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Starts ``update(from:over:options:progress:)`` and returns a sequence of its progress.
    public func updating(
        from source: ChannelSource, over transport: any HttpTransport = URLSessionTransport(),
        options: DownloadOptions = DownloadOptions()
    ) -> ProgressTask<ChannelUpdate> {
        ProgressTask { token, observer in
            try self.updateFromChannel(transport: transport, source: source, options: options, cancel: token, progress: observer)
        }
    }

    /// Installs a release from files that the app downloaded itself: the envelope, the archive as published
    /// (sealed, if the release says so) and the file list. It is served once it is set as next or current. The
    /// archive stays the app's.
    ///
    /// A refused release changes nothing. ``checkRelease(envelope:options:)`` tells before a download whether
    /// the release would be accepted, and where archive and file list are.
    ///
    /// - Throws: as ``checkRelease(envelope:options:)``; `CapBundleError.DigestMismatch` and `DecryptionFailed`
    ///   if the archive or file list does not belong to the release or to each other; and as
    ///   ``install(_:as:progress:)``.
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
