import CapBundle
import Foundation
import XCTest

/// Errors arrive as a kind for programs and a message for people.
final class ErrorTests: XCTestCase {
    func testAnotherFileIsADigestMismatchThatNamesBoth() async throws {
        let wrong = String(repeating: "0", count: 64)
        let message = await assertThrows(.digestMismatch) { try await VerifiedArchive.verify(Fixtures.app.plain, digest: wrong) }
        XCTAssertTrue(message.contains(wrong), message)
        XCTAssertTrue(message.contains(try Fixtures.app.digest), message)
    }

    func testAMissingFileIsNotFoundAndNamed() async throws {
        let missing = URL(fileURLWithPath: "/nowhere/app.zip")
        let message = await assertThrows(.notFound) { try await sha256OfFile(missing) }
        XCTAssertTrue(message.contains("/nowhere/app.zip"), message)
    }

    func testBlockingCallsThrowTheSame() {
        XCTAssertThrowsError(try VerifyingKey.fromPem(text: "no key")) { error in
            XCTAssertEqual((error as? CapBundleError)?.kind, .keyInvalid)
            XCTAssertFalse(error.localizedDescription.isEmpty)
            XCTAssertFalse(error.localizedDescription.contains("CapBundleError"), error.localizedDescription)
        }
    }

    func testASignatureOfAnotherKeyIsInvalid() async throws {
        let folder = try TestFolder()
        let other = try Fixtures.otherKey
        await assertThrows(.signatureInvalid) { try await Fixtures.app.opened(in: folder, key: other) }
        XCTAssertEqual(try folder.files(below: "staging"), [])
    }

    func testAPlainDigestInPlaceOfASignatureIsNotTrusted() async throws {
        let folder = try TestFolder()
        await assertThrows(.notTrusted) {
            try await VerifiedArchive.decrypt(
                Fixtures.app.sealed, staging: folder.make("staging"), ivSessionKey: Fixtures.app.ivSessionKey,
                checksum: Fixtures.app.digest, key: Fixtures.key)
        }
    }

    func testANegativeNumberIsInvalidInput() async throws {
        let folder = try TestFolder()
        let archive = try await Fixtures.app.verified()
        await assertThrows(.invalidInput) { try await archive.unpack(to: folder.path("out"), limits: Limits(entries: -1)) }
    }

    func testAStoreThatCannotBeCreatedNamesItsFolder() async throws {
        let file = try TestFolder()
        try Data().write(to: file.path("file"))
        let options = StoreOptions(requiredProof: .digest)
        let message = await assertThrows(.io) { try await Store.open(at: file.path("file/store"), options: options) }
        XCTAssertTrue(message.contains("file/store"), message)
    }

    func testAnUnknownBundleIsNotFound() async throws {
        let folder = try TestFolder()
        let store = try await folder.store()
        await assertThrows(.notFound) { try await store.setNext(bundle: .bundle(id: "AAAAAAAAAA")) }
        await assertThrows(.invalidInput) { try await store.get(id: "../escape") }
    }
}
