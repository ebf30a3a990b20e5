import Dispatch
import Foundation

/// What the promise of a refused call is rejected with.
public struct CallRejection: LocalizedError, Equatable {
    /// For people: the message of Capgo's plugin where it has one for this case.
    public let message: String
    /// The code of Capgo's plugin, else the kind of the error, as `invalid_input`.
    public let code: String
    /// The code of the server that refused a call about channels.
    public let serverCode: String?

    public var errorDescription: String? { message }
}

/// An app that keeps itself up to date: it decides when to check, what to install, when to serve it and what to report.
/// The app says what happens to it, and loads what the updater chooses.
///
/// ```swift
/// let updater = try Updater(store: store, options: UpdaterOptions(source: source, device: device, mode: .atBackground)) { load in
///     show(load)
/// }
/// show(try updater.start(native: NativeApp(version: "1.4.0", build: "27")))
/// ```
///
/// Open one for each process and keep it. It owns one thread, which waits and costs nothing between two pieces of work,
/// and ends with this object.
///
/// Calls that are not `async` read or write one small file, which takes about ten milliseconds.
public final class Updater: Sendable {
    /// Receives what the web view has to load.
    public typealias LoadHandler = @MainActor @Sendable (Load) -> Void
    /// Receives whether the splash screen has to be shown.
    public typealias SplashHandler = @MainActor @Sendable (Bool) -> Void

    /// The events for the listeners in JavaScript, in order. One reader at a time; 256 wait for it, and the oldest are
    /// dropped after that.
    public let events: AsyncStream<UpdaterEvent>
    /// The same updater for threads of your own.
    public let blocking: BlockingUpdater
    private let host: HandlerHost
    private let cancel = CancelToken()

    /// An updater of this store.
    ///
    /// - Parameters:
    ///   - showSplash: is called with `UpdaterOptions.splashTimeoutMs` only.
    ///   - load: is called for what is loaded because of a check, a timer or a call of JavaScript. What a call returns is
    ///     loaded by its caller.
    /// - Throws: `CapBundleError.InvalidInput` if the source and the store do not fit together or an option is invalid,
    ///   `KeyInvalid` for a public key that cannot be read.
    public init(
        store: Store, options: UpdaterOptions, over transport: any HttpTransport = URLSessionTransport(),
        showSplash: @escaping SplashHandler = { _ in }, load: @escaping LoadHandler
    ) throws {
        let (events, continuation) = AsyncStream.makeStream(
            of: UpdaterEvent.self, bufferingPolicy: .bufferingNewest(waitingEvents))
        self.events = events
        host = HandlerHost(load: load, showSplash: showSplash, events: continuation)
        blocking = try BlockingUpdater(store: store, transport: transport, host: host, options: options)
        let (blocking, cancel) = (self.blocking, self.cancel)
        let runner = Thread {
            // A bug in the library, which the log of the store has. The next process continues.
            try? blocking.runUntilCancelled(cancel: cancel)
        }
        runner.name = "capbundle-updater"
        runner.start()
    }

    deinit {
        close()
    }

    /// When the process starts, before the web view exists: what to load. Called again, it returns the same bundle and
    /// counts nothing.
    ///
    /// - Parameter inBackground: whether the app is not visible, as in a process that a push notification started.
    /// - Throws: only for a bug in this library; load the app's own assets then.
    public func start(native: NativeApp, inBackground: Bool = false) throws -> Load {
        try blocking.start(native: native, inBackground: inBackground)
    }

    /// `webView(_:didCommit:)`: the web view committed to a page.
    ///
    /// - Parameter load: what the web view was really given; without it, what this updater asked for last.
    public func pageStarted(_ load: Load? = nil) throws {
        try blocking.pageStarted(load: load)
    }

    /// `webViewWebContentProcessDidTerminate(_:)`: what to load instead.
    public func pageCrashed() throws -> Load? {
        try blocking.pageCrashed()
    }

