import Dispatch

/// The queue on which calls of the Rust library block.
///
/// They must not block the cooperative pool of Swift's tasks, which has one thread per core: a few
/// installations would stop every other task.
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

/// A call that releases everything it holds before its result is delivered, and the result when it is fetched.
///
/// The queue frees its block some time after it ran. Without this, objects held by the block would outlive the
/// call, and the caller could find a session still open, or plain text still on disk, after dropping its own
/// last reference.
private final class Once<Value: Sendable>: @unchecked Sendable {
    // Set before the block is queued, then used by the block, then by the waiting task: never by two threads at
    // once.
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
/// The call then throws `CapBundleError.Cancelled` after its cleanup. A call that completes before it notices
/// the cancellation returns its result.
func cancellable<Value: Sendable>(_ call: @escaping @Sendable (CancelToken) throws -> Value) async throws -> Value {
    let token = CancelToken()
    return try await withTaskCancellationHandler {
        try await blocking { try call(token) }
    } onCancel: {
        token.cancel()
    }
}
