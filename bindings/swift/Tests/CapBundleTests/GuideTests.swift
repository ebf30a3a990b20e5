import CapBundle
import Foundation
import Guide
import XCTest

/// The code of docs/ios.md works.
final class GuideTests: XCTestCase {
    func testTheCodeOfTheGuideIsCompiled() throws {
        var swift = URL(fileURLWithPath: #filePath)
        for _ in 1...3 { swift.deleteLastPathComponent() }
        let code = try String(contentsOf: swift.appendingPathComponent("Examples/Guide/Guide.swift"), encoding: .utf8)
        let guide = try String(contentsOf: swift.appendingPathComponent("../../docs/ios.md"), encoding: .utf8)

        let pieces = code.components(separatedBy: "// guide: ").dropFirst().filter { !$0.hasPrefix("end") }
        XCTAssertEqual(pieces.count, 6)
        for piece in pieces {
            let lines = piece.split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
            let text = Self.withoutIndent(lines.map(String.init))
            XCTAssertTrue(guide.contains("```swift\n\(text)\n```"), "docs/ios.md lacks:\n\(text)")
        }
        // Every Swift block is one of them, except the lines of an app's Package.swift.
        let blocks = guide.components(separatedBy: "```swift\n").count - 1
        XCTAssertEqual(blocks, pieces.count + 1)
    }

    func testAPageThatNeverConfirmsIsReplacedWithinTheSession() async throws {
        try await Self.onMainActor {
            let folder = try TestFolder()
            let shown = Shown()
            let app = try Self.app(in: folder, shown)
            XCTAssertNil(try app.launch())
            try app.pageChanged()
            try app.ready()
            let installed = try await Self.install(app)
            // The update is applied in the background, and its page loads.
            try app.enteredBackground()
            let bundle = folder.path("NoCloud/ionic_built_snapshots/\(installed.id)").path
            XCTAssertEqual(shown.folders, [bundle])
            // The previous page still runs, and its call does not prove the new one.
            try app.ready()
            try app.pageChanged()
            try app.enteredForeground()

            // The page has ten seconds.
            for _ in 0..<600 where shown.folders.count < 2 { try await Task.sleep(nanoseconds: 100_000_000) }

            XCTAssertEqual(shown.folders, [bundle, nil])
            try app.pageChanged()
            try app.ready()
            try app.trialFailed()
            XCTAssertEqual(shown.folders, [bundle, nil], "the built-in page is not on trial")
        }
    }

    func testTheUpdaterOfTheGuideReplacesAPageThatNeverConfirms() async throws {
        try await Self.onMainActor {
            let folder = try TestFolder()
            let shown = Shown()
            let app = try LiveUpdates(
                folder: folder.path("NoCloud"), publicKey: Fixtures.key.toPem(),
                server: RoughServer.shared.url("guide_updates?status=404"), serve: { shown.folders.append($0) },
                notify: { shown.events.append($0.name) })
            XCTAssertNil(try app.start(phone, inBackground: false))
            try app.enteredForeground()
            try app.pageStarted()
            let ready = try await app.answer("notifyAppReady", "")
            XCTAssertTrue(ready.contains("builtin"), ready)

            let id = try await Self.download(app)
            _ = try await app.answer("next", "{\"id\":\"\(id)\"}")
            // The update is applied in the background, and its page loads.
            try app.enteredBackground()
            let bundle = folder.path("NoCloud/ionic_built_snapshots/\(id)").path
            XCTAssertEqual(shown.folders, [bundle])
            // The previous page still runs, and its call does not prove the new one.
            _ = try await app.answer("notifyAppReady", "")
            try app.pageStarted()
            try app.enteredForeground()

            // The page has ten seconds.
            for _ in 0..<600 where shown.folders.count < 2 { try await Task.sleep(nanoseconds: 100_000_000) }

            XCTAssertEqual(shown.folders, [bundle, nil])
            try app.pageStarted()
            _ = try await app.answer("notifyAppReady", "")
            for _ in 0..<100 where !shown.events.contains("set") { try await Task.sleep(nanoseconds: 100_000_000) }
            XCTAssertTrue(shown.events.contains("set"), "\(shown.events)")
            do {
                _ = try await app.answer("set", "{}")
                XCTFail("a call without its argument is accepted")
            } catch let refused as CallRejection {
                XCTAssertEqual(refused.message, "Set called without id")
            }
        }
    }

    /// The id of the bundle that JavaScript downloaded.
    @MainActor
    private static func download(_ app: LiveUpdates) async throws -> String {
        let arguments = [
            "url": RoughServer.shared.url("guide_updater?path=\(Fixtures.app.sealed.path)"), "version": "1.2.3",
            "sessionKey": try Fixtures.app.ivSessionKey, "checksum": try Fixtures.app.signedChecksum,
        ]
        let json = String(decoding: try JSONEncoder().encode(arguments), as: UTF8.self)
        let downloaded = try JSONDecoder().decode(JSON.self, from: Data(try await app.answer("download", json).utf8))
        guard case let .object(members) = downloaded, case let .text(id)? = members["id"] else {
            throw InvalidCase("\(downloaded)")
        }
        return id
    }

    func testAPageThatConfirmsIsKeptWhenItsTimeIsOver() async throws {
        try await Self.onMainActor {
            let folder = try TestFolder()
            let shown = Shown()
            let installed = try await {
                let app = try Self.app(in: folder, shown)
                _ = try app.launch()
                return try await Self.install(app)
            }()

            let app = try Self.app(in: folder, shown)
            XCTAssertEqual(try app.launch(), folder.path("NoCloud/ionic_built_snapshots/\(installed.id)").path)
            try app.pageChanged()
            try app.ready()
            try app.trialFailed()
            XCTAssertEqual(shown.folders, [])
        }
    }

    func testABundleThatTheSystemEndsInTheBackgroundHasNotFailed() async throws {
        try await Self.onMainActor {
            let folder = try TestFolder()
            let shown = Shown()
            let installed = try await {
                let app = try Self.app(in: folder, shown)
                _ = try app.launch()
                return try await Self.install(app)
            }()
            let bundle = folder.path("NoCloud/ionic_built_snapshots/\(installed.id)").path
            // More often than the attempts of a bundle.
            for _ in 0..<3 {
                let app = try Self.app(in: folder, shown)
                XCTAssertEqual(try app.launch(), bundle)
                try app.pageChanged()
                try app.enteredBackground()
            }
            XCTAssertEqual(shown.folders, [])
        }
    }

    func testTheAppOfTheGuideDownloadsAnUpdate() async throws {
        try await Self.onMainActor {
            let folder = try TestFolder()
            let app = try Self.app(in: folder, Shown())
            let path = "guide?path=\(Fixtures.app.sealed.path)&cut=100"
            let url = try XCTUnwrap(URL(string: RoughServer.shared.url(path)))
            let bundle = try await app.update(
                from: url, version: "1.2.3", sessionKey: Fixtures.app.ivSessionKey, checksum: Fixtures.app.signedChecksum)
            XCTAssertEqual(bundle.digest, try Fixtures.app.digest)
        }
    }

    func testTheAppOfTheGuideUpdatesFromAChannel() async throws {
        let folder = try TestFolder()
        let files = try ContractDocument.named("network.json").filesOfCase("network_channel_with_a_sealed_archive")
        for (name, content) in files {
            let file = folder.path("published/\(name)")
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try content.bytes.write(to: file)
        }
        let text = { (name: String) in try String(contentsOf: folder.path("published/\(name)"), encoding: .utf8) }
        let app = try ChannelUpdates(
            folder: folder.path("NoCloud"),
            site: RoughServer.shared.url("guide_channel?root=\(folder.path("published/site").path)&cut=100"),
            ring: text("ring.json"), contentKey: text("content.pem"), native: phone, builtIn: 6)

        let first = try await app.update()
        let second = try await app.update()

        XCTAssertEqual(first, ["1.0.7 comes next"])
        XCTAssertEqual(second, ["1.0.7 is the newest for this device"])
    }

    func testABackgroundDownloadIsInstalled() async throws {
        try await Self.onMainActor {
            let folder = try TestFolder()
            let app = try Self.app(in: folder, Shown())
            let (results, continuation) = AsyncStream.makeStream(of: Result<BundleRecord, any Error>.self)
            let downloads = BackgroundUpdates(app, configuration: .ephemeral) { continuation.yield($0) }
            func url(_ query: String) throws -> URL {
                try XCTUnwrap(URL(string: RoughServer.shared.url("background?path=\(Fixtures.app.sealed.path)&\(query)")))
            }
            let (sessionKey, checksum) = (try Fixtures.app.ivSessionKey, try Fixtures.app.signedChecksum)
            var heard = results.makeAsyncIterator()

            downloads.start(try url("status=404"), version: "1.2.3", sessionKey: sessionKey, checksum: checksum)
            let refused = await heard.next()
            XCTAssertThrowsError(try refused?.get()) { error in
                XCTAssertEqual((error as? CapBundleError)?.kind, .decryptionFailed, "\(error)")
            }
            downloads.start(try url(""), version: "1.2.3", sessionKey: sessionKey, checksum: checksum)
            let installed = await heard.next()
            XCTAssertEqual(try installed?.get().version, "1.2.3")
        }
    }

    /// A test method cannot be isolated to the main actor, because XCTest on Linux passes it from another one.
    private static func onMainActor(_ body: @MainActor @Sendable () async throws -> Void) async throws {
        try await body()
    }

    /// The folders that the web view loaded.
    @MainActor
    private final class Shown {
        var folders: [String?] = []
        var events: [String] = []
    }

    @MainActor
    private static func app(in folder: TestFolder, _ shown: Shown) throws -> Updates {
        try Updates(folder: folder.path("NoCloud"), publicKey: Fixtures.key.toPem(), native: phone) { shown.folders.append($0) }
    }

    @MainActor
    private static func install(_ app: Updates) async throws -> BundleRecord {
        try await app.install(
            Fixtures.app.sealed, version: "1.2.3", sessionKey: Fixtures.app.ivSessionKey, checksum: Fixtures.app.signedChecksum)
    }

    private static func withoutIndent(_ lines: [String]) -> String {
        let code = lines.filter { !$0.isEmpty }
        let indent = code.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        let text = lines.map { String($0.dropFirst(indent)) }.joined(separator: "\n")
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
