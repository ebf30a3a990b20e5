import CapBundle
import Foundation

/// Steps on files, keys and archives.
extension CaseRunner {
    /// `nil` if this is no operation on files.
    func fileStep(_ arguments: Arguments) async throws -> JSON? {
        switch try arguments.operation {
        case "key": return try keyFacts(arguments)
        case "sha256": return .text(try await sha256OfFile(input(arguments)))
        case "crc32": return .text(try await crc32OfFile(input(arguments)))
        case "signed_digest":
            let (checksum, form) = (try arguments.text("checksum"), try form(arguments))
            return .text(try signedDigest(checksum: checksum, form: form, key: key(arguments)))
        case "require_iv_session_key":
            try requireIvSessionKey(text: arguments.text("text"))
            return .null
        case "from_digest":
            let (file, digest) = (try input(arguments), try arguments.text("digest"))
            return try await keep(arguments) { try await VerifiedArchive.verify(file, digest: digest) }
        case "open_capgo":
            let (file, staging) = (try input(arguments), url("staging"))
            let (session, checksum) = (try arguments.text("iv_session_key"), try arguments.text("checksum"))
            let form = try form(arguments)
            return try await keep(arguments) {
                try await VerifiedArchive.decrypt(
                    file, staging: staging, ivSessionKey: session, checksum: checksum, form: form, key: key(arguments))
            }
        case "verify_signed_only":
            let (file, checksum) = (try input(arguments), try arguments.text("checksum"))
            let form = try form(arguments)
            return try await keep(arguments) {
                try await VerifiedArchive.verify(file, signedChecksum: checksum, form: form, key: key(arguments))
            }
        case "decrypt_unverified":
            let (file, to) = (try input(arguments), url(try arguments.text("to")))
            let (session, key) = (try arguments.text("iv_session_key"), try key(arguments))
            return .text(try await decryptUnverified(file, to: to, ivSessionKey: session, key: key))
        case "unpack": return try await unpack(arguments)
        case "inspect": return try await inspect(arguments)
        case "check":
            let findings = try await checkFolder(url(try arguments.text("folder")))
            return .sorted(findings.map { "\($0.severity) \($0.code)" })
        case "tree": return try tree(arguments)
        default: return nil
        }
    }

    private func input(_ arguments: Arguments) throws -> URL {
        url(try arguments.text("file"))
    }

    private func key(_ arguments: Arguments) throws -> VerifyingKey {
        try VerifyingKey.read(path: path(arguments.text("key")))
    }

    private func form(_ arguments: Arguments) throws -> ChecksumForm {
        switch try arguments.text("form") {
        case "v3": return .v3
        case "v2": return .v2
        case let other: throw InvalidCase("there is no form \(other)")
        }
    }

    private func keyFacts(_ arguments: Arguments) throws -> JSON {
        let key: VerifyingKey
        if let pem = try arguments.optional("text") {
            key = try VerifyingKey.fromPem(text: pem)
        } else {
            key = try VerifyingKey.read(path: input(arguments).path)
        }
        return .object(["id": .text(try key.id()), "capgo_key_id": .text(try key.capgoKeyId()), "bits": .number(key.bits())])
    }

    private func keep(_ arguments: Arguments, _ make: () async throws -> VerifiedArchive) async throws -> JSON {
        let name = try arguments.optional("as")
        let archive = try await make()
        if let name { archives[name] = archive }
        let proof = switch archive.proof() {
        case .digest: "digest"
        case .capgoSigned: "capgo_signed"
        case .release: "release"
        case .other: "other"
        }
        return .object(["digest": .text(archive.digest()), "size": .number(archive.size()), "proof": .text(proof)])
    }

    private func unpack(_ arguments: Arguments) async throws -> JSON {
        let (archive, limits) = (try archive(arguments.text("archive")), try limits(arguments.value("limits")))
        let unpacked = try await archive.unpack(to: url(try arguments.text("to")), limits: limits)
        return .object([
            "files": .number(unpacked.files), "folders": .number(unpacked.folders), "bytes": .number(unpacked.bytes),
            "flattened": JSON(unpacked.flattened),
        ])
    }

    private func inspect(_ arguments: Arguments) async throws -> JSON {
        let (file, limits) = (try input(arguments), try limits(arguments.value("limits")))
        let inspection = try await inspectArchive(file, limits: limits)
        return .object([
            "files": .sorted(inspection.files.map(\.path)), "flattened": JSON(inspection.flattened),
            "findings": .sorted(inspection.findings.map(\.code)),
        ])
    }

    private func tree(_ arguments: Arguments) throws -> JSON {
        let folder = path(try arguments.text("folder"))
        // A missing folder has no files.
        guard FileManager.default.fileExists(atPath: folder) else { return .list([]) }
        let lines = try TestFolder.files(below: URL(fileURLWithPath: folder)).map { name in
            "\(name) \(try sha256OfFile(path: folder + "/" + name))"
        }
        return .sorted(lines)
    }
}
