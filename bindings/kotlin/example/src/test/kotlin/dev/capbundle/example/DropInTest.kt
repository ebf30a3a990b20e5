package dev.capbundle.example

import dev.capbundle.CallRejection
import dev.capbundle.CapBundleException
import dev.capbundle.BundleRecord
import dev.capbundle.BundleRef
import dev.capbundle.DeviceInfo
import dev.capbundle.LaunchReason
import dev.capbundle.NativeApp
import dev.capbundle.PlainArchive
import dev.capbundle.Platform
import dev.capbundle.RoughServer
import dev.capbundle.SealedArchive
import dev.capbundle.ServerSource
import dev.capbundle.TestApp
import dev.capbundle.UpdateMode
import dev.capbundle.UpdateSource
import dev.capbundle.UpdaterOptions
import java.io.File
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
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
    private val native = NativeApp("1.0.0", "1")

    /** Folders that were served, from any thread; the path is empty for the app's own assets. */
    private val served = LinkedBlockingQueue<File>()

    private fun updater(publicKey: String? = project.publicKey, appReadyTimeoutMs: Long = 10_000): CapgoUpdater {
        val source = UpdateSource.Server(ServerSource("https://updates.example.com/updates", publicKey = publicKey))
        val options = UpdaterOptions(source, DeviceInfo(Platform.ANDROID, "com.example.app"), UpdateMode.OFF)
        return CapgoUpdater(filesDir, noBackupFilesDir, publicKey, options, { served += it ?: File("") }, appReadyTimeoutMs)
    }

    private fun CapgoUpdater.callWith(method: String, id: String) = call(method, """{"id":"$id"}""")

    /** A member of the JSON that a call returned; all of them are texts here. */
    private fun String.member(name: String): String? = Regex("\"$name\":\"([^\"]*)\"").find(this)?.groupValues?.get(1)

    /** A download, which is deleted when it is installed. */
    private fun downloaded(file: File): File = file.copyTo(File(folder, "downloaded.zip"), overwrite = true)

    private fun sealed(version: String): SealedArchive = project.seal(project.plain(version))

    private fun CapgoUpdater.take(sealed: SealedArchive): BundleRecord = with(sealed) {
        finishDownload(downloaded(file), plain.version, ivSessionKey, checksum)
    }

    @Test
    fun `a bundle is installed, set as next, served from versions and proven`() {
        val sealed = sealed("1.1.0")
        val id = updater().use { plugin ->
            plugin.load(native)
            val bundle = plugin.take(sealed)
            assertEquals("1.1.0" to sealed.plain.digest, bundle.version to bundle.digest)
            assertFalse(File(folder, "downloaded.zip").exists())
            assertEquals("pending", plugin.callWith("next", bundle.id).member("status"))
            assertEquals(bundle.id, plugin.call("getNextBundle").member("id"))
            bundle.id
        }
        updater().use { plugin ->
            val load = plugin.load(native)
            assertEquals(BundleRef.Bundle(id), load.bundle)
            assertEquals(File(filesDir, "versions/$id"), served.last())
            assertTrue(File(filesDir, "versions/$id/index.html").isFile)
            plugin.onPageStarted()
            val proven = plugin.call("notifyAppReady")
            assertEquals(listOf(id, "success"), listOf(proven.member("id"), proven.member("status")))
            assertEquals("success", plugin.call("current").member("status"))
        }
    }

    @Test
    fun `a bundle is downloaded over a broken connection, set and served`() {
        val sealed = sealed("1.1.0")
        RoughServer().use { server ->
            updater().use { plugin ->
                plugin.load(native)
                val url = server.url("sealed?path=${sealed.file.path}&cut=100.200")
                val bundle = plugin.call(
                    "download",
                    """{"url":"$url","version":"1.1.0","sessionKey":"${sealed.ivSessionKey}","checksum":"${sealed.checksum}"}""",
                )
                assertEquals("pending", bundle.member("status"))
                val id = bundle.member("id").orEmpty()
                plugin.callWith("set", id)
                assertEquals(File(filesDir, "versions/$id"), served.last())
            }
        }
    }

    @Test
    fun `an unknown bundle is refused`() {
        updater().use { plugin ->
            plugin.load(native)
            assertThrows(CallRejection::class.java) { plugin.callWith("next", "AAAAAAAAA1") }
            assertThrows(CallRejection::class.java) { plugin.callWith("set", "AAAAAAAAA1") }
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
            plugin.load(native)
            val error = assertThrows(CapBundleException::class.java) {
                plugin.finishDownload(downloaded(plain.file), plain.version, sessionKey, checksum)
            }
            assertEquals("""{"bundles":[]}""", plugin.call("list"))
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
            plugin.load(native)
            val bundle = plugin.finishDownload(downloaded(plain.file), "1.1.0", "", plain.digest.uppercase())
            assertEquals("1.1.0", bundle.version)
        }
    }

    @Test
    fun `a late call of the old page does not prove its successor`() {
        updater().use { plugin ->
            plugin.load(native)
            plugin.onPageStarted()
            plugin.callWith("set", plugin.take(sealed("1.1.0")).id)
            // The page of the built-in bundle still runs; the new one has not started to load.
            plugin.call("notifyAppReady")
            assertEquals("pending", plugin.call("current").member("status"))
            plugin.onPageStarted()
            plugin.call("notifyAppReady")
            assertEquals("success", plugin.call("current").member("status"))
        }
    }

    @Test
    fun `a bundle that crashes twice is replaced by the one that worked and never served again`() {
        val good = sealed("1.1.0")
        updater().use { plugin ->
            plugin.load(native)
            plugin.callWith("set", plugin.take(good).id)
            plugin.onPageStarted()
            plugin.call("notifyAppReady")
        }
        val bad = sealed("1.2.0")
        updater().use { plugin ->
            plugin.load(native)
            plugin.callWith("next", plugin.take(bad).id)
        }
        repeat(2) {
            updater().use { plugin ->
                assertEquals("1.2.0", plugin.load(native).version)
                plugin.onPageStarted()
            }
        }
        updater().use { plugin ->
            val load = plugin.load(native)
            assertEquals(LaunchReason.TRIAL_FAILED, load.reason)
            assertEquals("1.1.0", load.version)
            assertEquals("1.2.0", plugin.call("getFailedUpdate").member("version"))
            assertNull(plugin.call("getFailedUpdate").member("version"))
            assertThrows(CapBundleException.NotTrusted::class.java) { plugin.take(bad) }
        }
    }

    @Test
    fun `a page that does not confirm in time is replaced`() {
        updater(appReadyTimeoutMs = 1_000).use { plugin ->
            plugin.load(native)
            plugin.callWith("set", plugin.take(sealed("1.1.0")).id)
            plugin.onPageStarted()
            served.clear()
            assertEquals(File(""), served.poll(30, TimeUnit.SECONDS))
            assertEquals("builtin", plugin.call("current").member("id"))
        }
    }

    @Test
    fun `a page whose renderer dies on trial is replaced immediately`() {
        updater().use { plugin ->
            plugin.load(native)
            plugin.callWith("set", plugin.take(sealed("1.1.0")).id)
            plugin.onPageStarted()
            plugin.onPageCrashed()
            assertEquals(File(""), served.last())
        }
    }

    @Test
    fun `next is applied in the background, and reset reverts it`() {
        updater().use { plugin ->
            plugin.load(native)
            plugin.onPageStarted()
            val bundle = plugin.take(sealed("1.1.0"))
            plugin.callWith("next", bundle.id)
            plugin.appMovedToBackground()
            assertEquals(File(filesDir, "versions/${bundle.id}"), served.last())
            plugin.onPageStarted()
            plugin.appMovedToForeground()
            plugin.call("notifyAppReady")
            assertThrows(CallRejection::class.java) { plugin.callWith("delete", bundle.id) }
            plugin.call("reset")
            assertEquals(File(""), served.last())
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
        updater().use { plugin -> assertEquals(BundleRef.Bundle("AAAAAAAAA1"), plugin.load(native, capgo).bundle) }
        updater().use { plugin ->
            assertEquals(BundleRef.Bundle("AAAAAAAAA1"), plugin.load(native).bundle)
            assertEquals(versions, served.last())
        }
    }
}
