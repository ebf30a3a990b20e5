import CapBundle
import Foundation

/// Answers by URL. What has no answer is a server that cannot be reached.
final class ScriptedTransport: HttpTransport, @unchecked Sendable {
    private let lock = NSLock()
    private var answers: [String: (status: Int32, body: Data)] = [:]
    /// The body of the last request to each URL.
    private var asked: [String: Data?] = [:]

    func script(_ answers: [String: (status: Int32, body: Data)]) {
        lock.withLock { self.answers = answers }
    }

    /// The body of the last request to a URL since the last time.
    func takeAsked(_ url: String) -> Data? {
        lock.withLock { asked.removeValue(forKey: url) ?? nil }
    }

    func send(request: HttpRequest, sink: ResponseSink) throws {
        lock.withLock { asked[request.url] = .some(request.body) }
        guard let answer = lock.withLock({ answers[request.url] }) else { throw TransportError.Offline(reason: "no such server") }
        try sink.begin(head: HttpResponseHead(status: answer.status, headers: []))
        try sink.write(bytes: answer.body)
    }
}

/// What the host received, in order.
final class Told: UpdaterHost, @unchecked Sendable {
    private let lock = NSLock()
    private var new: [JSON] = []
    private var loads: [Load] = []

    func load(load: Load) {
        remember(load)
        lock.withLock { new.append(.object(["load": loadValue(load)])) }
    }

    func event(event: UpdaterEvent) throws {
        // How many there are of these is not part of the contract.
        guard event.name != "download" else { return }
        let payload = try parsed(event.payload)
        lock.withLock {
            new.append(
                .object(["event": .text(event.name), "payload": payload, "retain": .flag(event.retainUntilConsumed)]))
        }
    }

    func showSplash(isShown: Bool) {
        lock.withLock { new.append(.object(["splash": .flag(isShown)])) }
    }

    func wake() {}

    /// Also for loads that were returned.
    func remember(_ load: Load) {
        lock.withLock { loads.append(load) }
    }

    /// The load at this position, from 1; by default the last one.
    func load(at position: Int64?) -> Load? {
        lock.withLock { position.map { loads[Int($0) - 1] } ?? loads.last }
    }

    func take() -> [JSON] {
        lock.withLock {
            defer { new = [] }
            return new
        }
    }
}

/// Steps on the updater, over a server that is a script.
extension CaseRunner {
    /// `nil` if this is no operation on the updater.
    func updaterStep(_ arguments: Arguments) async throws -> JSON? {
        switch try arguments.operation {
        case "server": try script(arguments)
        case "update_mode":
            let mode = try updateMode(
                autoUpdate: arguments.value("auto").map(text), directUpdate: arguments.value("direct").map(text))
            return .text(snake(mode))
        case "expected_proof": return try proofOfOffer(arguments)
        case "asked":
            let body = transport.takeAsked(try arguments.text("url"))
            return try body.map { try parsed(String(decoding: $0, as: UTF8.self)) } ?? JSON.null
        case "updater": try openUpdater(arguments)
        case "start":
            let inBackground = try arguments.flag("in_background") ?? false
            return returned(try openedUpdater().start(native: native(arguments), inBackground: inBackground))
        case "page_started": try openedUpdater().pageStarted(load: told.load(at: arguments.number("load")))
        case "page_ready":
            switch try openedUpdater().pageReady() {
            case .confirmed: return .text("confirmed")
            case .replaced: return .text("replaced")
            case .notYetRecorded: return .text("not_yet_recorded")
            case .other: return .text("other")
            }
        case "has_deadline": return .flag(try openedUpdater().pageDeadlineMs() != nil)
        case "page_timed_out": return returned(try openedUpdater().pageTimedOut())
        case "page_crashed": return returned(try openedUpdater().pageCrashed())
        case "background": return returned(try openedUpdater().background())
        case "foreground": return returned(try openedUpdater().foreground())
        case "connectivity_returned": try openedUpdater().connectivityReturned()
        case "run": _ = try openedUpdater().run()
        case "call": return try call(arguments)
        case "told": return .list(told.take())
        case "log":
            let wanted = JSON.text(try arguments.text("event"))
            return .list(
                try openedUpdater().logLines().map(parsed).filter {
                    guard case let .object(members) = $0 else { return false }
                    return members["event"] == wanted
                })
        default: return nil
        }
        return .null
    }

    private func openedUpdater() throws -> BlockingUpdater {
        guard let updater else { throw InvalidCase("there is no updater") }
        return updater
    }

    private func script(_ arguments: Arguments) throws {
        guard case let .object(answers)? = arguments.value("answers") else { throw InvalidCase("answers are missing") }
        transport.script(
            try answers.mapValues { answer in
                guard case let .object(members) = answer else { throw InvalidCase("an answer is an object") }
                var status: Int32 = 200
                if case let .number(number)? = members["status"] { status = Int32(number) }
                if case let .text(file)? = members["file"] { return (status, try Data(contentsOf: url(file))) }
                return (status, Data(text(members["json"] ?? .null).utf8))
            })
    }

