package dev.capbundle.contract

import com.google.gson.JsonObject
import dev.capbundle.BundleRecord
import dev.capbundle.CapgoBundles
import dev.capbundle.Confirmation
import dev.capbundle.FailedBundle
import dev.capbundle.KeepRules
import dev.capbundle.Launch
import dev.capbundle.NativeApp
import dev.capbundle.NativeRange
import dev.capbundle.NewBundle
import dev.capbundle.RequiredProof
import dev.capbundle.BundleRef
import dev.capbundle.Store
import dev.capbundle.StoreOptions
import dev.capbundle.VerifiedArchive
import dev.capbundle.sha256OfFileBlocking
import java.io.File
import java.util.UUID

/** Steps on the store. */
internal fun CaseRunner.storeStep(arguments: Arguments): Any? = with(arguments) {
    when (operation) {
        "open" -> {
            store = null
            store = Store.open(path("store").path, options(this))
            session = store!!.session()
        }
        "resume" -> store = Store.resume(path("store").path, options(this), session!!)
        "close" -> store = null
        "write" -> damage(this)
        "remove" -> folderOf(this).deleteRecursively().let { null }
        "install" -> install(this)
        else -> openStoreStep(this, store ?: error("the store is not open"))
    }
}

private fun CaseRunner.openStoreStep(arguments: Arguments, store: Store): Any? = with(arguments) {
    when (operation) {
        "launch" -> json(store.launch(native(this)))
        "apply_next" -> store.applyNext(native(this))?.let { json(it) }
        "served" -> store.served()?.let { json(it) }
        "set_current" -> json(store.setCurrent(bundleRef(this)))
        "reset" -> json(store.reset(flag("to_last_proven")!!))
        "trial_started" -> store.trialStarted(id(this))
        "trial_suspended" -> store.trialSuspended(id(this))
        "trial_expired" -> store.trialExpired(id(this))?.let { json(it) }
        "ready_deadline" -> store.readyDeadlineMs()
        "confirm" -> confirm(this, store)
        "current" -> nameOf(store.current())
        "next" -> store.next()?.let(::nameOf)
        "fallback" -> nameOf(store.fallback())
        "set_next" -> when (val delays = array("delays")) {
            null -> store.setNext(bundleRef(this))
            else -> store.setNextWhen(bundleRef(this), delays.map(::delay))
        }
        "clear_next" -> store.clearNext()
        "set_delays" -> store.setDelays(array("delays")!!.map(::delay))
        "delays" -> store.delays().map { json(it) }
        "entered_background" -> store.enteredBackground()
        "entered_foreground" -> store.enteredForeground(native(this))
        "list" -> store.list().sortedBy { it.record.version }.map {
            json("bundle" to nameOf(it.record.id), "version" to it.record.version, "status" to wireName(it.status))
        }
        "failed" -> store.failed().map { json(it) }
        "failure_of" -> store.failureOf(text("version"), optional("digest"))?.let { json(it) }
        "take_failure" -> store.takeFailure()?.let { json(it) }
        "mark_failed" -> store.markFailed(id(this))
        "delete" -> store.delete(id(this))
        "forget_failure" -> store.forgetFailure(text("version"))
        "find" -> store.find(text("digest"))?.let { nameOf(it.id) }
        "verify_bundle" -> store.verifyBundleBlocking(id(this)).map { it.path }.sorted()
        "clean" -> store.cleanBlocking(KeepRules(newest = number("newest"), maxTotal = number("max_total")))
            .removed.map { nameOf(it.id) }.sorted()
        "sweep" -> store.sweepBlocking()
        "staged" -> File(path("store"), "staging").list().orEmpty().count { !it.endsWith(".lock") }
        "device_id_is_uuid" -> UUID.fromString(store.deviceId()).let { it.version() == 4 && it.toString() == store.deviceId() }
        "adopt" -> migrateCapgo(this, store)
        else -> error("there is no operation $operation")
    }
}

