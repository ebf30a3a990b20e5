package dev.capbundle

import java.io.File
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.channelFlow

/** What a [Flow] of a long operation emits: how far it has come, and at last its result. */
sealed interface Step<out T> {
    /** It goes on. */
    data class Working(
        /** How far it has come. */
        val progress: ProgressUpdate,
    ) : Step<Nothing>

    /** It is done; nothing follows. */
    data class Done<T>(
        /** What came of it. */
        val result: T,
    ) : Step<T>
}

/**
 * Any long operation as a cold [Flow]: collecting it does the work, ceasing to collect cancels it.
 *
 * ```
 * stepsOf { store.install(archive, bundle, it) }.collect { step -> … }
 * ```
 *
 * Progress that nobody collects in time is dropped; the work does not wait for the screen.
 */
fun <T> stepsOf(work: suspend (ProgressListener) -> T): Flow<Step<T>> = channelFlow {
    // Failing to send means that the buffer is full: an older update is about to be seen, and a newer one will come.
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
