package dev.capbundle

import com.sun.jna.NativeLibrary
import java.io.File
import java.util.concurrent.Callable
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Objects of the library: used by many threads, closed, leaked by nobody; and a panic in Rust. */
class LifeTest {
    @TempDir
    lateinit var folder: File

    @Test
    fun `ten thousand of each object leave no memory and no open file behind`() {
        val app = TestApp(File(folder, "app").apply { mkdirs() })
        val plain = app.plain("1.0.0", files = 1, bytes = 10)
        val options = StoreOptions(RequiredProof.CapgoSigned(app.publicKey))
        // Its own folder each time would measure the file system; one store has them all.
        val root = File(folder, "store").path
        fun cycle(number: Int) {
            VerifyingKey.fromPem(app.publicKey).use { it.id() }
            CancelToken().use { token ->
                VerifiedArchive.fromDigestBlocking(plain.file.path, plain.digest, token, Watch { }).use { it.digest() }
            }
            assertThrows(CapBundleException::class.java) { VerifyingKey.fromPem("no key $number") }
            if (number % 10 == 0) {
                Store.open(root, options, logTo { _, _ -> }).use { it.list() }
            }
        }
        repeat(3_000, ::cycle)
        val (memory, files) = settledMemory() to openFiles()
        repeat(10_000, ::cycle)
        val grown = settledMemory() - memory
        println("measured $grown KiB more after 10,000 cycles of create and close in Kotlin")
        assertEquals(files, openFiles())
        // A key alone takes over 1 KiB: 10,000 that leak would be 10 MiB.
        assertTrue(grown < 3 * 1024, "$grown KiB more")
    }

    @Test
    fun `objects that nobody closes are freed with their last reference`() {
        val app = TestApp(File(folder, "app").apply { mkdirs() })
        val plain = app.plain("1.0.0", files = 1, bytes = 10)
        val before = openFiles()
        repeat(200) { VerifiedArchive.fromDigestBlocking(plain.file.path, plain.digest) }
        val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30)
        while (openFiles() > before && System.nanoTime() < deadline) {
            System.gc()
            Thread.sleep(50)
        }
        assertTrue(openFiles() <= before, "${openFiles()} files are open, $before were")
    }

    @Test
    fun `eight threads use one store at once`() {
        val app = TestApp(File(folder, "app").apply { mkdirs() })
        val plains = (1..8).map { app.plain("$it.0.0") }
        val threads = Executors.newFixedThreadPool(8)
        try {
            Store.open(File(folder, "store").path, StoreOptions(RequiredProof.Digest)).use { store ->
                store.launch(NativeApp("1.0.0", "1"))
                val work = plains.map { plain ->
                    Callable {
                        val record = VerifiedArchive.fromDigestBlocking(plain.file.path, plain.digest).use { archive ->
                            store.installBlocking(archive, NewBundle(plain.version))
                        }
                        repeat(20) {
                            store.setNext(Slot.Bundle(record.id))
                            assertEquals(plain.version, store.get(record.id).version)
                            assertTrue(store.list().any { it.record.id == record.id })
                        }
                        assertEquals(contentsOf(plain.www), contentsOf(File(store.folder(record.id))))
                    }
                }
                threads.invokeAll(work).forEach { it.get(2, TimeUnit.MINUTES) }
                assertEquals(plains.map { it.version }, store.list().map { it.record.version }.sorted())
                assertTrue(store.next() is Slot.Bundle)
            }
        } finally {
            threads.shutdownNow()
        }
    }

    @Test
    fun `what was closed says so`() {
        val store = Store.open(File(folder, "store").path, StoreOptions(RequiredProof.Digest))
        store.close()
        store.close()
        val error = assertThrows(IllegalStateException::class.java) { store.launch(NativeApp("1.0.0", "1")) }
        assertEquals("Store object has already been destroyed", error.message)
    }

    @Test
    fun `closing waits for nobody and breaks no call that runs`() {
        val file = File(folder, "file").apply { writeBytes(ByteArray(64 shl 20)) }
        val digest = sha256OfFileBlocking(file.path)
        val archive = VerifiedArchive.fromDigestBlocking(file.path, digest)
        val threads = Executors.newSingleThreadExecutor()
        try {
            val copying = threads.submit { archive.copyToBlocking(File(folder, "copy").path) }
            while (folder.list()!!.size < 2) Thread.sleep(1)
            archive.close()
            copying.get(1, TimeUnit.MINUTES)
        } finally {
            threads.shutdownNow()
        }
        assertEquals(digest, sha256OfFileBlocking(File(folder, "copy").path))
    }

    @Test
    fun `a store that is closed ends its session`() {
        val options = StoreOptions(RequiredProof.Digest)
        val root = File(folder, "store").path
        val first = Store.open(root, options)
        val session = first.session()
        val busy = assertThrows(CapBundleException.Busy::class.java) {
            Store.resume(root, options.copy(lockTimeoutMs = 1), session)
        }
        assertEquals(ErrorKind.BUSY, busy.kind)
        first.close()
        Store.resume(root, options, session).use { assertEquals(session, it.session()) }
    }

    @Test
    fun `a panic in Rust arrives as an error that asks for a report`() {
        // Not in the generated code: only libraries built for tests export it.
        val panic = NativeLibrary.getInstance(System.getProperty("uniffi.component.capbundle.libraryOverride"))
            .getFunction("uniffi_capbundle_fn_func_panic_on_purpose")
        repeat(3) {
            val status = UniffiRustCallStatus()
            panic.invokeVoid(arrayOf(FfiConverterString.lower("on purpose"), status))
            status.read()
            assertTrue(status.isError())
            val error = CapBundleException.lift(status.error_buf)
            assertEquals(ErrorKind.INTERNAL, error.kind)
            assertEquals("a fault in capbundle, please report it: on purpose", error.message)
        }
        assertEquals(64, sha256OfFileBlocking(Repository.file("README.md").path).length)
    }

    private fun openFiles(): Int = File("/proc/self/fd").list()!!.size

    /** KiB that the process holds once the garbage is collected. */
    private fun settledMemory(): Long {
        repeat(5) {
            System.gc()
            Thread.sleep(100)
        }
        val line = File("/proc/self/status").readLines().single { it.startsWith("VmRSS:") }
        return line.filter(Char::isDigit).toLong()
    }
}
