package dev.capbundle

import java.io.File
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Cancellation stops the work in Rust and leaves nothing behind. */
class CancellationTest {
    @TempDir
    lateinit var folder: File

    private lateinit var app: TestApp
    private lateinit var plain: PlainArchive
    private val staging get() = File(folder, "staging").apply { mkdirs() }
    private val root get() = File(folder, "store")

    @BeforeEach
    fun largeArchive() {
        app = TestApp(File(folder, "app").apply { mkdirs() })
        plain = app.plain("1.0.0", files = 40, bytes = 1 shl 20)
    }

    private fun store() = Store.open(root.path, StoreOptions(RequiredProof.Digest))

    /** Starts the work, cancels its coroutine at its third report, and returns the total number of reports. */
    private fun cancelInTheMiddle(work: suspend (ProgressListener) -> Unit): Int = runBlocking(Dispatchers.Default) {
        val reports = AtomicInteger()
        val inTheMiddle = CompletableDeferred<Unit>()
        val job = launch {
            work { if (reports.incrementAndGet() == 3) inTheMiddle.complete(Unit) }
        }
        withTimeout(60_000) { inTheMiddle.await() }
        job.cancelAndJoin()
        reports.get()
    }

    @Test
    fun `an installation that is cancelled leaves nothing`() {
        store().use { store ->
            val archive = VerifiedArchive.fromDigestBlocking(plain.file.path, plain.digest)
            val reports = archive.use { cancelInTheMiddle { listener -> store.install(it, NewBundle("1.0.0"), listener) } }
            assertTrue(reports < 40, "$reports reports: it was not stopped")
            assertEquals(emptyList<InstalledBundle>(), store.list())
            assertEquals(emptyList<String>(), filesBelow(File(root, "bundles")) + filesBelow(File(root, "staging")))
        }
    }

    @Test
    fun `decryption that is cancelled leaves nothing`() {
        val sealed = app.seal(plain)
        app.key().use { key ->
            cancelInTheMiddle {
                VerifiedArchive.decryptCapgo(sealed.file, staging, sealed.ivSessionKey, sealed.checksum, key, onProgress = it)
            }
        }
        assertEquals(emptyList<String>(), filesBelow(staging))
    }

    @Test
    fun `unpacking that is cancelled leaves nothing`() {
        val parent = File(folder, "out").apply { mkdirs() }
        VerifiedArchive.fromDigestBlocking(plain.file.path, plain.digest).use { archive ->
            cancelInTheMiddle { archive.unpack(File(parent, "bundle"), onProgress = it) }
        }
        assertEquals(0, parent.list()!!.size)
    }

    @Test
    fun `a flow that is no longer collected stops the work`() = runBlocking {
        store().use { store ->
            VerifiedArchive.fromDigest(plain.file, plain.digest).use { archive ->
                store.installing(archive, NewBundle("1.0.0")).first()
            }
            assertEquals(emptyList<InstalledBundle>(), store.list())
        }
    }

    @Test
    fun `work cancelled before its start does not start`() = runBlocking {
        val reports = AtomicInteger()
        val job = async(Dispatchers.Default) {
            coroutineContext[kotlinx.coroutines.Job]!!.cancel()
            sha256(plain.file) { reports.incrementAndGet() }
        }
        job.join()
        assertTrue(job.isCancelled)
        assertEquals(0, reports.get())
    }

    @Test
    fun `after a cancelled installation the next one succeeds`() = runBlocking {
        store().use { store ->
            VerifiedArchive.fromDigest(plain.file, plain.digest).use { archive ->
                cancelInTheMiddle { store.install(archive, NewBundle("1.0.0"), it) }
                assertEquals("1.0.0", store.install(archive, NewBundle("1.0.0")).version)
            }
        }
    }

    @Test
    fun `a token of the caller stops blocking calls`() {
        CancelToken().use { token ->
            token.cancel()
            assertTrue(token.isCancelled())
            val error = assertThrows(CapBundleException::class.java) { sha256OfFileBlocking(plain.file.path, token) }
            assertEquals(ErrorKind.CANCELLED, error.kind)
        }
    }

    @Test
    fun `the caller of a cancelled coroutine gets a CancellationException`() {
        val thrown = CompletableDeferred<Throwable>()
        cancelInTheMiddle { listener ->
            try {
                sha256(plain.file, listener)
                thrown.complete(AssertionError("it ended"))
            } catch (cancelled: Throwable) {
                thrown.complete(cancelled)
                throw cancelled
            }
        }
        assertTrue(runBlocking { thrown.await() } is CancellationException)
    }
}
