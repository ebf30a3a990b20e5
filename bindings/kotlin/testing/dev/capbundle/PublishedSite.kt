package dev.capbundle

import com.google.gson.JsonParser
import java.io.File
import java.util.Base64

/** The static channel of a contract case: the published files in `site`, and next to it the files that ship in the app. */
class PublishedSite(case: String, private val folder: File) {
    init {
        val document = JsonParser.parseString(Repository.file("bindings/contract/network.json").readText()).asJsonObject
        val found = document["cases"].asJsonArray.map { it.asJsonObject }.single { it["name"].asString == case }
        found["files"].asJsonObject.entrySet().forEach { (name, content) ->
            val text = content.asJsonObject["text"]?.asString?.toByteArray()
            val bytes = text ?: Base64.getDecoder().decode(content.asJsonObject["base64"].asString)
            File(folder, name).apply { parentFile.mkdirs() }.writeBytes(bytes)
        }
    }

    val ring: String get() = File(folder, "ring.json").readText()

    val contentKey: String get() = File(folder, "content.pem").readText()

    /** Its URL on a server that misbehaves as these options say. */
    fun on(server: RoughServer, options: String): String = server.url("site?root=${File(folder, "site").path}&$options")
}
