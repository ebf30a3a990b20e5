package dev.capbundle.example

import dev.capbundle.BundleRecord
import dev.capbundle.BundleStatus
import dev.capbundle.CancelToken
import dev.capbundle.CapBundleException
import dev.capbundle.CapgoBundles
import dev.capbundle.ChecksumForm
import dev.capbundle.Confirmation
import dev.capbundle.ApplyCondition
import dev.capbundle.ExpectedProof
import dev.capbundle.InstalledBundle
import dev.capbundle.Launch
import dev.capbundle.NativeApp
import dev.capbundle.NewBundle
import dev.capbundle.RemoteArchive
import dev.capbundle.RequiredProof
import dev.capbundle.BundleRef
import dev.capbundle.Store
import dev.capbundle.StoreOptions
import dev.capbundle.VerifyingKey
import dev.capbundle.decryptUnverifiedBlocking
import dev.capbundle.installFrom
import dev.capbundle.logTo
import dev.capbundle.sha256OfFileBlocking
import dev.capbundle.signedDigest
import java.io.File

/*
 * The code of Capgo's plugin on capbundle, in one file to copy. The names are those of @capgo/capacitor-updater's Android sources, so
 * that callers change little. It verifies what the plugin did not; each place says so.
 */

/** `CryptoCipher` of the plugin: the same names, arguments and results. */
object CryptoCipher {
    /**
     * Decrypts a downloaded archive in place.
     *
     * The plugin returned silently and left the file unchanged if the key was not PKCS#1 or `ivSessionKey` was
     * malformed. Here both throw. The result is not verified yet: compare [calcChecksum] with
     * [decryptChecksum], or better leave all of it to [CapgoUpdater.finishDownload].
     */
    @JvmStatic
    @Throws(CapBundleException::class)
    fun decryptFile(file: File, publicKey: String, ivSessionKey: String) {
        VerifyingKey.fromPem(publicKey).use { key ->
            // The file is replaced atomically, after it was decrypted completely.
            decryptUnverifiedBlocking(file.path, file.path, ivSessionKey, key)
        }
    }

    /**
     * The digest in a signed checksum.
     *
     * The plugin accepted a checksum without a signature as the digest itself, which anyone can forge. Here
     * that throws `NotTrusted`.
     */
    @JvmStatic
    @Throws(CapBundleException::class)
    fun decryptChecksum(checksum: String, publicKey: String): String =
        VerifyingKey.fromPem(publicKey).use { key -> signedDigest(checksum, ChecksumForm.V3, key) }

    /** SHA-256 of a file, as 64 hexadecimal digits. */
    @JvmStatic
    @Throws(CapBundleException::class)
    fun calcChecksum(file: File): String = sha256OfFileBlocking(file.path)

    /**
     * The id that Capgo's servers compare: the same for PKCS#1 and SPKI, for which the plugin returned
     * different ids.
     */
    @JvmStatic
    @Throws(CapBundleException::class)
    fun calcKeyId(publicKey: String): String = VerifyingKey.fromPem(publicKey).use(VerifyingKey::capgoKeyId)
}

/** What the plugin passes to JavaScript about a bundle. */
data class BundleInfo(val id: String, val version: String, val checksum: String, val status: String)

/** The host's web view; on Android `bridge.setServerBasePath` and a reload. */
fun interface WebViewHost {
    /** Reloads the page from this folder or, for `null`, from the app's own assets. */
    fun serve(folder: File?)
}

/** What Capgo's plugin kept in the preferences «CapWebViewSettings», for migration by [CapgoUpdater.load]. */
data class CapgoPreferences(
    /** The values of all keys that end with `_info`. */
    val infos: List<String>,
    val serverBasePath: String?,
    val pastVersion: String?,
    val nextVersion: String?,
    val latestNativeBuildVersion: String?,
)

