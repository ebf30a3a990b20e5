import CapBundle
import Foundation
import XCTest

/// Cancelling a task stops the work in Rust and leaves nothing behind.
final class CancellationTests: XCTestCase {
    func testCancellingTheTaskStopsAnInstallationAndLeavesNothing() async throws {
        let folder = try TestFolder()
        let store = try await folder.store(bundles: folder.make("bundles"))
        let archive = try await Fixtures.large.verified()
        let (started, starts) = AsyncStream.makeStream(of: Phase.self)

        let installation = Task {
            try await store.install(archive, as: Fixtures.large.newBundle) { progress in
                if progress.phase == .unpack, progress.done > 0 { starts.yield(progress.phase) }
            }
        }
        for await _ in started { break }
        installation.cancel()

        await assertThrows(.cancelled) { try await installation.value }
        XCTAssertEqual(try folder.files(below: "bundles"), [])
        XCTAssertEqual(try folder.files(below: "store/staging"), [])
        let installed = try await store.list()
        XCTAssertEqual(installed, [])
        // The store still works.
        let record = try await store.install(archive, as: Fixtures.large.newBundle)
        XCTAssertEqual(record.version, "2.0.0")
    }

    func testCancellingTheTaskStopsDecryptionAndLeavesNoPlainText() async throws {
        let folder = try TestFolder()
        let staging = try folder.make("staging")
        let (started, starts) = AsyncStream.makeStream(of: Int64.self)
        let opening = Task {
            try await VerifiedArchive.decrypt(
                Fixtures.large.sealed, staging: staging, ivSessionKey: Fixtures.large.ivSessionKey,
                checksum: Fixtures.large.signedChecksum, key: Fixtures.key
            ) { progress in
                if progress.done > 0 { starts.yield(progress.done) }
            }
        }
        for await _ in started { break }
        opening.cancel()

        await assertThrows(.cancelled) { try await opening.value }
        XCTAssertEqual(try folder.files(below: "staging"), [])
    }

    func testATaskCancelledBeforeItsStartDoesNothing() async throws {
        let folder = try TestFolder()
        let archive = try await Fixtures.app.verified()
        let unpacking = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await archive.unpack(to: folder.path("out"))
        }
        await assertThrows(.cancelled) { try await unpacking.value }
        XCTAssertFalse(FileManager.default.fileExists(atPath: folder.path("out").path))
    }

    func testAProgressTaskCanBeCancelled() async throws {
        let folder = try TestFolder()
        let store = try await folder.store()
        let archive = try await Fixtures.large.verified()

        let installation = store.installing(archive, as: Fixtures.large.newBundle)
        for await _ in installation { installation.cancel() }

        await assertThrows(.cancelled) { try await installation.value }
    }

    func testAReleasedProgressTaskStops() async throws {
        let folder = try TestFolder()
        let store = try await folder.store()
        let archive = try await Fixtures.large.verified()

        for await _ in store.installing(archive, as: Fixtures.large.newBundle) { break }

        // There is no handle left to await; its files are removed soon.
        var left: [String] = []
        for _ in 1...200 {
            left = try folder.files(below: "store/staging")
            if left.isEmpty { break }
            try await Task.sleep(nanoseconds: 50_000_000)
        }
        XCTAssertEqual(left, [])
        let installed = try await store.list()
        XCTAssertEqual(installed, [])
    }

    func testATokenStopsABlockingCall() throws {
        let token = CancelToken()
        token.cancel()
        XCTAssertThrowsError(try sha256OfFile(path: Fixtures.large.plain.path, cancel: token)) { error in
            XCTAssertEqual((error as? CapBundleError)?.kind, .cancelled)
        }
    }
}
