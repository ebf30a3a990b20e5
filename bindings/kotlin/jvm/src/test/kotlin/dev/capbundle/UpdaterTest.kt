package dev.capbundle

import java.io.File
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The updater as an app uses it. What it decides is in the contract cases. */
class UpdaterTest {
    @TempDir
    lateinit var folder: File

    private val native = NativeApp("1.0.0", "1")
    private val noNetwork = object : HttpTransport {
        override fun send(request: HttpRequest, sink: ResponseSink) = sink.use { throw TransportException.Offline("no network") }
    }
    private val lines = LinkedBlockingQueue<String>()

    private fun open(mode: UpdateMode = UpdateMode.OFF): Updater {
        val store = Store.open(File(folder, "store").path, StoreOptions(RequiredProof.Digest), logTo { _, line -> lines.put(line) })
        val source = UpdateSource.Server(ServerSource("https://updates.example/updates"))
        // The updater keeps the session open.
        return store.use { Updater(it, UpdaterOptions(source, DeviceInfo(Platform.ANDROID, "com.example.app"), mode), noNetwork) }
    }

    @Test
    fun `its thread checks and its events are heard`(): Unit = open(UpdateMode.AT_BACKGROUND).use { updater ->
        assertNull(updater.start(native).folder)
        updater.pageStarted()
        val ready = runBlocking {
            updater.call("notifyAppReady")
            withTimeout(60_000) { updater.events.first { it.name == "appReady" } }
        }
        assertTrue("builtin" in ready.payload, ready.payload)
        assertTrue(ready.retainUntilConsumed)
        assertTrue(updater.log().any { "\"check\"" in it })
    }

    @Test
    fun `a call of JavaScript loads through the listener`(): Unit = open().use { updater ->
        val loads = LinkedBlockingQueue<Load>()
        updater.onLoad = LoadListener(loads::put)
        val first = updater.start(native)
        updater.pageStarted(first)
        assertEquals("{}", updater.callBlocking("reload"))
        val second = loads.poll(60, TimeUnit.SECONDS)!!
        assertTrue(second.id > first.id)
        // The web view is late and shows the first one: it is asked to load again.
        updater.pageStarted(first)
        assertTrue(loads.poll(60, TimeUnit.SECONDS)!!.id >= second.id)
    }

    @Test
    fun `a refused call has the message and the code of the plugin`(): Unit = open().use { updater ->
        updater.start(native)
        val refused = assertThrows(CallRejection::class.java) { runBlocking { updater.call("setChannel", "{}") } }
        assertEquals("setChannel called without channel", refused.message)
        assertEquals("SETCHANNEL_INVALID_PARAMS", refused.code)
        assertNull(refused.serverCode)
    }

    @Test
    fun `a listener that throws is logged and stops nothing`(): Unit = open().use { updater ->
        updater.onLoad = LoadListener { error("no web view") }
        updater.pageStarted(updater.start(native))
        updater.callBlocking("reload")
        assertTrue(lines.any { "the host of the updater threw in load" in it && "no web view" in it }, "$lines")
    }

    @Test
    fun `closing it ends its thread and the session`() {
        fun threads() = Thread.getAllStackTraces().keys.count { it.name == "capbundle-updater" }
        val before = threads()
        val updater = open(UpdateMode.AT_BACKGROUND)
        updater.start(native)
        assertEquals(before + 1, threads())
        updater.close()
        updater.close()
        assertEquals(before, threads())
        open().use { assertEquals("current", it.start(native).reason.name.lowercase()) }
    }

    @Test
    fun `the mode comes from the values of a configuration`() {
        assertEquals(UpdateMode.AT_BACKGROUND, updateModeOf(null))
        assertEquals(UpdateMode.OFF, updateModeOf(false))
        assertEquals(UpdateMode.ALWAYS, updateModeOf(true, "always"))
        assertEquals(UpdateMode.ON_LAUNCH, updateModeOf("onLaunch"))
        val error = assertThrows(CapBundleException.InvalidInput::class.java) { updateModeOf("a \"word\"") }
        assertFalse(error.message.isNullOrEmpty())
    }

    @Test
    fun `one request is asked and answered`() {
        val server = object : HttpTransport {
            override fun send(request: HttpRequest, sink: ResponseSink) = sink.use {
                assertTrue("\"version_name\":\"1.2.3\"" in request.body!!.decodeToString())
                sink.begin(HttpResponseHead(200, emptyList()))
                sink.write("""{"version":"2.0.0","url":"https://updates.example/a.zip"}""".toByteArray())
            }
        }
        val request = UpdateRequest(DeviceInfo(Platform.ANDROID, "com.example.app"), native, "a-device", version = "1.2.3")
        val answer = runBlocking { askForUpdate("https://updates.example/updates", request, server) }
        assertEquals("2.0.0", (answer as UpdateAnswer.Offer).version)
        assertNull(answer.checksum)
    }
}
