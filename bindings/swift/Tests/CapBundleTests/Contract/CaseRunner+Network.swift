import CapBundle
import Foundation

/// Network steps, over the platform's own HTTP.
extension CaseRunner {
    /// `nil` if this is no operation on the network.
    func networkStep(_ arguments: Arguments) async throws -> JSON? {
        switch try arguments.operation {
        case "download": return try await download(arguments)
        case "install_from":
            let archive = RemoteArchive(
                url: try address(arguments), proof: try proof(arguments), bundle: try bundle(arguments),
                size: try arguments.number("size"))
            let options = try options(arguments)
            return try await installed(arguments) { try await openStore().install(from: archive, options: options) }
        case "install_file":
            let (file, proof, bundle) = (url(try arguments.text("file")), try proof(arguments), try bundle(arguments))
            return try await installed(arguments) { try await openStore().install(file: file, proof: proof, as: bundle) }
        default: return nil
        }
    }

    private func download(_ arguments: Arguments) async throws -> JSON {
        let file = RemoteFile(
            url: try address(arguments), digest: try arguments.optional("digest"), size: try arguments.number("size"))
        let downloaded = try await CapBundle.download(file, to: url("downloads"), options: try options(arguments))
        let sha256 = try sha256OfFile(path: downloaded.path)
        try FileManager.default.removeItem(atPath: downloaded.path)
        return .object([
            "sha256": .text(sha256), "size": .number(downloaded.size), "received": .number(downloaded.received),
            "verified": .flag(downloaded.verified),
        ])
    }

    private func address(_ arguments: Arguments) throws -> String {
        try arguments.optional("from").map(RoughServer.shared.url) ?? arguments.text("url")
    }

    private func proof(_ arguments: Arguments) throws -> ExpectedProof {
        .digest(digest: try arguments.text("digest"))
    }

    private func bundle(_ arguments: Arguments) throws -> NewBundle {
        NewBundle(version: try arguments.text("version"))
    }

    /// Short waits and no space margin, unless the case says otherwise.
    func options(_ arguments: Arguments) throws -> DownloadOptions {
        var numbers: [String: Int64] = [:]
        if case let .object(members)? = arguments.value("options") {
            for (key, value) in members {
                guard case let .number(number) = value else { throw InvalidCase("\(key) is no number") }
                numbers[key] = number
            }
        }
        let standard = DownloadOptions()
        let options = DownloadOptions(
            maxSize: numbers.removeValue(forKey: "max_size") ?? standard.maxSize,
            stallTimeoutMs: numbers.removeValue(forKey: "stall_timeout_ms") ?? standard.stallTimeoutMs,
            attempts: numbers.removeValue(forKey: "attempts") ?? standard.attempts, firstWaitMs: 2, spaceMargin: 0)
        guard numbers.isEmpty else { throw InvalidCase("there is no option \(numbers.keys.sorted())") }
        return options
    }

    private func installed(_ arguments: Arguments, _ install: () async throws -> BundleRecord) async throws -> JSON {
        let name = try arguments.optional("as")
        let record = try await install()
        if let name { bundles[name] = record.id }
        return .object([
            "bundle": .text(named(record.id)), "version": .text(record.version), "files": .number(record.files),
            "digest": JSON(record.digest),
        ])
    }
}
