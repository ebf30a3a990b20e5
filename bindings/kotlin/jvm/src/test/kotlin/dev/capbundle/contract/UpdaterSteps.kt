package dev.capbundle.contract

import com.google.gson.JsonElement
import com.google.gson.JsonNull
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import dev.capbundle.BlockingUpdater
import dev.capbundle.BridgeCall
import dev.capbundle.CallResult
import dev.capbundle.ChannelSource
import dev.capbundle.DeviceInfo
import dev.capbundle.ExpectedProof
import dev.capbundle.HttpRequest
import dev.capbundle.HttpResponseHead
import dev.capbundle.HttpTransport
import dev.capbundle.Load
import dev.capbundle.PageReady
import dev.capbundle.Permissions
import dev.capbundle.Platform
import dev.capbundle.ReleaseOptions
import dev.capbundle.ResponseSink
import dev.capbundle.ServerSource
import dev.capbundle.TransportException
import dev.capbundle.UpdateAnswer
import dev.capbundle.UpdateMode
import dev.capbundle.UpdateSource
import dev.capbundle.UpdaterEvent
import dev.capbundle.UpdaterHost
import dev.capbundle.UpdaterOptions
import dev.capbundle.expectedProof
import dev.capbundle.updateMode

/** Answers by URL. What has no answer is a server that cannot be reached. */
internal class ScriptedTransport : HttpTransport {
    @Volatile
    var answers: Map<String, Pair<Int, ByteArray>> = emptyMap()

    /** The body of the last request to each URL. */
    val asked = java.util.concurrent.ConcurrentHashMap<String, JsonElement>()

    override fun send(request: HttpRequest, sink: ResponseSink) = sink.use {
        asked[request.url] = request.body?.let { JsonParser.parseString(it.decodeToString()) } ?: JsonNull.INSTANCE
        val (status, body) = answers[request.url] ?: throw TransportException.Offline("no such server")
        sink.begin(HttpResponseHead(status, emptyList()))
        sink.write(body)
    }
}

/** What the host received, in order. */
internal class Told : UpdaterHost {
    private val new = mutableListOf<JsonObject>()

    /** Every load, also those that were returned. */
    val loads = mutableListOf<Load>()

    @Synchronized
    override fun load(load: Load) {
        loads += load
        new += json("load" to json(load))
    }

    @Synchronized
    override fun event(event: UpdaterEvent) {
        // How many there are of these is not part of the contract.
        if (event.name == "download") return
        new += json("event" to event.name, "payload" to JsonParser.parseString(event.payload), "retain" to event.retainUntilConsumed)
    }

    @Synchronized
    override fun showSplash(isShown: Boolean) {
        new += json("splash" to isShown)
    }

    override fun wake() = Unit

    @Synchronized
    fun take(): List<JsonObject> = new.toList().also { new.clear() }
}

/** Steps on the updater, over a server that is a script; `null` for another operation. */
internal fun CaseRunner.updaterStep(arguments: Arguments): Any? = with(arguments) {
    when (operation) {
        "server" -> script(this)
        "update_mode" -> wireName(updateMode(value("auto")?.toString(), value("direct")?.toString()))
        "expected_proof" -> expectedProofOf(this)
        "asked" -> transport.asked.remove(text("url")) ?: JsonNull.INSTANCE
        "updater" -> openUpdater(this)
        "start" -> returned(updater!!.start(native(this), flag("in_background") ?: false))
        "page_started" -> Unit.also {
            val load = number("load")?.let { told.loads[it.toInt() - 1] } ?: told.loads.lastOrNull()
            updater!!.pageStarted(load)
        }
        "page_ready" -> when (updater!!.pageReady()) {
            is PageReady.Confirmed -> "confirmed"
            PageReady.Replaced -> "replaced"
            PageReady.NotYetRecorded -> "not_yet_recorded"
            PageReady.Other -> "other"
        }
        "has_deadline" -> updater!!.pageDeadlineMs() != null
        "page_timed_out" -> returned(updater!!.pageTimedOut())
        "page_crashed" -> returned(updater!!.pageCrashed())
        "background" -> returned(updater!!.background())
        "foreground" -> returned(updater!!.foreground())
        "connectivity_returned" -> updater!!.connectivityReturned()
        "run" -> Unit.also { updater!!.run() }
        "call" -> call(this)
        "told" -> told.take()
        "log" -> text("event").let { wanted ->
            updater!!.logLines().map(JsonParser::parseString).filter { it.asJsonObject["event"].asString == wanted }
        }
        else -> null
    }
}

