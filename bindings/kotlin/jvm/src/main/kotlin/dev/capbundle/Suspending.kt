package dev.capbundle

import java.io.File
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

// Long operations as `suspend` functions on an IO thread. Cancelling the coroutine cancels the work in Rust.

/**
 * Verifies that [file] has the SHA-256 [digest], which came over a trusted channel.
 *
 * @see VerifiedArchive.Companion.fromDigestBlocking
 */
suspend fun VerifiedArchive.Companion.fromDigest(
    file: File,
    digest: String,
    onProgress: ProgressListener? = null,
): VerifiedArchive = cancellable(onProgress) { cancel, progress -> fromDigestBlocking(file.path, digest, cancel, progress) }

/**
 * Decrypts an archive in Capgo's v2 format and verifies that the plain bytes match the signed [checksum].
 *
 * @see VerifiedArchive.Companion.decryptCapgoBlocking
 */
suspend fun VerifiedArchive.Companion.decryptCapgo(
    encrypted: File,
    staging: File,
    ivSessionKey: String,
    checksum: String,
    key: VerifyingKey,
    form: ChecksumForm = ChecksumForm.V3,
    onProgress: ProgressListener? = null,
): VerifiedArchive = cancellable(onProgress) { cancel, progress ->
    decryptCapgoBlocking(encrypted.path, staging.path, ivSessionKey, checksum, form, key, cancel, progress)
}

/**
 * Verifies an archive that is signed but not encrypted. Use it only if local configuration says that a
 * signature is sufficient.
 *
 * @see VerifiedArchive.Companion.verifySignedOnlyBlocking
 */
suspend fun VerifiedArchive.Companion.verifySignedOnly(
    file: File,
    checksum: String,
    key: VerifyingKey,
    form: ChecksumForm = ChecksumForm.V3,
    onProgress: ProgressListener? = null,
): VerifiedArchive = cancellable(onProgress) { cancel, progress ->
    verifySignedOnlyBlocking(file.path, checksum, form, key, cancel, progress)
}

/**
 * Unpacks into the new folder [to]. On a device use [Store.install]; this is for everything else.
 *
 * @see VerifiedArchive.unpackBlocking
 */
suspend fun VerifiedArchive.unpack(
    to: File,
    limits: Limits? = null,
    onProgress: ProgressListener? = null,
): Unpacked = cancellable(onProgress) { cancel, progress ->
    unpackBlocking(to.path, limits, cancel = cancel, progress = progress)
}

/** Writes the plain archive to the file [to], atomically. */
suspend fun VerifiedArchive.copyTo(to: File): Unit = withContext(Dispatchers.IO) { copyToBlocking(to.path) }

/**
 * Unpacks a verified archive into this store. It is served once it is set as next or current.
 *
 * @see Store.installBlocking
 */
suspend fun Store.install(
    archive: VerifiedArchive,
    bundle: NewBundle,
    onProgress: ProgressListener? = null,
): BundleRecord = cancellable(onProgress) { cancel, progress -> installBlocking(archive, bundle, cancel, progress) }

/**
 * Compares every file of an installed bundle with what was installed. An empty result means that the bundle is
 * intact.
 *
 * @see Store.verifyBundleBlocking
 */
suspend fun Store.verifyBundle(id: String, onProgress: ProgressListener? = null): List<Damage> =
    cancellable(onProgress) { cancel, progress -> verifyBundleBlocking(id, cancel, progress) }

/**
 * Removes the files of deleted and failed bundles, and leftovers of crashes. The calls that delete only rename,
 * so that the caller does not wait; the next update also sweeps.
 *
 * @see Store.sweepBlocking
 */
suspend fun Store.sweep(): Unit = io { sweepBlocking() }

/** Removes the bundles that the rules do not keep, and leftovers of crashes and failures. */
suspend fun Store.clean(keep: KeepRules = KeepRules()): Cleaned = io { cleanBlocking(keep) }

/** Migrates the bundles of Capgo's plugin. Call it once, before the first launch. */
suspend fun Store.migrateCapgo(bundles: CapgoBundles): CapgoMigration = io { migrateCapgoBlocking(bundles) }

/** SHA-256 of a file of any size, as 64 hexadecimal digits. */
suspend fun sha256(file: File, onProgress: ProgressListener? = null): String =
    cancellable(onProgress) { cancel, progress -> sha256OfFileBlocking(file.path, cancel, progress) }

/** Reads the directory of an archive without unpacking or verifying it. */
suspend fun inspectArchive(file: File, limits: Limits? = null): Inspection =
    withContext(Dispatchers.IO) { inspectArchiveBlocking(file.path, limits) }

/** Checks a folder of web assets as the `capbundle` command does before it packs one. */
suspend fun checkFolder(
    folder: File,
    options: CheckOptions = CheckOptions(),
    onProgress: ProgressListener? = null,
): List<Finding> = cancellable(onProgress) { cancel, progress ->
    checkFolderBlocking(folder.path, options, cancel, progress)
}
