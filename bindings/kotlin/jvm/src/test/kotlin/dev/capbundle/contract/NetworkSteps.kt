package dev.capbundle.contract

import dev.capbundle.BundleRecord
import dev.capbundle.DownloadOptions
import dev.capbundle.ExpectedProof
import dev.capbundle.NewBundle
import dev.capbundle.RemoteArchive
import dev.capbundle.RemoteFile
import dev.capbundle.UrlConnectionTransport
import dev.capbundle.downloadBlocking
import dev.capbundle.sha256OfFileBlocking
import java.io.File

/** Network steps, over the platform's own HTTP; `null` for another operation. */
internal fun CaseRunner.networkStep(arguments: Arguments): Any? = with(arguments) {
    when (operation) {
        "download" -> download(this)
        "install_from" -> {
            val archive = RemoteArchive(url(this), proof(this), NewBundle(text("version")), size = number("size"))
            installed(this) { store!!.installFromBlocking(UrlConnectionTransport(), archive, options(this)) }
        }
        "install_file" -> {
            val (file, proof, bundle) = Triple(path(text("file")).path, proof(this), NewBundle(text("version")))
            installed(this) { store!!.installFileBlocking(file, proof, bundle) }
        }
        else -> null
    }
}

private fun CaseRunner.download(arguments: Arguments): Any = with(arguments) {
    val file = RemoteFile(url(this), digest = optional("digest"), size = number("size"))
    val downloaded = downloadBlocking(UrlConnectionTransport(), file, path("downloads").path, options(this))
    val sha256 = sha256OfFileBlocking(downloaded.path)
    check(File(downloaded.path).delete()) { "${downloaded.path} is not there" }
    json(
        "sha256" to sha256,
        "size" to downloaded.size,
        "received" to downloaded.received,
        "verified" to downloaded.verified,
    )
}

private fun CaseRunner.url(arguments: Arguments): String =
    arguments.optional("from")?.let(server()::url) ?: arguments.text("url")

private fun proof(arguments: Arguments) = ExpectedProof.Digest(arguments.text("digest"))

/** Short waits and no space margin, unless the case says otherwise. */
internal fun options(arguments: Arguments): DownloadOptions {
    val members = arguments.value("options")?.asJsonObject?.entrySet().orEmpty()
    return members.fold(DownloadOptions(firstWaitMs = 2, spaceMargin = 0)) { options, (key, value) ->
        when (key) {
            "attempts" -> options.copy(attempts = value.asLong)
            "max_size" -> options.copy(maxSize = value.asLong)
            "stall_timeout_ms" -> options.copy(stallTimeoutMs = value.asLong)
            else -> error("there is no option $key")
        }
    }
}

private fun CaseRunner.installed(arguments: Arguments, install: () -> BundleRecord): Any {
    val name = arguments.optional("as")
    val record = install()
    name?.let { bundles[it] = record.id }
    return json(
        "bundle" to nameOf(record.id),
        "version" to record.version,
        "files" to record.files,
        "digest" to record.digest,
    )
}
