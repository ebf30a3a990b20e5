package dev.capbundle.contract

import com.google.gson.JsonObject
import dev.capbundle.BundleRecord
import dev.capbundle.ChannelOutcome
import dev.capbundle.ChannelSource
import dev.capbundle.ChannelUpdate
import dev.capbundle.ContentKey
import dev.capbundle.Skipped
import dev.capbundle.Release
import dev.capbundle.ReleaseOptions
import dev.capbundle.RolloutDecision
import dev.capbundle.UrlConnectionTransport
import dev.capbundle.inspectReleaseUnverified
import dev.capbundle.rolloutBucket

/** Steps on releases, key rings and channels; `null` for another operation. */
internal fun CaseRunner.releaseStep(arguments: Arguments): Any? = with(arguments) {
    when (operation) {
        "inspect_release" -> json(inspectReleaseUnverified(bytes(this, "envelope")))
        "rollout_bucket" -> rolloutBucket(text("app_id"), text("rollout_sha256"), text("device_id"))
        "check_release" -> {
            val envelope = bytes(this, "envelope")
            json(withOptions(this) { store!!.checkRelease(envelope, it) })
        }
        "install_release" -> installRelease(this)
        "accept_built_in" -> {
            val envelope = bytes(this, "envelope")
            withOptions(this) { store!!.acceptBuiltIn(envelope, it) }
        }
        "key_ring" -> withOptions(this) { store!!.keyRing(it) }
        "follow_ring" -> {
            val envelope = bytes(this, "envelope")
            withOptions(this) { store!!.followRing(envelope, it) }
        }
        "update_from_channel" -> update(this)
        else -> null
    }
}

private fun CaseRunner.installRelease(arguments: Arguments): JsonObject = with(arguments) {
    val (envelope, list) = bytes(this, "envelope") to bytes(this, "file_list")
    val (archive, name) = path(text("archive")).path to optional("as")
    val record = withOptions(this) { store!!.installReleaseBlocking(envelope, archive, list, it) }
    name?.let { bundles[it] = record.id }
    json(record)
}

private fun CaseRunner.update(arguments: Arguments): JsonObject = with(arguments) {
    val (server, query) = text("from").let { it.substringBefore('?') to it.substringAfter('?', "") }
    val site = server().url("$server?root=${path(text("site")).path}&$query")
    val (device, name) = optional("device_id") to optional("as")
    val options = options(this)
    val update = withOptions(this) { release ->
        store!!.updateFromChannelBlocking(
            UrlConnectionTransport(), ChannelSource(site, release, deviceId = device), options,
        )
    }
    name?.let { bundles[it] = record(update.outcome)!!.id }
    json(update)
}

private fun <T> CaseRunner.withOptions(arguments: Arguments, work: (ReleaseOptions) -> T): T = with(arguments) {
    val app = optional("app_id") ?: "com.example.app"
    val channel = optional("channel") ?: "production"
    val ring = path(optional("ring") ?: "ring.json").readText()
    val native = optional("native_version") ?: "1.0.0"
    val keys = array("content_keys")?.map { ContentKey.fromPem(path(it.asString).readText()) }.orEmpty()
    try {
        work(ReleaseOptions(app, channel, ring, native, keys))
    } finally {
        keys.forEach(ContentKey::close)
    }
}

private fun CaseRunner.bytes(arguments: Arguments, key: String): ByteArray = path(arguments.text(key)).readBytes()

private fun record(outcome: ChannelOutcome): BundleRecord? = when (outcome) {
    is ChannelOutcome.Installed -> outcome.bundle
    is ChannelOutcome.UpToDate -> outcome.bundle
    else -> null
}

private fun json(release: Release): JsonObject = json(
    "app_id" to release.appId,
    "channel" to release.channel,
    "version" to release.version,
    "sequence" to release.sequence,
    "rollout_sha256" to release.rolloutSha256,
    "is_built_in" to (release.bundle == null),
    "is_sealed" to release.bundle?.isSealed,
    "archive_path" to release.bundle?.archivePath,
    "archive_size" to release.bundle?.archiveSize,
    "archive_sha256" to release.bundle?.archiveSha256,
    "file_list_path" to release.bundle?.fileListPath,
)

private fun CaseRunner.json(update: ChannelUpdate): JsonObject {
    val record = record(update.outcome)
    val (version, sequence) = when (val outcome = update.outcome) {
        is ChannelOutcome.BuiltInNext -> outcome.version to outcome.sequence
        is ChannelOutcome.BuiltInUpToDate -> outcome.version to outcome.sequence
        else -> record?.version to record?.sequence
    }
    val older = update.outcome as? ChannelOutcome.Older
    return json(
        "outcome" to wireName(update.outcome),
        "bundle" to record?.let { nameOf(it.id) },
        "version" to version,
        "sequence" to sequence,
        "offered" to older?.offered,
        "known" to older?.known,
        "rollout" to update.rollout?.let(::json),
        "passed_over" to update.skipped.map(::json),
        "key_ring" to update.keyRing,
        "key_ring_problem" to (update.keyRingProblem != null),
    )
}

private fun wireName(outcome: ChannelOutcome): String = when (outcome) {
    is ChannelOutcome.Installed -> "installed"
    is ChannelOutcome.UpToDate -> "up_to_date"
    is ChannelOutcome.BuiltInNext -> "built_in_next"
    is ChannelOutcome.BuiltInUpToDate -> "built_in_up_to_date"
    ChannelOutcome.NothingOffered -> "nothing_offered"
    ChannelOutcome.OutsideRollout -> "outside_rollout"
    is ChannelOutcome.Older -> "older"
    ChannelOutcome.Refused -> "refused"
    ChannelOutcome.Other -> "other"
}

private fun json(rollout: RolloutDecision): JsonObject = json(
    "sequence" to rollout.sequence,
    "rollout_bps" to rollout.rolloutBps,
    "bucket" to rollout.bucket,
    "is_inside" to rollout.isInside,
)

private fun json(passed: Skipped): JsonObject = json(
    "offer" to wireName(passed.offer),
    "sequence" to passed.sequence,
    "error" to wireName(passed.kind),
    "reason" to REASON.find(passed.message)?.groupValues?.get(1),
)

/** What a message names: `release: refused (expired): …`. */
private val REASON = Regex("""refused \((\w+)\)""")
