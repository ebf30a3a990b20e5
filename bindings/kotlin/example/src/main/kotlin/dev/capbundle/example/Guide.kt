@file:Suppress("ktlint:standard:no-wildcard-imports")

package dev.capbundle.example

// The code of docs/android.md: compiled here, and a test compares the two.

// guide: updates
import android.util.Log
import dev.capbundle.*
import java.io.File
import kotlinx.coroutines.*

/** The store of the process, and what its web view shows. Calls may come from any thread. */
class Updates(
    filesDir: File,
    noBackupFilesDir: File,
    private val publicKey: String,
    private val native: NativeApp,      // versionName, versionCode
    private val scope: CoroutineScope,
) : AutoCloseable {
    /** Reloads the page from this folder or, for `null`, from the app's own assets. */
    @Volatile
    var serve: (String?) -> Unit = {}

    // The public key says what this app accepts; no server can change that.
    private val store = Store.open(
        File(noBackupFilesDir, "capbundle").path,
        StoreOptions(RequiredProof.CapgoSigned(publicKey), bundles = File(filesDir, "versions").path),
        logTo { level, message -> Log.i("capbundle", "$level $message") },
    )
    private var served: BundleRef = BundleRef.BuiltIn    // what the web view was last asked to load
    private var page: BundleRef = BundleRef.BuiltIn      // what the page in it was loaded from
    private var timer: Job? = null

    /** When the plugin is loaded, before the web view starts: the folder to serve, or `null` for the app's own assets. Evaluates crashes. */
    @Synchronized
    fun launch(): String? = store.launch(native).also { served = it.bundle }.folder

    /** `onPageStarted`: the page changed. From now on a crash counts against a bundle on trial, and the time to confirm runs. */
    @Synchronized
    fun pageStarted() {
        page = served
        startTrial()
    }

    private fun startTrial() {
        timer?.cancel()
        val bundle = page as? BundleRef.Bundle ?: return
        if (!store.trialStarted(bundle.id)) return          // proven, or not of this session
        val deadline = store.readyDeadlineMs() ?: return
        timer = scope.launch {
            delay(deadline)
            try {
                trialFailed()
            } catch (error: CapBundleException) {
                Log.w("capbundle", "$error")                // a full disk, for example: the next launch decides
            }
        }
    }

    /** The page called `notifyAppReady()`. It proves the bundle that it was loaded from, and no other. */
    @Synchronized
    fun ready() {
        when (store.confirm(page)) {
            Confirmation.Proven, Confirmation.AlreadyProven, Confirmation.BuiltIn -> timer?.cancel()
            is Confirmation.Ignored, Confirmation.Other -> Unit    // the page is being replaced: nothing changed
        }
    }

    /** The page did not confirm in time, or `onRenderProcessGone`: goes back to the bundle that works, within this session. */
    @Synchronized
    fun trialFailed() {
        val bundle = page as? BundleRef.Bundle ?: return
        store.trialExpired(bundle.id)?.let(::show)          // null: it has confirmed
    }

    /** The app is no longer visible. Android may end the process now, which does not count against the bundle. */
    @Synchronized
    fun enteredBackground() {
        timer?.cancel()
        store.enteredBackground()
        store.applyNext(native)?.let(::show)                // an update that was waiting for this moment
    }

    /** The app is visible again. A page that has not confirmed gets its full time again. */
    @Synchronized
    fun enteredForeground() {
        store.enteredForeground(native)
        startTrial()
    }

    private fun show(launch: Launch) {
        served = launch.bundle
        serve(launch.folder)
    }

    /** Installs an update. Cancelling the coroutine stops it, and the next call resumes the download. */
    suspend fun update(url: String, version: String, sessionKey: String, checksum: String, progress: (ProgressUpdate) -> Unit = {}) {
        val proof = ExpectedProof.CapgoEncrypted(sessionKey, checksum, ChecksumForm.V3, publicKey)
        val record = store.installFrom(RemoteArchive(url, proof, NewBundle(version)), onProgress = progress)
        store.io { setNext(BundleRef.Bundle(record.id)) }        // applied in the background, or at the next start
    }

    /** The same for a file that something else downloaded, `DownloadManager` for example. */
    suspend fun downloaded(file: File, version: String, sessionKey: String, checksum: String) {
        val proof = ExpectedProof.CapgoEncrypted(sessionKey, checksum, ChecksumForm.V3, publicKey)
        val record = store.installFile(file, proof, NewBundle(version))
        store.io { setNext(BundleRef.Bundle(record.id)) }
        file.delete()
    }

    override fun close() = store.close()
}
// guide: end

// guide: errors
suspend fun tryUpdate(updates: Updates, url: String, version: String, sessionKey: String, checksum: String): String =
    try {
        updates.update(url, version, sessionKey, checksum)
        "$version comes next"
    } catch (error: CapBundleException) {
        when (error.kind) {
            ErrorKind.NO_SPACE -> "The device is full: ${error.message}"
            ErrorKind.NOT_TRUSTED, ErrorKind.SIGNATURE_INVALID, ErrorKind.DIGEST_MISMATCH ->
                "Not from us, and not installed: ${error.message}"      // a retry does not help
            else -> "Try again later: ${error.message}"
        }
    }
// guide: end