    private func proofOfOffer(_ arguments: Arguments) throws -> JSON {
        let offer = UpdateAnswer.offer(
            version: "2.0.0", url: "https://updates.example/a.zip", checksum: try arguments.optional("checksum"),
            sessionKey: try arguments.optional("session_key"), link: nil, comment: nil)
        let key = try arguments.optional("public_key").map { try String(contentsOfFile: path($0), encoding: .utf8) }
        switch try expectedProof(answer: offer, publicKey: key) {
        case let .digest(digest): return .object(["digest": .text(digest)])
        case let .capgoSigned(checksum, _, _): return .object(["signed": .text(checksum)])
        case let .capgoEncrypted(_, checksum, _, _): return .object(["encrypted": .text(checksum)])
        }
    }

    private func openUpdater(_ arguments: Arguments) throws {
        let permits = try arguments.list("permits") ?? []
        let permitted = { (name: String) in permits.contains(.text(name)) }
        let server = ServerSource(
            url: try arguments.optional("url") ?? "https://updates.example/updates",
            channelUrl: try arguments.optional("channel_url"),
            publicKey: try arguments.optional("public_key").map { try String(contentsOfFile: path($0), encoding: .utf8) })
        let options = UpdaterOptions(
            source: try staticSource(arguments) ?? .server(server: server),
            device: DeviceInfo(platform: .android, appId: "com.example.app", osVersion: "16", pluginVersion: "8.0.0"),
            mode: try mode(arguments.optional("mode") ?? "at_background"),
            splashTimeoutMs: try arguments.number("splash_timeout_ms"),
            defaultChannel: try arguments.optional("default_channel"),
            permissions: Permissions(
                modifyUrls: permitted("modify_urls"), keepUrls: permitted("keep_urls"),
                modifyAppId: permitted("modify_app_id"), keepCustomId: permitted("keep_custom_id"),
                bundleError: try arguments.flag("bundle_error") ?? false))
        updater = try BlockingUpdater(store: openStore(), transport: transport, host: told, options: options)
    }

    /// The channel `production` of a site that cannot be reached, and the other channels that the app allows.
    private func staticSource(_ arguments: Arguments) throws -> UpdateSource? {
        guard let names = try arguments.list("allowed") else { return nil }
        let allowed = try names.map { name -> String in
            guard case let .text(text) = name else { throw InvalidCase("a channel is a text") }
            return text
        }
        let release = ReleaseOptions(
            appId: "com.example.app", channel: "production", firstRing: "{}", nativeVersion: "1.0.0", contentKeys: [])
        let channel = ChannelSource(site: "https://updates.example/site", release: release)
        return .channel(channel: channel, allowed: allowed)
    }

    private func mode(_ name: String) throws -> UpdateMode {
        let modes: [UpdateMode] = [.off, .atBackground, .atInstall, .onLaunch, .always, .onlyDownload]
        guard let mode = modes.first(where: { snake($0) == name }) else { throw InvalidCase("there is no mode \(name)") }
        return mode
    }

    private func call(_ arguments: Arguments) throws -> JSON {
        var json = ""
        switch arguments.value("arguments") {
        case nil: break
        case let .text(text)?: json = text
        case let value?: json = text(value)
        }
        for (name, id) in bundles { json = json.replacingOccurrences(of: "\"@\(name)\"", with: "\"\(id)\"") }
        let name = try arguments.optional("as")
        let call = BridgeCall(method: try arguments.text("method"), arguments: json)
        switch try openedUpdater().call(call: call) {
        case let .resolved(json):
            let value = try parsed(json)
            if let name, case let .object(members) = value, case let .text(id)? = members["id"] { bundles[name] = id }
            return .object(["resolved": value])
        case let .rejected(reason, code, serverCode):
            return .object([
                "rejected": .object(["message": .text(reason), "code": .text(code), "server_code": JSON(serverCode)])
            ])
        }
    }

    private func returned(_ load: Load?) -> JSON {
        guard let load else { return .null }
        told.remember(load)
        return loadValue(load)
    }
}

private func loadValue(_ load: Load) -> JSON {
    .object(["version": JSON(load.version), "has_folder": .flag(load.folder != nil), "reason": .text(snake(load.reason))])
}

private func parsed(_ text: String) throws -> JSON {
    try JSONDecoder().decode(JSON.self, from: Data(text.utf8))
}

/// A value as the text that it was parsed from, but for spaces.
private func text(_ value: JSON) -> String {
    func quoted(_ text: String) -> String {
        let escaped = text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
        return "\"\(escaped)\""
    }
    switch value {
    case .null: return "null"
    case let .flag(flag): return "\(flag)"
    case let .number(number): return "\(number)"
    case let .text(text): return quoted(text)
    case let .list(list): return "[\(list.map(text).joined(separator: ","))]"
    case let .object(members): return "{\(members.map { "\(quoted($0)):\(text($1))" }.joined(separator: ","))}"
    }
}
