import CapBundle
import CapgoDropIn
import Foundation
import XCTest

/// The plugin's code on capbundle, with archives packed by the command.
final class CapgoDropInTests: XCTestCase {
    func testABundleIsInstalledSetAsNextServedFromItsFolderAndProven() async throws {
        try await onMainActor {
            let folder = try TestFolder()
            let id = try await installAsNext(in: folder)

            let pages = Pages()
            let updater = try makeUpdater(in: folder, pages: pages)
            let load = try updater.load(phone)

            XCTAssertEqual(load.bundle, .bundle(id: id))
            let served = folder.path("NoCloud/ionic_built_snapshots/\(id)")
            XCTAssertEqual(pages.all.last??.path, served.path)
            XCTAssertTrue(FileManager.default.fileExists(atPath: served.appendingPathComponent("index.html").path))
            try updater.pageStarted()
            _ = try await updater.call("notifyAppReady")
            let bundle = try await current(updater)
            XCTAssertEqual(bundle["status"] as? String, "success")
        }
    }

    func testABundleIsDownloadedOverABrokenConnection() async throws {
        try await onMainActor {
            let folder = try TestFolder()
            let updater = try makeUpdater(in: folder)
            try updater.load(phone)
            let url = RoughServer.shared.url("drop-in?path=\(Fixtures.app.sealed.path)&cut=100.200")
            let arguments = try JSONSerialization.data(withJSONObject: [
                "url": url, "version": "1.2.3", "sessionKey": Fixtures.app.ivSessionKey,
                "checksum": Fixtures.app.signedChecksum,
            ])
            let json = try await updater.call("download", String(decoding: arguments, as: UTF8.self))
            XCTAssertTrue(json.contains(try Fixtures.app.digest), json)
        }
    }

    func testAnUnknownBundleIsRefused() async throws {
        try await onMainActor {
            let updater = try makeUpdater(in: TestFolder())
            try updater.load(phone)
            for method in ["next", "set"] {
                do {
                    _ = try await answer(updater, method, id: "AAAAAAAAA1")
                    XCTFail("\(method) of an unknown bundle")
                } catch is CallRejection {}
            }
        }
    }

    func testTheFunctionsOfCryptoCipherKeepTheirResults() throws {
        let folder = try TestFolder()
        let file = try downloaded(Fixtures.app.sealed, in: folder)
        let key = try Fixtures.key.toPem()

        try CryptoCipher.decryptFile(filePath: file, publicKey: key, sessionKey: Fixtures.app.ivSessionKey, version: "1.2.3")

        XCTAssertEqual(try Data(contentsOf: file), try Data(contentsOf: Fixtures.app.plain))
        let signed = try CryptoCipher.decryptChecksum(checksum: Fixtures.app.signedChecksum, publicKey: key)
        XCTAssertEqual(signed, try CryptoCipher.calcChecksum(filePath: file))
        XCTAssertEqual(try CryptoCipher.calcKeyId(publicKey: key).count, 20)
    }

    func testDecryptFileNeverSilentlyLeavesAFileUnchanged() throws {
        let folder = try TestFolder()
        let file = try downloaded(Fixtures.app.sealed, in: folder)
        let key = try Fixtures.key.toPem()
        for (publicKey, sessionKey) in [(key, ""), (key, "one part"), ("", try Fixtures.app.ivSessionKey)] {
            XCTAssertThrowsError(
                try CryptoCipher.decryptFile(filePath: file, publicKey: publicKey, sessionKey: sessionKey, version: "1.2.3"))
        }
        XCTAssertEqual(try Data(contentsOf: file), try Data(contentsOf: Fixtures.app.sealed))
    }

    func testDecryptChecksumRefusesAPlainDigest() async throws {
        let key = try Fixtures.key.toPem()
        await assertThrows(.notTrusted) { try CryptoCipher.decryptChecksum(checksum: Fixtures.app.digest, publicKey: key) }
    }

    func testAFileThatCannotBeReadHasNoChecksum() async throws {
        await assertThrows(.notFound) { try CryptoCipher.calcChecksum(filePath: URL(fileURLWithPath: "/nowhere/app.zip")) }
    }