/**
 * `CapgoUpdater` of the plugin, for bundles on the device: unzip, flatten, set, next, reset and
 * `notifyAppReady`, on a store that survives crashes.
 *
 * @param filesDir `context.getFilesDir()`: bundles stay in `versions/<id>`, from which Capacitor serves them.
 * @param noBackupFilesDir `context.getNoBackupFilesDir()`: the store's own files.
 * @param publicKey the app's key, or `null` for an app without one.
 */
class CapgoUpdater(
    filesDir: File,
    noBackupFilesDir: File,
    private val publicKey: String?,
    private val native: NativeApp,
    private val host: WebViewHost,
    log: (String) -> Unit = {},
) : AutoCloseable {
    private val versions = File(filesDir, "versions")
    private val root = File(noBackupFilesDir, "capbundle")

    private val store = Store.open(
        root.path,
        StoreOptions(
            // With a key nothing unsigned is ever installed, whatever a server leaves out.
            requiredProof = publicKey?.let { RequiredProof.CapgoSigned(it) } ?: RequiredProof.Digest,
            bundles = versions.path,
        ),
        logTo { _, message -> log(message) },
    )

    /** The bundle of the loaded page. */
    @Volatile
    private var shown: BundleRef = BundleRef.BuiltIn

    /**
     * In the plugin's `load()`: migrates the plugin's state (pass `null` after that), and serves
     * the launched bundle.
     */
    fun load(capgo: CapgoPreferences? = null): Launch {
        capgo?.let(::migrate)
        return store.launch(native).also(::serve)
    }

    private fun migrate(capgo: CapgoPreferences) {
        store.migrateCapgoBlocking(
            CapgoBundles(
                folder = versions.path,
                infos = capgo.infos,
                current = capgo.serverBasePath?.let { File(it).name },
                fallback = capgo.pastVersion,
                next = capgo.nextVersion,
                nativeBuild = capgo.latestNativeBuildVersion,
            ),
        )
    }

    /**
     * Decrypts, verifies, unpacks, flattens and installs a complete download, then deletes the file.
     *
     * Replaces `finishDownload` with `decryptFile`, `decryptChecksum`, `unzip` and `flattenAssets`. The plugin
     * accepted a bundle without a session key by its plain checksum although the app has a key, and, in an app
     * without a key, one without a checksum. Both throw here before the archive is read.
     */
    fun finishDownload(file: File, version: String, sessionKey: String, checksum: String): BundleInfo =
        try {
            info(store.installFileBlocking(file.path, proof(sessionKey, checksum), NewBundle(version)))
        } finally {
            file.delete()
        }

    /**
     * Downloads a bundle and does all of the above. Blocks; [cancel] stops it from another thread, and [notify]
     * receives percents.
     *
     * The plugin restarted a download when the connection broke, and accepted any file that a server sent. Here
     * the next call resumes, and nothing is read before it is verified.
     */
    @JvmOverloads
    fun download(
        url: String,
        version: String,
        sessionKey: String,
        checksum: String,
        cancel: CancelToken? = null,
        notify: (Int) -> Unit = {},
    ): BundleInfo {
        val archive = RemoteArchive(url, proof(sessionKey, checksum), NewBundle(version))
        val record = installFrom(store, archive, cancel, { if (it.total > 0) notify((it.done * 100 / it.total).toInt()) })
        return info(record)
    }

    private fun proof(sessionKey: String, checksum: String): ExpectedProof = when (publicKey) {
        null -> ExpectedProof.Digest(checksum)
        else -> ExpectedProof.CapgoEncrypted(sessionKey, checksum, ChecksumForm.V3, publicKey)
    }

    /**
     * Whether a bundle failed on this device; check it before a download. The plugin downloaded such a bundle
     * again each time.
     */
    fun hasFailed(version: String): Boolean = store.failureOf(version) != null

    /** Makes a bundle current and reloads the page. */
    fun set(id: String) = serve(store.setCurrent(bundleRef(id)))

    /** Serves a bundle from the next start, or when the app enters the background. */
    fun next(id: String): BundleInfo {
        store.setNext(bundleRef(id))
        return getBundleInfo(id)
    }

    /** Returns to the built-in bundle or to the last one that worked, and reloads the page. */
    fun reset(toLastSuccessful: Boolean) = serve(store.reset(toLastSuccessful))

    /** The served bundle. */
    fun current(): BundleInfo = when (val bundle = store.served()?.bundle ?: BundleRef.BuiltIn) {
        BundleRef.BuiltIn -> builtIn
        is BundleRef.Bundle -> getBundleInfo(bundle.id)
    }

    /** The next bundle. */
    fun getNextBundle(): BundleInfo? = store.next()?.let { next -> if (next is BundleRef.Bundle) getBundleInfo(next.id) else builtIn }

    fun list(): List<BundleInfo> = store.list().map(::info)

    /**
     * Refuses the current, next, fallback and served bundles: the plugin deleted a bundle whose page was being
     * loaded.
     */
    fun delete(id: String) = store.delete(id)

    /** The newest failure, returned once. */
    fun getFailedUpdate(): BundleInfo? = store.takeFailure()?.let { failed ->
        BundleInfo(failed.id, failed.version, failed.digest.orEmpty(), "error")
    }

    fun setMultiDelay(delays: List<ApplyCondition>) = store.setDelays(delays)

    /**
     * The web view shows another page (`onPageStarted`): the bundle last passed to the host, not the page
     * before it. Returns how long the page has to call [notifyAppReady], or `null`.
     */
    fun onPageStarted(): Long? {
        shown = store.served()?.bundle ?: BundleRef.BuiltIn
        (shown as? BundleRef.Bundle)?.let { store.trialStarted(it.id) }
        return store.readyDeadlineMs()
    }

    /**
     * The page works. The call does not say which bundle it belongs to, so the page that started last counts.
     *
     * The plugin credited the bundle that was current at the call: a late call of the old page proved its
     * successor.
     */
    fun notifyAppReady(): Boolean = when (store.confirm(shown)) {
        Confirmation.Proven, Confirmation.AlreadyProven, Confirmation.BuiltIn -> true
        is Confirmation.Ignored, Confirmation.Other -> false
    }

    /** The time that [onPageStarted] returned is over, or the renderer died. */
    fun checkRevert() {
        (shown as? BundleRef.Bundle)?.let { bundle -> store.trialExpired(bundle.id)?.let(::serve) }
    }

    fun appMovedToBackground() {
        // The system may freeze or end the process here: nothing counts against a bundle until the app returns.
        store.enteredBackground()
        store.applyNext(native)?.let(::serve)
    }

    fun appMovedToForeground() {
        store.enteredForeground(native)
    }

    override fun close() = store.close()

    private fun serve(launch: Launch) = host.serve(launch.folder?.let(::File))

    private fun bundleRef(id: String): BundleRef = if (id == BUILT_IN) BundleRef.BuiltIn else BundleRef.Bundle(id)

    /** Throws `NotFound` where the plugin invented a bundle named «unknown». */
    fun getBundleInfo(id: String): BundleInfo = if (id == BUILT_IN) builtIn else info(store.get(id))

    private fun info(record: BundleRecord): BundleInfo {
        val isProven = store.list().any { it.record.id == record.id && it.status == BundleStatus.PROVEN }
        return BundleInfo(record.id, record.version, record.digest.orEmpty(), if (isProven) "success" else "pending")
    }

    private fun info(bundle: InstalledBundle): BundleInfo = with(bundle) {
        BundleInfo(record.id, record.version, record.digest.orEmpty(), if (status == BundleStatus.PROVEN) "success" else "pending")
    }

    private val builtIn = BundleInfo(BUILT_IN, BUILT_IN, "", "success")

    private companion object {
        const val BUILT_IN = "builtin"
    }
}
