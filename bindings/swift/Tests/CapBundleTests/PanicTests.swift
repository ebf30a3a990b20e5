import CapBundle
import CapBundlePanic
import Foundation
import XCTest

final class PanicTests: XCTestCase {
    func testAPanicInRustArrivesAsAnError() throws {
        XCTAssertThrowsError(try panicOnPurpose("the pipe burst")) { error in
            XCTAssertEqual((error as? CapBundleError)?.kind, .internal)
            XCTAssertTrue(error.localizedDescription.contains("the pipe burst"), error.localizedDescription)
        }
        // The process survives, and the library still works.
        XCTAssertNoThrow(try VerifyingKey.fromPem(text: Fixtures.key.toPem()))
    }

    func testAPanicInRustPrintsNothing() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        let (kept, target) = (dup(STDERR_FILENO), open(file.path, O_CREAT | O_RDWR, 0o600))
        XCTAssertGreaterThanOrEqual(dup2(target, STDERR_FILENO), 0)
        let result = Result { try panicOnPurpose("the pipe burst quietly") }
        dup2(kept, STDERR_FILENO)
        close(kept)
        close(target)
        XCTAssertThrowsError(try result.get())
        XCTAssertEqual(try String(contentsOf: file, encoding: .utf8), "")
    }

    /// The code that the generator would write for the function.
    private func panicOnPurpose(_ message: String) throws {
        var status = RustCallStatus()
        let bytes = Array(message.utf8)
        let buffer = bytes.withUnsafeBufferPointer { bytes in
            ffi_capbundle_rustbuffer_from_bytes(ForeignBytes(len: Int32(bytes.count), data: bytes.baseAddress), &status)
        }
        uniffi_capbundle_fn_func_panic_on_purpose(buffer, &status)
        XCTAssertEqual(status.code, 1, "1 is a declared error, 2 an uncaught panic")
        throw try FfiConverterTypeCapBundleError_lift(status.errorBuf)
    }
}
