package dev.capbundle

import java.io.File
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Archives packed by the command, decrypted and installed here. */
class RoundTripTest {
    @TempDir
    lateinit var folder: File

    private val app by lazy { TestApp(File(folder, "app").apply { mkdirs() }) }
    private val staging get() = File(folder, "staging").apply { mkdirs() }
    private val native = NativeApp("1.0.0", "1")

    private fun store() = Store.open(File(folder, "store").path, StoreOptions(RequiredProof.CapgoSigned(app.publicKey)))

    @Test
    fun `an encrypted archive is decrypted, installed, launched, proven and served again`() = runBlocking {
        val sealed = app.seal(app.plain("1.2.3"))
        val record = store().use { store ->
            val record = app.key().use { key ->
                VerifiedArchive.decryptCapgo(sealed.file, staging, sealed.ivSessionKey, sealed.checksum, key).use { archive ->
                    assertEquals(sealed.plain.digest, archive.digest())
                    store.install(archive, NewBundle("1.2.3"))
                }
            }
            assertEquals(contentsOf(sealed.plain.www), contentsOf(File(store.folder(record.id))))
            store.io { setNext(BundleRef.Bundle(record.id)) }
            val launch = store.launch(native)
            assertEquals(BundleRef.Bundle(record.id), launch.bundle)
            assertEquals(File(store.folder(record.id)), File(launch.folder!!))
            assertTrue(store.trialStarted(record.id))
            assertEquals(Confirmation.Proven, store.confirm(launch.bundle))
            record
        }
        assertEquals(emptyList<String>(), filesBelow(staging))
        store().use { store ->
            val launch = store.launch(native)
            assertEquals(LaunchReason.CURRENT, launch.reason)
            assertEquals(BundleRef.Bundle(record.id), launch.bundle)
            assertEquals(emptyList<Damage>(), store.verifyBundle(record.id))
        }
    }

    @Test
    fun `a plain archive is verified by its digest and unpacked`() = runBlocking {
        val plain = app.plain("2.0.0")
        assertEquals(plain.digest, sha256(plain.file))
        val to = File(folder, "out")
        VerifiedArchive.fromDigest(plain.file, plain.digest).use { archive ->
            val unpacked = archive.unpack(to)
            assertEquals(4, unpacked.files)
            assertNull(unpacked.flattened)
        }
        assertEquals(contentsOf(plain.www), contentsOf(to))
        assertEquals(emptyList<Finding>(), checkFolder(plain.www))
        assertEquals(4, inspectArchive(plain.file).files.size)
    }

    @Test
    fun `a verified archive can be copied to a plain file`() = runBlocking {
        val sealed = app.seal(app.plain("3.0.0"))
        val copy = File(folder, "plain.zip")
        app.key().use { key ->
            VerifiedArchive.decryptCapgo(sealed.file, staging, sealed.ivSessionKey, sealed.checksum, key).use { it.copyTo(copy) }
        }
        assertTrue(copy.readBytes().contentEquals(sealed.plain.file.readBytes()))
    }

    @Test
    fun `a flow emits the progress and ends with the result`() = runBlocking {
        val plain = app.plain("4.0.0", files = 8, bytes = 1 shl 20)
        val steps = Store.open(File(folder, "plain-store").path, StoreOptions(RequiredProof.Digest)).use { store ->
            VerifiedArchive.fromDigest(plain.file, plain.digest).use { archive ->
                store.installing(archive, NewBundle("4.0.0")).toList()
            }
        }
        val done = steps.last() as Step.Done
        assertEquals("4.0.0", done.result.version)
        val progress = steps.dropLast(1).map { (it as Step.Working).progress }
        assertTrue(progress.size >= 8, "$progress")
        assertTrue(progress.all { it.phase == Phase.UNPACK && it.done <= it.total }, "$progress")
        assertEquals(progress.map { it.done }.sorted(), progress.map { it.done })
    }
}
