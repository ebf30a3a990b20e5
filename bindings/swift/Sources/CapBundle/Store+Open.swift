import Foundation

extension Store {
    /// Opens the store in `folder`, which is created if missing (with its parents) and excluded from backups,
    /// and starts a session.
    ///
    /// Blocks for a few milliseconds. It may be called on the main thread when an app starts, because the
    /// bundle to serve must be known before the web view is created. Elsewhere use ``open(at:options:log:)``.
    ///
    /// - Throws: `CapBundleError.Io` and `NoSpace` if the folders cannot be created, `InvalidInput` if an
    ///   option is invalid, `KeyInvalid` if the required proof contains no valid key. If the store cannot be
    ///   opened, serve the built-in bundle.
    public static func openBlocking(at folder: URL, options: StoreOptions, log: (any LogObserver)? = nil) throws -> Store {
        // An app's `Library/NoCloud` does not exist until it is created.
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw CapBundleError.Io(message: "cannot create \(folder.path): \(error.localizedDescription)")
        }
        let store = try Store.openBlocking(root: folder.path, options: options, log: log)
        for url in [folder, options.bundles.map { URL(fileURLWithPath: $0) }].compactMap({ $0 }) {
            excludeFromBackup(url, log: log)
        }
        return store
    }

    /// As ``openBlocking(at:options:log:)``, without blocking the caller.
    public static func open(at folder: URL, options: StoreOptions, log: (any LogObserver)? = nil) async throws -> Store {
        try await blocking { try openBlocking(at: folder, options: options, log: log) }
    }
}

/// Bundles can be downloaded again; a backup of them would count against the user's storage, and App Review
/// rejects it.
///
/// A failure must not keep an app from starting: it is logged, and the store recovers from being restored.
func excludeFromBackup(_ folder: URL, log: (any LogObserver)?) {
    #if canImport(Darwin)
    var folder = folder
    var values = URLResourceValues()
    values.isExcludedFromBackup = true
    do {
        try folder.setResourceValues(values)
    } catch {
        let message = "cannot exclude \(folder.path) from backups: \(error.localizedDescription)"
        // Errors of a log are dropped, as in Rust.
        try? log?.onLog(level: .warning, message: message)
    }
    #endif
}
