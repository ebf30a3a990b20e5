import CapBundle
import Foundation
import XCTest

/// Runs the cases in `bindings/contract`, as Rust and Kotlin do: see the README there.
final class ContractTests: XCTestCase {
    /// Fewer mean that documents were not found.
    private let leastCases = 120

    func testEveryCasePasses() async throws {
        let cases = try Self.cases()
        XCTAssertGreaterThanOrEqual(cases.count, leastCases)
        XCTAssertEqual(Set(cases.map(\.name)).count, cases.count, "two cases have the same name")
        var faults = 0
        for contractCase in cases {
            do {
                try await contractCase.run()
            } catch {
                faults += 1
                XCTFail("\(contractCase.name): \(error)")
            }
        }
        print("measured \(cases.count - faults) of \(cases.count) contract cases passed in Swift")
    }

    private static func cases() throws -> [ContractCase] {
        let documents = try FileManager.default.contentsOfDirectory(atPath: ContractDocument.folder.path)
            .filter { $0.hasSuffix(".json") }
            .sorted()
        return try documents.flatMap { name in
            let content = try ContractDocument.named(name)
            return content.cases.map { ContractCase(shared: content.files ?? [:], json: $0) }
        }
    }
}

struct ContractDocument: Decodable {
    let files: [String: ContractFile]?
    let cases: [Case]

    /// Tests/CapBundleTests/Contract/ContractTests.swift, and bindings/contract next to bindings/swift.
    static var folder: URL {
        var bindings = URL(fileURLWithPath: #filePath)
        for _ in 1...5 { bindings.deleteLastPathComponent() }
        return bindings.appendingPathComponent("contract")
    }

    static func named(_ name: String) throws -> ContractDocument {
        try JSONDecoder().decode(ContractDocument.self, from: Data(contentsOf: folder.appendingPathComponent(name)))
    }

    func filesOfCase(_ name: String) throws -> [String: ContractFile] {
        guard let found = cases.first(where: { $0.name == name }) else { throw InvalidCase("no case \(name)") }
        return found.files ?? [:]
    }

    struct Case: Decodable {
        let name: String
        let files: [String: ContractFile]?
        let steps: [JSON]
    }
}

struct ContractFile: Decodable {
    let text: String?
    let base64: String?

    var bytes: Data {
        get throws {
            if let text { return Data(text.utf8) }
            guard let base64, let bytes = Data(base64Encoded: base64) else { throw InvalidCase("a file has text or base64") }
            return bytes
        }
    }
}

private struct ContractCase {
    let shared: [String: ContractFile]
    let json: ContractDocument.Case

    var name: String { json.name }

    func run() async throws {
        let runner = try CaseRunner()
        try runner.write(shared)
        try runner.write(json.files ?? [:])
        for (position, step) in json.steps.enumerated() {
            do {
                try await take(step, with: runner)
            } catch {
                throw InvalidCase("step \(position + 1) \(step): \(error)")
            }
        }
    }

    private func take(_ step: JSON, with runner: CaseRunner) async throws {
        let arguments = try Arguments(step)
        let outcome: Result<JSON, CapBundleError>
        do {
            outcome = .success(try await runner.carryOut(arguments))
        } catch let error as CapBundleError {
            outcome = .failure(error)
        }
        try arguments.requireAllUsed()
        switch (outcome, arguments.error, arguments.expected) {
        case (.success, nil, nil):
            break
        case let (.success(found), nil, expected?):
            guard expected.agrees(with: found) else { throw InvalidCase("found \(found)") }
        case let (.failure(error), expected?, nil):
            guard expected == .text(snake(error.kind)) else { throw InvalidCase("threw \(error.kind): \(error.message)") }
            let message = error.localizedDescription
            guard !message.isEmpty, arguments.reason.isEmpty || message.contains(arguments.reason) else {
                throw InvalidCase("the message is \"\(message)\"")
            }
        case let (.success(found), _, _):
            throw InvalidCase("found \(found)")
        case let (.failure(error), _, _):
            throw InvalidCase("threw \(error.kind): \(error.message)")
        }
    }
}

/// The name of an enumeration case as the documents write it: `notTrusted` is `not_trusted`.
func snake(_ value: some Any) -> String {
    var snake = ""
    for letter in String(describing: value) {
        if letter.isUppercase { snake += "_" }
        snake += letter.lowercased()
    }
    return snake
}
