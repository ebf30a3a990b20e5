package dev.capbundle

import java.io.File
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Calls of observers, and exceptions that they throw. */
class CallbackTest {
    @TempDir
    lateinit var folder: File

    private val file by lazy { File(folder, "file").apply { writeBytes(ByteArray(32 shl 20)) } }

    @Test
    fun `an exception of a listener stops the work and is the cause`() {
        val boom = IllegalStateException("boom")
        val calls = AtomicInteger()
        val error = assertThrows(CapBundleException.Callback::class.java) {
            runBlocking {
                sha256(file) {
                    calls.incrementAndGet()
                    throw boom
                }
            }
        }
        assertEquals(ErrorKind.CALLBACK, error.kind)
        assertEquals("the progress observer threw: java.lang.IllegalStateException: boom", error.message)
        assertTrue(generateSequence<Throwable>(error) { it.cause }.any { it === boom }, "the cause is lost")
        assertEquals(1, calls.get())
    }

    @Test
    fun `an Error that a listener throws also arrives`() {
        val error = assertThrows(CapBundleException.Callback::class.java) {
            sha256OfFile(file, progress = { throw AssertionError("not an Exception") })
        }
        assertEquals("the progress observer threw: java.lang.AssertionError: not an Exception", error.message)
    }

    @Test
    fun `an observer of the caller's own may throw anything`() {
        val observer = object : ProgressObserver {
            override fun onProgress(progress: ProgressUpdate) = throw UnsupportedOperationException("no screen")
        }
        val error = assertThrows(CapBundleException::class.java) { sha256OfFileBlocking(file.path, progress = observer) }
        assertEquals(ErrorKind.CALLBACK, error.kind)
        assertEquals(
            "the progress observer threw: java.lang.UnsupportedOperationException: no screen",
            error.message,
        )
    }

    @Test
    fun `a listener that throws while bundles are unpacked on several threads leaves nothing`() {
        val app = TestApp(File(folder, "app").apply { mkdirs() })
        val plain = app.plain("1.0.0", files = 16, bytes = 1 shl 20)
        val root = File(folder, "store")
        Store.open(root.path, StoreOptions(RequiredProof.Digest, unpackThreads = 4)).use { store ->
            VerifiedArchive.fromDigestBlocking(plain.file.path, plain.digest).use { archive ->
                assertThrows(CapBundleException.Callback::class.java) {
                    runBlocking { store.install(archive, NewBundle("1.0.0")) { throw IllegalStateException("boom") } }
                }
            }
            assertEquals(emptyList<InstalledBundle>(), store.list())
        }
        assertEquals(emptyList<String>(), filesBelow(File(root, "bundles")) + filesBelow(File(root, "staging")))
    }

    @Test
    fun `the log receives decisions and errors, each in one line`() {
        val lines = ConcurrentLinkedQueue<String>()
        val log = logTo { level, message -> lines += "$level $message" }
        Store.open(File(folder, "store").path, StoreOptions(RequiredProof.Digest), log).use { store ->
            store.launch(NativeApp("1.0.0", "1"))
            assertThrows(CapBundleException.NotFound::class.java) { store.setNext(BundleRef.Bundle("AAAAAAAAAA")) }
        }
        assertEquals(
            listOf(
                "INFO launch: serving the built-in bundle, reason Current",
                "WARNING set next: no bundle AAAAAAAAAA is installed",
            ),
            lines.toList(),
        )
    }

    @Test
    fun `a log that throws does not keep an app from starting`() {
        val log = logTo { _, _ -> throw IllegalStateException("the log is full") }
        Store.open(File(folder, "store").path, StoreOptions(RequiredProof.Digest), log).use { store ->
            assertEquals(BundleRef.BuiltIn, store.launch(NativeApp("1.0.0", "1")).bundle)
        }
    }

    @Test
    fun `Rust calls a listener on threads that it can use`() {
        val seen = ConcurrentLinkedQueue<ProgressUpdate>()
        sha256OfFile(file, progress = { seen += it })
        val last = seen.last()
        assertEquals(ProgressUpdate(Phase.HASH, 32L shl 20, 32L shl 20), last)
        assertSame(Phase.HASH, last.phase)
    }
}
