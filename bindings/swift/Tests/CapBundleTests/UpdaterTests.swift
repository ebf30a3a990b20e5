import CapBundle
import Foundation
import XCTest

/// The updater as an app uses it. What it decides is in the contract cases.
final class UpdaterTests: XCTestCase {
    private var folder: TestFolder!

    override func setUpWithError() throws {
        folder = try TestFolder()
    }

    override func tearDown() {
        folder = nil
    }

    func testItsThreadChecksAndItsEventsAreHeard() async throws {
        let updater = try makeUpdater(mode: .atBackground)
        XCTAssertNil(try updater.start(native: phone).folder)
        try updater.pageStarted()
        _ = try await updater.call("notifyAppReady")
        var heard: UpdaterEvent?
        for await event in updater.events where event.name == "appReady" {
            heard = event
            break
        }
        XCTAssertEqual(heard?.payload.contains("builtin"), true)
        XCTAssertEqual(heard?.retainUntilConsumed, true)
        let log = try await updater.log()
        XCTAssertTrue(log.contains { $0.contains("\"check\"") }, "\(log)")
    }

    func testACallOfJavaScriptLoadsThroughTheHandlerOnTheMainActor() async throws {
        let (loads, continuation) = AsyncStream.makeStream(of: Load.self)
        let updater = try makeUpdater() { continuation.yield($0) }
        let first = try updater.start(native: phone)
        try updater.pageStarted(first)
        let answer = try await updater.call("reload")
        XCTAssertEqual(answer, "{}")
        var iterator = loads.makeAsyncIterator()
        let second = await iterator.next()
        XCTAssertGreaterThan(try XCTUnwrap(second).id, first.id)
    }

    func testARefusedCallHasTheMessageAndTheCodeOfThePlugin() async throws {
        let updater = try makeUpdater()
        _ = try updater.start(native: phone)
        do {
            _ = try await updater.call("setChannel", arguments: "{}")
            XCTFail("a call without its argument is accepted")
        } catch let refused as CallRejection {
            XCTAssertEqual(refused.localizedDescription, "setChannel called without channel")
            XCTAssertEqual(refused.code, "SETCHANNEL_INVALID_PARAMS")
            XCTAssertNil(refused.serverCode)
        }
    }

    func testItsEventsEndWithIt() async throws {
        let updater = try makeUpdater()
        let events = updater.events
        updater.close()
        for await _ in events {}
    }

    func testTheModeComesFromTheValuesOfAConfiguration() throws {
        XCTAssertEqual(try updateMode(of: nil), .atBackground)
        XCTAssertEqual(try updateMode(of: false), .off)
        XCTAssertEqual(try updateMode(of: true, directUpdate: "always"), .always)
        XCTAssertEqual(try updateMode(of: "onLaunch"), .onLaunch)
        XCTAssertThrowsError(try updateMode(of: "sometimes")) { error in
            XCTAssertEqual((error as? CapBundleError)?.kind, .invalidInput)
        }
    }

    func testOneRequestIsAskedAndAnswered() async throws {
        let url = "https://updates.example/updates"
        let server = ScriptedTransport()
        server.script([url: (200, Data(#"{"version":"2.0.0","url":"https://updates.example/a.zip"}"#.utf8))])
        let request = UpdateRequest(
            device: DeviceInfo(platform: .ios, appId: "com.example.app"), native: phone, deviceId: "a-device")
        let answer = try await askForUpdate(try XCTUnwrap(URL(string: url)), request: request, over: server)
        guard case let .offer(version, _, checksum, _, _, _) = answer else { return XCTFail("\(answer)") }
        XCTAssertEqual(version, "2.0.0")
        XCTAssertNil(checksum)
    }

    /// Without a network.
    private func makeUpdater(
        mode: UpdateMode = .off, load: @escaping Updater.LoadHandler = { _ in }
    ) throws -> Updater {
        let store = try Store.openBlocking(at: folder.path("store"), options: StoreOptions(requiredProof: .digest))
        let source = UpdateSource.server(server: ServerSource(url: "https://updates.example/updates"))
        let device = DeviceInfo(platform: .ios, appId: "com.example.app")
        let options = UpdaterOptions(source: source, device: device, mode: mode)
        return try Updater(store: store, options: options, over: ScriptedTransport(), load: load)
    }
}
