package dev.capbundle

import com.sun.jna.NativeLibrary
import java.io.File
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.runBlocking

/**
 * A small program that makes every kind of FFI call, for tests of a whole process. Its arguments: an archive, a folder and the
 * URL of a file.
 */
object EveryKindOfCall {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val (archive, folder) = arguments.take(2).map(::File)
        val before = Signals.now()
        val logged = AtomicInteger()
        val reports = AtomicInteger()
        val options = StoreOptions(RequiredProof.Digest, unpackThreads = 4)
        val threads = Store.open(folder.path, options, logTo { _, _ -> logged.incrementAndGet() }).use { store ->
            check(store.launch(NativeApp("1.0.0", "1")).bundle == BundleRef.BuiltIn)
            val error = runCatching { store.setNext(BundleRef.Bundle("AAAAAAAAAA")) }.exceptionOrNull()
            check(error is CapBundleException.NotFound && error.kind == ErrorKind.NOT_FOUND)
            check(panicOnPurpose("on purpose") == "bug in capbundle, please report it: on purpose")
            val record = runBlocking {
                val digest = sha256(archive) { reports.incrementAndGet() }
                VerifiedArchive.fromDigest(archive, digest).use { store.install(it, NewBundle("1.0.0")) }
            }
            val threads = threads()
            repeat(20) { store.verifyBundleBlocking(record.id, progress = ListenerObserver { reports.incrementAndGet() }) }
            check(store.list().single().status == BundleStatus.INSTALLED)
            repeat(3) {
                val file = downloadBlocking(UrlConnectionTransport(), RemoteFile(arguments[2]), folder.path)
                check(File(file.path).delete()) { "$file is not there" }
            }
            threads
        }
        check(logged.get() > 0 && reports.get() > 0) { "${logged.get()} lines, ${reports.get()} reports" }
        check(threads().size <= threads.size) { "${threads()} are there, $threads were" }
        check(Signals.now() == before) { "signals: $before became ${Signals.now()}" }
        println("done")
    }

    /** The message of the error of a panic in Rust. Not in the generated code: only libraries built for tests export the function. */
    fun panicOnPurpose(message: String): String? {
        val panic = NativeLibrary.getInstance(System.getProperty("uniffi.component.capbundle.libraryOverride"))
            .getFunction("uniffi_capbundle_fn_func_panic_on_purpose")
        val status = UniffiRustCallStatus()
        panic.invokeVoid(arrayOf(FfiConverterString.lower(message), status))
        status.read()
        check(status.isError())
        val error = CapBundleException.lift(status.error_buf)
        check(error.kind == ErrorKind.INTERNAL)
        return error.message.orEmpty()
    }

    /** Without those of the garbage collector, which starts them at any time. */
    private fun threads(): List<String> =
        File("/proc/self/task").listFiles()!!.map { File(it, "comm").readText().trim() }.filterNot { it.startsWith("GC Thread") }

    /** The handled signals. */
    private object Signals {
        fun now(): String = File("/proc/self/status").readLines().single { it.startsWith("SigCgt:") }
    }
}
