import CapBundle
import Foundation
import XCTest

/// Installing from a URL over real, failing connections.
final class DownloadTests: XCTestCase {
    private let options = DownloadOptions(stallTimeoutMs: 20_000, firstWaitMs: 2, spaceMargin: 0)

    private func remote(_ archive: Archive, _ query: String, as name: String) throws -> RemoteArchive {
        RemoteArchive(
            url: RoughServer.shared.url("\(name)?path=\(archive.plain.path)&\(query)"),
            proof: .digest(digest: try archive.digest), bundle: archive.newBundle)
    }

    private func sealedProof(_ archive: Archive) throws -> ExpectedProof {
        .capgoEncrypted(
            ivSessionKey: try archive.ivSessionKey, checksum: try archive.signedChecksum, form: .v3,
            publicKey: try Fixtures.key.toPem())
    }

    private func signedStore(in folder: TestFolder) async throws -> Store {
        let options = StoreOptions(requiredProof: .capgoSigned(publicKey: try Fixtures.key.toPem()))
        return try await Store.open(at: folder.path("store"), options: options)
    }

    func testAnEncryptedBundleIsDownloadedOverABrokenConnectionAndLaunched() async throws {
        let folder = try TestFolder()
        let store = try await signedStore(in: folder)
        let url = RoughServer.shared.url("swift-sealed?path=\(Fixtures.app.sealed.path)&cut=100.200.300")
        let archive = RemoteArchive(url: url, proof: try sealedProof(Fixtures.app), bundle: Fixtures.app.newBundle)

        let record = try await store.install(from: archive, options: options)

        try await store.setNext(bundle: .bundle(id: record.id))
        let launch = try await store.launch(native: phone)
        XCTAssertEqual(launch.bundle, .bundle(id: record.id))
        XCTAssertEqual(try folder.files(below: "store/downloads"), [])
    }

    func testProgressReportsBytesAndContinuesAfterABrokenConnection() async throws {
        let folder = try TestFolder()
        let store = try await folder.store()
        let archive = try remote(Fixtures.large, "cut=30000000", as: "swift-progress")

        let installation = store.installing(from: archive, options: options)
        var seen: [ProgressUpdate] = []
        for await progress in installation where progress.phase == .download { seen.append(progress) }
        let record = try await installation.value

        XCTAssertEqual(record.version, "2.0.0")
        for (earlier, later) in zip(seen, seen.dropFirst()) { XCTAssertLessThanOrEqual(earlier.done, later.done) }
        XCTAssertFalse(seen.isEmpty)
    }

    func testProgressReportsTheRate() async throws {
        let folder = try TestFolder()
        let file = RemoteFile(url: RoughServer.shared.url("swift-slow?size=1200&drip=1"), size: 1200)
        let rates = Lines()
        let downloaded = try await download(file, to: folder.url, options: options) { rates.add("\($0.rate ?? 0)") }
        XCTAssertEqual(downloaded.received, 1200)
        let last = try XCTUnwrap(rates.all.last.flatMap { Int($0) })
        XCTAssertTrue((1...1200).contains(last), "\(rates.all)")
    }

