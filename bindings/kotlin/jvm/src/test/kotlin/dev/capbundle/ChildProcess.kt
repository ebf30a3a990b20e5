package dev.capbundle

import java.io.File
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals

/** Another JVM and its output. */
object ChildProcess {
    private const val LIBRARY = "uniffi.component.capbundle.libraryOverride"

    fun java(vararg arguments: String): String {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val library = "-D$LIBRARY=${System.getProperty(LIBRARY)}"
        // Output goes to a file: an unread pipe would block the child, and reading a pipe to its end could block this test.
        val output = File.createTempFile("capbundle", ".output").apply { deleteOnExit() }
        val process = ProcessBuilder(java, library, *arguments).redirectErrorStream(true).redirectOutput(output).start()
        try {
            check(process.waitFor(2, TimeUnit.MINUTES)) { "it did not end: ${output.readText()}" }
        } finally {
            process.destroyForcibly()
        }
        assertEquals(0, process.exitValue()) { output.readText() }
        return output.readText()
    }
}