    /// The app is no longer visible. Returns the update that waited for this moment, to load now.
    public func background() throws -> Load? {
        try blocking.background()
    }

    /// The app is visible again. A page that has not confirmed gets its full time again.
    public func foreground() throws -> Load? {
        try blocking.foreground()
    }

    /// The device has a network again: a check that failed is made again.
    public func connectivityReturned() throws {
        try blocking.connectivityReturned()
    }

    /// Carries out a call of JavaScript, and returns the JSON that its promise resolves to: an object, or `null`.
    /// Cancelling the task cancels it.
    ///
    /// - Parameter arguments: a JSON object.
    /// - Throws: ``CallRejection``, with what the promise is rejected with.
    public func call(_ method: String, arguments: String = "") async throws -> String {
        let offset = Int32(clamping: TimeZone.current.secondsFromGMT())
        let call = BridgeCall(method: method, arguments: arguments, utcOffsetSeconds: offset)
        let blocking = blocking
        switch try await cancellable({ try blocking.call(call: call, cancel: $0) }) {
        case let .resolved(json): return json
        case let .rejected(reason, code, serverCode):
            throw CallRejection(message: reason, code: code, serverCode: serverCode)
        }
    }

    /// What happened on this device, and why: one JSON object for each entry, oldest first.
    public func log() async throws -> [String] {
        let blocking = blocking
        return try await CapBundle.blocking { try blocking.logLines() }
    }

    /// Stops the thread, and what it was doing: the next process continues it. An app need not.
    public func close() {
        cancel.cancel()
        try? blocking.wakeUp()
        host.events.finish()
    }
}

/// More than a download and a check send.
private let waitingEvents = 256

/// Passes calls on to the main queue and the stream. It does not hold the updater, which ends with its last reference.
private final class HandlerHost: UpdaterHost {
    private let onLoad: Updater.LoadHandler
    private let onSplash: Updater.SplashHandler
    let events: AsyncStream<UpdaterEvent>.Continuation

    init(
        load: @escaping Updater.LoadHandler, showSplash: @escaping Updater.SplashHandler,
        events: AsyncStream<UpdaterEvent>.Continuation
    ) {
        (onLoad, onSplash, self.events) = (load, showSplash, events)
    }

    func load(load: Load) {
        // A queue keeps the order, which tasks do not.
        DispatchQueue.main.async { [onLoad] in MainActor.assumeIsolated { onLoad(load) } }
    }

    func event(event: UpdaterEvent) {
        events.yield(event)
    }

    func showSplash(isShown: Bool) {
        DispatchQueue.main.async { [onSplash] in MainActor.assumeIsolated { onSplash(isShown) } }
    }

    func wake() {}
}

/// Asks an update server once, and changes nothing. ``Updater`` does this by itself.
///
/// - Throws: `CapBundleError.Network` if the server cannot be reached, `Server` for a response outside the
///   protocol, `NotTrusted` for plain HTTP to another machine, `InvalidInput`, `Cancelled`.
public func askForUpdate(
    _ url: URL, request: UpdateRequest, over transport: any HttpTransport = URLSessionTransport()
) async throws -> UpdateAnswer {
    try await cancellable { token in
        try askForUpdate(transport: transport, url: url.absoluteString, request: request, cancel: token)
    }
}

/// The mode of an app's configuration, from `autoUpdate` and the deprecated `directUpdate` of `capacitor.config.json`: a
/// `Bool`, a text, or `nil` if absent.
///
/// - Throws: `CapBundleError.InvalidInput` for a value that Capgo's plugin does not document.
public func updateMode(of autoUpdate: Any?, directUpdate: Any? = nil) throws -> UpdateMode {
    func json(_ value: Any) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: value, options: .fragmentsAllowed), as: UTF8.self)
    }
    return try updateMode(autoUpdate: autoUpdate.map(json), directUpdate: directUpdate.map(json))
}
