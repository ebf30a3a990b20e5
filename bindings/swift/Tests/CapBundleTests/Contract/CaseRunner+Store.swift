import CapBundle
import Foundation

/// The operations on the store.
extension CaseRunner {
    func storeStep(_ arguments: Arguments) async throws -> JSON {
        switch try arguments.operation {
        case "open":
            store = nil
            let opened = try await Store.open(at: url("store"), options: options(arguments))
            (store, session) = (opened, opened.session())
        case "resume":
            guard let session else { throw InvalidCase("no session was opened before") }
            store = try Store.resumeBlocking(root: path("store"), options: options(arguments), session: session)
        case "close": store = nil
        case "install": return try await install(arguments)
        case "write":
            let text = try arguments.text("text")
            let file = try arguments.optional("file").map(path) ?? folder(arguments) + "/" + arguments.text("path")
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        case "remove": try FileManager.default.removeItem(atPath: folder(arguments))
        default: return try await onOpenStore(openStore(), arguments)
        }
        return .null
    }

    private func onOpenStore(_ store: Store, _ arguments: Arguments) async throws -> JSON {
        switch try arguments.operation {
        case "launch": return json(try await store.launch(native: native(arguments)))
        case "apply_next": return json(try await store.applyNext(native: native(arguments)))
        case "served": return json(try await store.served())
        case "set_current": return json(try await store.setCurrent(bundle: bundleRef(arguments)))
        case "reset":
            guard let toLastProven = try arguments.flag("to_last_proven") else { throw InvalidCase("to_last_proven is missing") }
            return json(try await store.reset(toLastProven: toLastProven))
        case "trial_started": return .flag(try await store.trialStarted(id: id(arguments)))
        case "trial_suspended": return .flag(try await store.trialSuspended(id: id(arguments)))
        case "trial_expired": return json(try await store.trialExpired(id: id(arguments)))
        case "ready_deadline": return store.readyDeadlineMs().map(JSON.number) ?? .null
        case "confirm": return try await confirm(store, arguments)
        case "current": return name(try await store.current())
        case "next": return try await store.next().map(name) ?? .null
        case "fallback": return name(try await store.fallback())
        case "set_next":
            if let delays = try delays(arguments) {
                try await store.setNextWhen(bundle: bundleRef(arguments), conditions: delays)
            } else {
                try await store.setNext(bundle: bundleRef(arguments))
            }
        case "clear_next": try await store.clearNext()
        case "set_delays":
            guard let delays = try delays(arguments) else { throw InvalidCase("delays are missing") }
            try await store.setDelays(conditions: delays)
        case "delays": return .list(try await store.delays().map(json))
        case "entered_background": try await store.enteredBackground()
        case "entered_foreground": try await store.enteredForeground(native: native(arguments))
        case "list":
            let bundles = try await store.list()
            return .list(bundles.sorted { $0.record.version < $1.record.version }.map(json))
        case "failed": return .list(try await store.failed().map(json))
        case "failure_of":
            let failure = try await store.failureOf(version: arguments.text("version"), digest: arguments.optional("digest"))
            return failure.map(json) ?? .null
        case "take_failure": return try await store.takeFailure().map(json) ?? .null
        case "mark_failed": try await store.markFailed(id: id(arguments))
        case "delete": try await store.delete(id: id(arguments))
        case "forget_failure": return .number(try await store.forgetFailure(version: arguments.text("version")))
        case "find": return try await store.find(digest: arguments.text("digest")).map { name($0.id) } ?? .null
        case "verify_bundle": return .sorted(try await store.verifyBundle(id(arguments)).map(\.path))
        case "clean":
            let rules = KeepRules(newest: try arguments.number("newest"), maxTotal: try arguments.number("max_total"))
            return .sorted(try await store.clean(keep: rules).removed.map { named($0.id) })
        case "sweep": try await store.sweep()
        case "staged":
            let names = try FileManager.default.contentsOfDirectory(atPath: path("store") + "/staging")
            return .number(Int64(names.filter { !$0.hasSuffix(".lock") }.count))
        case "device_id_is_uuid":
            let id = try await store.deviceId()
            let again = try await store.deviceId()
            return .flag(UUID(uuidString: id)?.uuidString.lowercased() == id && again == id)
        case "adopt": return try await adopt(store, arguments)
        case let other: throw InvalidCase("there is no operation \(other)")
        }
        return .null
    }

    private func options(_ arguments: Arguments) throws -> StoreOptions {
        let proof: RequiredProof
        switch arguments.value("required_proof") {
        case nil, .text("digest"): proof = .digest
        case .text("release"): proof = .release
        case let .object(members):
            guard case let .text(key) = members["capgo_signed"] else { throw InvalidCase("there is no such proof") }
            proof = .capgoSigned(publicKey: try String(contentsOfFile: path(key), encoding: .utf8))
        default: throw InvalidCase("there is no such proof")
        }
        return StoreOptions(
            requiredProof: proof,
            bundles: try arguments.optional("bundles").map(path),
            attempts: try arguments.number("attempts") ?? 2,
            silentStarts: try arguments.number("silent_starts") ?? 3,
            appReadyTimeoutMs: try arguments.number("app_ready_timeout_ms") ?? 10_000,
            resetWhenNativeChanges: try arguments.flag("reset_when_native_changes") ?? true,
            autoDeleteFailed: try arguments.flag("auto_delete_failed") ?? true,
            autoDeletePrevious: try arguments.flag("auto_delete_previous") ?? true,
            limits: try limits(arguments.value("limits")),
            lockTimeoutMs: try arguments.number("lock_timeout_ms") ?? 10_000,
            spaceMargin: try arguments.number("space_margin") ?? 33_554_432,
            verifyAtLaunchMs: try arguments.number("verify_at_launch_ms"),
            builtInSequence: try arguments.number("built_in_sequence"))
    }

