package dev.capbundle

import com.google.gson.JsonObject
import java.io.File
import java.util.Random

/** An app project: keys, and archives that the command packed from web folders. */
class TestApp(val folder: File) {
    init {
        File(folder, "capacitor.config.json").writeText("""{"appId": "com.example.app", "webDir": "www"}""")
        Repository.capbundle(folder, "key", "create")
    }

    val publicKey: String = File(folder, ".capgo_key_v2.pub").readText()

    fun key(): VerifyingKey = VerifyingKey.fromPem(publicKey)

    /** Packs a web folder with this many files of this many random bytes. */
    fun plain(version: String, files: Int = 3, bytes: Int = 1_000): PlainArchive {
        val www = File(folder, "www-$version")
        val random = Random(version.hashCode().toLong())
        File(www, "assets").mkdirs()
        File(www, "index.html").writeText("<script>CapacitorUpdater.notifyAppReady()</script><p>$version</p>")
        repeat(files) { number ->
            File(www, "assets/$number.bin").writeBytes(ByteArray(bytes).also(random::nextBytes))
        }
        val name = "app-$version.zip"
        val printed = Repository.capbundle(
            folder, "bundle", "zip", "com.example.app", "--path", www.path, "--bundle", version, "--name", name,
        )
        return PlainArchive(File(folder, name), printed["checksum"].asString, version, www)
    }

    /** Encrypts and signs an archive. */
    fun seal(plain: PlainArchive): SealedArchive {
        val printed = Repository.capbundle(folder, "bundle", "encrypt", plain.file.path, plain.digest)
        return SealedArchive(
            folder.resolve(printed.textOf("filename")),
            printed.textOf("ivSessionKey"),
            printed.textOf("checksum"),
            plain,
        )
    }

    private fun JsonObject.textOf(key: String): String = this[key]?.asString ?: error("$key is missing in $this")
}

data class PlainArchive(val file: File, val digest: String, val version: String, val www: File)

data class SealedArchive(val file: File, val ivSessionKey: String, val checksum: String, val plain: PlainArchive)

/** All files below a folder, with their bytes. */
fun contentsOf(folder: File): Map<String, List<Byte>> = folder.walk()
    .filter { it.isFile }
    .associate { it.relativeTo(folder).invariantSeparatorsPath to it.readBytes().toList() }

fun filesBelow(folder: File): List<String> =
    folder.walk().filter { it.isFile }.map { it.relativeTo(folder).invariantSeparatorsPath }.sorted().toList()
