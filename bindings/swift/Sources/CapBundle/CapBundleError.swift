import Foundation

extension CapBundleError {
    /// The kind of the error, for programs.
    public var kind: ErrorKind {
        switch self {
        case .InvalidInput: .invalidInput
        case .NotABundle: .notABundle
        case .UnsafeArchive: .unsafeArchive
        case .LimitExceeded: .limitExceeded
        case .DigestMismatch: .digestMismatch
        case .SignatureInvalid: .signatureInvalid
        case .DecryptionFailed: .decryptionFailed
        case .KeyInvalid: .keyInvalid
        case .NotTrusted: .notTrusted
        case .NotFound: .notFound
        case .InUse: .inUse
        case .Busy: .busy
        case .NoSpace: .noSpace
        case .Io: .io
        case .Network: .network
        case .Server: .server
        case .Cancelled: .cancelled
        case .Unsupported: .unsupported
        case .Corrupt: .corrupt
        case .Callback: .callback
        case .Internal: .`internal`
        }
    }

    /// What was expected, what was found and what to do, for people. The same as `localizedDescription`.
    public var message: String {
        switch self {
        case let .InvalidInput(message), let .NotABundle(message), let .UnsafeArchive(message), let .LimitExceeded(message),
            let .DigestMismatch(message), let .SignatureInvalid(message), let .DecryptionFailed(message),
            let .KeyInvalid(message), let .NotTrusted(message), let .NotFound(message), let .InUse(message),
            let .Busy(message), let .NoSpace(message), let .Io(message), let .Network(message), let .Server(message),
            let .Cancelled(message), let .Unsupported(message), let .Corrupt(message), let .Callback(message),
            let .Internal(message):
            message
        }
    }
}

extension CapBundleError: LocalizedError {
    public var errorDescription: String? { message }
}

extension CallbackError: LocalizedError {
    public var errorDescription: String? {
        switch self {
        case let .Failed(reason): reason
        }
    }
}

extension CallbackError {
    /// Converts any error that a closure of the app throws; only its text reaches Rust.
    init(of error: any Error) {
        if let error = error as? CallbackError {
            self = error
        } else {
            let text = (error as? any LocalizedError)?.errorDescription
            self = .Failed(reason: text ?? String(describing: error))
        }
    }
}
