import Foundation

/// A server that misbehaves as the query of a URL says: `tests/src/rough_server/plan.rs` lists the options.
final class RoughServer: Sendable {
    /// One server for all tests; it ends with this process, which closes its standard input.
    static let shared = RoughServer()

    private let root: String
    private let process: Process
    private let input: Pipe

    private init() {
        guard let program = ProcessInfo.processInfo.environment["CAPBUNDLE_ROUGH_SERVER"] else {
            fatalError("run these tests with bindings/swift/test, which builds the server")
        }
        let output = Pipe()
        input = Pipe()
        process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.standardInput = input
        process.standardOutput = output
        do {
            try process.run()
        } catch {
            fatalError("\(program) does not start: \(error)")
        }
        let said = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        root = said.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The URL of a path and query.
    @Sendable func url(_ path: String) -> String {
        root + path
    }
}
