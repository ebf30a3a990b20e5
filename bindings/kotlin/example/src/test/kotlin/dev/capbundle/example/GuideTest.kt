package dev.capbundle.example

import android.content.Context
import android.webkit.WebView
import com.getcapacitor.Bridge
import com.getcapacitor.JSObject
import com.getcapacitor.PluginCall
import dev.capbundle.NativeApp
import dev.capbundle.Repository
import dev.capbundle.RoughServer
import dev.capbundle.SealedArchive
import dev.capbundle.TestApp
import java.io.File
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The code of docs/android.md works. */
class GuideTest {
    @TempDir
    lateinit var folder: File

    @Test
    fun `every Kotlin and Java block of the guide is compiled`() {
        val example = Repository.file("bindings/kotlin/example/src")
        val sources = listOf("main", "test/java").flatMap { folder -> File(example, folder).walk().filter(File::isFile) }
        val pieces = sources.flatMap { file ->
            file.readText().split("// guide: ").drop(1).filterNot { it.startsWith("end") }
                .map { it.substringAfter('\n').trimEnd().trim('\n').trimIndent() }
        }.toSet()
        val guide = Repository.file("docs/android.md").readText()

        val blocks = Regex("```(?:kotlin|java)\n(.*?)\n```", RegexOption.DOT_MATCHES_ALL).findAll(guide).map { it.groupValues[1] }.toList()

        assertEquals(5, blocks.size)
        blocks.forEach { assertTrue(it in pieces) { "not compiled:\n$it" } }
        pieces.forEach { assertTrue(it in blocks) { "docs/android.md lacks:\n$it" } }
    }

    /** The plugin of the guide with fakes of Android and Capacitor: the web view reports a page for each load. */
    private inner class App(val plugin: UpdaterPlugin = UpdaterPlugin()) {
        private val context = Context(folder)
        val bridge = Bridge()

        init {
            plugin.context = context
            plugin.bridge = bridge
            plugin.load()
        }

        val first get() = context.saved["CapWebViewSettings/serverBasePath"]

        fun pageStarts() = bridge.listeners.forEach { it.onPageStarted(WebView()) }

        fun pageIsReady() = call("notifyAppReady", plugin::notifyAppReady)

        fun call(method: String, function: (PluginCall) -> Unit, arguments: String = "{}"): String {
            val call = PluginCall(method, JSObject(arguments))
            function(call)
            return call.answer() ?: throw AssertionError("$method has no answer")
        }

        /** Downloads a bundle and makes it the next one, as JavaScript does. */
        fun downloadNext(url: String, sealed: SealedArchive) {
            val downloaded = call("download", plugin::download, """{"url":"$url","version":"1.2.3","sessionKey":"${sealed.ivSessionKey}","checksum":"${sealed.checksum}"}""")
            val id = Regex("\"id\":\"(\\w+)\"").find(downloaded)?.groupValues?.get(1) ?: throw AssertionError(downloaded)
            assertTrue("1.2.3" in call("next", plugin::next, """{"id":"$id"}"""))
        }

        fun toBackground() = plugin.handleOnStop()

        fun toForeground() = plugin.handleOnStart()

        /** Whether JavaScript hears this event. */
        fun heard(name: String): Boolean = generateSequence { plugin.heard.poll(60, TimeUnit.SECONDS) }.any { it == name }

        fun loads(seconds: Long): String? = bridge.loads.poll(seconds, TimeUnit.SECONDS)
    }

    @Test
    fun `a page that never confirms is replaced within the session`(): Unit = RoughServer().use { server ->
        val made = TestApp(folder)
        Config.publicKey = made.publicKey
        Config.updateUrl = server.url("updates?status=404")
        val sealed = made.seal(made.plain("1.2.3"))
        val app = App()
        assertEquals("", app.first)
        app.toForeground()
        app.pageStarts()
        assertTrue("builtin" in app.pageIsReady())
        app.downloadNext(server.url("guide?path=${sealed.file.path}"), sealed)

        // The update is applied in the background, and its page loads. The previous page still runs, and does not prove it.
        app.toBackground()
        val bundle = app.loads(seconds = 0)
        assertTrue(bundle != null && File(bundle, "index.html").isFile) { "$bundle" }
        app.pageIsReady()
        app.pageStarts()
        app.toForeground()
        assertNull(app.loads(seconds = 1))

        // It has ten seconds.
        assertEquals("assets/public", app.loads(seconds = 60))
        app.pageStarts()
        assertTrue("builtin" in app.pageIsReady())
        assertNull(app.loads(seconds = 0))
        assertTrue(app.heard("set"))

        // A refused call says why, in the words of Capgo's plugin.
        assertEquals("invalid_input: Set called without id", app.call("set", app.plugin::set))

        // Android recreates the activity: another plugin object in the same session serves the same bundle.
        assertEquals("", App().first)
        UpdaterPlugin.ofProcess(Context(folder)).close()
    }

    private fun folderOf(name: String) = File(folder, name).apply { mkdirs() }

    private fun updates(made: TestApp, name: String) =
        Updates(folderOf(name), folderOf(name), made.publicKey, NativeApp("1.0.0", "1"), CoroutineScope(Dispatchers.Default))

    @Test
    fun `a page that confirms stays when its time is over`() {
        val made = TestApp(folder)
        val sealed = made.seal(made.plain("1.2.3"))
        updates(made, "one").use { app ->
            assertNull(app.launch())
            RoughServer().use { server ->
                val url = server.url("guide?path=${sealed.file.path}&cut=100")
                assertEquals("1.2.3 comes next", runBlocking { tryUpdate(app, url, "1.2.3", sealed.ivSessionKey, sealed.checksum) })
            }
        }
        updates(made, "one").use { app ->
            app.serve = { throw AssertionError("served $it") }
            assertTrue(app.launch() != null)
            app.pageStarted()
            app.ready()
            app.trialFailed()
        }
    }

    @Test
    fun `a bundle that Android ends in the background has not failed`() {
        val made = TestApp(folder)
        val sealed = made.seal(made.plain("1.2.3"))
        updates(made, "two").use { app ->
            app.launch()
            runBlocking { app.downloaded(sealed.file, "1.2.3", sealed.ivSessionKey, sealed.checksum) }
        }
        // More often than the attempts of a bundle.
        repeat(3) {
            updates(made, "two").use { app ->
                assertTrue(app.launch() != null)
                app.pageStarted()
                app.enteredBackground()
            }
        }
    }
}
