// The code of Capgo's plugin on capbundle, in one file to copy. The names are those of @capgo/capacitor-updater's iOS sources, so that
// callers change little. It verifies what the plugin did not; each place says so.
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

/// What the plugin passes to JavaScript about a bundle.
public struct BundleInfo: Equatable, Sendable {
    public let id: String
    public let version: String
    public let checksum: String
    public let status: String

    static let builtIn = BundleInfo(id: "builtin", version: "builtin", checksum: "", status: "success")
}

/// `CapgoUpdater` of the plugin, for bundles on the device: unzip, flatten, set, next, reset and
/// `notifyAppReady`, on a store that survives crashes.
public final class CapgoUpdater: @unchecked Sendable {
    private let snapshots: URL
    private let publicKey: String?
    private let native: NativeApp
    private let serve: @Sendable (URL?) -> Void
    private let store: Store

    // The bundle of the loaded page; the plugin's calls come from several threads.
    private let lock = NSLock()
    private var page = BundleRef.builtIn

    /// - Parameters:
    ///   - library: the app's `Library` folder. Bundles stay in `NoCloud/ionic_built_snapshots/<id>`, from which Capacitor
    ///     serves them; the store's own files are next to them. None of it is backed up.
    ///   - publicKey: the app's key, or `nil` for an app without one.
    ///   - native: `CFBundleShortVersionString` and `CFBundleVersion`.
    ///   - serve: reloads the page from this folder or, for `nil`, from the app's own: `bridge.setServerBasePath` and
    ///     `bridge.webView?.reload()`, on the main thread.
    public init(
        library: URL, publicKey: String?, native: NativeApp, serve: @escaping @Sendable (URL?) -> Void,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        let folder = library.appendingPathComponent("NoCloud")
        snapshots = folder.appendingPathComponent("ionic_built_snapshots")
        self.publicKey = publicKey
        self.native = native
        self.serve = serve
        // With a key nothing unsigned is ever installed, whatever a server leaves out.
        let proof = publicKey.map { RequiredProof.capgoSigned(publicKey: $0) } ?? .digest
        store = try Store.openBlocking(
            at: folder.appendingPathComponent("capbundle"),
            options: StoreOptions(requiredProof: proof, bundles: snapshots.path),
            log: LogHandler { _, message in log(message) })
    }

