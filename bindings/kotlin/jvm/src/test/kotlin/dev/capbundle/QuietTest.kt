package dev.capbundle

import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledOnOs
import org.junit.jupiter.api.condition.OS
import org.junit.jupiter.api.io.TempDir

/** The library leaves nothing behind in a process. */
@EnabledOnOs(OS.LINUX)
class QuietTest {
    @TempDir
    lateinit var folder: File

    @Test
    fun `the library prints nothing, even in a panic, handles no signal and leaves no thread`() {
        val plain = TestApp(File(folder, "app").apply { mkdirs() }).plain("1.0.0", files = 4, bytes = 1 shl 20)
        val printed = RoughServer().use { server ->
            ChildProcess.java(
                "-cp", System.getProperty("java.class.path"), EveryKindOfCall::class.java.name,
                plain.file.path, File(folder, "store").path, server.url("quiet?size=300000&cut=1000"),
            )
        }
        assertEquals("done", printed.trim())
    }
}
