import Foundation

extension Store {
    /// Opens the store in `folder`, which is made if need be (folders above it as well) and excluded from backups, and starts a
    /// session.
    ///
    /// Blocks for a few milliseconds and may be called where an app starts, on the main thread: what to serve must be known
    /// before the web view is made. ``open(at:options:log:)`` is for everywhere else.
    ///
    /// - Throws: `CapBundleError.Io` and `NoSpace` if the folders cannot be made, `InvalidInput` if an option makes no sense,
    ///   `KeyInvalid` if the required proof names no key. An app that cannot open its store serves its built-in bundle.
    public static func openBlocking(at folder: URL, options: StoreOptions, log: (any LogObserver)? = nil) throws -> Store {
        // An app's `Library/NoCloud` is not there before somebody makes it.
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw CapBundleError.Io(message: "\(folder.path) cannot be made: \(error.localizedDescription)")
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

/// A bundle comes from its server again; a backup of it would count against the user's storage, and App Review refuses it.
///
/// That it could not be excluded is no reason for an app not to start: the log hears it, and a restored store is an
/// ordinary case of recovery.
func excludeFromBackup(_ folder: URL, log: (any LogObserver)?) {
    #if canImport(Darwin)
    var folder = folder
    var values = URLResourceValues()
    values.isExcludedFromBackup = true
    do {
        try folder.setResourceValues(values)
    } catch {
        let message = "\(folder.path) could not be excluded from backups: \(error.localizedDescription)"
        // What a log throws is dropped, as Rust does with it.
        try? log?.onLog(level: .warning, message: message)
    }
    #endif
}
