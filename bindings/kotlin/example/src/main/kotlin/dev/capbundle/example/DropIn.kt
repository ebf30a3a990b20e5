package dev.capbundle.example

import dev.capbundle.BundleRecord
import dev.capbundle.CapBundleException
import dev.capbundle.CapgoBundles
import dev.capbundle.ChecksumForm
import dev.capbundle.ExpectedProof
import dev.capbundle.Load
import dev.capbundle.LoadListener
import dev.capbundle.NativeApp
import dev.capbundle.NewBundle
import dev.capbundle.RequiredProof
import dev.capbundle.Store
import dev.capbundle.StoreOptions
import dev.capbundle.Updater
import dev.capbundle.UpdaterOptions
import dev.capbundle.VerifyingKey
import dev.capbundle.decryptUnverifiedBlocking
import dev.capbundle.logTo
import dev.capbundle.sha256OfFileBlocking
import dev.capbundle.signedDigest
import java.io.File

/*
 * For a fork of Capgo's plugin: what stands in place of its CryptoCipher and CapgoUpdater, in one file to copy. The names are those
 * of @capgo/capacitor-updater's Android sources. It verifies what the plugin did not; each place says so. A new plugin is shorter:
 * see UpdaterPlugin.kt.
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

/** The host's web view; on Android `bridge.setServerBasePath` and a reload. */
fun interface WebViewHost {
    /** Reloads the page from this folder or, for `null`, from the app's own assets. Called on any thread. */
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
 * `CapgoUpdater` of the plugin, on an updater: it decides what is served and when, survives crashes, and has the methods of
 * the plugin in [call].
 *
 * @param filesDir `context.getFilesDir()`: bundles stay in `versions/<id>`, from which Capacitor serves them.
 * @param noBackupFilesDir `context.getNoBackupFilesDir()`: the store's own files.
 * @param publicKey the app's key, or `null` for an app without one. With a key nothing unsigned is ever installed, whatever a
 * server leaves out.
 * @param options the server or channel, and when to check and apply.
 */
class CapgoUpdater(
    filesDir: File,
    noBackupFilesDir: File,
    private val publicKey: String?,
    options: UpdaterOptions,
    private val host: WebViewHost,
    appReadyTimeoutMs: Long = 10_000,
    log: (String) -> Unit = {},
) : AutoCloseable {
    private val versions = File(filesDir, "versions")

    private val store = Store.open(
        File(noBackupFilesDir, "capbundle").path,
        StoreOptions(
            requiredProof = publicKey?.let { RequiredProof.CapgoSigned(it) } ?: RequiredProof.Digest,
            bundles = versions.path,
            appReadyTimeoutMs = appReadyTimeoutMs,
        ),
        logTo { _, message -> log(message) },
    )

    /** For its events, and its `suspend` calls. */
    val updater = Updater(store, options).also { it.onLoad = LoadListener(::show) }

    /** What the web view was given last. */
    @Volatile
    private lateinit var loaded: Load

    /** In the plugin's `load()`: migrates the plugin's state (pass `null` after that), and serves the launched bundle. */
    fun load(native: NativeApp, capgo: CapgoPreferences? = null): Load {
        capgo?.let(::migrate)
        return updater.start(native).also(::show)
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

    /** `onPageStarted` of the web view. */
    fun onPageStarted() = updater.pageStarted(loaded)

    /** `onRenderProcessGone` of the web view. The updater itself ends the trial of a page that is not ready in time. */
    fun onPageCrashed() {
        updater.pageCrashed()?.let(::show)
    }

    /** Serves the update that waited for this moment. Nothing counts against a bundle until the app returns. */
    fun appMovedToBackground() {
        updater.background()?.let(::show)
    }

    fun appMovedToForeground() {
        updater.foreground()?.let(::show)
    }

    /**
     * A method of the plugin: `call("next", """{"id":"…"}""")`. Returns what its promise resolves to, as JSON; throws
     * `CallRejection` with what it is rejected with. Blocks.
     *
     * `notifyAppReady` counts for the bundle of the page that started last: the plugin credited the bundle that was current at
     * the call, so that a late call of the old page proved its successor. `download` resumes, and refuses what is not verified
     * or failed on this device before.
     */
    fun call(method: String, arguments: String = "{}"): String = updater.callBlocking(method, arguments)

    /**
     * Verifies, decrypts, unpacks, flattens and installs a file that the app downloaded itself, then deletes the file.
     *
     * The plugin accepted a bundle without a session key by its plain checksum although the app has a key, and, in an app
     * without a key, one without a checksum. Both throw here before the archive is read.
     */
    fun finishDownload(file: File, version: String, sessionKey: String, checksum: String): BundleRecord =
        try {
            store.installFileBlocking(file.path, proof(sessionKey, checksum), NewBundle(version))
        } finally {
            file.delete()
        }

    private fun proof(sessionKey: String, checksum: String): ExpectedProof = when (publicKey) {
        null -> ExpectedProof.Digest(checksum)
        else -> ExpectedProof.CapgoEncrypted(sessionKey, checksum, ChecksumForm.V3, publicKey)
    }

    private fun show(load: Load) {
        loaded = load
        host.serve(load.folder?.let(::File))
    }

    override fun close() {
        updater.close()
        store.close()
    }
}
