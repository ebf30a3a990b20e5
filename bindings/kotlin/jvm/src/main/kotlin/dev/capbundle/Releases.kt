package dev.capbundle

import java.io.File
import kotlinx.coroutines.flow.Flow

// Signed releases, as `suspend` functions on an IO thread. Cancelling the coroutine ends the transfer.

/**
 * Looks at a static channel and, if it has a release for this device, downloads it, installs it and has it come next.
 *
 * What is refused is no error but told in the answer, since a channel may offer something else as well. What came of a download that
 * failed or was cancelled is gone on with by the next call.
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
 * Installs a release from files that the app downloaded itself: its [envelope], the [archive] as it was published and the list of its
 * files. The archive stays the app's. [Store.checkRelease] says beforehand whether it would be taken, and where these are.
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
