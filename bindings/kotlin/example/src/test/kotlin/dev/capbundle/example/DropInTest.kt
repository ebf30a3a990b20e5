package dev.capbundle.example

import dev.capbundle.CapBundleException
import dev.capbundle.LaunchReason
import dev.capbundle.NativeApp
import dev.capbundle.PlainArchive
import dev.capbundle.RoughServer
import dev.capbundle.SealedArchive
import dev.capbundle.BundleRef
import dev.capbundle.TestApp
import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The plugin's code on capbundle, with archives packed by the command. */
class DropInTest {
    @TempDir
    lateinit var folder: File

    private val project by lazy { TestApp(File(folder, "project").apply { mkdirs() }) }
    private val filesDir by lazy { File(folder, "files").apply { mkdirs() } }
    private val noBackupFilesDir by lazy { File(folder, "no_backup").apply { mkdirs() } }
    private val served = mutableListOf<File?>()

    private fun updater(publicKey: String? = project.publicKey, build: String = "1") =
        CapgoUpdater(filesDir, noBackupFilesDir, publicKey, NativeApp("1.0.0", build), { served += it })

    /** A download, which is deleted when it is installed. */
    private fun downloaded(file: File): File = file.copyTo(File(folder, "downloaded.zip"), overwrite = true)

    private fun sealed(version: String): SealedArchive = project.seal(project.plain(version))

    private fun CapgoUpdater.take(sealed: SealedArchive): BundleInfo = with(sealed) {
        finishDownload(downloaded(file), plain.version, ivSessionKey, checksum)
    }

    @Test
    fun `a bundle is installed, set as next, served from versions and proven`() {
        val sealed = sealed("1.1.0")
        val id = updater().use { plugin ->
            plugin.load()
            val bundle = plugin.take(sealed)
            assertEquals(BundleInfo(bundle.id, "1.1.0", sealed.plain.digest, "pending"), bundle)
            assertFalse(File(folder, "downloaded.zip").exists())
            plugin.next(bundle.id)
            assertEquals(bundle.id, plugin.getNextBundle()?.id)
            bundle.id
        }
        updater().use { plugin ->
            val launch = plugin.load()
            assertEquals(BundleRef.Bundle(id), launch.bundle)
            assertEquals(File(filesDir, "versions/$id"), served.last())
            assertTrue(File(filesDir, "versions/$id/index.html").isFile)
            assertEquals(10_000L, plugin.onPageStarted())
            assertTrue(plugin.notifyAppReady())
            assertEquals(BundleInfo(id, "1.1.0", sealed.plain.digest, "success"), plugin.current())
        }
    }

    @Test
    fun `a bundle is downloaded over a broken connection, set and served`() {
        val sealed = sealed("1.1.0")
        val percents = mutableListOf<Int>()
        RoughServer().use { server ->
            updater().use { plugin ->
                plugin.load()
                val url = server.url("sealed?path=${sealed.file.path}&cut=100.200")
                val bundle = plugin.download(url, "1.1.0", sealed.ivSessionKey, sealed.checksum) { percents += it }
                assertEquals(BundleInfo(bundle.id, "1.1.0", sealed.plain.digest, "pending"), bundle)
                plugin.set(bundle.id)
                assertEquals(File(filesDir, "versions/${bundle.id}"), served.last())
            }
        }
        assertEquals(100, percents.last())
    }

    @Test
    fun `an unknown bundle is not found`() {
        updater().use { plugin ->
            plugin.load()
            assertThrows(CapBundleException.NotFound::class.java) { plugin.getBundleInfo("AAAAAAAAA1") }
            assertThrows(CapBundleException.NotFound::class.java) { plugin.next("AAAAAAAAA1") }
            assertEquals("builtin", plugin.getBundleInfo("builtin").id)
        }
    }

    @Test
    fun `the functions of CryptoCipher keep their results`() {
        val sealed = sealed("1.1.0")
        val file = downloaded(sealed.file)
        CryptoCipher.decryptFile(file, project.publicKey, sealed.ivSessionKey)
        assertTrue(file.readBytes().contentEquals(sealed.plain.file.readBytes()))
        assertEquals(CryptoCipher.decryptChecksum(sealed.checksum, project.publicKey), CryptoCipher.calcChecksum(file))
        assertEquals(20, CryptoCipher.calcKeyId(project.publicKey).length)
    }

    @Test
    fun `decryptFile never silently leaves a file unchanged`() {
        val sealed = sealed("1.1.0")
        val file = downloaded(sealed.file)
        assertThrows(CapBundleException.NotTrusted::class.java) { CryptoCipher.decryptFile(file, project.publicKey, "") }
        assertThrows(CapBundleException.NotTrusted::class.java) { CryptoCipher.decryptFile(file, project.publicKey, "one part") }
        assertThrows(CapBundleException.KeyInvalid::class.java) { CryptoCipher.decryptFile(file, "", sealed.ivSessionKey) }
        assertTrue(file.readBytes().contentEquals(sealed.file.readBytes()))
    }

    @Test
    fun `decryptChecksum refuses a plain digest`() {
        assertThrows(CapBundleException.NotTrusted::class.java) {
            CryptoCipher.decryptChecksum(sealed("1.1.0").plain.digest, project.publicKey)
        }
    }

