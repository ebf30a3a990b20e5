extension Store {
    /// Unpacks a verified archive into this store. It is served once it is set as next or current.
    ///
    /// If the task is cancelled, nothing is left behind. After a crash the bundle is installed, or the next
    /// start removes the leftovers. An archive that is already installed is not unpacked again: its record is
    /// returned.
    ///
    /// - Throws: `CapBundleError.NotTrusted` if the proof is weaker than required or the bundle failed on this
    ///   device before; `NoSpace`, before anything is written if that is foreseeable; `UnsafeArchive`,
    ///   `LimitExceeded`, `NotABundle`; `Busy`, `Io`, `Cancelled`.
    public func install(
        _ archive: VerifiedArchive, as bundle: NewBundle, progress: ProgressHandler? = nil
    ) async throws -> BundleRecord {
        try await cancellable { token in
            try self.install(archive: archive, bundle: bundle, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Starts ``install(_:as:progress:)`` and returns a sequence of its progress.
    public func installing(_ archive: VerifiedArchive, as bundle: NewBundle) -> ProgressTask<BundleRecord> {
        ProgressTask { token, observer in
            try self.install(archive: archive, bundle: bundle, cancel: token, progress: observer)
        }
    }

    /// Compares every file of an installed bundle with the digest recorded at installation. An empty result
    /// means that the bundle is intact.
    ///
    /// - Throws: `CapBundleError.NotFound` if the bundle is not installed, `Unsupported` if no digests were
    ///   recorded (a bundle migrated from Capgo's plugin), `Corrupt` if they cannot be read back; `Io`,
    ///   `Cancelled`.
    public func verifyBundle(_ id: String, progress: ProgressHandler? = nil) async throws -> [Damage] {
        try await cancellable { token in
            try self.verifyBundle(id: id, cancel: token, progress: HandlerObserver.of(progress))
        }
    }

    /// Removes the files of deleted and failed bundles, and leftovers of crashes. The calls that delete only
    /// rename, so that the caller does not wait; the next update also sweeps.
    ///
    /// - Throws: `CapBundleError.Busy`, `Io`. A file that cannot be removed does not keep others from being
    ///   removed.
    public func sweep() async throws {
        try await blocking { try self.sweepBlocking() }
    }

    /// Removes the bundles that the rules do not keep, and leftovers of crashes and failures. Current, next and
    /// fallback are kept, and bundles that a running session serves.
    ///
    /// - Throws: `CapBundleError.Busy`, `Io`. Bundles removed before an error stay removed.
    public func clean(keep: KeepRules) async throws -> Cleaned {
        try await blocking { try self.cleanBlocking(keep: keep) }
    }

    /// Migrates the bundles of Capgo's plugin. Call it once, before the first `launch`; a second call after a
    /// crash completes the first.
    ///
    /// - Throws: `CapBundleError.Busy`, `Io`, `NoSpace`; a problem with a single bundle is listed in `skipped`.
    public func migrateCapgo(bundles: CapgoBundles) async throws -> CapgoMigration {
        try await blocking { try self.migrateCapgoBlocking(bundles: bundles) }
    }
}
