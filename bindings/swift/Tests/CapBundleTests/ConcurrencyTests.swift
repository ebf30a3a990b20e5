import CapBundle
import Foundation
import XCTest

final class ConcurrencyTests: XCTestCase {
    func testEightTasksUseOneStore() async throws {
        let folder = try TestFolder()
        let store = try await folder.store()
        let archives = [try await Fixtures.app.verified(), try await Fixtures.next.verified(), try await Fixtures.large.verified()]

        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    let archive = archives[number % archives.count]
                    for _ in 1...5 {
                        let record = try await store.install(archive, as: NewBundle(version: "1.0.\(number)"))
                        _ = try await store.list()
                        try await store.setNext(bundle: .bundle(id: record.id))
                        _ = try await store.verifyBundle(record.id)
                        try await store.clearNext()
                    }
                }
            }
            try await group.waitForAll()
        }

        // Each archive is installed once: an installed archive is not unpacked again.
        let installed = try await store.list()
        XCTAssertEqual(Set(installed.compactMap(\.record.digest)), Set(archives.map { $0.digest() }))
        XCTAssertEqual(installed.count, 3)
    }

    func testBlockingWorkDoesNotUseTheCooperativePool() async throws {
        // More concurrent digests than the pool has threads, each blocked by its observer until this task has run again.
        let calls = ProcessInfo.processInfo.activeProcessorCount + 2
        let gate = Gate()
        let waiting = (0..<calls).map { _ in
            Task { try await sha256OfFile(Fixtures.large.plain) { _ in gate.wait() } }
        }
        while gate.waiters < calls { try await Task.sleep(nanoseconds: 1_000_000) }
        gate.open()
        for task in waiting {
            let digest = try await task.value
            XCTAssertEqual(digest, try Fixtures.large.digest)
        }
    }
}

/// Blocks threads until it is opened.
final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = false
    private var waiting = 0

    var waiters: Int {
        condition.lock()
        defer { condition.unlock() }
        return waiting
    }

    func wait() {
        condition.lock()
        defer { condition.unlock() }
        waiting += 1
        while !isOpen { condition.wait() }
    }

    func open() {
        condition.lock()
        isOpen = true
        condition.broadcast()
        condition.unlock()
    }
}
