import CapBundle
import CapgoDropIn
import Foundation
import XCTest

/// The plugin's code on capbundle, with archives packed by the command.
final class CapgoDropInTests: XCTestCase {
    private func makeUpdater(in folder: TestFolder, pages: Pages = Pages(), signed: Bool = true) throws -> CapgoUpdater {
        let publicKey = signed ? try Fixtures.key.toPem() : nil
        return try CapgoUpdater(library: folder.url, publicKey: publicKey, native: phone, serve: pages.add)
    }

    /// A download, which is deleted when it is installed.
    private func downloaded(_ file: URL, in folder: TestFolder) throws -> URL {
        let copy = folder.path("downloaded.zip")
        if FileManager.default.fileExists(atPath: copy.path) { try FileManager.default.removeItem(at: copy) }
        try FileManager.default.copyItem(at: file, to: copy)
        return copy
    }

    private func take(_ archive: Archive, by updater: CapgoUpdater, in folder: TestFolder) async throws -> BundleInfo {
        try await updater.finishDownload(
            file: downloaded(archive.sealed, in: folder), version: archive.version, sessionKey: archive.ivSessionKey,
            checksum: archive.signedChecksum)
    }

    func testABundleIsInstalledSetAsNextServedFromItsFolderAndProven() async throws {
        let folder = try TestFolder()
        let id = try await { () async throws -> String in
            let updater = try makeUpdater(in: folder)
            try updater.load()
            let bundle = try await take(Fixtures.app, by: updater, in: folder)
            XCTAssertEqual(bundle.version, "1.2.3")
            XCTAssertEqual(bundle.checksum, try Fixtures.app.digest)
            XCTAssertEqual(bundle.status, "pending")
            XCTAssertFalse(FileManager.default.fileExists(atPath: folder.path("downloaded.zip").path))
            try updater.next(id: bundle.id)
            XCTAssertEqual(try updater.getNextBundle(), bundle)
            return bundle.id
        }()

        let pages = Pages()
        let updater = try makeUpdater(in: folder, pages: pages)
        let launch = try updater.load()

        XCTAssertEqual(launch.bundle, .bundle(id: id))
        let served = folder.path("NoCloud/ionic_built_snapshots/\(id)")
        XCTAssertEqual(pages.all.last??.path, served.path)
        XCTAssertTrue(FileManager.default.fileExists(atPath: served.appendingPathComponent("index.html").path))
        XCTAssertEqual(try updater.pageStarted(), 10_000)
        XCTAssertTrue(try updater.notifyAppReady())
        XCTAssertEqual(try updater.current().status, "success")
    }

    func testABundleIsDownloadedOverABrokenConnection() async throws {
        let folder = try TestFolder()
        let updater = try makeUpdater(in: folder)
        try updater.load()
        let path = "drop-in?path=\(Fixtures.app.sealed.path)&cut=100.200"
        let url = try XCTUnwrap(URL(string: RoughServer.shared.url(path)))
        let percents = Lines()
        let bundle = try await updater.download(
            url: url, version: "1.2.3", sessionKey: Fixtures.app.ivSessionKey, checksum: Fixtures.app.signedChecksum
        ) { percents.add("\($0)") }
        XCTAssertEqual(bundle.checksum, try Fixtures.app.digest)
        XCTAssertEqual(percents.all.last, "100")
        try updater.next(id: bundle.id)
    }

    func testAnUnknownBundleIsNotFound() async throws {
        let updater = try makeUpdater(in: TestFolder())
        try updater.load()
        await assertThrows(.notFound) { try updater.getBundleInfo(id: "AAAAAAAAA1") }
        await assertThrows(.notFound) { try updater.next(id: "AAAAAAAAA1") }
        XCTAssertEqual(try updater.getBundleInfo(id: "builtin").id, "builtin")
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
            try updater.load()
            let file = try downloaded(Fixtures.app.plain, in: folder)
            await assertThrows(kind) {
                try await updater.finishDownload(file: file, version: "1.2.3", sessionKey: sessionKey, checksum: checksum)
            }
            XCTAssertEqual(try updater.list(), [])
            XCTAssertFalse(FileManager.default.fileExists(atPath: file.path))
        }
    }

    func testALateCallOfTheOldPageDoesNotProveItsSuccessor() async throws {
        let folder = try TestFolder()
        let updater = try makeUpdater(in: folder)
        try updater.load()
        _ = try updater.pageStarted()
        let bundle = try await take(Fixtures.app, by: updater, in: folder)
        try updater.set(id: bundle.id)

        // The page of the built-in bundle still runs; the new one has not started to load.
        try updater.notifyAppReady()
        XCTAssertEqual(try updater.current().status, "pending")

        _ = try updater.pageStarted()
        XCTAssertTrue(try updater.notifyAppReady())
        XCTAssertEqual(try updater.current().status, "success")
    }

    func testAPageThatIsNotReadyInTimeIsReplacedAndItsBundleFails() async throws {
        let folder = try TestFolder()
        let pages = Pages()
        let updater = try makeUpdater(in: folder, pages: pages)
        try updater.load()
        let bundle = try await take(Fixtures.app, by: updater, in: folder)
        // Twice, because a single miss may have another cause.
        for _ in 1...2 {
            try updater.set(id: bundle.id)
            _ = try updater.pageStarted()
            try updater.checkRevert()
            XCTAssertEqual(try updater.current().id, "builtin")
            XCTAssertEqual(pages.all.last, .some(nil))
        }
        XCTAssertTrue(try updater.hasFailed(version: "1.2.3"))
        XCTAssertEqual(try updater.getFailedUpdate()?.status, "error")
        await assertThrows(.notTrusted) { try await self.take(Fixtures.app, by: updater, in: folder) }
    }

    func testResetReturnsToTheBuiltInBundle() async throws {
        let folder = try TestFolder()
        let pages = Pages()
        let updater = try makeUpdater(in: folder, pages: pages)
        try updater.load()
        let bundle = try await take(Fixtures.app, by: updater, in: folder)
        try updater.set(id: bundle.id)
        XCTAssertNotNil(pages.all.last ?? nil)

        try updater.reset(toLastSuccessful: false)

        XCTAssertEqual(try updater.current().id, "builtin")
        XCTAssertEqual(pages.all.last, .some(nil))
    }

    func testTheBundlesOfThePluginAreMigrated() throws {
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

        let launch = try makeUpdater(in: folder).load(migrating: defaults)

        XCTAssertEqual(launch.bundle, .bundle(id: "AbCdEfGhIj"))
        XCTAssertEqual(launch.version, "7.7.7")
    }
}

/// The folders that the web view loaded.
private final class Pages: @unchecked Sendable {
    private let lock = NSLock()
    private var pages: [URL?] = []

    @Sendable func add(_ page: URL?) {
        lock.withLock { pages.append(page) }
    }

    var all: [URL?] {
        lock.withLock { pages }
    }
}
