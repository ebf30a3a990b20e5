/// Hears how far an operation has come. Called from the thread that does the work, so it should return quickly; what it
/// throws stops the operation, which then throws `CapBundleError.Callback` with the text of that error.
public typealias ProgressHandler = @Sendable (ProgressUpdate) throws -> Void

extension ProgressUpdate {
    /// Between 0 and 1, within the phase.
    public var fraction: Double {
        total > 0 ? min(1, Double(done) / Double(total)) : 1
    }
}

/// A closure as Rust sees it.
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

/// Passes what a store has to say to a closure: `Store.open(at: …, log: LogHandler { level, message in … })`.
///
/// It is called from the thread that called the store.
public final class LogHandler: LogObserver {
    private let handler: @Sendable (LogLevel, String) -> Void

    /// The closure is called with one line of text at a time, without key material.
    public init(_ handler: @escaping @Sendable (LogLevel, String) -> Void) {
        self.handler = handler
    }

    /// Called by the store.
    public func onLog(level: LogLevel, message: String) {
        handler(level, message)
    }
}
