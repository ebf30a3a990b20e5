package dev.capbundle.contract

import dev.capbundle.ChecksumForm
import dev.capbundle.Severity
import dev.capbundle.VerifiedArchive
import dev.capbundle.VerifyingKey
import dev.capbundle.checkFolderBlocking
import dev.capbundle.crc32OfFileBlocking
import dev.capbundle.decryptUnverifiedBlocking
import dev.capbundle.inspectArchiveBlocking
import dev.capbundle.requireIvSessionKey
import dev.capbundle.sha256OfFileBlocking
import dev.capbundle.signedDigest
import dev.capbundle.use
import java.io.File
import java.security.MessageDigest

/** Steps on files, keys and archives; `null` for another operation. */
internal fun CaseRunner.fileStep(arguments: Arguments): Any? = with(arguments) {
    when (operation) {
        "key" -> keyOf(this).use { json("id" to it.id(), "capgo_key_id" to it.capgoKeyId(), "bits" to it.bits()) }
        "sha256" -> sha256OfFileBlocking(input(this))
        "crc32" -> crc32OfFileBlocking(input(this))
        "signed_digest" -> {
            val (checksum, form) = text("checksum") to form(this)
            trustedKey(this).use { signedDigest(checksum, form, it) }
        }
        "require_iv_session_key" -> requireIvSessionKey(text("text"))
        "from_digest" -> keep(this) { VerifiedArchive.fromDigestBlocking(input(this), text("digest")) }
        "open_capgo" -> keep(this) { decryptCapgo(this) }
        "verify_signed_only" -> keep(this) { verifySignedOnly(this) }
        "decrypt_unverified" -> {
            val (file, to) = input(this) to path(text("to")).path
            val session = text("iv_session_key")
            trustedKey(this).use { decryptUnverifiedBlocking(file, to, session, it) }
        }
        "unpack" -> unpack(this)
        "inspect" -> inspect(this)
        "check" -> checkFolderBlocking(path(text("folder")).path)
            .map { if (it.severity == Severity.ERROR) "error ${it.code}" else "warning ${it.code}" }
            .sorted()
        "tree" -> tree(path(text("folder")))
        else -> null
    }
}

private fun CaseRunner.input(arguments: Arguments): String = path(arguments.text("file")).path

private fun CaseRunner.keyOf(arguments: Arguments): VerifyingKey =
    arguments.optional("text")?.let { VerifyingKey.fromPem(it) } ?: VerifyingKey.read(input(arguments))

private fun CaseRunner.trustedKey(arguments: Arguments): VerifyingKey = VerifyingKey.read(path(arguments.text("key")).path)

private fun form(arguments: Arguments): ChecksumForm = when (val form = arguments.text("form")) {
    "v3" -> ChecksumForm.V3
    "v2" -> ChecksumForm.V2
    else -> error("there is no form $form")
}

private fun CaseRunner.keep(arguments: Arguments, make: () -> VerifiedArchive): Any {
    val name = arguments.optional("as")
    val archive = make()
    val facts = json("digest" to archive.digest(), "size" to archive.size(), "proof" to wireName(archive.proof()))
    if (name == null) archive.close() else archives[name] = archive
    return facts
}

private fun CaseRunner.decryptCapgo(arguments: Arguments): VerifiedArchive = with(arguments) {
    val (sealed, staging) = input(this) to path("staging").path
    val (session, checksum, form) = Triple(text("iv_session_key"), text("checksum"), form(this))
    trustedKey(this).use { VerifiedArchive.decryptCapgoBlocking(sealed, staging, session, checksum, form, it) }
}

private fun CaseRunner.verifySignedOnly(arguments: Arguments): VerifiedArchive = with(arguments) {
    val (file, checksum, form) = Triple(input(this), text("checksum"), form(this))
    trustedKey(this).use { VerifiedArchive.verifySignedOnlyBlocking(file, checksum, form, it) }
}

private fun CaseRunner.unpack(arguments: Arguments): Any {
    val limits = limits(arguments.value("limits"))
    val unpacked = archives.getValue(arguments.text("archive")).unpackBlocking(path(arguments.text("to")).path, limits)
    return json(
        "files" to unpacked.files,
        "folders" to unpacked.folders,
        "bytes" to unpacked.bytes,
        "flattened" to unpacked.flattened,
    )
}

private fun CaseRunner.inspect(arguments: Arguments): Any {
    val inspection = inspectArchiveBlocking(input(arguments), limits(arguments.value("limits")))
    return json(
        "files" to inspection.files.map { it.path }.sorted(),
        "flattened" to inspection.flattened,
        "findings" to inspection.findings.map { it.code }.sorted(),
    )
}

private fun tree(folder: File): List<String> = folder.walk()
    .filter { it.isFile }
    .map { "${it.relativeTo(folder).invariantSeparatorsPath} ${sha256(it.readBytes())}" }
    .toList()
    .sorted()

private fun sha256(bytes: ByteArray): String =
    MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }
