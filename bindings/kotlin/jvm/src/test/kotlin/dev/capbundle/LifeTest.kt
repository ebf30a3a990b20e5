package dev.capbundle

import java.io.File
import java.util.concurrent.Callable
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Objects of the library used by many threads and closed, and a panic in Rust. */
class LifeTest {
    @TempDir
    lateinit var folder: File

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
                            store.setNext(BundleRef.Bundle(record.id))
                            assertEquals(plain.version, store.get(record.id).version)
                            assertTrue(store.list().any { it.record.id == record.id })
                        }
                        assertEquals(contentsOf(plain.www), contentsOf(File(store.folder(record.id))))
                    }
                }
                threads.invokeAll(work).forEach { it.get(2, TimeUnit.MINUTES) }
                assertEquals(plains.map { it.version }, store.list().map { it.record.version }.sorted())
                assertTrue(store.next() is BundleRef.Bundle)
            }
        } finally {
            threads.shutdownNow()
        }
    }

    @Test
    fun `using a closed object throws`() {
        val store = Store.open(File(folder, "store").path, StoreOptions(RequiredProof.Digest))
        store.close()
        store.close()
        val error = assertThrows(IllegalStateException::class.java) { store.launch(NativeApp("1.0.0", "1")) }
        assertEquals("Store object has already been destroyed", error.message)
    }

    @Test
    fun `closing does not wait and does not break a running call`() {
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
        repeat(3) {
            assertEquals("bug in capbundle, please report it: on purpose", EveryKindOfCall.panicOnPurpose("on purpose"))
        }
        assertEquals(64, sha256OfFileBlocking(Repository.file("README.md").path).length)
    }
}