    private fun refused(plain: PlainArchive, sessionKey: String, checksum: String, publicKey: String?) =
        updater(publicKey).use { plugin ->
            plugin.load()
            val error = assertThrows(CapBundleException::class.java) {
                plugin.finishDownload(downloaded(plain.file), plain.version, sessionKey, checksum)
            }
            assertEquals(emptyList<BundleInfo>(), plugin.list())
            assertFalse(File(folder, "downloaded.zip").exists())
            error
        }

    @Test
    fun `with a key a bundle without a signature is refused`() {
        val plain = project.plain("1.1.0")
        assertTrue(refused(plain, "", plain.digest, project.publicKey) is CapBundleException.NotTrusted)
    }

    @Test
    fun `with a key a bundle without a checksum is refused`() {
        assertTrue(refused(project.plain("1.1.0"), "", "", project.publicKey) is CapBundleException.NotTrusted)
    }

    @Test
    fun `with a key a bundle that is signed but not encrypted is refused`() {
        val sealed = sealed("1.1.0")
        assertTrue(refused(sealed.plain, "", sealed.checksum, project.publicKey) is CapBundleException.NotTrusted)
    }

    @Test
    fun `without a key a bundle without a checksum is refused`() {
        assertTrue(refused(project.plain("1.1.0"), "", "", null) is CapBundleException.InvalidInput)
    }

    @Test
    fun `without a key a bundle is accepted by its digest`() {
        val plain = project.plain("1.1.0")
        updater(publicKey = null).use { plugin ->
            plugin.load()
            plugin.finishDownload(downloaded(plain.file), "1.1.0", "", plain.digest.uppercase())
            assertEquals(listOf("1.1.0"), plugin.list().map { it.version })
        }
    }

    @Test
    fun `a late call of the old page does not prove its successor`() {
        updater().use { plugin ->
            plugin.load()
            plugin.onPageStarted()
            val bundle = plugin.take(sealed("1.1.0"))
            plugin.set(bundle.id)
            // The page of the built-in bundle still runs; the new one has not started to load.
            plugin.notifyAppReady()
            assertEquals("pending", plugin.current().status)
            plugin.onPageStarted()
            assertTrue(plugin.notifyAppReady())
            assertEquals("success", plugin.current().status)
        }
    }

    @Test
    fun `a bundle that crashes twice is replaced by the one that worked and never served again`() {
        val good = sealed("1.1.0")
        updater().use { plugin ->
            plugin.load()
            plugin.set(plugin.take(good).id)
            plugin.onPageStarted()
            plugin.notifyAppReady()
        }
        val bad = sealed("1.2.0")
        updater().use { plugin ->
            plugin.load()
            plugin.next(plugin.take(bad).id)
        }
        repeat(2) {
            updater().use { plugin ->
                assertEquals("1.2.0", plugin.load().version)
                plugin.onPageStarted()
            }
        }
        updater().use { plugin ->
            val launch = plugin.load()
            assertEquals(LaunchReason.TRIAL_FAILED, launch.reason)
            assertEquals("1.1.0", launch.version)
            assertEquals("1.2.0", plugin.getFailedUpdate()?.version)
            assertNull(plugin.getFailedUpdate())
            assertTrue(plugin.hasFailed("1.2.0"))
            assertThrows(CapBundleException.NotTrusted::class.java) { plugin.take(bad) }
        }
    }

    @Test
    fun `a page that does not confirm in time is replaced immediately`() {
        updater().use { plugin ->
            plugin.load()
            plugin.set(plugin.take(sealed("1.1.0")).id)
            plugin.onPageStarted()
            plugin.checkRevert()
            assertNull(served.last())
            assertEquals("builtin", plugin.current().id)
        }
    }

    @Test
    fun `next is applied in the background, and reset reverts it`() {
        updater().use { plugin ->
            plugin.load()
            plugin.onPageStarted()
            val bundle = plugin.take(sealed("1.1.0"))
            plugin.next(bundle.id)
            plugin.appMovedToBackground()
            assertEquals(File(filesDir, "versions/${bundle.id}"), served.last())
            plugin.onPageStarted()
            plugin.appMovedToForeground()
            plugin.notifyAppReady()
            assertThrows(CapBundleException.InUse::class.java) { plugin.delete(bundle.id) }
            plugin.reset(toLastSuccessful = false)
            assertNull(served.last())
        }
    }

    @Test
    fun `the plugin's state is migrated, and the page stays the same`() {
        val versions = File(filesDir, "versions/AAAAAAAAA1").apply { mkdirs() }
        File(versions, "index.html").writeText("<p>old</p>")
        val capgo = CapgoPreferences(
            infos = listOf(
                """{"id":"AAAAAAAAA1","version":"1.0.0","downloaded":"2024-01-01T00:00:00.000+0000","checksum":"","status":"success"}""",
            ),
            serverBasePath = versions.path,
            pastVersion = "AAAAAAAAA1",
            nextVersion = null,
            latestNativeBuildVersion = "1",
        )
        updater().use { plugin -> assertEquals(BundleRef.Bundle("AAAAAAAAA1"), plugin.load(capgo).bundle) }
        updater().use { plugin ->
            assertEquals(BundleRef.Bundle("AAAAAAAAA1"), plugin.load().bundle)
            assertEquals(versions, served.last())
        }
    }
}
