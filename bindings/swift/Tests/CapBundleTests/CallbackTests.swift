import CapBundle
import Foundation
import XCTest

/// Closures of the app that Rust calls.
final class CallbackTests: XCTestCase {
    private struct FullBar: LocalizedError {
        var errorDescription: String? { "the bar is full" }
    }

    func testAProgressHandlerThatThrowsStopsTheOperation() async throws {
        let folder = try TestFolder()
        let store = try await folder.store(bundles: folder.make("bundles"))
        let archive = try await Fixtures.large.verified()

        let message = await assertThrows(.callback) {
            try await store.install(archive, as: Fixtures.large.newBundle) { _ in throw FullBar() }
        }

        XCTAssertTrue(message.contains("the bar is full"), message)
        XCTAssertEqual(try folder.files(below: "bundles"), [])
    }

    func testALogThatThrowsStopsNothing() async throws {
        final class BrokenLog: LogObserver {
            func onLog(level: LogLevel, message: String) throws { throw FullBar() }
        }
        let folder = try TestFolder()
        let store = try await folder.store(log: BrokenLog())
        let launch = try await store.launch(native: phone)
        XCTAssertEqual(launch.bundle, .builtIn)
    }

    func testALogReceivesDecisions() async throws {
        let lines = Lines()
        let folder = try TestFolder()
        let store = try await folder.store(log: LogHandler { level, message in lines.add("\(level) \(message)") })
        _ = try await store.launch(native: phone)
        XCTAssertTrue(lines.all.contains { $0.hasPrefix("info launch: serving the built-in bundle") }, "\(lines.all)")
    }

    func testProgressIsASequenceThatNeverDecreasesAndEnds() async throws {
        let folder = try TestFolder()
        let store = try await folder.store()
        let archive = try await Fixtures.large.verified()

        let installation = store.installing(archive, as: Fixtures.large.newBundle)
        var seen: [ProgressUpdate] = []
        for await progress in installation { seen.append(progress) }
        let record = try await installation.value

        XCTAssertEqual(record.version, "2.0.0")
        XCTAssertFalse(seen.isEmpty)
        for (earlier, later) in zip(seen, seen.dropFirst()) where earlier.phase == later.phase {
            XCTAssertLessThanOrEqual(earlier.done, later.done)
        }
        XCTAssertTrue(seen.allSatisfy { (0...1).contains($0.fraction) })
    }
}

/// Collects lines from any thread.
final class Lines: @unchecked Sendable {
    private let lock = NSLock()
    private var lines: [String] = []

    func add(_ line: String) {
        lock.withLock { lines.append(line) }
    }

    var all: [String] {
        lock.withLock { lines }
    }
}