    /// In the plugin's `load()`: migrates the plugin's state (pass `nil` after that), and serves
    /// the launched bundle.
    @discardableResult
    public func load(migrating capgo: UserDefaults? = nil) throws -> Launch {
        if let capgo { try migrate(capgo) }
        let launch = try store.launchBlocking(native: native)
        show(launch)
        return launch
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

    /// Decrypts, verifies, unpacks, flattens and installs a complete download, then deletes the file.
    ///
    /// Replaces `decryptFile`, `decryptChecksum`, `saveDownloaded` and `unflatFolder`. The plugin unpacked
    /// before it compared the checksum, and accepted a bundle with an empty one. Here everything that is not
    /// verified throws before the archive is read.
    public func finishDownload(file: URL, version: String, sessionKey: String, checksum: String) async throws -> BundleInfo {
        let record: BundleRecord
        do {
            let proof = proof(sessionKey: sessionKey, checksum: checksum)
            record = try await store.install(file: file, proof: proof, as: NewBundle(version: version))
        } catch {
            try? FileManager.default.removeItem(at: file)
            throw error
        }
        try FileManager.default.removeItem(at: file)
        return try info(record.id)
    }

    /// Downloads a bundle and does all of the above; cancelling the task stops it, and `notify` receives
    /// percents.
    ///
    /// The plugin restarted a download when the connection broke, and accepted any file that a server sent.
    /// Here the next call resumes, and nothing is read before it is verified.
    public func download(
        url: URL, version: String, sessionKey: String, checksum: String, notify: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> BundleInfo {
        let proof = proof(sessionKey: sessionKey, checksum: checksum)
        let archive = RemoteArchive(url: url.absoluteString, proof: proof, bundle: NewBundle(version: version))
        return try info(await store.install(from: archive) { notify(Int($0.fraction * 100)) }.id)
    }

    private func proof(sessionKey: String, checksum: String) -> ExpectedProof {
        guard let publicKey else { return .digest(digest: checksum) }
        return .capgoEncrypted(ivSessionKey: sessionKey, checksum: checksum, form: .v3, publicKey: publicKey)
    }

    /// Whether a bundle failed on this device; check it before a download. The plugin downloaded such a bundle
    /// again each time.
    public func hasFailed(version: String) throws -> Bool {
        try store.failureOfBlocking(version: version) != nil
    }

    /// Makes a bundle current and reloads the page.
    public func set(id: String) throws {
        show(try store.setCurrentBlocking(bundle: bundleRef(id)))
    }

    /// Serves a bundle from the next start, or when the app enters the background.
    @discardableResult
    public func next(id: String) throws -> BundleInfo {
        try store.setNextBlocking(bundle: bundleRef(id))
        return try info(id)
    }

    /// Returns to the built-in bundle or to the last one that worked, and reloads the page.
    public func reset(toLastSuccessful: Bool) throws {
        show(try store.resetBlocking(toLastProven: toLastSuccessful))
    }

    /// The served bundle.
    public func current() throws -> BundleInfo {
        try info(store.servedBlocking()?.bundle ?? .builtIn)
    }

    /// The next bundle.
    public func getNextBundle() throws -> BundleInfo? {
        try store.nextBlocking().map(info)
    }

    public func list() throws -> [BundleInfo] {
        try store.listBlocking().map(info)
    }

    /// Refuses the current, next, fallback and served bundles: the plugin deleted a bundle whose page was being
    /// loaded.
    public func delete(id: String) throws {
        try store.deleteBlocking(id: id)
    }

    /// The newest failure, returned once.
    public func getFailedUpdate() throws -> BundleInfo? {
        try store.takeFailureBlocking().map { failed in
            BundleInfo(id: failed.id, version: failed.version, checksum: failed.digest ?? "", status: "error")
        }
    }

    public func setMultiDelay(_ delays: [ApplyCondition]) throws {
        try store.setDelaysBlocking(conditions: delays)
    }

    /// The web view shows another page (`webView(_:didCommit:)`). Do not call it earlier, as in
    /// `didStartProvisionalNavigation`: until then the previous page runs, and would prove its successor.
    /// Returns how many milliseconds the page has to call ``notifyAppReady()``, or `nil`.
    public func pageStarted() throws -> Int64? {
        let bundle = try store.servedBlocking()?.bundle ?? .builtIn
        lock.withLock { page = bundle }
        if case let .bundle(id) = bundle { _ = try store.trialStartedBlocking(id: id) }
        return store.readyDeadlineMs()
    }

    /// The page works. The call does not say which bundle it belongs to, so the page that started last counts.
    ///
    /// The plugin credited the bundle that was current at the call: a late call of the old page proved its
    /// successor.
    @discardableResult
    public func notifyAppReady() throws -> Bool {
        switch try store.confirmBlocking(bundle: lock.withLock { page }) {
        case .proven, .alreadyProven, .builtIn: true
        case .ignored, .other: false
        }
    }

    /// The time that ``pageStarted()`` returned is over, or the process of the web view ended
    /// (`webViewWebContentProcessDidTerminate`).
    public func checkRevert() throws {
        guard case let .bundle(id) = lock.withLock({ page }) else { return }
        if let launch = try store.trialExpiredBlocking(id: id) { show(launch) }
    }

    public func appMovedToBackground() throws {
        // The system may freeze or end the process here: nothing counts against a bundle until the app returns.
        try store.enteredBackgroundBlocking()
        if let launch = try store.applyNextBlocking(native: native) { show(launch) }
    }

    public func appMovedToForeground() throws {
        try store.enteredForegroundBlocking(native: native)
    }

    private func show(_ launch: Launch) {
        serve(launch.folder.map { URL(fileURLWithPath: $0) })
    }

    private func bundleRef(_ id: String) -> BundleRef {
        id == BundleInfo.builtIn.id ? .builtIn : .bundle(id: id)
    }

    private func info(_ bundle: BundleRef) throws -> BundleInfo {
        switch bundle {
        case .builtIn: .builtIn
        case let .bundle(id): try info(id)
        }
    }

    /// Throws `NotFound` where the plugin invented a bundle named "unknown".
    public func getBundleInfo(id: String) throws -> BundleInfo {
        try info(id)
    }

    private func info(_ id: String) throws -> BundleInfo {
        if id == BundleInfo.builtIn.id { return .builtIn }
        let record = try store.getBlocking(id: id)
        let isProven = try store.listBlocking().contains { $0.record.id == id && $0.status == .proven }
        return info(record, isProven: isProven)
    }

    private func info(_ bundle: InstalledBundle) -> BundleInfo {
        info(bundle.record, isProven: bundle.status == .proven)
    }

    private func info(_ record: BundleRecord, isProven: Bool) -> BundleInfo {
        BundleInfo(
            id: record.id, version: record.version, checksum: record.digest ?? "", status: isProven ? "success" : "pending")
    }
}
