package dev.capbundle

import java.io.File
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledOnOs
import org.junit.jupiter.api.condition.OS
import org.junit.jupiter.api.io.TempDir

/**
 * Closed or unreferenced objects leave nothing behind. Runs in a process of its own (see pom.xml), on a
 * system that reports what a process holds.
 */
@EnabledOnOs(OS.LINUX)
class MemoryTest {
    @TempDir
    lateinit var folder: File

    @Test
    fun `ten thousand of each object leave no memory and no open file behind`() {
        val app = TestApp(File(folder, "app").apply { mkdirs() })
        val plain = app.plain("1.0.0", files = 1, bytes = 10)
        val options = StoreOptions(RequiredProof.CapgoSigned(app.publicKey))
        // One store for all of them: a folder each would measure the file system.
        val root = File(folder, "store").path
        fun cycle(number: Int) {
            VerifyingKey.fromPem(app.publicKey).use { it.id() }
            CancelToken().use { token ->
                VerifiedArchive.fromDigestBlocking(plain.file.path, plain.digest, token, ListenerObserver { }).use { it.digest() }
            }
            assertThrows(CapBundleException::class.java) { VerifyingKey.fromPem("no key $number") }
            if (number % 500 == 0) {
                // JNA's allocations for each call are garbage-collected; without this they would hide a leak in Rust.
                System.gc()
            }
            if (number % 10 == 0) {
                Store.open(root, options, logTo { _, _ -> }).use { it.list() }
            }
        }
        repeat(3_000, ::cycle)
        val (memory, files) = settledMemory() to openFiles()
        repeat(10_000, ::cycle)
        val grown = settledMemory() - memory
        println("measured $grown KiB more after 10,000 cycles of create and close in Kotlin")
        // The JVM may open a file or two meanwhile.
        assertTrue(openFiles() < files + 10, "${openFiles()} files are open, $files were")
        // A key takes more than 1 KiB: 10,000 leaked keys would be 10 MiB.
        assertTrue(grown < 3 * 1024, "$grown KiB more")
    }

    @Test
    fun `objects that are not closed are freed with their last reference`() {
        val app = TestApp(File(folder, "app").apply { mkdirs() })
        val plain = app.plain("1.0.0", files = 1, bytes = 10)
        val before = openFiles() + 10
        repeat(200) { VerifiedArchive.fromDigestBlocking(plain.file.path, plain.digest) }
        val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30)
        while (openFiles() > before && System.nanoTime() < deadline) {
            System.gc()
            Thread.sleep(50)
        }
        assertTrue(openFiles() <= before, "${openFiles()} files are open, $before were")
    }

    private fun openFiles(): Int = File("/proc/self/fd").list()!!.size

    /** Memory of the process in KiB, after a garbage collection. */
    private fun settledMemory(): Long {
        repeat(5) {
            System.gc()
            Thread.sleep(100)
        }
        val line = File("/proc/self/status").readLines().single { it.startsWith("VmRSS:") }
        return line.filter(Char::isDigit).toLong()
    }
}
