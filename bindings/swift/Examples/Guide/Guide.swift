// The code of docs/ios.md: compiled here, and a test compares the two.

// guide: updates
import CapBundle
import Foundation

public final class Updates: Sendable {
    private let store: Store
    private let native: NativeApp
    private let folder: URL
    private let publicKey: String

    /// At the start of the app, before the web view is made. `folder` is `Library/NoCloud` of the app.
    public init(folder: URL, publicKey: String, native: NativeApp) throws {
        (self.folder, self.publicKey, self.native) = (folder, publicKey, native)
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

    /// Takes in a download; it is shown from the next start on.
    public func install(_ download: URL, version: String, sessionKey: String, checksum: String) async throws -> BundleRecord {
        let archive = try await VerifiedArchive.open(
            download, staging: folder, ivSessionKey: sessionKey, checksum: checksum, key: VerifyingKey.fromPem(text: publicKey))
        let bundle = try await store.install(archive, as: NewBundle(version: version))
        try await store.setNext(slot: .bundle(id: bundle.id))
        return bundle
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
