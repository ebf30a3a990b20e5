extension Store {
    /// Unpacks a proved archive into this store. It is served once it is set as next or current.
    ///
    /// When the task is cancelled, nothing of it is left. A crash leaves it installed, or leftovers that the next start
    /// removes. An archive that is installed already is not unpacked again: its record is returned.
    ///
    /// - Throws: `CapBundleError.NotTrusted` if the proof is less than required or the bundle failed on this device before;
    ///   `NoSpace`, before a byte is written where that can be foreseen; `UnsafeArchive`, `LimitExceeded`, `NotABundle`;
    ///   `Busy`, `Io`, `Cancelled`.
    public func install(
        _ archive: VerifiedArchive, as bundle: NewBundle, progress: ProgressHandler? = nil
    ) async throws -> BundleRecord {
        try await cancellable { token in
            try self.install(archive: archive, bundle: bundle, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Starts ``install(_:as:progress:)`` as something whose progress can be read in a loop.
    public func installing(_ archive: VerifiedArchive, as bundle: NewBundle) -> ProgressTask<BundleRecord> {
        ProgressTask { token, observer in
            try self.install(archive: archive, bundle: bundle, cancel: token, progress: observer)
        }
    }

    /// Compares every file of an installed bundle with the digest recorded when it was written. An empty answer says that the
    /// bundle is whole.
    ///
    /// - Throws: `CapBundleError.NotFound` if there is no such bundle, `Unsupported` if no digests were recorded (a bundle taken
    ///   over from Capgo's plugin), `Corrupt` if they cannot be read back; `Io`, `Cancelled`.
    public func verifyBundle(_ id: String, progress: ProgressHandler? = nil) async throws -> [Damage] {
        try await cancellable { token in
            try self.verifyBundle(id: id, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Removes the files of deleted and failed bundles, and what crashes left. The calls that delete only rename, so that the
    /// caller does not wait; the next update sweeps too.
    ///
    /// - Throws: `CapBundleError.Busy`, `Io`. What cannot be removed keeps nothing else from being removed.
    public func sweep() async throws {
        try await blocking { try self.sweepBlocking() }
    }

    /// Removes the bundles that the rules do not keep, and everything that crashes and failures left. Current, next and
    /// fallback stay, and what a running session serves.
    ///
    /// - Throws: `CapBundleError.Busy`, `Io`. What was removed before an error stays removed.
    public func clean(keep: KeepRules) async throws -> Cleaned {
        try await blocking { try self.cleanBlocking(keep: keep) }
    }

    /// Takes over the bundles of Capgo's plugin. Call it once, before the first `launch`; a second call after a crash
    /// finishes the first.
    ///
    /// - Throws: `CapBundleError.Busy`, `Io`, `NoSpace`; what concerns one bundle alone is in `skipped`.
    public func migrateCapgo(bundles: CapgoBundles) async throws -> CapgoMigration {
        try await blocking { try self.migrateCapgoBlocking(bundles: bundles) }
    }
}
