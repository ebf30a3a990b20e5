// Every call of the store, awaited in top-level code. If `await` selects a blocking form, the compiler warns,
// which the tests treat as an error.
import CapBundle
import Foundation

let folder = URL(fileURLWithPath: CommandLine.arguments.dropFirst().first ?? "script-store")
let native = NativeApp(version: "1.0.0", build: "1")
let store = try await Store.open(at: folder, options: StoreOptions(requiredProof: .digest))
_ = try await store.migrateCapgo(bundles: CapgoBundles(folder: folder.path, infos: [], current: nil, fallback: nil, next: nil, nativeBuild: nil))
let launch = try await store.launch(native: native)
let served = try await store.served()
try await store.clearNext()
try await store.setNext(bundle: .builtIn)
try await store.setNextWhen(bundle: .builtIn, conditions: [.kill])
try await store.setDelays(conditions: [])
_ = try await (store.applyNext(native: native), store.setCurrent(bundle: .builtIn), store.reset(toLastProven: false))
_ = try await (store.current(), store.next(), store.fallback(), store.delays())
_ = try await (store.list(), store.failed(), store.failureOf(version: "1.0.0"), store.takeFailure())
_ = try await (store.find(digest: String(repeating: "0", count: 64)), store.diskUsage(), store.deviceId())
_ = try await (store.forgetFailure(version: "1.0.0"), store.clean(keep: KeepRules()), store.confirm(bundle: .builtIn))
try await store.enteredBackground()
try await store.enteredForeground(native: native)

func isRefused(_ call: () async throws -> Void) async -> Bool {
    do {
        try await call()
        return false
    } catch {
        return error is CapBundleError
    }
}
let unknown = "AAAAAAAAAA"
guard await isRefused({ _ = try await store.get(id: unknown) }), await isRefused({ try await store.delete(id: unknown) }),
    await isRefused({ try await store.markFailed(id: unknown) })
else { fatalError("there is no such bundle") }
_ = try await (store.trialStarted(id: unknown), store.trialSuspended(id: unknown), store.trialExpired(id: unknown))
print("served: \(launch.bundle), \(served == launch ? "as launched" : "another one")")
