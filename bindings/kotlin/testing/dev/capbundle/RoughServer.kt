package dev.capbundle

import java.io.File

/** A server that misbehaves as the query of a URL says: `tests/src/rough_server/plan.rs` lists the options. */
class RoughServer : AutoCloseable {
    private val process = ProcessBuilder(File(System.getProperty("capbundle.rough-server")).canonicalPath)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start()
    private val root = process.inputStream.bufferedReader().readLine() ?: error("the server did not start")

    fun url(path: String): String = root + path

    /** Closing its standard input ends it. */
    override fun close() {
        process.outputStream.close()
        process.waitFor()
    }
}
