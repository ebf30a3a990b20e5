import Dispatch

/// Where calls of the Rust library block.
///
/// Never on the cooperative pool of Swift's tasks, which has one thread a core: a few installations would stop everything
/// else that awaits.
private let workQueue = DispatchQueue(label: "dev.capbundle.work", qos: .userInitiated, attributes: .concurrent)

/// Runs a blocking call on the queue.
func blocking<Value: Sendable>(_ call: @escaping @Sendable () throws -> Value) async throws -> Value {
    let once = Once(call)
    await withCheckedContinuation { continuation in
        workQueue.async {
            once.run()
            continuation.resume()
        }
    }
    return try once.outcome()
}

/// A call that lets go of all it holds before anybody hears of its result, and of the result when it is fetched.
///
/// The queue frees its block some time after it ran. What the block held would live on meanwhile, and whoever awaited the
/// call could find a session still open, or plain text still on disk, after dropping the last reference of its own.
private final class Once<Value: Sendable>: @unchecked Sendable {
    // Set before the block is queued, used by it, and by the waiting task after that: never by two threads at once.
    private var call: (@Sendable () throws -> Value)?
    private var result: Result<Value, any Error>?

    init(_ call: @escaping @Sendable () throws -> Value) {
        self.call = call
    }

    func run() {
        result = call.map { Result(catching: $0) }
        call = nil
    }

    func outcome() throws -> Value {
        defer { result = nil }
        guard let result else { preconditionFailure("the outcome is fetched once, after the call") }
        return try result.get()
    }
}

/// Runs a blocking call that takes a `CancelToken`; cancelling the `Task` that awaits it cancels the token.
///
/// The call then throws `CapBundleError.Cancelled` once it has cleaned up. One that was finished before it noticed returns
/// what it did: nothing is done and then denied.
func cancellable<Value: Sendable>(_ call: @escaping @Sendable (CancelToken) throws -> Value) async throws -> Value {
    let token = CancelToken()
    return try await withTaskCancellationHandler {
        try await blocking { try call(token) }
    } onCancel: {
        token.cancel()
    }
}