    func testAnUnverifiedDownloadIsRefusedAndLeavesNothing() async throws {
        try await onMainActor {
            let digest = try Fixtures.app.digest
            let signed = try Fixtures.app.signedChecksum
            // The download, its session key and checksum, whether the app has a key, and the expected error.
            let cases: [(sessionKey: String, checksum: String, hasKey: Bool, kind: ErrorKind)] = [
                ("", digest, true, .notTrusted),
                ("", "", true, .notTrusted),
                ("", signed, true, .notTrusted),
                ("", "", false, .invalidInput),
                ("", String(repeating: "0", count: 64), false, .digestMismatch),
            ]
            for (sessionKey, checksum, hasKey, kind) in cases {
                let folder = try TestFolder()
                let updater = try makeUpdater(in: folder, signed: hasKey)
                try updater.load(phone)
                let file = try downloaded(Fixtures.app.plain, in: folder)
                await assertThrows(kind) {
                    try await updater.finishDownload(file: file, version: "1.2.3", sessionKey: sessionKey, checksum: checksum)
                }
                let list = try await updater.call("list")
                XCTAssertEqual(list, #"{"bundles":[]}"#)
                XCTAssertFalse(FileManager.default.fileExists(atPath: file.path))
            }
        }
    }

    func testALateCallOfTheOldPageDoesNotProveItsSuccessor() async throws {
        try await onMainActor {
            let folder = try TestFolder()
            let updater = try makeUpdater(in: folder)
            try updater.load(phone)
            try updater.pageStarted()
            let bundle = try await take(Fixtures.app, by: updater, in: folder)
            _ = try await answer(updater, "set", id: bundle.id)

            // The page of the built-in bundle still runs; the new one has not started to load.
            _ = try await updater.call("notifyAppReady")
            let pending = try await current(updater)
            XCTAssertEqual(pending["status"] as? String, "pending")

            // What was set is loaded through the main queue.
            try await Task.sleep(nanoseconds: 100_000_000)
            try updater.pageStarted()
            _ = try await updater.call("notifyAppReady")
            let proven = try await current(updater)
            XCTAssertEqual(proven["status"] as? String, "success")
        }
    }

    func testAPageWhoseProcessEndsTwiceOnTrialFailsItsBundle() async throws {
        try await onMainActor {
            let folder = try TestFolder()
            let pages = Pages()
            let updater = try makeUpdater(in: folder, pages: pages)
            try updater.load(phone)
            let bundle = try await take(Fixtures.app, by: updater, in: folder)
            // Twice, because a single miss may have another cause.
            for _ in 1...2 {
                _ = try await answer(updater, "set", id: bundle.id)
                try await Task.sleep(nanoseconds: 100_000_000)
                try updater.pageStarted()
                try updater.pageCrashed()
                let shown = try await current(updater)
                XCTAssertEqual(shown["id"] as? String, "builtin")
                XCTAssertEqual(pages.all.last, .some(nil))
            }
            let failed = try await answer(updater, "getFailedUpdate")
            XCTAssertEqual((failed["bundle"] as? [String: Any])?["status"] as? String, "error")
            await assertThrows(.notTrusted) { try await take(Fixtures.app, by: updater, in: folder) }
        }
    }

    func testResetReturnsToTheBuiltInBundle() async throws {
        try await onMainActor {
            let folder = try TestFolder()
            let updater = try makeUpdater(in: folder)
            try updater.load(phone)
            let bundle = try await take(Fixtures.app, by: updater, in: folder)
            _ = try await answer(updater, "set", id: bundle.id)

            _ = try await updater.call("reset")

            let shown = try await current(updater)
            XCTAssertEqual(shown["id"] as? String, "builtin")
        }
    }

    func testTheBundlesOfThePluginAreMigrated() async throws {
        try await onMainActor {
            let folder = try TestFolder()
            let snapshot = try folder.make("NoCloud/ionic_built_snapshots/AbCdEfGhIj")
            try Data("<html>".utf8).write(to: snapshot.appendingPathComponent("index.html"))
            let name = "capbundle-test-\(UUID().uuidString)"
            let defaults = try XCTUnwrap(UserDefaults(suiteName: name))
            defer { defaults.removePersistentDomain(forName: name) }
            let info = #"{"id":"AbCdEfGhIj","version":"7.7.7","downloaded":"2026-01-01T00:00:00.000Z","checksum":"","status":"success"}"#
            defaults.set(info, forKey: "AbCdEfGhIj_info")
            defaults.set(snapshot.path, forKey: "serverBasePath")
            defaults.set(phone.build, forKey: "LatestNativeBuildVersion")

            let load = try makeUpdater(in: folder).load(phone, migrating: defaults)

            XCTAssertEqual(load.bundle, .bundle(id: "AbCdEfGhIj"))
            XCTAssertEqual(load.version, "7.7.7")
        }
    }
}

@MainActor
private func makeUpdater(
    in folder: TestFolder, pages: Pages = Pages(), signed: Bool = true, appReadyTimeoutMs: Int64 = 10_000
) throws -> CapgoUpdater {
    let publicKey = signed ? try Fixtures.key.toPem() : nil
    let source = UpdateSource.server(
        server: ServerSource(url: "https://updates.example.com/updates", publicKey: publicKey))
    let device = DeviceInfo(platform: .ios, appId: "com.example.app")
    return try CapgoUpdater(
        library: folder.url, publicKey: publicKey, options: UpdaterOptions(source: source, device: device, mode: .off),
        appReadyTimeoutMs: appReadyTimeoutMs, serve: pages.add)
}

/// The members of the JSON that a call returned.
@MainActor
private func answer(_ updater: CapgoUpdater, _ method: String, id: String? = nil) async throws -> [String: Any] {
    let json = try await updater.call(method, id.map { #"{"id":"\#($0)"}"# } ?? "{}")
    return try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed) as? [String: Any] ?? [:]
}

/// The bundle in what `current` and `notifyAppReady` return.
@MainActor
private func current(_ updater: CapgoUpdater) async throws -> [String: Any] {
    try await answer(updater, "current")["bundle"] as? [String: Any] ?? [:]
}

/// A download, which is deleted when it is installed.
private func downloaded(_ file: URL, in folder: TestFolder) throws -> URL {
    let copy = folder.path("downloaded.zip")
    if FileManager.default.fileExists(atPath: copy.path) { try FileManager.default.removeItem(at: copy) }
    try FileManager.default.copyItem(at: file, to: copy)
    return copy
}

@MainActor
private func take(_ archive: Archive, by updater: CapgoUpdater, in folder: TestFolder) async throws -> BundleRecord {
    try await updater.finishDownload(
        file: downloaded(archive.sealed, in: folder), version: archive.version, sessionKey: archive.ivSessionKey,
        checksum: archive.signedChecksum)
}

/// In a process of its own, which ends with this call.
@MainActor
private func installAsNext(in folder: TestFolder) async throws -> String {
    let updater = try makeUpdater(in: folder)
    try updater.load(phone)
    let bundle = try await take(Fixtures.app, by: updater, in: folder)
    XCTAssertEqual(bundle.version, "1.2.3")
    XCTAssertEqual(bundle.digest, try Fixtures.app.digest)
    XCTAssertFalse(FileManager.default.fileExists(atPath: folder.path("downloaded.zip").path))
    let next = try await answer(updater, "next", id: bundle.id)
    XCTAssertEqual(next["status"] as? String, "pending")
    let waiting = try await answer(updater, "getNextBundle")
    XCTAssertEqual(waiting["id"] as? String, bundle.id)
    return bundle.id
}

/// XCTest does not run on the main actor here.
private func onMainActor(_ body: @MainActor @Sendable () async throws -> Void) async throws {
    try await body()
}

/// The folders that the web view loaded.
@MainActor
private final class Pages {
    private(set) var all: [URL?] = []

    func add(_ page: URL?) { all.append(page) }
}
