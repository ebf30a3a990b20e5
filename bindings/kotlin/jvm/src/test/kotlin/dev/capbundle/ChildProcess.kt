package dev.capbundle

import java.io.File
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.assertEquals

/** Another JVM, and all that it printed. */
object ChildProcess {
    private const val LIBRARY = "uniffi.component.capbundle.libraryOverride"

    fun java(vararg arguments: String): String {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val library = "-D$LIBRARY=${System.getProperty(LIBRARY)}"
        // Into a file: a pipe that nobody reads would stop it, and one that is read to the end would wait for it for ever.
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
