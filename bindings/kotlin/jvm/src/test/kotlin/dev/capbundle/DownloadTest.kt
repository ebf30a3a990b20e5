package dev.capbundle

import java.io.File
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Installing from a URL over real, failing connections. */
class DownloadTest {
    @TempDir
    lateinit var folder: File

    private val app by lazy { TestApp(File(folder, "app").apply { mkdirs() }) }
    private val large by lazy { app.plain("2.0.0", files = 8, bytes = 1 shl 20) }
    private val downloads get() = File(folder, "store/downloads")
    private val options = DownloadOptions(firstWaitMs = 2, spaceMargin = 0, stallTimeoutMs = 20_000)

    private fun store(proof: RequiredProof = RequiredProof.Digest) =
        Store.open(File(folder, "store").path, StoreOptions(proof))

    /** The server counts the requests of each [name], so each test has its own. */
    private fun remote(archive: PlainArchive, name: String, query: String = "") = RemoteArchive(
        server.url("$name?path=${archive.file.path}&$query"),
        ExpectedProof.Digest(archive.digest),
        NewBundle(archive.version),
    )

    @Test
    fun `an encrypted bundle is downloaded over a broken connection and launched`() = runBlocking {
        val sealed = app.seal(app.plain("1.2.3"))
        store(RequiredProof.CapgoSigned(app.publicKey)).use { store ->
            val record = store.installFrom(
                RemoteArchive(
                    server.url("sealed?path=${sealed.file.path}&cut=100.200.300"),
                    ExpectedProof.CapgoEncrypted(sealed.ivSessionKey, sealed.checksum, ChecksumForm.V3, app.publicKey),
                    NewBundle("1.2.3"),
                ),
                options = options,
            )
            assertEquals(contentsOf(sealed.plain.www), contentsOf(File(store.folder(record.id))))
            store.setNext(BundleRef.Bundle(record.id))
            assertEquals(BundleRef.Bundle(record.id), store.launch(NativeApp("1.0.0", "1")).bundle)
        }
    }

    @Test
    fun `progress reports bytes and rate, and continues after a broken connection`() = runBlocking {
        store().use { store ->
            val steps = store.installingFrom(remote(large, "progress", "cut=3000000.3000000"), options = options).toList()
            val seen = steps.filterIsInstance<Step.Working>().map { it.progress }.filter { it.phase == Phase.DOWNLOAD }
            assertTrue(seen.zipWithNext().all { (one, next) -> one.done <= next.done }, "$seen")
            assertEquals(large.file.length(), seen.last().total)
            assertEquals("2.0.0", (steps.last() as Step.Done).result.version)
        }
        // The rate covers the last half second, so the connection is slow for longer.
        val slow = ConcurrentLinkedQueue<ProgressUpdate>()
        val file = RemoteFile(server.url("slow?size=1200&drip=1"), size = 1200)
        download(file, folder, options = options) { slow += it }
        assertTrue(slow.all { it.phase == Phase.DOWNLOAD }, "$slow")
        assertEquals(1200, slow.last().done)
        assertTrue(slow.last().rate!! in 1..1_200, "${slow.last()}")
    }

    @Test
    fun `a stalled download ends soon when cancelled, and the next resumes it`() = runBlocking {
        val begun = CompletableDeferred<Unit>()
        store().use { store ->
            val job = launch(Dispatchers.Default) {
                store.installFrom(remote(large, "stalled", "stall=4000000"), options = options) { if (it.done > 3_000_000) begun.complete(Unit) }
            }
            withTimeout(60_000) { begun.await() }
            val started = System.nanoTime()
            job.cancelAndJoin()
            val waited = (System.nanoTime() - started) / 1_000_000
            assertTrue(waited < 5_000, "it took $waited ms")
            val part = downloads.listFiles()!!.single { it.extension == "part" }
            assertTrue(part.length() in 3_000_000L..4_000_000L, "${part.length()} bytes are left")
            val received = store.installingFrom(remote(large, "stalled", "stall=4000000"), options = options).toList()
                .filterIsInstance<Step.Working>().first { it.progress.phase == Phase.DOWNLOAD }.progress.done
            assertTrue(received > 3_000_000, "not resumed: $received")
            assertEquals("2.0.0", store.list().single().record.version)
        }
        assertEquals(emptyList<String>(), filesBelow(downloads))
    }

