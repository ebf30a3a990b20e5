@file:JvmName("CapBundle")

package dev.capbundle

import java.io.File

// Functions for Java, with default arguments and lambdas as listeners. All of them block the calling thread.

/** Options with the defaults of [StoreOptions]. From Java: `CapBundle.storeOptions(new RequiredProof.CapgoSigned(pem))`. */
@JvmOverloads
fun storeOptions(
    requiredProof: RequiredProof,
    bundles: File? = null,
    attempts: Long = 2,
    appReadyTimeoutMs: Long = 10_000,
    resetWhenNativeChanges: Boolean = true,
    builtInSequence: Long? = null,
): StoreOptions = StoreOptions(
    requiredProof = requiredProof,
    bundles = bundles?.path,
    attempts = attempts,
    appReadyTimeoutMs = appReadyTimeoutMs,
    resetWhenNativeChanges = resetWhenNativeChanges,
    builtInSequence = builtInSequence,
)

/** [Store.Companion.open]. */
@JvmOverloads
@Throws(CapBundleException::class)
fun openStore(root: File, options: StoreOptions, log: LogListener? = null): Store =
    Store.open(root.path, options, log?.let(::logTo))

/** The metadata of a bundle to install. */
@JvmOverloads
fun newBundle(version: String, native: NativeRange? = null, link: String? = null, comment: String? = null): NewBundle =
    NewBundle(version, native, link, comment)

/** [VerifiedArchive.Companion.fromDigestBlocking]. */
@JvmOverloads
@Throws(CapBundleException::class)
fun verifyDigest(
    file: File,
    digest: String,
    cancel: CancelToken? = null,
    progress: ProgressListener? = null,
): VerifiedArchive = withObserver(progress) { VerifiedArchive.fromDigestBlocking(file.path, digest, cancel, it) }

/** [VerifiedArchive.Companion.decryptCapgoBlocking]. */
@JvmOverloads
@Throws(CapBundleException::class)
fun decryptCapgo(
    encrypted: File,
    staging: File,
    ivSessionKey: String,
    checksum: String,
    key: VerifyingKey,
    form: ChecksumForm = ChecksumForm.V3,
    cancel: CancelToken? = null,
    progress: ProgressListener? = null,
): VerifiedArchive = withObserver(progress) {
    VerifiedArchive.decryptCapgoBlocking(encrypted.path, staging.path, ivSessionKey, checksum, form, key, cancel, it)
}

/** [Store.installBlocking]. */
@JvmOverloads
@Throws(CapBundleException::class)
fun install(
    store: Store,
    archive: VerifiedArchive,
    bundle: NewBundle,
    cancel: CancelToken? = null,
    progress: ProgressListener? = null,
): BundleRecord = withObserver(progress) { store.installBlocking(archive, bundle, cancel, it) }

/** [Store.installFromBlocking], over the platform's own HTTP by default. */
@JvmOverloads
@Throws(CapBundleException::class)
fun installFrom(
    store: Store,
    archive: RemoteArchive,
    cancel: CancelToken? = null,
    progress: ProgressListener? = null,
    transport: HttpTransport = UrlConnectionTransport(),
    options: DownloadOptions = DownloadOptions(),
): BundleRecord = withObserver(progress) { store.installFromBlocking(transport, archive, options, cancel, it) }

/** [Store.installFileBlocking]. */
@JvmOverloads
@Throws(CapBundleException::class)
fun installFile(
    store: Store,
    file: File,
    proof: ExpectedProof,
    bundle: NewBundle,
    cancel: CancelToken? = null,
    progress: ProgressListener? = null,
): BundleRecord = withObserver(progress) { store.installFileBlocking(file.path, proof, bundle, cancel, it) }

/** An archive to download: `CapBundle.remoteArchive(url, proof, bundle)`. */
@JvmOverloads
fun remoteArchive(
    url: String,
    proof: ExpectedProof,
    bundle: NewBundle,
    headers: List<HttpHeader> = emptyList(),
    size: Long? = null,
): RemoteArchive = RemoteArchive(url, proof, bundle, headers, size)

/** Which releases an app accepts: `CapBundle.releaseOptions(appId, "production", ring, versionName)`. */
@JvmOverloads
fun releaseOptions(
    appId: String,
    channel: String,
    firstRing: String,
    nativeVersion: String,
    contentKeys: List<ContentKey> = emptyList(),
): ReleaseOptions = ReleaseOptions(appId, channel, firstRing, nativeVersion, contentKeys)

/** The source of an app's releases: `CapBundle.channelSource(site, options)`. */
@JvmOverloads
fun channelSource(
    site: String,
    release: ReleaseOptions,
    headers: List<HttpHeader> = emptyList(),
    deviceId: String? = null,
): ChannelSource = ChannelSource(site, release, headers, deviceId)

/** [Store.updateFromChannelBlocking], over the platform's own HTTP by default. */
@JvmOverloads
@Throws(CapBundleException::class)
fun updateFromChannel(
    store: Store,
    source: ChannelSource,
    cancel: CancelToken? = null,
    progress: ProgressListener? = null,
    transport: HttpTransport = UrlConnectionTransport(),
    options: DownloadOptions = DownloadOptions(),
): ChannelUpdate = withObserver(progress) { store.updateFromChannelBlocking(transport, source, options, cancel, it) }

/** [Store.installReleaseBlocking]. */
@JvmOverloads
@Throws(CapBundleException::class)
fun installRelease(
    store: Store,
    envelope: ByteArray,
    archive: File,
    fileList: ByteArray,
    options: ReleaseOptions,
    cancel: CancelToken? = null,
    progress: ProgressListener? = null,
): BundleRecord =
    withObserver(progress) { store.installReleaseBlocking(envelope, archive.path, fileList, options, cancel, it) }

/** [sha256OfFileBlocking]. */
@JvmOverloads
@Throws(CapBundleException::class)
fun sha256OfFile(file: File, cancel: CancelToken? = null, progress: ProgressListener? = null): String =
    withObserver(progress) { sha256OfFileBlocking(file.path, cancel, it) }
