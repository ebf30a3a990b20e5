// The code of docs/ios.md: compiled here, and a test compares the two.

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

// guide: updater
import CapBundle
import Foundation

/// The updater of the process, and what its web view was given.
@MainActor
public final class LiveUpdates {
    private var updater: Updater!
    private var loaded: Load!
    private let serve: @MainActor (String?) -> Void
    private var listening: Task<Void, Never>?

    /// At the start of the app, before the web view is created.
    /// - Parameters:
    ///   - folder: `Library/NoCloud` of the app.
    ///   - publicKey: says what this app accepts; no server can change that.
    ///   - serve: loads the page again from this folder or, for `nil`, from the app's own assets.
    ///   - notify: `notifyListeners(_:data:retainUntilConsumed:)` of the plugin.
    public init(
        folder: URL, publicKey: String, server: String, serve: @escaping @MainActor (String?) -> Void,
        notify: @escaping @MainActor (UpdaterEvent) -> Void
    ) throws {
        self.serve = serve
        let store = try Store.openBlocking(
            at: folder.appendingPathComponent("capbundle"),
            options: StoreOptions(
                requiredProof: .capgoSigned(publicKey: publicKey),
                bundles: folder.appendingPathComponent("ionic_built_snapshots").path))
        let source = UpdateSource.server(server: ServerSource(url: server, publicKey: publicKey))
        let device = DeviceInfo(platform: .ios, appId: "com.example.app")
        let options = UpdaterOptions(source: source, device: device, mode: .atBackground)
        updater = try Updater(store: store, options: options) { [weak self] load in self?.show(load) }
        listening = Task { [events = updater.events] in
            for await event in events { notify(event) }
        }
    }

    /// When the plugin is loaded: the folder to serve, or `nil` for the app's own assets.
    /// - Parameter native: `CFBundleShortVersionString` and `CFBundleVersion`.
    public func start(_ native: NativeApp, inBackground: Bool) throws -> String? {
        loaded = try updater.start(native: native, inBackground: inBackground)
        return loaded.folder
    }

    /// `webView(_:didCommit:)`: the page changed. Until then the previous page still runs, and may still call `notifyAppReady()`.
    public func pageStarted() throws { try updater.pageStarted(loaded) }

    /// `webViewWebContentProcessDidTerminate(_:)`.
    public func pageCrashed() throws {
        if let load = try updater.pageCrashed() { show(load) }
    }

    /// `UIApplication.didEnterBackgroundNotification`: an update that waited for this moment is loaded now.
    public func enteredBackground() throws {
        if let load = try updater.background() { show(load) }
    }

    /// `UIApplication.willEnterForegroundNotification`.
    public func enteredForeground() throws {
        if let load = try updater.foreground() { show(load) }
    }

    /// A call of JavaScript: `call.methodName`, its `options` as JSON. Returns what its promise resolves to, an object as JSON or
    /// `null`. What it throws is a `CallRejection` for `call.reject(_:_:)`.
    public func answer(_ method: String, _ arguments: String) async throws -> String {
        try await updater.call(method, arguments: arguments)
    }

    private func show(_ load: Load) {
        loaded = load
        serve(load.folder)
    }
}
// guide: end

// guide: updates
import CapBundle
import Foundation

/// The store of the process, and what its web view shows.
@MainActor
public final class Updates {
    private let store: Store
    private let native: NativeApp
    private let publicKey: String
    private let serve: @MainActor (String?) -> Void
    private var served = BundleRef.builtIn  // what the web view was last asked to load
    private var page = BundleRef.builtIn  // what the page in it was loaded from
    private var timer: Task<Void, Never>?

    /// At the start of the app, before the web view is created.
    /// - Parameters:
    ///   - folder: `Library/NoCloud` of the app.
    ///   - publicKey: says what this app accepts; no server can change that.
    ///   - native: `CFBundleShortVersionString` and `CFBundleVersion`.
    ///   - serve: loads the page again from this folder or, for `nil`, from the app's own assets.
    public init(folder: URL, publicKey: String, native: NativeApp, serve: @escaping @MainActor (String?) -> Void) throws {
        (self.publicKey, self.native, self.serve) = (publicKey, native, serve)
        store = try Store.openBlocking(
            at: folder.appendingPathComponent("capbundle"),
            options: StoreOptions(
                requiredProof: .capgoSigned(publicKey: publicKey),
                bundles: folder.appendingPathComponent("ionic_built_snapshots").path))
    }