    func testACancelledDownloadEndsSoonAndTheNextResumesIt() async throws {
        let folder = try TestFolder()
        let store = try await folder.store()
        let archive = try remote(Fixtures.large, "stall=4000000", as: "swift-cancelled")
        let (begun, begins) = AsyncStream.makeStream(of: Int64.self)
        let options = options

        let installation = Task {
            try await store.install(from: archive, options: options) { if $0.done > 3_000_000 { begins.yield($0.done) } }
        }
        for await _ in begun { break }
        let started = Date()
        installation.cancel()
        await assertThrows(.cancelled) { try await installation.value }
        XCTAssertLessThan(Date().timeIntervalSince(started), 5)

        let part = try XCTUnwrap(folder.files(below: "store/downloads").first { $0.hasSuffix(".part") })
        let path = folder.path("store/downloads/\(part)").path
        let size = try XCTUnwrap(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        XCTAssertTrue((3_000_000...4_000_000).contains(size), "\(size) bytes are left")
        let first = Lines()
        _ = try await store.install(from: archive, options: options) { if $0.phase == .download { first.add("\($0.done)") } }
        XCTAssertGreaterThan(try XCTUnwrap(first.all.first.flatMap { Int($0) }), 3_000_000, "not resumed")
    }

    func testAFileThatThePlatformDownloadedIsInstalled() async throws {
        let folder = try TestFolder()
        let store = try await signedStore(in: folder)
        let (proof, app) = (try sealedProof(Fixtures.app), Fixtures.app)
        let record = try await store.install(file: app.sealed, proof: proof, as: app.newBundle)
        XCTAssertEqual(record.version, "1.2.3")
        XCTAssertTrue(FileManager.default.fileExists(atPath: app.sealed.path))
        let digest = try Fixtures.next.digest
        await assertThrows(.notTrusted) {
            try await store.install(file: Fixtures.next.plain, proof: .digest(digest: digest), as: Fixtures.next.newBundle)
        }
    }

    /// The error of an operation over a transport of the app.
    private func over(
        _ kind: ErrorKind, line: UInt = #line, _ act: @escaping @Sendable (ResponseSink) throws -> Void
    ) async throws -> String {
        let folder = try TestFolder()
        let store = try await folder.store()
        let archive = try remote(Fixtures.app, "", as: "swift-own")
        let hasty = DownloadOptions(connectTimeoutMs: 1, stallTimeoutMs: 100, attempts: 1, spaceMargin: 0)
        return await assertThrows(kind, line: line) {
            try await store.install(from: archive, over: OwnTransport(act), options: hasty)
        }
    }

    func testATransportThatBreaksItsContractFailsWithACallbackError() async throws {
        struct Boom: Error {}
        let head = HttpResponseHead(status: 200, headers: [HttpHeader(name: "Content-Length", value: "10")])
        func assertSays(_ text: String, _ message: String) { XCTAssertTrue(message.contains(text), message) }
        assertSays("threw: Boom", try await over(.callback) { _ in throw Boom() })
        assertSays("without a response", try await over(.callback) { _ in })
        assertSays("twice", try await over(.callback) { sink in for _ in 1...2 { try sink.begin(head: head) } })
        assertSays("before begin", try await over(.callback) { try $0.write(bytes: Data([1])) })
        assertSays("status 0", try await over(.callback) { try $0.begin(head: HttpResponseHead(status: 0, headers: [])) })
        assertSays("ended after 0 of 10", try await over(.network) { try $0.begin(head: head) })
        assertSays(
            "longer than its Content-Length",
            try await over(.server) { sink in
                try sink.begin(head: head)
                try sink.write(bytes: Data(count: 11))
            })
    }

    func testTheTransportLearnsImmediatelyThatAResponseIsRefused() async throws {
        // The call does not wait for the transport's thread, which may see it a moment later.
        let (thrown, continuation) = AsyncStream.makeStream(of: String.self)
        let message = try await over(.server) { sink in
            do {
                try sink.begin(head: HttpResponseHead(status: 404, headers: []))
            } catch let error as CapBundleError {
                continuation.yield(error.message)
                throw error
            }
        }
        for await kind in thrown {
            XCTAssertEqual(kind, message)
            break
        }
    }

    func testATransportThatNeverReturnsBlocksNoOne() async throws {
        let release = DispatchSemaphore(value: 0)
        let (late, continuation) = AsyncStream.makeStream(of: String.self)
        let message = try await over(.network) { sink in
            release.wait()
            do {
                try sink.begin(head: HttpResponseHead(status: 200, headers: []))
                continuation.yield("accepted")
            } catch {
                continuation.yield("\((error as? CapBundleError)?.kind ?? .internal)")
            }
        }
        XCTAssertTrue(message.contains("made no call"), message)
        release.signal()
        for await kind in late {
            XCTAssertEqual(kind, "cancelled")
            break
        }
    }

    func testACertificateThatIsNotTrustedIsRefused() async throws {
        guard let port = ProcessInfo.processInfo.environment["CAPBUNDLE_TLS_PORT"] else {
            throw XCTSkip("openssl, the TLS server of this test, is not installed")
        }
        let folder = try TestFolder()
        let file = RemoteFile(url: "https://127.0.0.1:\(port)/app.zip")
        let message = await assertThrows(.notTrusted) { try await download(file, to: folder.url, options: options) }
        XCTAssertTrue(message.contains("not secure"), message)
    }
}

private final class OwnTransport: HttpTransport {
    private let act: @Sendable (ResponseSink) throws -> Void

    init(_ act: @escaping @Sendable (ResponseSink) throws -> Void) {
        self.act = act
    }

    func send(request: HttpRequest, sink: ResponseSink) throws {
        try act(sink)
    }
}
