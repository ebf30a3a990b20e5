package dev.capbundle.contract

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import dev.capbundle.BlockingUpdater
import dev.capbundle.CapBundleException
import dev.capbundle.RoughServer
import dev.capbundle.Store
import dev.capbundle.VerifiedArchive
import dev.capbundle.kind
import java.io.File
import java.util.Base64
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue

/** Runs the steps of one case in [folder], and keeps their named results. */
internal class CaseRunner(private val folder: File, val server: () -> RoughServer) : AutoCloseable {
    val archives = mutableMapOf<String, VerifiedArchive>()
    val bundles = mutableMapOf<String, String>()
    var store: Store? = null
        set(value) {
            updater = null
            field?.close()
            field = value
        }
    var updater: BlockingUpdater? = null
        set(value) {
            field?.close()
            field = value
        }
    val told = Told()
    val transport = ScriptedTransport()
    var session: String? = null

    init {
        listOf("staging", "out", "downloads").forEach { path(it).mkdir() }
    }

    fun path(name: String): File = File(folder, name)

    fun write(files: JsonObject) {
        for ((name, content) in files.entrySet()) {
            val text = content.asJsonObject["text"]?.asString?.toByteArray()
            val bytes = text ?: Base64.getDecoder().decode(content.asJsonObject["base64"].asString)
            path(name).apply { parentFile.mkdirs() }.writeBytes(bytes)
        }
    }

    fun take(step: JsonObject) {
        val arguments = Arguments(step)
        val expectedError = step["error"]?.asString
        val found: JsonElement = try {
            json(
                fileStep(arguments) ?: networkStep(arguments) ?: updaterStep(arguments) ?: releaseStep(arguments) ?: storeStep(arguments),
            )
        } catch (error: CapBundleException) {
            assertEquals(expectedError, wireName(error.kind)) { "$step: ${error.message}" }
            assertFalse(error.message.isNullOrEmpty()) { "$step: the error has no message" }
            val reason = step["reason"]?.let { "(${it.asString})" }.orEmpty()
            assertTrue(reason in error.message.orEmpty()) { "$step: ${error.message}" }
            return
        } finally {
            arguments.requireAllUsed()
        }
        assertNull(expectedError) { "$step: found $found" }
        step["expect"]?.let { assertTrue(agrees(it, found)) { "$step: found $found" } }
    }

    override fun close() {
        store = null
        archives.values.forEach(VerifiedArchive::close)
    }
}
