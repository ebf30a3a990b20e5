// The code of docs/ios.md: compiled here, and a test compares the two.

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

// guide: updates
import CapBundle
import Foundation

public final class Updates: Sendable {
    private let store: Store
    private let native: NativeApp
    private let publicKey: String

    /// At the start of the app, before the web view is made. `folder` is `Library/NoCloud` of the app.
    public init(folder: URL, publicKey: String, native: NativeApp) throws {
        (self.publicKey, self.native) = (publicKey, native)
        store = try Store.open(
            at: folder.appendingPathComponent("capbundle"),
            options: StoreOptions(
                requiredProof: .capgoSigned(publicKey: publicKey),
                bundles: folder.appendingPathComponent("ionic_built_snapshots").path))
    }

    /// The folder that the web view is to show; nothing means the app's own.
    public func launch() throws -> String? {
        try store.launch(native: native).folder
    }

    /// Downloads an update and takes it in; it is shown from the next start on. What came of a download that failed or was
    /// cancelled is gone on with by the next call.
    public func update(from url: URL, version: String, sessionKey: String, checksum: String) async throws -> BundleRecord {
        let proof = proof(sessionKey: sessionKey, checksum: checksum)
        let archive = RemoteArchive(url: url.absoluteString, proof: proof, bundle: NewBundle(version: version))
        let bundle = try await store.install(from: archive)
        try await store.setNext(slot: .bundle(id: bundle.id))
        return bundle
    }

    /// The same for a file that the app downloaded itself.
    public func install(_ file: URL, version: String, sessionKey: String, checksum: String) async throws -> BundleRecord {
        let proof = proof(sessionKey: sessionKey, checksum: checksum)
        let bundle = try await store.install(file: file, proof: proof, as: NewBundle(version: version))
        try await store.setNext(slot: .bundle(id: bundle.id))
        return bundle
    }

    private func proof(sessionKey: String, checksum: String) -> ExpectedProof {
        .capgoSealed(ivSessionKey: sessionKey, checksum: checksum, form: .v3, publicKey: publicKey)
    }

    /// When the web view begins to load. Gives back how many milliseconds the page has to say that it is ready.
    public func pageStarted() throws -> Int64? {
        if case let .bundle(id)? = try store.served()?.bundle { _ = try store.trialStarted(id: id) }
        return store.readyDeadlineMs()
    }

    /// When the page calls `notifyAppReady()`.
    public func ready() throws {
        if let served = try store.served() { _ = try store.confirm(slot: served.bundle) }
    }

    /// When that time is over. Gives back what to show instead.
    public func timeIsOver() throws -> Launch? {
        guard case let .bundle(id)? = try store.served()?.bundle else { return nil }
        return try store.trialExpired(id: id)
    }
}
// guide: end

// guide: background
/// Downloads that go on while the app is suspended or has been ended.
public final class BackgroundUpdates: NSObject, URLSessionDownloadDelegate, @unchecked Sendable {
    private let updates: Updates
    private let finished: @Sendable (Result<BundleRecord, any Error>) -> Void
    private var session: URLSession!

    /// At the start of the app, with `.background(withIdentifier: "com.example.app.updates")`: the system then hands over what
    /// was downloaded meanwhile. `finished` hears what became of each.
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
        // The system keeps it with the task, whatever becomes of the app.
        task.taskDescription = [version, sessionKey, checksum].joined(separator: "\n")
        task.resume()
    }

    public func urlSession(_ session: URLSession, downloadTask: URLSessionDownloadTask, didFinishDownloadingTo location: URL) {
        let said = downloadTask.taskDescription?.components(separatedBy: "\n") ?? []
        guard said.count == 3 else { return }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        do {
            // It is gone from there when this function returns.
            try FileManager.default.moveItem(at: location, to: file)
        } catch {
            return finished(.failure(error))
        }
        Task { [updates, finished] in
            do {
                // An error page of the server is a file too: it proves nothing, and is refused here.
                let bundle = try await updates.install(file, version: said[0], sessionKey: said[1], checksum: said[2])
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
/// Updates from plain files on a web server, a bucket or a CDN, signed by keys of the ring that the app brings.
public final class ChannelUpdates: Sendable {
    private let store: Store
    private let source: ChannelSource

    /// At the start of the app, before the web view is made. `ring` and `contentKey` are the texts of files in the app, `builtIn`
    /// is the sequence of the release that its own web assets are.
    public init(folder: URL, site: String, ring: String, contentKey: String, native: NativeApp, builtIn: Int64) throws {
        store = try Store.open(
            at: folder.appendingPathComponent("capbundle"),
            options: StoreOptions(
                requiredProof: .release, bundles: folder.appendingPathComponent("ionic_built_snapshots").path,
                builtInSequence: builtIn))
        let release = ReleaseOptions(
            appId: "com.example.app", channel: "production", firstRing: ring, nativeVersion: native.version,
            contentKeys: [try ContentKey.fromPem(text: contentKey)])
        source = ChannelSource(site: site, release: release)
    }

    /// Whenever the app likes: looks whether there is something new, and takes it. It is shown from the next start on. Gives back what
    /// is to be logged.
    public func update() async throws -> [String] {
        let update = try await store.update(from: source)
        let refused = update.passedOver.map { "release \($0.sequence) is not taken: \($0.message)" }
        switch update.outcome {
        case let .installed(bundle): return refused + ["\(bundle.version) comes next"]
        case let .upToDate(bundle): return refused + ["\(bundle.version) is the newest for this device"]
        default: return refused + ["nothing new for this device"]
        }
    }
}
// guide: end

extension Updates {
    // guide: progress
    func install(_ archive: VerifiedArchive, version: String, show: @MainActor (Double) -> Void) async throws -> BundleRecord {
        let installation = store.installing(archive, as: NewBundle(version: version))
        for await progress in installation {
            await show(progress.fraction)
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
