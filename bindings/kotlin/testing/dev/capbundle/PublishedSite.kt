package dev.capbundle

import com.google.gson.JsonParser
import java.io.File
import java.util.Base64

/** The site of a static channel, as a contract case has it: what is published in `site`, and what an app brings beside it. */
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

    /** Its address on a server that misbehaves in these words. */
    fun on(server: RoughServer, words: String): String = server.url("site?root=${File(folder, "site").path}&$words")
}
