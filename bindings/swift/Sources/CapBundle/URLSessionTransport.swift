import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The platform's own HTTP, `URLSession`, with its trust store, proxies and App Transport Security.
///
/// It follows no redirect, asks for no compression and uses neither cookies nor a cache; what goes wrong in between is judged in
/// Rust. Each request has a session of its own, which ends with it. On Apple platforms a server that sends faster than the disk
/// writes is made to wait, so that about a mebibyte is in memory at most; `URLSession` of Linux cannot do that.
///
/// An answer whose headers, chunk extensions or trailers never end is given up, and its connection closed, when no byte of its
/// body came for the stall timeout. Until then their bytes are not counted: `URLSession` shows the body alone.
public final class URLSessionTransport: HttpTransport {
    private let configure: @Sendable (URLSessionConfiguration) -> Void

    /// - Parameter configure: what the app wants otherwise, for example `$0.allowsCellularAccess = false`.
    public init(configure: @escaping @Sendable (URLSessionConfiguration) -> Void = { _ in }) {
        self.configure = configure
    }

    /// Called by Rust, on a thread of its own.
    public func send(request: HttpRequest, sink: ResponseSink) throws {
        let exchange = Exchange()
        let session = URLSession(configuration: configuration(), delegate: exchange, delegateQueue: nil)
        // Ends a transfer that is still going on, and lets go of the delegate.
        defer { session.invalidateAndCancel() }
        let task = session.dataTask(with: try urlRequest(request))
        task.resume()

        // Until the connection stands, and a byte has come.
        var patience = seconds(request.connectTimeoutMs) + seconds(request.stallTimeoutMs)
        var deadline = Date(timeIntervalSinceNow: patience)
        while true {
            let isOver = try pooled {
                switch exchange.next(until: min(deadline, Date(timeIntervalSinceNow: lookEvery))) {
                case nil:
                    guard sink.isWanted() else { throw TransportError.Cancelled(reason: "nobody wants the rest") }
                    guard Date() < deadline else { throw TransportError.Broken(reason: "not a byte came for \(patience) s") }
                    return false
                case let .head(response): try sink.begin(head: head(response))
                case let .body(data): try write(data, to: sink)
                case .end(nil): return true
                case let .end(error?): throw explained(error)
                }
                patience = seconds(request.stallTimeoutMs)
                deadline = Date(timeIntervalSinceNow: patience)
                return false
            }
            if isOver { return }
        }
    }

    private func configuration() -> URLSessionConfiguration {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.urlCache = nil
        configuration.httpCookieStorage = nil
        configuration.httpCookieAcceptPolicy = .never
        configuration.httpShouldSetCookies = false
        configuration.urlCredentialStorage = nil
        configure(configuration)
        return configuration
    }

    private func urlRequest(_ request: HttpRequest) throws -> URLRequest {
        guard let url = URL(string: request.url) else {
            throw TransportError.Refused(reason: "it is no address that can be asked")
        }
        var urlRequest = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData)
        urlRequest.httpMethod =
            switch request.method {
            case .get: "GET"
            case .head: "HEAD"
            case .post: "POST"
            case .put: "PUT"
            case .delete: "DELETE"
            }
        urlRequest.httpShouldHandleCookies = false
        // Longer than what is waited for here, which has the better message.
        urlRequest.timeoutInterval = seconds(request.connectTimeoutMs) + seconds(request.stallTimeoutMs) + 1
        // Lengths and ranges are those of the bytes as they are stored.
        urlRequest.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        for header in request.headers { urlRequest.addValue(header.value, forHTTPHeaderField: header.name) }
        urlRequest.httpBody = request.body
        return urlRequest
    }

    private func head(_ response: HTTPURLResponse) -> HttpResponseHead {
        let headers = response.allHeaderFields.compactMap { name, value in
            (name as? String).map { HttpHeader(name: $0, value: "\(value)") }
        }
        return HttpResponseHead(status: Int32(response.statusCode), headers: headers)
    }

    private func write(_ data: Data, to sink: ResponseSink) throws {
        var rest = data
        while !rest.isEmpty {
            try sink.write(bytes: Data(rest.prefix(piece)))
            rest = rest.dropFirst(piece)
        }
    }

    private func explained(_ error: any Error) -> TransportError {
        let reason = error.localizedDescription
        #if canImport(FoundationNetworking)
        // It has no code of its own for a certificate that does not hold: only libcurl's words.
        if reason.contains("certificate") { return .Refused(reason: "the connection is not secure: \(reason)") }
        #endif
        switch (error as? URLError)?.code {
        case .cancelled?: return .Cancelled(reason: reason)
        case .notConnectedToInternet?, .internationalRoamingOff?, .callIsActive?, .dataNotAllowed?: return .Offline(reason: reason)
        case .serverCertificateUntrusted?, .serverCertificateHasBadDate?, .serverCertificateHasUnknownRoot?,
            .serverCertificateNotYetValid?, .clientCertificateRejected?, .clientCertificateRequired?,
            .appTransportSecurityRequiresSecureConnection?:
            return .Refused(reason: "the connection is not secure: \(reason)")
        default: return .Broken(reason: reason)
        }
    }
}

/// What crosses to Rust at once.
private let piece = 64 << 10
/// How often somebody who waits for bytes looks whether anybody still wants them, in seconds.
private let lookEvery = 0.1

private func seconds(_ milliseconds: Int64) -> TimeInterval {
    Double(milliseconds) / 1000
}

/// Rust's thread has no pool that Foundation's objects would be released from before it ends.
private func pooled<Value>(_ body: () throws -> Value) rethrows -> Value {
    #if canImport(ObjectiveC)
    try autoreleasepool(invoking: body)
    #else
    try body()
    #endif
}

/// One request of a session: what its delegate hears, for the thread that waits.
private final class Exchange: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    enum Event {
        case head(HTTPURLResponse)
        case body(Data)
        case end((any Error)?)
    }

    /// Bytes that nobody has taken: beyond the first the server waits, until there are fewer than the second.
    private static let (high, low) = (1 << 20, 256 << 10)

    // All of it is changed under the lock only.
    private let condition = NSCondition()
    private var events: [Event] = []
    private var waiting = 0
    private var paused: URLSessionTask?

    /// The next event, or nothing if none comes in time.
    func next(until deadline: Date) -> Event? {
        condition.lock()
        defer { condition.unlock() }
        while events.isEmpty {
            guard condition.wait(until: deadline) else { return nil }
        }
        let event = events.removeFirst()
        if case let .body(data) = event {
            waiting -= data.count
            if waiting < Self.low, let task = paused {
                paused = nil
                task.resume()
            }
        }
        return event
    }

    private func tell(_ event: Event, of task: URLSessionTask) {
        condition.lock()
        defer { condition.unlock() }
        events.append(event)
        condition.signal()
        guard case let .body(data) = event else { return }
        waiting += data.count
        #if canImport(Darwin)
        // Elsewhere a task that is suspended begins again.
        if waiting > Self.high, paused == nil {
            paused = task
            task.suspend()
        }
        #endif
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        // The redirect itself is the answer.
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        if let response = response as? HTTPURLResponse { tell(.head(response), of: dataTask) }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        tell(.body(data), of: dataTask)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        tell(.end(error), of: task)
    }
}