    /// When the plugin is loaded, before the web view starts: the folder to serve, or `nil` for the app's own assets. Evaluates
    /// crashes.
    public func launch() throws -> String? {
        let launch = try store.launchBlocking(native: native)
        served = launch.bundle
        return launch.folder
    }

    /// `webView(_:didCommit:)`: the page changed. Until then the previous page still runs, and may still call `notifyAppReady()`.
    /// From now on a crash counts against a bundle on trial, and the time to confirm runs.
    public func pageChanged() throws {
        page = served
        try startTrial()
    }

    private func startTrial() throws {
        timer?.cancel()
        guard case let .bundle(id) = page, try store.trialStartedBlocking(id: id),  // else it is proven, or not of this session
            let deadline = store.readyDeadlineMs()
        else { return }
        timer = Task { [weak self] in
            do {
                try await Task.sleep(nanoseconds: UInt64(deadline) * 1_000_000)
                try self?.trialFailed()
            } catch is CancellationError {
                // It confirmed, or the page changed.
            } catch {
                print("capbundle: \(error.localizedDescription)")  // a full disk, for example: the next launch decides
            }
        }
    }

    /// The page called `notifyAppReady()`. It proves the bundle that it was loaded from, and no other.
    public func ready() throws {
        switch try store.confirmBlocking(bundle: page) {
        case .proven, .alreadyProven, .builtIn: timer?.cancel()
        case .ignored, .other: break  // the page is being replaced: nothing changed
        }
    }

    /// The page did not confirm in time, or `webViewWebContentProcessDidTerminate(_:)`: goes back to the bundle that works, within
    /// this session.
    public func trialFailed() throws {
        guard case let .bundle(id) = page else { return }
        if let launch = try store.trialExpiredBlocking(id: id) { show(launch) }  // nil: it has confirmed
    }

    /// `UIApplication.didEnterBackgroundNotification`. iOS may end the process now, which does not count against the bundle.
    public func enteredBackground() throws {
        timer?.cancel()
        try store.enteredBackgroundBlocking()
        if let launch = try store.applyNextBlocking(native: native) { show(launch) }  // an update that was waiting for this moment
    }

    /// `UIApplication.willEnterForegroundNotification`. A page that has not confirmed gets its full time again.
    public func enteredForeground() throws {
        try store.enteredForegroundBlocking(native: native)
        try startTrial()
    }

    private func show(_ launch: Launch) {
        served = launch.bundle
        serve(launch.folder)
    }

    /// Installs an update. It is applied in the background, or at the next start. Cancelling the task stops it, and the next call
    /// resumes the download.
    public func update(from url: URL, version: String, sessionKey: String, checksum: String) async throws -> BundleRecord {
        let proof = proof(sessionKey: sessionKey, checksum: checksum)
        let archive = RemoteArchive(url: url.absoluteString, proof: proof, bundle: NewBundle(version: version))
        let bundle = try await store.install(from: archive)
        try await store.setNext(bundle: .bundle(id: bundle.id))
        return bundle
    }

    /// The same for a file that the app downloaded itself.
    public func install(_ file: URL, version: String, sessionKey: String, checksum: String) async throws -> BundleRecord {
        let proof = proof(sessionKey: sessionKey, checksum: checksum)
        let bundle = try await store.install(file: file, proof: proof, as: NewBundle(version: version))
        try await store.setNext(bundle: .bundle(id: bundle.id))
        return bundle
    }

    private func proof(sessionKey: String, checksum: String) -> ExpectedProof {
        .capgoEncrypted(ivSessionKey: sessionKey, checksum: checksum, form: .v3, publicKey: publicKey)
    }
}
// guide: end

// guide: background
/// Downloads that continue while the app is suspended or terminated.
public final class BackgroundUpdates: NSObject, URLSessionDownloadDelegate, @unchecked Sendable {
    private let updates: Updates
    private let finished: @Sendable (Result<BundleRecord, any Error>) -> Void
    private var session: URLSession!

