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

/** Opens connections: where an app wants another network, proxy or trust store than the system's. */
fun interface ConnectionOpener {
    /** A connection that is not connected yet. */
    @Throws(IOException::class)
    fun open(url: URL): HttpURLConnection
}

/**
 * The platform's own HTTP, [HttpURLConnection], with its trust store, proxies and network security configuration.
 *
 * It follows no redirect, asks for no compression and uses no cache; what goes wrong in between is judged in Rust. It holds one piece of
 * 64 KiB in memory. An app that installed a `CookieHandler` for all of its connections has it asked here too: the platform knows no
 * other way.
 *
 * An answer whose headers, chunk extensions or trailers never end is given up when no byte of its body came for the stall timeout: Rust
 * watches that. Until then their bytes are not counted, since [HttpURLConnection] shows the body alone; it keeps headers and trailers in
 * memory. Android closes the connection then. A JVM cannot close one that another thread reads chunks from: it stays open, with its
 * thread, until the server ends it.
 *
 * Android, over a certain network: `UrlConnectionTransport { network.openConnection(it) as HttpURLConnection }`.
 */
class UrlConnectionTransport @JvmOverloads constructor(
    private val opener: ConnectionOpener = ConnectionOpener { it.openConnection() as HttpURLConnection },
) : HttpTransport {
    override fun send(request: HttpRequest, sink: ResponseSink) = sink.use {
        val connection = try {
            opener.open(URL(request.url)).apply { prepare(request) }
        } catch (malformed: MalformedURLException) {
            throw TransportException.Refused("it is no address that can be asked: ${malformed.message}")
        }
        var complete = false
        try {
            Watcher(connection, sink).use { exchange(connection, request, sink) }
            complete = true
        } catch (failure: IOException) {
            throw if (sink.isWanted()) explain(failure, request) else TransportException.Cancelled("nobody wants the rest")
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
        // Android would ask for gzip and undo it silently; lengths and ranges are those of the bytes as they are stored.
        setRequestProperty("Accept-Encoding", "identity")
        // A connection that is given up must be closed, not read to its end to be used again.
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
        if (status < 0) throw IOException("what came is no answer of HTTP")
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
            // The one without a name is the status line.
            values.mapNotNull { value: String? -> if (name == null || value == null) null else HttpHeader(name, value) }
        }

    /** `inputStream` throws for an error status, and `errorStream` is `null` for one without a body. */
    private fun bodyOf(connection: HttpURLConnection, status: Int): InputStream? =
        if (status >= HttpURLConnection.HTTP_BAD_REQUEST) connection.errorStream else connection.inputStream

    private fun explain(failure: IOException, request: HttpRequest): TransportException = when {
        failure is SocketTimeoutException ->
            TransportException.Broken("no connection in time, or no byte for ${request.stallTimeoutMs} ms: ${failure.message}")
        failure is UnknownHostException -> TransportException.Offline("there is no such host, or no network: ${failure.message}")
        // Android's network security configuration forbids plain HTTP.
        failure is UnknownServiceException -> TransportException.Refused(failure.toString())
        isNotTrusted(failure) -> TransportException.Refused("the connection is not secure: ${failure.message}")
        else -> TransportException.Broken("the connection broke: $failure")
    }

    private fun isNotTrusted(failure: IOException): Boolean {
        val causes = generateSequence<Throwable>(failure) { it.cause }.take(MAX_CAUSES)
        if (causes.any { it is CertificateException || it is SSLPeerUnverifiedException }) return true
        // A handshake that was cut off is a broken connection as any other.
        return failure is SSLHandshakeException && causes.none { it is EOFException || it is SocketException }
    }

    /** 0 would mean for ever. */
    private fun timeout(milliseconds: Long): Int = milliseconds.coerceIn(1, Int.MAX_VALUE.toLong()).toInt()

    private companion object {
        const val PIECE = 64 shl 10
        const val MAX_CAUSES = 10
    }
}

/**
 * Closes a connection that nobody wants any more while it waits for bytes.
 *
 * Android ends the reading at once. A JVM ends it with the next byte or when the stall timeout is over; whoever cancelled does not
 * wait for that.
 */
private class Watcher(connection: HttpURLConnection, sink: ResponseSink) : AutoCloseable {
    private val over = CountDownLatch(1)
    private val watching = thread(isDaemon = true, name = "capbundle-http-watch") {
        while (!over.await(LOOK_EVERY_MS, TimeUnit.MILLISECONDS)) {
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
        const val LOOK_EVERY_MS = 100L
    }
}
