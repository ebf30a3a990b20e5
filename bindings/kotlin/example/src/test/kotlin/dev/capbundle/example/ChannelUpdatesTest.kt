package dev.capbundle.example

import dev.capbundle.NativeApp
import dev.capbundle.PublishedSite
import dev.capbundle.Repository
import dev.capbundle.RoughServer
import dev.capbundle.BundleRef
import java.io.File
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The channel code of docs/android.md works. */
class ChannelUpdatesTest {
    @TempDir
    lateinit var folder: File

    @Test
    fun `the code of the guide is compiled`() {
        val code = Repository.file("bindings/kotlin/example/src/main/kotlin/dev/capbundle/example/ChannelUpdates.kt").readText()
        val piece = code.substringAfter("// guide: channel\n").substringBefore("// guide: end").trim()
        val guide = Repository.file("docs/android.md").readText()
        assertTrue("```kotlin\n$piece\n```" in guide) { "docs/android.md lacks:\n$piece" }
    }

    @Test
    fun `the app of the guide updates from a channel`() {
        val published = PublishedSite("network_channel_with_a_sealed_archive", folder)
        val native = NativeApp("1.0.0", "1")
        val log = mutableListOf<String>()
        RoughServer().use { server ->
            val open = {
                val site = published.on(server, "cut=100")
                ChannelUpdates(folder, folder, site, published.ring, published.contentKey, native, builtIn = 6)
            }
            open().use { app ->
                assertEquals(BundleRef.BuiltIn, app.store.launch(native).bundle)
                runBlocking { repeat(2) { app.update(log::add) } }
            }
            open().use { app -> assertEquals("1.0.7", app.store.launch(native).version) }
        }
        assertEquals(listOf("1.0.7 comes next", "1.0.7 is the newest for this device"), log)
    }
}