    /// At the start of the app, with `.background(withIdentifier: "com.example.app.updates")`: the system then hands over the
    /// files that it downloaded in the meantime. `finished` is called with each result.
    public init(
        _ updates: Updates, configuration: URLSessionConfiguration,
        finished: @escaping @Sendable (Result<BundleRecord, any Error>) -> Void
    ) {
        (self.updates, self.finished) = (updates, finished)
        super.init()
        session = URLSession(configuration: configuration, delegate: self, delegateQueue: nil)
    }

    public func start(_ url: URL, version: String, sessionKey: String, checksum: String) {
        let task = session.downloadTask(with: url)
        // The system keeps it with the task, even if the app is terminated.
        task.taskDescription = [version, sessionKey, checksum].joined(separator: "\n")
        task.resume()
    }

    public func urlSession(_ session: URLSession, downloadTask: URLSessionDownloadTask, didFinishDownloadingTo location: URL) {
        let metadata = downloadTask.taskDescription?.components(separatedBy: "\n") ?? []
        guard metadata.count == 3 else { return }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        do {
            // The system deletes it when this function returns.
            try FileManager.default.moveItem(at: location, to: file)
        } catch {
            return finished(.failure(error))
        }
        Task { [updates, finished] in
            do {
                // A server's error page is a file too: it fails verification and is refused here.
                let bundle = try await updates.install(file, version: metadata[0], sessionKey: metadata[1], checksum: metadata[2])
                finished(.success(bundle))
            } catch {
                finished(.failure(error))
            }
            try? FileManager.default.removeItem(at: file)
        }
    }

    public func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        if let error { finished(.failure(error)) }
    }
}
// guide: end

// guide: channel
/// Updates from plain files on a web server, a bucket or a CDN, signed by keys of the ring that the app ships.
public final class ChannelUpdates: Sendable {
    private let store: Store
    private let source: ChannelSource

    /// At the start of the app, before the web view is created. `ring` and `contentKey` are the texts of files in the app, `builtIn`
    /// is the sequence of the release that its own web assets are.
    public init(folder: URL, site: String, ring: String, contentKey: String, native: NativeApp, builtIn: Int64) throws {
        store = try Store.openBlocking(
            at: folder.appendingPathComponent("capbundle"),
            options: StoreOptions(
                requiredProof: .release, bundles: folder.appendingPathComponent("ionic_built_snapshots").path,
                builtInSequence: builtIn))
        let release = ReleaseOptions(
            appId: "com.example.app", channel: "production", firstRing: ring, nativeVersion: native.version,
            contentKeys: [try ContentKey.fromPem(text: contentKey)])
        source = ChannelSource(site: site, release: release)
    }

    /// Call it at any time: checks for an update and installs it. The bundle is shown from the next start on. Returns the lines to
    /// log.
    public func update() async throws -> [String] {
        let update = try await store.update(from: source)
        let refused = update.skipped.map { "release \($0.sequence) is refused: \($0.message)" }
        switch update.outcome {
        case let .installed(bundle): return refused + ["\(bundle.version) comes next"]
        case let .upToDate(bundle): return refused + ["\(bundle.version) is the newest for this device"]
        case let .builtInNext(_, sequence):
            return refused + ["release \(sequence) returns to the built-in bundle, which comes next"]
        default: return refused + ["nothing new for this device"]
        }
    }
}
// guide: end

extension Updates {
    // guide: progress
    func install(_ archive: VerifiedArchive, version: String, show: (Double) -> Void) async throws -> BundleRecord {
        let installation = store.installing(archive, as: NewBundle(version: version))
        for await progress in installation {
            show(progress.fraction)
        }
        return try await installation.value
    }
    // guide: end

    // guide: errors
    func explain(_ error: any Error) -> String {
        guard let error = error as? CapBundleError else { return error.localizedDescription }
        switch error.kind {
        case .notTrusted, .signatureInvalid, .digestMismatch: return "Not from us, and not installed: \(error.message)"
        case .noSpace: return "The device is full: \(error.message)"
        case .busy, .io: return "Try again later: \(error.message)"
        default: return error.message
        }
    }
    // guide: end
}
