package dev.capbundle

import java.io.EOFException
import java.io.IOException
import java.io.InputStream
import java.net.HttpURLConnection
import java.net.MalformedURLException
import java.net.SocketException
import java.net.SocketTimeoutException
import java.net.URL
import java.net.UnknownHostException
import java.net.UnknownServiceException
import java.security.cert.CertificateException
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import javax.net.ssl.SSLHandshakeException
import javax.net.ssl.SSLPeerUnverifiedException
import kotlin.concurrent.thread

/** Opens connections, for apps that use another network, proxy or trust store than the system's. */
fun interface ConnectionOpener {
    /** Returns a connection that is not yet connected. */
    @Throws(IOException::class)
    fun open(url: URL): HttpURLConnection
}

/**
 * The platform's own HTTP, [HttpURLConnection], with its trust store, proxies and network security
 * configuration.
 *
 * It follows no redirects, requests no compression and uses no cache; Rust handles everything else. It holds
 * one piece of 64 KiB in memory. If the app installed a `CookieHandler` for all its connections, that applies
 * here too, because the platform offers no alternative.
 *
 * A response whose headers, chunk extensions or trailers never end is abandoned when no byte of its body
 * arrives within the stall timeout, which Rust enforces. Their bytes are not counted before that, because
 * [HttpURLConnection] exposes the body only; it keeps headers and trailers in memory. Android then closes the
 * connection. A JVM cannot close a connection from which another thread reads chunks: it stays open, with its
 * thread, until the server ends it.
 *
 * Android, over a specific network: `UrlConnectionTransport { network.openConnection(it) as HttpURLConnection
 * }`.
 */
class UrlConnectionTransport @JvmOverloads constructor(
    private val opener: ConnectionOpener = ConnectionOpener { it.openConnection() as HttpURLConnection },
) : HttpTransport {
    override fun send(request: HttpRequest, sink: ResponseSink) = sink.use {
        val connection = try {
            opener.open(URL(request.url)).apply { prepare(request) }
        } catch (malformed: MalformedURLException) {
            throw TransportException.Refused("the URL is not valid: ${malformed.message}")
        }
        var complete = false
        try {
            Watcher(connection, sink).use { exchange(connection, request, sink) }
            complete = true
        } catch (failure: IOException) {
            throw if (sink.isWanted()) explain(failure, request) else TransportException.Cancelled("the response is no longer needed")
        } finally {
            if (!complete) connection.disconnect()
        }
    }

    private fun HttpURLConnection.prepare(request: HttpRequest) {
        requestMethod = request.method.name
        instanceFollowRedirects = false
        useCaches = false
        connectTimeout = timeout(request.connectTimeoutMs)
        readTimeout = timeout(request.stallTimeoutMs)
        // Android would request gzip and decompress it silently; lengths and ranges refer to the stored bytes.
        setRequestProperty("Accept-Encoding", "identity")
        // An abandoned connection must be closed, not read to its end for reuse.
        setRequestProperty("Connection", "close")
        request.headers.forEach { addRequestProperty(it.name, it.value) }
    }

    private fun exchange(connection: HttpURLConnection, request: HttpRequest, sink: ResponseSink) {
        request.body?.let { body ->
            connection.doOutput = true
            connection.setFixedLengthStreamingMode(body.size)
            connection.outputStream.use { it.write(body) }
        }
        val status = connection.responseCode
        if (status < 0) throw IOException("the response is not HTTP")
        sink.begin(HttpResponseHead(status, headersOf(connection)))
        bodyOf(connection, status)?.use { body ->
            val buffer = ByteArray(PIECE)
            while (true) {
                val count = body.read(buffer)
                if (count < 0) break
                sink.write(buffer.copyOf(count))
            }
        }
    }

    private fun headersOf(connection: HttpURLConnection): List<HttpHeader> =
        connection.headerFields.flatMap { (name: String?, values) ->
            // The entry without a name is the status line.
            values.mapNotNull { value: String? -> if (name == null || value == null) null else HttpHeader(name, value) }
        }

    /** `inputStream` throws for an error status, and `errorStream` is `null` without a body. */
    private fun bodyOf(connection: HttpURLConnection, status: Int): InputStream? =
        if (status >= HttpURLConnection.HTTP_BAD_REQUEST) connection.errorStream else connection.inputStream

    private fun explain(failure: IOException, request: HttpRequest): TransportException = when {
        failure is SocketTimeoutException ->
            TransportException.Broken("connection timed out, or no byte received for ${request.stallTimeoutMs} ms: ${failure.message}")
        failure is UnknownHostException -> TransportException.Offline("unknown host, or no network: ${failure.message}")
        // Android's network security configuration forbids plain HTTP.
        failure is UnknownServiceException -> TransportException.Refused(failure.toString())
        isNotTrusted(failure) -> TransportException.Refused("the connection is not secure: ${failure.message}")
        else -> TransportException.Broken("connection failed: $failure")
    }

    private fun isNotTrusted(failure: IOException): Boolean {
        val causes = generateSequence<Throwable>(failure) { it.cause }.take(MAX_CAUSES)
        if (causes.any { it is CertificateException || it is SSLPeerUnverifiedException }) return true
        // An interrupted handshake is an ordinary broken connection.
        return failure is SSLHandshakeException && causes.none { it is EOFException || it is SocketException }
    }

    /** 0 would mean no timeout. */
    private fun timeout(milliseconds: Long): Int = milliseconds.coerceIn(1, Int.MAX_VALUE.toLong()).toInt()

    private companion object {
        const val PIECE = 64 shl 10
        const val MAX_CAUSES = 10
    }
}

/**
 * Closes a connection that is no longer needed while it waits for bytes.
 *
 * Android ends the read at once. A JVM ends it with the next byte or after the stall timeout; the caller that
 * cancelled does not wait for it.
 */
private class Watcher(connection: HttpURLConnection, sink: ResponseSink) : AutoCloseable {
    private val over = CountDownLatch(1)
    private val watching = thread(isDaemon = true, name = "capbundle-http-watch") {
        while (!over.await(POLL_INTERVAL_MS, TimeUnit.MILLISECONDS)) {
            if (!sink.isWanted()) {
                connection.disconnect()
                break
            }
        }
    }

    override fun close() {
        over.countDown()
        watching.join()
    }

    private companion object {
        const val POLL_INTERVAL_MS = 100L
    }
}
