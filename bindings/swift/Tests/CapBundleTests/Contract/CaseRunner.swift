import CapBundle
import Foundation

/// Runs the steps of one case in a folder of its own, and keeps their named results.
final class CaseRunner {
    private let folder: TestFolder
    var archives: [String: VerifiedArchive] = [:]
    var bundles: [String: String] = [:]
    var store: Store? {
        // Before a store that it shares is opened again.
        willSet { updater = nil }
    }
    var updater: BlockingUpdater?
    let told = Told()
    let transport = ScriptedTransport()
    var session: String?

    init() throws {
        folder = try TestFolder()
        for name in ["staging", "out", "downloads"] { _ = try folder.make(name) }
    }

    /// The absolute path of a file or folder of this case.
    func path(_ name: String) -> String {
        folder.url.path + "/" + name
    }

    func url(_ name: String) -> URL {
        URL(fileURLWithPath: path(name))
    }

    func write(_ files: [String: ContractFile]) throws {
        for (name, file) in files {
            let parent = (path(name) as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            try file.bytes.write(to: url(name))
        }
    }

    func carryOut(_ arguments: Arguments) async throws -> JSON {
        if let result = try await fileStep(arguments) { return result }
        if let result = try await networkStep(arguments) { return result }
        if let result = try await updaterStep(arguments) { return result }
        if let result = try await releaseStep(arguments) { return result }
        return try await storeStep(arguments)
    }

    func openStore() throws -> Store {
        guard let store else { throw InvalidCase("the store is not open") }
        return store
    }

    func archive(_ name: String) throws -> VerifiedArchive {
        guard let archive = archives[name] else { throw InvalidCase("there is no archive \(name)") }
        return archive
    }

    func limits(_ value: JSON?) throws -> Limits? {
        guard let value else { return nil }
        guard case let .object(members) = value else { throw InvalidCase("limits are an object") }
        var numbers: [String: Int64] = [:]
        for (key, value) in members {
            guard case let .number(number) = value else { throw InvalidCase("\(key) is no number") }
            numbers[key] = number
        }
        let standard = Limits()
        let limits = Limits(
            entries: numbers.removeValue(forKey: "entries") ?? standard.entries,
            totalSize: numbers.removeValue(forKey: "total_size") ?? standard.totalSize,
            fileSize: numbers.removeValue(forKey: "file_size") ?? standard.fileSize,
            pathLength: numbers.removeValue(forKey: "path_length") ?? standard.pathLength,
            componentLength: numbers.removeValue(forKey: "component_length") ?? standard.componentLength,
            depth: numbers.removeValue(forKey: "depth") ?? standard.depth,
            expansionRatio: numbers.removeValue(forKey: "expansion_ratio") ?? standard.expansionRatio,
            expansionFree: numbers.removeValue(forKey: "expansion_free") ?? standard.expansionFree)
        guard numbers.isEmpty else { throw InvalidCase("there is no limit \(numbers.keys.sorted())") }
        return limits
    }
}