private fun CaseRunner.options(arguments: Arguments): StoreOptions = with(arguments) {
    val proof = value("required_proof")
    StoreOptions(
        requiredProof = when {
            proof == null || (proof.isJsonPrimitive && proof.asString == "digest") -> RequiredProof.Digest
            proof.isJsonPrimitive && proof.asString == "release" -> RequiredProof.Release
            else -> RequiredProof.CapgoSigned(path(proof.asJsonObject["capgo_signed"].asString).readText())
        },
        bundles = optional("bundles")?.let { path(it).path },
        attempts = number("attempts") ?: 2,
        silentStarts = number("silent_starts") ?: 3,
        appReadyTimeoutMs = number("app_ready_timeout_ms") ?: 10_000,
        resetWhenNativeChanges = flag("reset_when_native_changes") ?: true,
        autoDeleteFailed = flag("auto_delete_failed") ?: true,
        autoDeletePrevious = flag("auto_delete_previous") ?: true,
        limits = limits(value("limits")),
        lockTimeoutMs = number("lock_timeout_ms") ?: 10_000,
        spaceMargin = number("space_margin") ?: 33_554_432,
        verifyAtLaunchMs = number("verify_at_launch_ms"),
        builtInSequence = number("built_in_sequence"),
    )
}

private fun CaseRunner.install(arguments: Arguments): Any = with(arguments) {
    val named = optional("archive")
    val archive = named?.let(archives::getValue) ?: path(text("file")).path.let { file ->
        VerifiedArchive.fromDigestBlocking(file, sha256OfFileBlocking(file))
    }
    val bundle = NewBundle(
        version = text("version"),
        native = NativeRange(optional("min_native"), optional("max_native")),
        link = optional("link"),
        comment = optional("comment"),
        sequence = number("sequence"),
    )
    val name = optional("as")
    try {
        val record = store!!.installBlocking(archive, bundle)
        name?.let { bundles[it] = record.id }
        json(record)
    } finally {
        if (named == null) archive.close()
    }
}

private fun CaseRunner.damage(arguments: Arguments) {
    val file = arguments.optional("file")?.let(::path) ?: File(folderOf(arguments), arguments.text("path"))
    file.writeText(arguments.text("text"))
}

private fun CaseRunner.folderOf(arguments: Arguments): File = File(store!!.folder(id(arguments)))

private fun CaseRunner.confirm(arguments: Arguments, store: Store): Any {
    val bundle = arguments.value("bundle")?.let { bundleRef(arguments) } ?: store.served()!!.bundle
    return when (val confirmation = store.confirm(bundle)) {
        Confirmation.Proven -> "proven"
        Confirmation.AlreadyProven -> "already_proven"
        Confirmation.BuiltIn -> "builtin"
        is Confirmation.Ignored -> json("ignored" to nameOf(confirmation.current))
        Confirmation.Other -> "other"
    }
}

private fun CaseRunner.migrateCapgo(arguments: Arguments, store: Store): Any = with(arguments) {
    val migration = store.migrateCapgoBlocking(
        CapgoBundles(
            folder = path(text("folder")).path,
            infos = array("infos")!!.map { it.asString },
            current = optional("current"),
            fallback = optional("fallback"),
            next = optional("next"),
            nativeBuild = optional("native_build"),
        ),
    )
    json(
        "bundles" to migration.bundles.map { it.version }.sorted(),
        "failed" to migration.failed.map { it.version }.sorted(),
        "skipped" to migration.skipped.size,
    )
}

internal fun native(arguments: Arguments) =
    NativeApp(arguments.optional("version") ?: "1.0.0", arguments.optional("build") ?: "1")

private fun CaseRunner.id(arguments: Arguments): String = arguments.text("bundle").let { bundles[it] ?: it }

private fun CaseRunner.bundleRef(arguments: Arguments): BundleRef =
    id(arguments).let { if (it == "builtin") BundleRef.BuiltIn else BundleRef.Bundle(it) }

private fun CaseRunner.nameOf(bundle: BundleRef): String = when (bundle) {
    BundleRef.BuiltIn -> "builtin"
    is BundleRef.Bundle -> nameOf(bundle.id)
}

internal fun CaseRunner.nameOf(id: String): String = bundles.entries.find { it.value == id }?.key ?: id

internal fun CaseRunner.json(record: BundleRecord): JsonObject = json(
    "bundle" to nameOf(record.id),
    "version" to record.version,
    "files" to record.files,
    "link" to record.link,
    "comment" to record.comment,
    "sequence" to record.sequence,
    "digest" to record.digest,
    "release" to record.release?.sequence,
)

private fun CaseRunner.json(launch: Launch): JsonObject = json(
    "bundle" to nameOf(launch.bundle),
    "version" to launch.version,
    "on_trial" to launch.onTrial,
    "reason" to wireName(launch.reason),
    "failed" to launch.failed?.let { nameOf(it.id) },
)

private fun CaseRunner.json(failed: FailedBundle): JsonObject =
    json("bundle" to nameOf(failed.id), "version" to failed.version, "cause" to wireName(failed.cause))
