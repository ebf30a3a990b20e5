import Foundation
import XCTest

/// The hand-written layer covers the generated code.
final class LayerTests: XCTestCase {
    /// Calls without I/O, which need no `async` form.
    private let quick: Set<String> = ["folder"]
    /// Calls with another name in Swift.
    private let renamed = [
        "installFrom": "install(from", "installFile": "install(file", "installRelease": "install(release",
        "updateFromChannel": "update(from",
    ]

    func testEveryCallOfTheStoreThatThrowsHasAnAsyncForm() throws {
        var swift = URL(fileURLWithPath: #filePath)
        for _ in 1...3 { swift.deleteLastPathComponent() }
        let sources = swift.appendingPathComponent("Sources/CapBundle")
        let generated = try String(contentsOf: sources.appendingPathComponent("Generated/CapBundle.swift"), encoding: .utf8)
        let store = try XCTUnwrap(
            generated.components(separatedBy: "open class Store:").last?.components(separatedBy: "public struct FfiConverter").first)
        let calls = store.split(separator: "\n")
            .filter { $0.hasPrefix("open func") && $0.contains("throws") }
            .compactMap { $0.dropFirst("open func ".count).split(separator: "(").first.map(String.init) }

        let layer = try ["Store+Async.swift", "Store+Install.swift", "Downloads.swift", "Releases.swift"]
            .map { try String(contentsOf: sources.appendingPathComponent($0), encoding: .utf8) }
            .joined()
            .filter { !$0.isWhitespace }
        let missing = calls.filter { call in
            let name = call.hasSuffix("Blocking") ? String(call.dropLast("Blocking".count)) : call
            return !quick.contains(call) && !layer.contains("publicfunc\(renamed[call] ?? "\(name)(")")
        }

        XCTAssertGreaterThan(calls.count, 30)
        XCTAssertEqual(missing, [])
    }
}
