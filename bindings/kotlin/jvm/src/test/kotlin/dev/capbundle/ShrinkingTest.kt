package dev.capbundle

import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledOnOs
import org.junit.jupiter.api.condition.OS
import org.junit.jupiter.api.io.TempDir

/** An app shrunk with the rules of the AAR still works. Uses ProGuard, whose rules R8 follows. */
@EnabledOnOs(OS.LINUX)
class ShrinkingTest {
    @TempDir
    lateinit var folder: File

    @Test
    fun `the rules keep what native code finds by name`() {
        val plain = TestApp(File(folder, "app").apply { mkdirs() }).plain("1.0.0", files = 4, bytes = 1 shl 20)
        val shrunk = File(folder, "shrunk.jar")
        ChildProcess.java("-cp", System.getProperty("java.class.path"), "proguard.ProGuard", "@${configuration(shrunk)}")
        assertTrue(shrunk.length() < 3_500_000, "not shrunk: ${shrunk.length()} bytes")
        val printed = RoughServer().use { server ->
            ChildProcess.java(
                "-cp", shrunk.path, EveryKindOfCall::class.java.name, plain.file.path, File(folder, "store").path,
                server.url("shrunk?size=300000&cut=1000"),
            )
        }
        assertEquals("done", printed.trim())
    }

    private fun configuration(shrunk: File): File {
        val jars = listOf(Store::class, EveryKindOfCall::class, com.sun.jna.Native::class, Unit::class, kotlinx.coroutines.Job::class)
            .map { File(it.java.protectionDomain.codeSource.location.toURI()) }
        val text = buildString {
            jars.forEach { appendLine("-injars '$it'(!META-INF/versions/**,!module-info.class)") }
            appendLine("-outjars '$shrunk'")
            listOf("base", "logging", "desktop", "instrument").forEach { module ->
                appendLine("-libraryjars <java.home>/jmods/java.$module.jmod(!**.jar;!module-info.class)")
            }
            appendLine("-include '${Repository.file("bindings/kotlin/android/proguard.txt")}'")
            appendLine("-keep class ${EveryKindOfCall::class.java.name} { public static void main(java.lang.String[]); }")
            // The rules that ship with coroutines, where R8 reads them.
            appendLine("-keepclassmembers class kotlinx.coroutines.** { volatile <fields>; }")
            // The rules concern removal and renaming; ProGuard's optimiser produces coroutines that the JVM rejects.
            appendLine("-dontoptimize")
            appendLine("-allowaccessmodification\n-repackageclasses\n-ignorewarnings\n-dontnote")
        }
        return File(folder, "shrink.pro").apply { writeText(text) }
    }
}
