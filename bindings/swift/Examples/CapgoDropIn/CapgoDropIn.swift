// For a fork of Capgo's plugin: what stands in place of its CryptoCipher and CapgoUpdater, in one file to copy. The names are those of
// @capgo/capacitor-updater's iOS sources. It verifies what the plugin did not; each place says so. A new plugin is shorter: see
// docs/ios.md.
import CapBundle
import Foundation

/// `CryptoCipher` of the plugin: the same names, arguments and results.
///
/// Like those of the plugin, these block while they read a file: call them off the main thread.
public enum CryptoCipher {
    /// Decrypts a downloaded archive in place.
    ///
    /// The plugin returned silently and left the file unchanged if the key was not PKCS#1 or the session key
    /// was malformed. Here both throw. The result is not verified yet: compare ``calcChecksum(filePath:)`` with
    /// ``decryptChecksum(checksum:publicKey:)``, or better leave all of it to `CapgoUpdater.finishDownload`.
    public static func decryptFile(filePath: URL, publicKey: String, sessionKey: String, version: String) throws {
        let key = try VerifyingKey.fromPem(text: publicKey)
        // The file is replaced in one step, by what was decrypted to the end or not at all.
        _ = try decryptUnverified(encrypted: filePath.path, to: filePath.path, ivSessionKey: sessionKey, key: key)
    }

    /// The digest in a signed checksum.
    ///
    /// The plugin checked the padding of a signature loosely, and accepted any base64 text as a key. Here
    /// anything but a signature of this key throws.
    public static func decryptChecksum(checksum: String, publicKey: String) throws -> String {
        try signedDigest(checksum: checksum, form: .v3, key: VerifyingKey.fromPem(text: publicKey))
    }

    /// SHA-256 of a file, as 64 hexadecimal digits. The plugin returned an empty text for a file that it could
    /// not read, and accepted an empty checksum.
    public static func calcChecksum(filePath: URL) throws -> String {
        try sha256OfFile(path: filePath.path)
    }

    /// The id that Capgo's servers compare: the same for PKCS#1 and SPKI, for which the plugin returned
    /// different ids.
    public static func calcKeyId(publicKey: String) throws -> String {
        try VerifyingKey.fromPem(text: publicKey).capgoKeyId()
    }
}

/// `CapgoUpdater` of the plugin, on an updater: it decides what is served and when, survives crashes, and has the methods of
/// the plugin in ``call(_:_:)``.
@MainActor
public final class CapgoUpdater {
    private let snapshots: URL
    private let publicKey: String?
    private let serve: @MainActor (URL?) -> Void
    private let store: Store
    // Set once: its handler needs this object.
    private var updater: Updater!
    private var loaded: Load?

    /// - Parameters:
    ///   - library: the app's `Library` folder. Bundles stay in `NoCloud/ionic_built_snapshots/<id>`, from which Capacitor
    ///     serves them; the store's own files are next to them. None of it is backed up.
    ///   - publicKey: the app's key, or `nil` for an app without one. With a key nothing unsigned is ever installed, whatever a
    ///     server leaves out.
    ///   - options: the server or channel, and when to check and apply.
    ///   - serve: reloads the page from this folder or, for `nil`, from the app's own: `bridge.setServerBasePath` and
    ///     `bridge.webView?.reload()`.
    public init(
        library: URL, publicKey: String?, options: UpdaterOptions, appReadyTimeoutMs: Int64 = 10_000,
        serve: @escaping @MainActor (URL?) -> Void, log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        let folder = library.appendingPathComponent("NoCloud")
        snapshots = folder.appendingPathComponent("ionic_built_snapshots")
        self.publicKey = publicKey
        self.serve = serve
        let proof = publicKey.map { RequiredProof.capgoSigned(publicKey: $0) } ?? .digest
        store = try Store.openBlocking(
            at: folder.appendingPathComponent("capbundle"),
            options: StoreOptions(
                requiredProof: proof, bundles: snapshots.path, appReadyTimeoutMs: appReadyTimeoutMs),
            log: LogHandler { _, message in log(message) })
        updater = try Updater(store: store, options: options) { [weak self] load in self?.show(load) }
    }

