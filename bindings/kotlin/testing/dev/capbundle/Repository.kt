package dev.capbundle

import com.google.gson.JsonObject
import com.google.gson.JsonParser
import java.io.File
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals

/** The repository under test, and its `capbundle` command. */
object Repository {
    fun file(path: String): File = File(System.getProperty("capbundle.repository"), path).canonicalFile

    /** Runs the command in [folder] and returns the JSON that it prints. */
    fun capbundle(folder: File, vararg arguments: String): JsonObject {
        val command = listOf(File(System.getProperty("capbundle.command")).canonicalPath, *arguments, "--json")
        val errors = File.createTempFile("capbundle", ".stderr").apply { deleteOnExit() }
        val output = File.createTempFile("capbundle", ".json").apply { deleteOnExit() }
        val process = ProcessBuilder(command).directory(folder).redirectError(errors).redirectOutput(output).start()
        try {
            check(process.waitFor(2, TimeUnit.MINUTES)) { "$command did not end" }
        } finally {
            process.destroyForcibly()
        }
        val printed = output.readText()
        assertEquals(0, process.exitValue()) { "$command failed: ${errors.readText()}" }
        return JsonParser.parseString(printed).asJsonObject
    }
}
