package dev.capbundle

import java.io.File
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.channelFlow

/** What a [Flow] of a long operation emits: its progress and finally its result. */
sealed interface Step<out T> {
    /** The operation is running. */
    data class Working(
        /** Its progress. */
        val progress: ProgressUpdate,
    ) : Step<Nothing>

    /** The operation is done; nothing follows. */
    data class Done<T>(
        /** Its result. */
        val result: T,
    ) : Step<T>
}

/**
 * Any long operation as a cold [Flow]: collecting it runs the operation, and cancelling the collection cancels
 * it.
 *
 * ```
 * stepsOf { store.install(archive, bundle, it) }.collect { step -> … }
 * ```
 *
 * Progress that is not collected in time is dropped; the operation does not wait for the collector.
 */
fun <T> stepsOf(work: suspend (ProgressListener) -> T): Flow<Step<T>> = channelFlow {
    // Sending fails if the buffer is full: an older update is about to be collected, and a newer one will
    // follow.
    val result = work { progress -> trySend(Step.Working(progress)) }
    send(Step.Done(result))
}

/** [Store.install] as a [Flow]. */
fun Store.installing(archive: VerifiedArchive, bundle: NewBundle): Flow<Step<BundleRecord>> =
    stepsOf { install(archive, bundle, it) }

/** [decryptCapgo] as a [Flow]. */
fun VerifiedArchive.Companion.decryptingCapgo(
    encrypted: File,
    staging: File,
    ivSessionKey: String,
    checksum: String,
    key: VerifyingKey,
    form: ChecksumForm = ChecksumForm.V3,
): Flow<Step<VerifiedArchive>> = stepsOf { decryptCapgo(encrypted, staging, ivSessionKey, checksum, key, form, it) }