private fun CaseRunner.script(arguments: Arguments) {
    transport.answers = arguments.value("answers")!!.asJsonObject.entrySet().associate { (url, answer) ->
        val members = answer.asJsonObject
        val body = members["file"]?.let { path(it.asString).readBytes() } ?: members["json"].toString().toByteArray()
        url to ((members["status"]?.asInt ?: 200) to body)
    }
}

private fun CaseRunner.expectedProofOf(arguments: Arguments): Any = with(arguments) {
    val (checksum, session) = optional("checksum") to optional("session_key")
    val url = "https://updates.example/a.zip"
    val offer = UpdateAnswer.Offer("2.0.0", url, checksum, session, link = null, comment = null)
    when (val proof = expectedProof(offer, optional("public_key")?.let { path(it).readText() })) {
        is ExpectedProof.Digest -> json("digest" to proof.digest)
        is ExpectedProof.CapgoSigned -> json("signed" to proof.checksum)
        is ExpectedProof.CapgoEncrypted -> json("encrypted" to proof.checksum)
    }
}

private fun CaseRunner.openUpdater(arguments: Arguments) = with(arguments) {
    val permits = array("permits")?.map { it.asString }.orEmpty()
    val server = ServerSource(
        url = optional("url") ?: "https://updates.example/updates",
        channelUrl = optional("channel_url"),
        publicKey = optional("public_key")?.let { path(it).readText() },
    )
    val options = UpdaterOptions(
        source = array("allowed")?.map { it.asString }?.let(::staticSource) ?: UpdateSource.Server(server),
        device = DeviceInfo(Platform.ANDROID, "com.example.app", osVersion = "16", pluginVersion = "8.0.0"),
        mode = UpdateMode.valueOf((optional("mode") ?: "at_background").uppercase()),
        splashTimeoutMs = number("splash_timeout_ms"),
        defaultChannel = optional("default_channel"),
        permissions = Permissions(
            modifyUrls = "modify_urls" in permits,
            keepUrls = "keep_urls" in permits,
            modifyAppId = "modify_app_id" in permits,
            keepCustomId = "keep_custom_id" in permits,
            bundleError = flag("bundle_error") ?: false,
        ),
    )
    updater = BlockingUpdater(store!!, transport, told, options)
}

/** The channel `production` of a site that cannot be reached, and the other channels that the app allows. */
private fun staticSource(allowed: List<String>): UpdateSource {
    val release = ReleaseOptions("com.example.app", "production", firstRing = "{}", nativeVersion = "1.0.0")
    return UpdateSource.Channel(ChannelSource("https://updates.example/site", release), allowed)
}

private fun CaseRunner.call(arguments: Arguments): JsonElement = with(arguments) {
    val value = value("arguments")
    val text = if (value != null && value.isJsonPrimitive) value.asString else value?.toString().orEmpty()
    val named = bundles.entries.fold(text) { found, (name, id) -> found.replace("\"@$name\"", "\"$id\"") }
    val name = optional("as")
    when (val result = updater!!.call(BridgeCall(text("method"), named))) {
        is CallResult.Resolved -> {
            val resolved = JsonParser.parseString(result.json)
            name?.let { bundles[it] = resolved.asJsonObject["id"].asString }
            json("resolved" to resolved)
        }
        is CallResult.Rejected -> json(
            "rejected" to json("message" to result.reason, "code" to result.code, "server_code" to result.serverCode),
        )
    }
}

/** Something that is no load is JSON's `null`, and not an operation of others. */
private fun CaseRunner.returned(load: Load?): JsonElement = load?.let {
    told.loads += it
    json(it)
} ?: JsonNull.INSTANCE

private fun json(load: Load): JsonObject =
    json("version" to load.version, "has_folder" to (load.folder != null), "reason" to wireName(load.reason))
