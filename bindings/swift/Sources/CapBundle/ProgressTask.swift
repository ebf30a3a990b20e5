/// A running operation that reports its progress.
///
/// ```swift
/// let installation = store.installing(archive, as: NewBundle(version: "1.2.3"))
/// for await progress in installation {
///     bar.progress = progress.fraction
/// }
/// let record = try await installation.value
/// ```
///
/// The sequence ends when the operation ends, with or without an error; ``value`` returns the result. A slow
/// reader gets the newest progress and misses earlier values. The operation is cancelled by ``cancel()``, by
/// cancelling a task that awaits ``value``, and when the last reference to this object is released.
public final class ProgressTask<Success: Sendable>: AsyncSequence, Sendable {
    /// The progress of the operation.
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

    /// The result of the operation. Throws the error of the operation.
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

    /// Iterates over the progress from now on. One reader at a time.
    public func makeAsyncIterator() -> Iterator {
        Iterator(task: self, updates: updates.makeAsyncIterator())
    }

    /// Iterates over the progress and keeps the operation alive.
    public struct Iterator: AsyncIteratorProtocol {
        private let task: ProgressTask
        private var updates: AsyncStream<ProgressUpdate>.Iterator

        fileprivate init(task: ProgressTask, updates: AsyncStream<ProgressUpdate>.Iterator) {
            self.task = task
            self.updates = updates
        }

        /// The next progress, or `nil` when the operation has ended.
        public mutating func next() async -> ProgressUpdate? {
            await updates.next()
        }
    }
}
