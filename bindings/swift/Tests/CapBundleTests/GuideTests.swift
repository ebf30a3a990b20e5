import CapBundle
import Foundation
import Guide
import XCTest

/// docs/ios.md says what is true.
final class GuideTests: XCTestCase {
    func testTheCodeOfTheGuideIsTheCodeThatIsCompiled() throws {
        var swift = URL(fileURLWithPath: #filePath)
        for _ in 1...3 { swift.deleteLastPathComponent() }
        let code = try String(contentsOf: swift.appendingPathComponent("Examples/Guide/Guide.swift"), encoding: .utf8)
        let guide = try String(contentsOf: swift.appendingPathComponent("../../docs/ios.md"), encoding: .utf8)

        let pieces = code.components(separatedBy: "// guide: ").dropFirst().filter { !$0.hasPrefix("end") }
        XCTAssertEqual(pieces.count, 3)
        for piece in pieces {
            let lines = piece.split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
            let text = Self.withoutIndent(lines.map(String.init))
            XCTAssertTrue(guide.contains("```swift\n\(text)\n```"), "docs/ios.md lacks:\n\(text)")
        }
    }

    func testTheAppOfTheGuideUpdatesItself() async throws {
        let folder = try TestFolder()
        let makeApp = { try Updates(folder: folder.path("NoCloud"), publicKey: Fixtures.key.toPem(), native: phone) }
        let installed = try await { () async throws -> BundleRecord in
            let app = try makeApp()
            XCTAssertNil(try app.launch())
            return try await app.install(
                Fixtures.app.sealed, version: "1.2.3", sessionKey: Fixtures.app.ivSessionKey,
                checksum: Fixtures.app.signedChecksum)
        }()

        let app = try makeApp()
        let shown = try XCTUnwrap(app.launch())
        XCTAssertEqual(shown, folder.path("NoCloud/ionic_built_snapshots/\(installed.id)").path)
        XCTAssertEqual(try app.pageStarted(), 10_000)
        try app.ready()
        XCTAssertNil(try app.timeIsOver())
    }

    private static func withoutIndent(_ lines: [String]) -> String {
        let code = lines.filter { !$0.isEmpty }
        let indent = code.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        let text = lines.map { String($0.dropFirst(indent)) }.joined(separator: "\n")
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
