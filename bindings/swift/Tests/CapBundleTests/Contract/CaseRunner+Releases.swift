import CapBundle
import Foundation

/// Steps on releases, key rings and channels.
extension CaseRunner {
    /// `nil` if this is no operation on releases.
    func releaseStep(_ arguments: Arguments) async throws -> JSON? {
        switch try arguments.operation {
        case "inspect_release": return json(try inspectReleaseUnverified(envelope: data(arguments, "envelope")))
        case "rollout_bucket":
            let (app, digest) = (try arguments.text("app_id"), try arguments.text("rollout_sha256"))
            return .number(try rolloutBucket(appId: app, rolloutSha256: digest, deviceId: arguments.text("device_id")))
        case "check_release":
            let (envelope, options) = (try data(arguments, "envelope"), try releaseOptions(arguments))
            return json(try await openStore().checkRelease(envelope: envelope, options: options))
        case "install_release": return try await installRelease(arguments)
        case "accept_built_in":
            let (envelope, options) = (try data(arguments, "envelope"), try releaseOptions(arguments))
            return .flag(try await openStore().acceptBuiltIn(envelope: envelope, options: options))
        case "key_ring": return .number(try await openStore().keyRing(options: releaseOptions(arguments)))
        case "follow_ring":
            let (envelope, options) = (try data(arguments, "envelope"), try releaseOptions(arguments))
            return .number(try await openStore().followRing(envelope: envelope, options: options))
        case "update_from_channel": return try await update(arguments)
        default: return nil
        }
    }

    private func installRelease(_ arguments: Arguments) async throws -> JSON {
        let (envelope, list) = (try data(arguments, "envelope"), try data(arguments, "file_list"))
        let (archive, name) = (url(try arguments.text("archive")), try arguments.optional("as"))
        let record = try await openStore().install(
            release: envelope, archive: archive, fileList: list, options: releaseOptions(arguments))
        if let name { bundles[name] = record.id }
        return json(record)
    }

    private func update(_ arguments: Arguments) async throws -> JSON {
        let parts = try arguments.text("from").split(separator: "?", maxSplits: 1).map(String.init)
        let query = parts.count > 1 ? parts[1] : ""
        let site = RoughServer.shared.url("\(parts[0])?root=\(path(try arguments.text("site")))&\(query)")
        let (device, name) = (try arguments.optional("device_id"), try arguments.optional("as"))
        let options = try options(arguments)
        let source = ChannelSource(site: site, release: try releaseOptions(arguments), deviceId: device)
        let update = try await openStore().update(from: source, options: options)
        if let name, let record = record(update.outcome) { bundles[name] = record.id }
        return json(update)
    }

    private func releaseOptions(_ arguments: Arguments) throws -> ReleaseOptions {
        let app = try arguments.optional("app_id") ?? "com.example.app"
        let channel = try arguments.optional("channel") ?? "production"
        let ring = try text(arguments.optional("ring") ?? "ring.json")
        let native = try arguments.optional("native_version") ?? "1.0.0"
        let keys = try arguments.list("content_keys")?.map { file in
            guard case let .text(name) = file else { throw InvalidCase("content_keys are files") }
            return try ContentKey.fromPem(text: text(name))
        }
        return ReleaseOptions(appId: app, channel: channel, firstRing: ring, nativeVersion: native, contentKeys: keys ?? [])
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOf: url(name), encoding: .utf8)
    }

    private func data(_ arguments: Arguments, _ key: String) throws -> Data {
        try Data(contentsOf: url(try arguments.text(key)))
    }

    private func record(_ outcome: ChannelOutcome) -> BundleRecord? {
        switch outcome {
        case let .installed(bundle), let .upToDate(bundle): bundle
        default: nil
        }
    }

    private func json(_ release: Release) -> JSON {
        let bundle = release.bundle
        return .object([
            "app_id": .text(release.appId), "channel": .text(release.channel), "version": .text(release.version),
            "sequence": .number(release.sequence), "rollout_sha256": .text(release.rolloutSha256),
            "is_built_in": .flag(bundle == nil), "is_sealed": bundle.map { .flag($0.isSealed) } ?? .null,
            "archive_path": JSON(bundle?.archivePath), "archive_size": bundle.map { .number($0.archiveSize) } ?? .null,
            "archive_sha256": JSON(bundle?.archiveSha256), "file_list_path": JSON(bundle?.fileListPath),
        ])
    }

    private func json(_ update: ChannelUpdate) -> JSON {
        let record = record(update.outcome)
        var members: [String: JSON] = [
            "outcome": .text(wireName(update.outcome)), "bundle": record.map { .text(named($0.id)) } ?? .null,
            "version": JSON(record?.version), "sequence": record?.sequence.map(JSON.number) ?? .null,
            "rollout": update.rollout.map(json) ?? .null, "passed_over": .list(update.skipped.map(json)),
            "key_ring": .number(update.keyRing), "key_ring_problem": .flag(update.keyRingProblem != nil),
        ]
        switch update.outcome {
        case let .older(offered, known):
            members["offered"] = .number(offered)
            members["known"] = .number(known)
        case let .builtInNext(version, sequence), let .builtInUpToDate(version, sequence):
            members["version"] = .text(version)
            members["sequence"] = .number(sequence)
        default: break
        }
        return .object(members)
    }

    private func wireName(_ outcome: ChannelOutcome) -> String {
        switch outcome {
        case .installed: "installed"
        case .upToDate: "up_to_date"
        case .builtInNext: "built_in_next"
        case .builtInUpToDate: "built_in_up_to_date"
        case .nothingOffered: "nothing_offered"
        case .outsideRollout: "outside_rollout"
        case .older: "older"
        case .refused: "refused"
        case .other: "other"
        }
    }

    private func json(_ rollout: RolloutDecision) -> JSON {
        .object([
            "sequence": .number(rollout.sequence), "rollout_bps": .number(rollout.rolloutBps),
            "bucket": rollout.bucket.map(JSON.number) ?? .null, "is_inside": .flag(rollout.isInside),
        ])
    }

    private func json(_ passed: Skipped) -> JSON {
        .object([
            "offer": .text(snake(passed.offer)), "sequence": .number(passed.sequence), "error": .text(snake(passed.kind)),
            "reason": JSON(reason(passed.message)),
        ])
    }

    /// The reason that a message names: `release: refused (expired): …`.
    private func reason(_ message: String) -> String? {
        guard let start = message.range(of: "refused ("),
            let end = message.range(of: ")", range: start.upperBound..<message.endIndex)
        else { return nil }
        return String(message[start.upperBound..<end.lowerBound])
    }
}
