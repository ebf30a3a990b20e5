import CapBundle
import Foundation
import XCTest

/// The fixtures that `bindings/swift/test` created with the `capbundle` command.
enum Fixtures {
    static let folder: URL = {
        guard let path = ProcessInfo.processInfo.environment["CAPBUNDLE_FIXTURES"] else {
            fatalError("run these tests with bindings/swift/test, which makes what they open")
        }
        return URL(fileURLWithPath: path)
    }()

    /// The public key whose private half signed the archives.
    static var key: VerifyingKey {
        get throws { try VerifyingKey.read(path: folder.appendingPathComponent(".capgo_key_v2.pub").path) }
    }

    /// A key that signed none of the archives.
    static var otherKey: VerifyingKey {
        get throws { try VerifyingKey.read(path: folder.appendingPathComponent("other/.capgo_key_v2.pub").path) }
    }

    static let app = Archive(name: "app", version: "1.2.3")
    static let next = Archive(name: "next", version: "1.2.4")
    /// Large enough to be cancelled in the middle.
    static let large = Archive(name: "large", version: "2.0.0")
}

/// An archive and its encrypted form, created by the command.
struct Archive {
    let name: String
    let version: String

    var plain: URL { Fixtures.folder.appendingPathComponent("\(name).zip") }
    var sealed: URL { Fixtures.folder.appendingPathComponent("\(name).zip_encrypted.zip") }
    var newBundle: NewBundle { NewBundle(version: version) }

    var digest: String {
        get throws { try output("json").checksum }
    }

    var signedChecksum: String {
        get throws { try output("sealed.json").checksum }
    }

    var ivSessionKey: String {
        get throws { try XCTUnwrap(output("sealed.json").ivSessionKey) }
    }

    func verified() async throws -> VerifiedArchive {
        try await VerifiedArchive.verify(plain, digest: digest)
    }

    func opened(in folder: TestFolder, key: VerifyingKey? = nil) async throws -> VerifiedArchive {
        try await VerifiedArchive.decrypt(
            sealed, staging: folder.make("staging"), ivSessionKey: ivSessionKey, checksum: signedChecksum,
            key: key ?? Fixtures.key)
    }

    private func output(_ form: String) throws -> Output {
        let text = try Data(contentsOf: Fixtures.folder.appendingPathComponent("\(name).\(form)"))
        return try JSONDecoder().decode(Output.self, from: text)
    }

    private struct Output: Decodable {
        let checksum: String
        let ivSessionKey: String?
    }
}

/// A temporary folder of one test.
final class TestFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("capbundle-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            print("a test's folder stays: \(error)")
        }
    }

    func path(_ name: String) -> URL {
        url.appendingPathComponent(name)
    }

    func make(_ name: String) throws -> URL {
        try FileManager.default.createDirectory(at: path(name), withIntermediateDirectories: true)
        return path(name)
    }

    /// A store in this folder that requires a digest only.
    func store(bundles: URL? = nil, log: (any LogObserver)? = nil) async throws -> Store {
        let options = StoreOptions(requiredProof: .digest, bundles: bundles?.path)
        return try await Store.open(at: path("store"), options: options, log: log)
    }

    /// The relative paths of all files below the folder `name`.
    func files(below name: String) throws -> [String] {
        try Self.files(below: path(name))
    }

    static func files(below folder: URL) throws -> [String] {
        let entries = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return entries.filter { !isFolder(folder.appendingPathComponent($0)) }.sorted()
    }

    private static func isFolder(_ url: URL) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && isFolder.boolValue
    }
}

let phone = NativeApp(version: "4.5.6", build: "42")

/// Fails unless `body` throws an error of this kind with a message; returns the message.
@discardableResult
func assertThrows(
    _ kind: ErrorKind, isolation: isolated (any Actor)? = #isolation, file: StaticString = #filePath, line: UInt = #line,
    _ body: () async throws -> some Sendable
) async -> String {
    do {
        let value = try await body()
        XCTFail("returned \(value) instead of throwing \(kind)", file: file, line: line)
    } catch let error as CapBundleError {
        XCTAssertEqual(error.kind, kind, error.message, file: file, line: line)
        XCTAssertFalse(error.message.isEmpty, file: file, line: line)
        XCTAssertEqual(error.localizedDescription, error.message, file: file, line: line)
        return error.message
    } catch {
        XCTFail("threw \(error) instead of a CapBundleError", file: file, line: line)
    }
    return ""
}
