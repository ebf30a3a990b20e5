package dev.capbundle.example

// The code of docs/android.md, "Updates from a static channel": compiled here, and a test compares the two.

// guide: channel
import dev.capbundle.*
import java.io.File

/** Updates from plain files on a web server, a bucket or a CDN, signed by keys of the ring that the app ships. */
class ChannelUpdates(
    filesDir: File,
    noBackupFilesDir: File,
    site: String,
    /** The contents of files in the app's assets. */
    ring: String,
    contentKey: String,
    native: NativeApp,
    /** The sequence of the release that the app's own web assets are. */
    builtIn: Long,
) : AutoCloseable {
    /** Open it once for each process, at its start, before the web view is created. */
    val store: Store = Store.open(
        File(noBackupFilesDir, "capbundle").path,
        StoreOptions(RequiredProof.Release, bundles = File(filesDir, "versions").path, builtInSequence = builtIn),
    )
    private val key = ContentKey.fromPem(contentKey)
    private val release = ReleaseOptions("com.example.app", "production", ring, native.version, listOf(key))
    private val source = ChannelSource(site, release)

    /** Call it at any time: checks for an update and installs it. The bundle is served from the next start on. */
    suspend fun update(log: (String) -> Unit) {
        val update = store.updateFromChannel(source)
        update.skipped.forEach { log("release ${it.sequence} is refused: ${it.message}") }
        when (val outcome = update.outcome) {
            is ChannelOutcome.Installed -> log("${outcome.bundle.version} comes next")
            is ChannelOutcome.UpToDate -> log("${outcome.bundle.version} is the newest for this device")
            is ChannelOutcome.BuiltInNext -> log("release ${outcome.sequence} returns to the built-in bundle, which comes next")
            else -> log("nothing new for this device")
        }
    }

    override fun close() {
        store.close()
        key.close()
    }
}
// guide: end
