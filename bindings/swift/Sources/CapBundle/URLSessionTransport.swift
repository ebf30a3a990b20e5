import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The platform's own HTTP, `URLSession`, with its trust store, proxies and App Transport Security.
///
/// It follows no redirects, requests no compression and uses neither cookies nor a cache; Rust handles
/// everything else. Each request has its own session, which ends with the request. On Apple platforms a server
/// that sends faster than the disk writes is slowed down, so that at most about 1 MiB is in memory;
/// `URLSession` on Linux cannot do that.
///
/// A response whose headers, chunk extensions or trailers never end is abandoned, and its connection closed,
/// when no byte of its body arrives within the stall timeout. Their bytes are not counted before that:
/// `URLSession` exposes the body only.
public final class URLSessionTransport: HttpTransport {
    private let configure: @Sendable (URLSessionConfiguration) -> Void

    /// - Parameter configure: changes to the session configuration, for example `$0.allowsCellularAccess =
    ///   false`.
    public init(configure: @escaping @Sendable (URLSessionConfiguration) -> Void = { _ in }) {
        self.configure = configure
    }

    /// Called by Rust, on a thread of its own.
    public func send(request: HttpRequest, sink: ResponseSink) throws {
        let exchange = Exchange()
        let session = URLSession(configuration: configuration(), delegate: exchange, delegateQueue: nil)
        // Ends a running transfer and releases the delegate.
        defer { session.invalidateAndCancel() }
        let task = session.dataTask(with: try urlRequest(request))
        task.resume()

        // Until the connection is established and a byte has arrived.
        var timeout = seconds(request.connectTimeoutMs) + seconds(request.stallTimeoutMs)
        var deadline = Date(timeIntervalSinceNow: timeout)
        while true {
            let isOver = try pooled {
                switch exchange.next(until: min(deadline, Date(timeIntervalSinceNow: pollInterval))) {
                case nil:
                    guard sink.isWanted() else { throw TransportError.Cancelled(reason: "the response is no longer needed") }
                    guard Date() < deadline else { throw TransportError.Broken(reason: "no byte received for \(timeout) s") }
                    return false
                case let .head(response): try sink.begin(head: head(response))
                case let .body(data): try write(data, to: sink)
                case .end(nil): return true
                case let .end(error?): throw explained(error)
                }
                timeout = seconds(request.stallTimeoutMs)
                deadline = Date(timeIntervalSinceNow: timeout)
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
            throw TransportError.Refused(reason: "the URL is not valid")
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
        // Longer than the timeouts here, whose messages are better.
        urlRequest.timeoutInterval = seconds(request.connectTimeoutMs) + seconds(request.stallTimeoutMs) + 1
        // Lengths and ranges refer to the stored bytes.
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
        // It has no error code for an untrusted certificate, only libcurl's text.
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

/// Bytes per call to Rust.
private let piece = 64 << 10
/// Seconds between checks whether the bytes are still needed, while waiting.
private let pollInterval = 0.1

private func seconds(_ milliseconds: Int64) -> TimeInterval {
    Double(milliseconds) / 1000
}

/// Rust's thread has no autorelease pool that would release Foundation's objects before the thread ends.
private func pooled<Value>(_ body: () throws -> Value) rethrows -> Value {
    #if canImport(ObjectiveC)
    try autoreleasepool(invoking: body)
    #else
    try body()
    #endif
}

/// One request of a session: the events of its delegate, for the thread that waits.
private final class Exchange: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    enum Event {
        case head(HTTPURLResponse)
        case body(Data)
        case end((any Error)?)
    }

    /// Bytes not yet taken: above `high` the transfer pauses, below `low` it continues.
    private static let (high, low) = (1 << 20, 256 << 10)

    // Everything below changes only under the lock.
    private let condition = NSCondition()
    private var events: [Event] = []
    private var waiting = 0
    private var paused: URLSessionTask?

    /// The next event, or `nil` if none arrives in time.
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

    private func add(_ event: Event, of task: URLSessionTask) {
        condition.lock()
        defer { condition.unlock() }
        events.append(event)
        condition.signal()
        guard case let .body(data) = event else { return }
        waiting += data.count
        #if canImport(Darwin)
        // Elsewhere a suspended task starts over.
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
        // The redirect itself is the response.
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        if let response = response as? HTTPURLResponse { add(.head(response), of: dataTask) }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        add(.body(data), of: dataTask)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        add(.end(error), of: task)
    }
}
