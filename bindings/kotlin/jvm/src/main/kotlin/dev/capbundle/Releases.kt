package dev.capbundle

import java.io.File
import kotlinx.coroutines.flow.Flow

// Signed releases, as `suspend` functions on an IO thread. Cancelling the coroutine ends the transfer.

/**
 * Checks a static channel and, if it has a release for this device, downloads it, installs it and makes it
 * next.
 *
 * A refused release is not an error but listed in the result, because the channel may offer another one. The
 * next call resumes a download that failed or was cancelled.
 *
 * @see Store.updateFromChannelBlocking
 */
suspend fun Store.updateFromChannel(
    source: ChannelSource,
    transport: HttpTransport = UrlConnectionTransport(),
    options: DownloadOptions = DownloadOptions(),
    onProgress: ProgressListener? = null,
): ChannelUpdate = cancellable(onProgress) { cancel, progress ->
    updateFromChannelBlocking(transport, source, options, cancel, progress)
}

/** [Store.updateFromChannel] as a [Flow]. */
fun Store.updatingFromChannel(
    source: ChannelSource,
    transport: HttpTransport = UrlConnectionTransport(),
    options: DownloadOptions = DownloadOptions(),
): Flow<Step<ChannelUpdate>> = stepsOf { updateFromChannel(source, transport, options, it) }

/**
 * Installs a release from files that the app downloaded itself: its [envelope], the [archive] as published and
 * the file list. The archive stays the app's. [Store.checkRelease] tells before a download whether the release
 * would be accepted, and where the files are.
 *
 * @see Store.installReleaseBlocking
 */
suspend fun Store.installRelease(
    envelope: ByteArray,
    archive: File,
    fileList: ByteArray,
    options: ReleaseOptions,
    onProgress: ProgressListener? = null,
): BundleRecord = cancellable(onProgress) { cancel, progress ->
    installReleaseBlocking(envelope, archive.path, fileList, options, cancel, progress)
}
