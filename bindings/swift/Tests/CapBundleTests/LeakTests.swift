import CapBundle
import Foundation
import XCTest

/// Released objects leak no memory, file or thread.
final class LeakTests: XCTestCase {
    #if os(Linux)
    func testTenThousandObjectsOfEachKindLeakNothing() async throws {
        let pem = try Fixtures.key.toPem()
        let (path, digest) = (Fixtures.app.plain.path, try Fixtures.app.digest)
        let cycle = {
            let token = CancelToken()
            let key = try VerifyingKey.fromPem(text: pem)
            _ = try key.id()
            let archive = try VerifiedArchive.fromDigest(path: path, digest: digest, cancel: token, progress: Silent())
            XCTAssertGreaterThan(archive.size(), 0)
            // Errors and callbacks cross the FFI too.
            XCTAssertThrowsError(try VerifyingKey.fromPem(text: "no key"))
            XCTAssertThrowsError(try sha256OfFile(path: path, progress: Throwing()))
        }
        try assertNothingLeaks(cycles: 10_000, cycle)
    }

    func testAThousandSessionsLeakNothing() async throws {
        let folder = try TestFolder()
        let options = StoreOptions(requiredProof: .digest)
        let root = folder.path("store")
        try assertNothingLeaks(cycles: 1_000) {
            let store = try Store.openBlocking(root: root.path, options: options, log: LogHandler { _, _ in })
            XCTAssertEqual(try store.launchBlocking(native: phone).bundle, .builtIn)
        }
        // Only the files that a store always has, not one per session.
        XCTAssertLessThan(try folder.files(below: "store").count, 10)
    }

    func testNoThreadOfRustRemains() async throws {
        let folder = try TestFolder()
        let archive = try VerifiedArchive.fromDigest(path: Fixtures.large.plain.path, digest: Fixtures.large.digest)
        let before = try entries(of: "/proc/self/task")
        // Swift's queue may start threads meanwhile, but fewer than these would be.
        let rounds = 5
        for number in 1...rounds {
            _ = try archive.unpack(to: folder.path("out-\(number)").path, threads: 4)
        }
        XCTAssertLessThan(try entries(of: "/proc/self/task"), before + rounds)
    }

    /// Measures after a tenth of the cycles, when caches are filled, and at the end. 10,000 leaked objects of the smallest
    /// size would exceed the limit.
    private func assertNothingLeaks(
        cycles: Int, file: StaticString = #filePath, line: UInt = #line, _ cycle: () throws -> Void
    ) throws {
        for _ in 0..<cycles / 10 { try cycle() }
        let (memory, files) = (try residentBytes(), try entries(of: "/proc/self/fd"))
        for _ in 0..<cycles { try cycle() }
        let grown = try residentBytes() - memory
        print("measured \(cycles) cycles: memory grew by \(grown / 1024) KiB")
        XCTAssertLessThan(grown, 1 << 20, file: file, line: line)
        XCTAssertEqual(try entries(of: "/proc/self/fd"), files, file: file, line: line)
    }

    private func residentBytes() throws -> Int {
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try XCTUnwrap(Int(pages[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    private func entries(of folder: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: folder).count
    }
    #endif
}

private final class Silent: ProgressObserver {
    func onProgress(progress: ProgressUpdate) {}
}

private final class Throwing: ProgressObserver {
    func onProgress(progress: ProgressUpdate) throws { throw CallbackError.Failed(reason: "no") }
}
