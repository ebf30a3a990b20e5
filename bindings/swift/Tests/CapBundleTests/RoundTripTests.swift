import CapBundle
import Foundation
import XCTest

/// Swift installs and serves archives packed by the command.
final class RoundTripTests: XCTestCase {
    func testAPlainArchiveOfTheCommandIsInstalledAndServed() async throws {
        let folder = try TestFolder()
        let store = try await folder.store()

        let archive = try await Fixtures.app.verified()
        let record = try await store.install(archive, as: Fixtures.app.newBundle)
        try await store.setNext(bundle: .bundle(id: record.id))
        let launch = try await store.launch(native: phone)

        XCTAssertEqual(archive.proof(), .digest)
        XCTAssertEqual(record.version, "1.2.3")
        XCTAssertEqual(record.digest, try Fixtures.app.digest)
        XCTAssertEqual(launch.bundle, .bundle(id: record.id))
        XCTAssertEqual(launch.reason, .nextApplied)
        XCTAssertTrue(launch.onTrial)
        let served = URL(fileURLWithPath: try XCTUnwrap(launch.folder))
        let page = try String(contentsOf: served.appendingPathComponent("index.html"), encoding: .utf8)
        XCTAssertTrue(page.contains("<html"), page)
        let damage = try await store.verifyBundle(record.id)
        XCTAssertEqual(damage, [])
    }

    func testAnEncryptedArchiveOfTheCommandIsDecryptedAndInstalled() async throws {
        let folder = try TestFolder()
        let options = StoreOptions(requiredProof: .capgoSigned(publicKey: try Fixtures.key.toPem()))
        let store = try await Store.open(at: folder.path("store"), options: options)

        let archive = try await Fixtures.app.opened(in: folder)
        let record = try await store.install(archive, as: Fixtures.app.newBundle)

        XCTAssertEqual(archive.proof(), .capgoSigned(keyId: try Fixtures.key.id()))
        XCTAssertEqual(archive.digest(), try Fixtures.app.digest)
        XCTAssertEqual(record.files, 5)
    }

    func testAStoreThatRequiresASignatureRefusesADigest() async throws {
        let folder = try TestFolder()
        let options = StoreOptions(requiredProof: .capgoSigned(publicKey: try Fixtures.key.toPem()))
        let store = try await Store.open(at: folder.path("store"), options: options)
        let archive = try await Fixtures.app.verified()

        await assertThrows(.notTrusted) { try await store.install(archive, as: Fixtures.app.newBundle) }
    }

    func testADecryptedArchiveLeavesNothingInItsStagingFolder() async throws {
        let folder = try TestFolder()
        do {
            let archive = try await Fixtures.app.opened(in: folder)
            XCTAssertGreaterThan(archive.size(), 0)
        }
        XCTAssertEqual(try folder.files(below: "staging"), [])
    }

    func testUnpackedFilesEqualThePackedFiles() async throws {
        let folder = try TestFolder()
        let archive = try await Fixtures.next.verified()
        let unpacked = try await archive.unpack(to: folder.path("out"))

        let packed = Fixtures.folder.appendingPathComponent("next")
        let files = try folder.files(below: "out")
        XCTAssertEqual(unpacked.files, Int64(files.count))
        XCTAssertEqual(files, try TestFolder.files(below: packed))
        for file in files {
            let (found, expected) = (folder.path("out").appendingPathComponent(file), packed.appendingPathComponent(file))
            XCTAssertEqual(try Data(contentsOf: found), try Data(contentsOf: expected), file)
        }
    }

    func testAnUpdateIsProvenAndAFailedOneIsNeverInstalledAgain() async throws {
        let folder = try TestFolder()
        let first: BundleRecord
        do {
            let store = try await folder.store()
            first = try await store.install(try await Fixtures.app.verified(), as: Fixtures.app.newBundle)
            try await store.setNext(bundle: .bundle(id: first.id))
            _ = try await store.launch(native: phone)
            _ = try await store.trialStarted(id: first.id)
            let confirmed = try await store.confirm(bundle: .bundle(id: first.id))
            XCTAssertEqual(confirmed, .proven)
        }
        let bad = try await { () async throws -> BundleRecord in
            let store = try await folder.store()
            let record = try await store.install(try await Fixtures.next.verified(), as: Fixtures.next.newBundle)
            try await store.setNext(bundle: .bundle(id: record.id))
            return record
        }()
        // Two starts that never confirm, as when the app crashes.
        for _ in 1...2 {
            let store = try await folder.store()
            let launch = try await store.launch(native: phone)
            XCTAssertEqual(launch.bundle, .bundle(id: bad.id))
            _ = try await store.trialStarted(id: bad.id)
        }

        let store = try await folder.store()
        let launch = try await store.launch(native: phone)

        XCTAssertEqual(launch.bundle, .bundle(id: first.id))
        XCTAssertEqual(launch.reason, .trialFailed)
        XCTAssertEqual(launch.failed?.version, "1.2.4")
        let archive = try await Fixtures.next.verified()
        await assertThrows(.notTrusted) { try await store.install(archive, as: Fixtures.next.newBundle) }
    }

    func testAnArchiveIsInspectedAndAFolderChecked() async throws {
        let inspection = try await inspectArchive(Fixtures.app.plain)
        XCTAssertTrue(inspection.files.contains { $0.path == "index.html" })
        let findings = try await checkFolder(Fixtures.folder.appendingPathComponent("next"))
        XCTAssertFalse(findings.contains { $0.severity == .error }, "\(findings)")
    }
}
