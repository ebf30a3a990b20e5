package dev.capbundle

import java.io.File
import java.security.KeyStore
import java.security.MessageDigest
import java.security.cert.CertificateFactory
import java.util.concurrent.TimeUnit
import javax.net.ssl.HttpsURLConnection
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Downloads from a real TLS server (`openssl s_server`) with trusted and untrusted certificates. */
class TlsTest {
    @TempDir
    lateinit var folder: File

    private fun fetch(server: TlsServer, transport: HttpTransport): Downloaded {
        val digest = MessageDigest.getInstance("SHA-256").digest("the file".toByteArray())
        val file = RemoteFile("https://127.0.0.1:${server.port}/app.zip", digest = digest.joinToString("") { "%02x".format(it) })
        return downloadBlocking(transport, file, folder.path, DownloadOptions(spaceMargin = 0))
    }

    @Test
    fun `a download accepts a trusted certificate and no other`() = TlsServer(folder, "127.0.0.1").use { server ->
        val error = assertThrows(CapBundleException::class.java) { fetch(server, UrlConnectionTransport()) }
        assertEquals(ErrorKind.NOT_TRUSTED, error.kind) { "${error.message}" }
        assertTrue(fetch(server, server.trusting()).verified)
    }

    @Test
    fun `a certificate of another host is refused`() = TlsServer(folder, "127.0.0.2").use { server ->
        val error = assertThrows(CapBundleException::class.java) { fetch(server, server.trusting()) }
        assertEquals(ErrorKind.NOT_TRUSTED, error.kind) { "${error.message}" }
    }
}

private class TlsServer(private val folder: File, address: String) : AutoCloseable {
    private val process: Process
    val port: Int

    init {
        val request = listOf(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=capbundle test",
            "-addext", "subjectAltName=IP:$address", "-keyout", "key.pem", "-out", "cert.pem",
        )
        val made = ProcessBuilder(request).directory(folder).redirectErrorStream(true).redirectOutput(File(folder, "log")).start()
        check(made.waitFor(1, TimeUnit.MINUTES) && made.exitValue() == 0) { File(folder, "log").readText() }
        File(folder, "app.zip").writeText("the file")
        val serve = listOf("openssl", "s_server", "-WWW", "-accept", "127.0.0.1:0", "-cert", "cert.pem", "-key", "key.pem")
        process = ProcessBuilder(serve).directory(folder).redirectError(File(folder, "log")).start()
        val ready = process.inputStream.bufferedReader().lineSequence().first { it.startsWith("ACCEPT ") }
        port = ready.substringAfterLast(':').toInt()
    }

    /** A transport that trusts only this server's certificate. */
    fun trusting(): HttpTransport {
        val certificate = File(folder, "cert.pem").inputStream().use { CertificateFactory.getInstance("X.509").generateCertificate(it) }
        val store = KeyStore.getInstance(KeyStore.getDefaultType()).apply { load(null, null); setCertificateEntry("test", certificate) }
        val managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm()).apply { init(store) }.trustManagers
        val context = SSLContext.getInstance("TLS").apply { init(null, managers, null) }
        return UrlConnectionTransport { (it.openConnection() as HttpsURLConnection).apply { sslSocketFactory = context.socketFactory } }
    }

    override fun close() {
        process.destroyForcibly()
        process.waitFor()
    }
}
