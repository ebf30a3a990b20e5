/// Receives the progress of an operation. Called on the thread that does the work, so it should return quickly.
/// If it throws, the operation stops and throws `CapBundleError.Callback` with the text of that error.
public typealias ProgressHandler = @Sendable (ProgressUpdate) throws -> Void

extension ProgressUpdate {
    /// The progress within the phase, between 0 and 1.
    public var fraction: Double {
        total > 0 ? min(1, Double(done) / Double(total)) : 1
    }
}

/// Wraps a closure as an observer.
final class HandlerObserver: ProgressObserver {
    private let handler: ProgressHandler

    init(_ handler: @escaping ProgressHandler) {
        self.handler = handler
    }

    static func of(_ handler: ProgressHandler?) -> HandlerObserver? {
        handler.map(HandlerObserver.init)
    }

    func onProgress(progress: ProgressUpdate) throws {
        do {
            try handler(progress)
        } catch {
            throw CallbackError(of: error)
        }
    }
}

/// Passes the log of a store to a closure: `Store.open(at: …, log: LogHandler { level, message in … })`.
///
/// It is called on the thread that called the store.
public final class LogHandler: LogObserver {
    private let handler: @Sendable (LogLevel, String) -> Void

    /// Creates a log handler. The closure is called with one line of text at a time, without key material.
    public init(_ handler: @escaping @Sendable (LogLevel, String) -> Void) {
        self.handler = handler
    }

    /// Called by the store.
    public func onLog(level: LogLevel, message: String) {
        handler(level, message)
    }
}