    @Test
    fun `a file that the platform downloaded is installed`() = runBlocking<Unit> {
        val sealed = app.seal(app.plain("1.2.3"))
        val proof = ExpectedProof.CapgoEncrypted(sealed.ivSessionKey, sealed.checksum, ChecksumForm.V3, app.publicKey)
        store(RequiredProof.CapgoSigned(app.publicKey)).use { store ->
            assertEquals("1.2.3", store.installFile(sealed.file, proof, NewBundle("1.2.3")).version)
            assertTrue(sealed.file.exists())
            val weaker = ExpectedProof.Digest(large.digest)
            assertThrows(CapBundleException.NotTrusted::class.java) {
                runBlocking { store.installFile(large.file, weaker, NewBundle("2.0.0")) }
            }
        }
    }

    /** The error of an operation over a transport of the app. */
    private fun over(send: (HttpRequest, ResponseSink) -> Unit): CapBundleException =
        store().use { store ->
            val transport = object : HttpTransport {
                override fun send(request: HttpRequest, sink: ResponseSink) = sink.use { send(request, it) }
            }
            assertThrows(CapBundleException::class.java) {
                store.installFromBlocking(transport, remote(large, "own-transport"), options.copy(attempts = 1))
            }
        }

    @Test
    fun `a transport that breaks its contract fails with a callback error`() {
        val head = HttpResponseHead(200, listOf(HttpHeader("Content-Length", "10")))
        fun assertCallback(expected: String, error: CapBundleException) {
            assertEquals(ErrorKind.CALLBACK, error.kind) { "${error.message}" }
            assertTrue(error.message!!.contains(expected)) { "${error.message}" }
        }
        assertCallback("threw: java.lang.IllegalStateException: boom", over { _, _ -> throw IllegalStateException("boom") })
        assertCallback("without a response", over { _, _ -> })
        assertCallback("twice", over { _, sink -> repeat(2) { sink.begin(head) } })
        assertCallback("before begin", over { _, sink -> sink.write(ByteArray(1)) })
        assertCallback("status 0", over { _, sink -> sink.begin(HttpResponseHead(0, emptyList())) })
        assertEquals(ErrorKind.NETWORK, over { _, sink -> sink.begin(head) }.kind)
        val tooMuch = over { _, sink ->
            sink.begin(head)
            sink.write(ByteArray(11))
        }
        assertEquals(ErrorKind.SERVER, tooMuch.kind) { "${tooMuch.message}" }
    }

    @Test
    fun `the transport learns immediately that a response is refused`() {
        // The call does not wait for the transport's thread, which may see it a moment later.
        val thrown = LinkedBlockingQueue<Throwable>()
        val error = over { _, sink ->
            val refused = assertThrows(CapBundleException.Server::class.java) { sink.begin(HttpResponseHead(404, emptyList())) }
            thrown += refused
            throw refused
        }
        assertEquals(ErrorKind.SERVER, error.kind)
        assertEquals(error.message, thrown.poll(30, TimeUnit.SECONDS)?.message)
    }

    @Test
    fun `a transport that never returns blocks no one`() {
        val release = CountDownLatch(1)
        val late = CompletableDeferred<Throwable?>()
        val transport = object : HttpTransport {
            override fun send(request: HttpRequest, sink: ResponseSink) = sink.use {
                release.await()
                late.complete(runCatching { it.begin(HttpResponseHead(200, emptyList())) }.exceptionOrNull())
                Unit
            }
        }
        val hasty = options.copy(attempts = 1, connectTimeoutMs = 1, stallTimeoutMs = 100)
        val error = store().use { store ->
            assertThrows(CapBundleException.Network::class.java) { store.installFromBlocking(transport, remote(large, "own-transport"), hasty) }
        }
        assertTrue(error.message!!.contains("made no call"), error.message)
        release.countDown()
        val thrown = runBlocking { withTimeout(10_000) { late.await() } }
        assertTrue(thrown is CapBundleException.Cancelled, "$thrown")
    }

    companion object {
        private val server = RoughServer()

        @JvmStatic
        @AfterAll
        fun stopServer() = server.close()
    }
}
