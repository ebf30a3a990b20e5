/// A long operation that has been started, and reports how far it has come.
///
/// ```swift
/// let installation = store.installing(archive, as: NewBundle(version: "1.2.3"))
/// for await progress in installation {
///     bar.progress = progress.fraction
/// }
/// let record = try await installation.value
/// ```
///
/// The sequence ends when the operation does, however it ends: what became of it is ``value``'s to tell. Whoever reads
/// slowly gets the newest state and misses some before it. The operation is cancelled by ``cancel()``, by cancelling a task
/// that awaits ``value``, and when nobody holds this object any more.
public final class ProgressTask<Success: Sendable>: AsyncSequence, Sendable {
    /// How far the operation has come.
    public typealias Element = ProgressUpdate

    private let updates: AsyncStream<ProgressUpdate>
    private let task: Task<Success, any Error>

    /// Starts the operation.
    init(_ call: @escaping @Sendable (CancelToken, any ProgressObserver) throws -> Success) {
        let (updates, continuation) = AsyncStream.makeStream(of: ProgressUpdate.self, bufferingPolicy: .bufferingNewest(1))
        let observer = HandlerObserver { continuation.yield($0) }
        self.updates = updates
        task = Task {
            defer { continuation.finish() }
            return try await cancellable { token in try call(token, observer) }
        }
    }

    deinit {
        task.cancel()
    }

    /// What the operation returned, once it has. Throws what it threw.
    public var value: Success {
        get async throws {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        }
    }

    /// Asks the operation to stop soon; ``value`` then throws `CapBundleError.Cancelled`.
    public func cancel() {
        task.cancel()
    }

    /// The states, from now on. One reader at a time.
    public func makeAsyncIterator() -> Iterator {
        Iterator(task: self, updates: updates.makeAsyncIterator())
    }

    /// Reads the states, and keeps the operation alive meanwhile.
    public struct Iterator: AsyncIteratorProtocol {
        private let task: ProgressTask
        private var updates: AsyncStream<ProgressUpdate>.Iterator

        fileprivate init(task: ProgressTask, updates: AsyncStream<ProgressUpdate>.Iterator) {
            self.task = task
            self.updates = updates
        }

        /// The next state, or nothing when the operation has ended.
        public mutating func next() async -> ProgressUpdate? {
            await updates.next()
        }
    }
}