    /// For `notifyListeners(_:data:)`.
    public var events: AsyncStream<UpdaterEvent> { updater.events }

    /// In the plugin's `load()`: migrates the plugin's state (pass `nil` after that), and serves the launched bundle.
    /// - Parameter native: `CFBundleShortVersionString` and `CFBundleVersion`.
    @discardableResult
    public func load(_ native: NativeApp, migrating capgo: UserDefaults? = nil) throws -> Load {
        if let capgo { try migrate(capgo) }
        let load = try updater.start(native: native)
        show(load)
        return load
    }

    private func migrate(_ defaults: UserDefaults) throws {
        let values = defaults.dictionaryRepresentation()
        let infos = values.filter { $0.key.hasSuffix("_info") }.compactMap { _, value in
            // Texts or, from older versions, their bytes.
            value as? String ?? (value as? Data).flatMap { String(data: $0, encoding: .utf8) }
        }
        let current = defaults.string(forKey: "serverBasePath").map { URL(fileURLWithPath: $0).lastPathComponent }
        _ = try store.migrateCapgoBlocking(bundles: CapgoBundles(
            folder: snapshots.path, infos: infos, current: current, fallback: defaults.string(forKey: "pastVersion"),
            next: defaults.string(forKey: "nextVersion"), nativeBuild: defaults.string(forKey: "LatestNativeBuildVersion")))
    }

    /// `webView(_:didCommit:)`. Do not call it earlier, as in `didStartProvisionalNavigation`: until then the previous page
    /// runs, and would prove its successor.
    public func pageStarted() throws { try updater.pageStarted(loaded) }

    /// `webViewWebContentProcessDidTerminate(_:)`. The updater itself ends the trial of a page that is not ready in time.
    public func pageCrashed() throws {
        if let load = try updater.pageCrashed() { show(load) }
    }

    /// Serves the update that waited for this moment. Nothing counts against a bundle until the app returns.
    public func appMovedToBackground() throws {
        if let load = try updater.background() { show(load) }
    }

    public func appMovedToForeground() throws {
        if let load = try updater.foreground() { show(load) }
    }

    /// A method of the plugin: `call("next", #"{"id":"…"}"#)`. Returns what its promise resolves to, as JSON.
    ///
    /// `notifyAppReady` counts for the bundle of the page that started last: the plugin credited the bundle that was current at
    /// the call, so that a late call of the old page proved its successor. `download` resumes, and refuses what is not verified
    /// or failed on this device before.
    ///
    /// - Throws: `CallRejection` with what the promise is rejected with.
    public func call(_ method: String, _ arguments: String = "{}") async throws -> String {
        try await updater.call(method, arguments: arguments)
    }

    /// Verifies, decrypts, unpacks, flattens and installs a file that the app downloaded itself, then deletes the file.
    ///
    /// The plugin unpacked before it compared the checksum, and accepted a bundle with an empty one. Here everything that is not
    /// verified throws before the archive is read.
    public func finishDownload(file: URL, version: String, sessionKey: String, checksum: String) async throws -> BundleRecord {
        let record: BundleRecord
        do {
            let proof = proof(sessionKey: sessionKey, checksum: checksum)
            record = try await store.install(file: file, proof: proof, as: NewBundle(version: version))
        } catch {
            try? FileManager.default.removeItem(at: file)
            throw error
        }
        try FileManager.default.removeItem(at: file)
        return record
    }

    private func proof(sessionKey: String, checksum: String) -> ExpectedProof {
        guard let publicKey else { return .digest(digest: checksum) }
        return .capgoEncrypted(ivSessionKey: sessionKey, checksum: checksum, form: .v3, publicKey: publicKey)
    }

    private func show(_ load: Load) {
        loaded = load
        serve(load.folder.map { URL(fileURLWithPath: $0) })
    }
}