    private func install(_ arguments: Arguments) async throws -> JSON {
        let proved: VerifiedArchive
        if let name = try arguments.optional("archive") {
            proved = try archive(name)
        } else {
            let file = url(try arguments.text("file"))
            proved = try await VerifiedArchive.verify(file, digest: sha256OfFile(file))
        }
        let range = NativeRange(min: try arguments.optional("min_native"), max: try arguments.optional("max_native"))
        let bundle = NewBundle(
            version: try arguments.text("version"), native: range, link: try arguments.optional("link"),
            comment: try arguments.optional("comment"), sequence: try arguments.number("sequence"))
        let name = try arguments.optional("as")
        let record = try await openStore().install(proved, as: bundle)
        if let name { bundles[name] = record.id }
        return json(record)
    }

    func json(_ record: BundleRecord) -> JSON {
        .object([
            "bundle": name(record.id), "version": .text(record.version), "files": .number(record.files),
            "link": JSON(record.link), "comment": JSON(record.comment),
            "sequence": record.sequence.map(JSON.number) ?? .null, "digest": JSON(record.digest),
            "release": record.release.map { .number($0.sequence) } ?? .null,
        ])
    }

    private func confirm(_ store: Store, _ arguments: Arguments) async throws -> JSON {
        let confirmed: BundleRef
        if try arguments.optional("bundle") != nil {
            confirmed = try bundleRef(arguments)
        } else {
            guard let served = try await store.served() else { throw InvalidCase("nothing is served") }
            confirmed = served.bundle
        }
        switch try await store.confirm(bundle: confirmed) {
        case .proven: return .text("proven")
        case .alreadyProven: return .text("already_proven")
        case .builtIn: return .text("builtin")
        case let .ignored(current): return .object(["ignored": name(current)])
        case .other: return .text("other")
        }
    }

    private func adopt(_ store: Store, _ arguments: Arguments) async throws -> JSON {
        let infos = try arguments.list("infos")?.map { info in
            guard case let .text(text) = info else { throw InvalidCase("infos are texts") }
            return text
        }
        let migration = try await store.migrateCapgo(bundles: CapgoBundles(
            folder: path(arguments.text("folder")), infos: infos ?? [], current: arguments.optional("current"),
            fallback: arguments.optional("fallback"), next: arguments.optional("next"),
            nativeBuild: arguments.optional("native_build")))
        return .object([
            "bundles": .sorted(migration.bundles.map(\.version)), "failed": .sorted(migration.failed.map(\.version)),
            "skipped": .number(Int64(migration.skipped.count)),
        ])
    }

    func native(_ arguments: Arguments) throws -> NativeApp {
        NativeApp(version: try arguments.optional("version") ?? "1.0.0", build: try arguments.optional("build") ?? "1")
    }

    private func delays(_ arguments: Arguments) throws -> [ApplyCondition]? {
        try arguments.list("delays")?.map { delay in
            guard case let .object(members) = delay, members.count == 1, let (key, value) = members.first else {
                throw InvalidCase("a delay has one member")
            }
            switch (key, value) {
            case let ("background", .number(milliseconds)): return .background(milliseconds: milliseconds)
            case ("kill", _): return .kill
            case let ("native_version", .text(version)): return .nativeVersion(version: version)
            case let ("date", .number(seconds)): return .date(seconds: seconds)
            default: throw InvalidCase("there is no delay \(key)")
            }
        }
    }

    private func folder(_ arguments: Arguments) throws -> String {
        try openStore().folder(id: id(arguments))
    }

    private func id(_ arguments: Arguments) throws -> String {
        let name = try arguments.text("bundle")
        return bundles[name] ?? name
    }

    private func bundleRef(_ arguments: Arguments) throws -> BundleRef {
        let id = try id(arguments)
        return id == "builtin" ? .builtIn : .bundle(id: id)
    }

    /// The name that the case gave to a bundle, or its id.
    func named(_ id: String) -> String {
        bundles.first { $0.value == id }?.key ?? id
    }

    private func name(_ id: String) -> JSON {
        .text(named(id))
    }

    private func name(_ bundle: BundleRef) -> JSON {
        switch bundle {
        case .builtIn: .text("builtin")
        case let .bundle(id): name(id)
        }
    }

    private func json(_ launch: Launch?) -> JSON {
        guard let launch else { return .null }
        return .object([
            "bundle": name(launch.bundle), "version": JSON(launch.version), "on_trial": .flag(launch.onTrial),
            "reason": .text(snake(launch.reason)), "failed": launch.failed.map { name($0.id) } ?? .null,
        ])
    }

    private func json(_ bundle: InstalledBundle) -> JSON {
        .object([
            "bundle": name(bundle.record.id), "version": .text(bundle.record.version),
            "status": .text(snake(bundle.status)),
        ])
    }

    private func json(_ failed: FailedBundle) -> JSON {
        .object(["bundle": name(failed.id), "version": .text(failed.version), "cause": .text(snake(failed.cause))])
    }

    private func json(_ delay: ApplyCondition) -> JSON {
        switch delay {
        case let .background(milliseconds): .object(["background": .number(milliseconds)])
        case .kill: .object(["kill": .flag(true)])
        case let .nativeVersion(version): .object(["native_version": .text(version)])
        case let .date(seconds): .object(["date": .number(seconds)])
        }
    }
}
