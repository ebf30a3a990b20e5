package dev.capbundle

import java.io.File
import kotlinx.coroutines.flow.Flow

// Network operations as `suspend` functions on an IO thread. Cancelling the coroutine ends the transfer.

/**
 * Downloads an archive, verifies it and installs it. It is served once it is set as next or current.
 *
 * The next call for the same archive resumes a download that failed or was cancelled.
 *
 * @see Store.installFromBlocking
 */
suspend fun Store.installFrom(
    archive: RemoteArchive,
    transport: HttpTransport = UrlConnectionTransport(),
    options: DownloadOptions = DownloadOptions(),
    onProgress: ProgressListener? = null,
): BundleRecord = cancellable(onProgress) { cancel, progress ->
    installFromBlocking(transport, archive, options, cancel, progress)
}

/** [Store.installFrom] as a [Flow]. */
fun Store.installingFrom(
    archive: RemoteArchive,
    transport: HttpTransport = UrlConnectionTransport(),
    options: DownloadOptions = DownloadOptions(),
): Flow<Step<BundleRecord>> = stepsOf { installFrom(archive, transport, options, it) }

/**
 * Verifies and installs an archive that the app downloaded itself, for example with `DownloadManager` or
 * `WorkManager`. The file stays the app's.
 *
 * @see Store.installFileBlocking
 */
suspend fun Store.installFile(
    file: File,
    proof: ExpectedProof,
    bundle: NewBundle,
    onProgress: ProgressListener? = null,
): BundleRecord = cancellable(onProgress) { cancel, progress ->
    installFileBlocking(file.path, proof, bundle, cancel, progress)
}

/**
 * Downloads a file into [folder], which must exist and be private to the app. On a device use
 * [Store.installFrom]; this is for everything else.
 *
 * @see downloadBlocking
 */
suspend fun download(
    file: RemoteFile,
    folder: File,
    transport: HttpTransport = UrlConnectionTransport(),
    options: DownloadOptions = DownloadOptions(),
    onProgress: ProgressListener? = null,
): Downloaded = cancellable(onProgress) { cancel, progress ->
    downloadBlocking(transport, file, folder.path, options, cancel, progress)
}

/** [download] as a [Flow]. */
fun downloading(
    file: RemoteFile,
    folder: File,
    transport: HttpTransport = UrlConnectionTransport(),
    options: DownloadOptions = DownloadOptions(),
): Flow<Step<Downloaded>> = stepsOf { download(file, folder, transport, options, it) }
