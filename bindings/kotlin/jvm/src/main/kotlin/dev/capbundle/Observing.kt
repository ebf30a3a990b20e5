package dev.capbundle

/** Hears how far an operation has come, from whatever thread does the work. What it throws stops the operation. */
fun interface ProgressListener {
    /** Called about once for each MiB of work. It should return quickly. */
    fun onProgress(progress: ProgressUpdate)
}

/** Hears what a store has to say, from the thread that called the store. What it throws is dropped. */
fun interface LogListener {
    /** Called with one line of text. */
    fun onLog(level: LogLevel, message: String)
}

/** The store's log as a lambda: `Store.open(root, options, logTo { level, message -> Log.i("capbundle", message) })`. */
fun logTo(listener: LogListener): LogObserver = object : LogObserver {
    override fun onLog(level: LogLevel, message: String) = passingOn { listener.onLog(level, message) }
}

/**
 * Lets Rust hear of everything a listener throws, errors included: what is no `Exception` would not cross the border, and the
 * work would go on as if nothing had happened.
 */
internal inline fun passingOn(onThrown: (Throwable) -> Unit = {}, call: () -> Unit) {
    try {
        call()
    } catch (thrown: Throwable) {
        onThrown(thrown)
        throw CallbackException.Failed(thrown.toString())
    }
}

/** A [ProgressListener] as Rust sees it. Keeps what it threw, which is the cause of the exception that comes of it. */
internal class Watch(private val listener: ProgressListener) : ProgressObserver {
    @Volatile
    private var thrown: Throwable? = null

    override fun onProgress(progress: ProgressUpdate) =
        passingOn(onThrown = { thrown = it }) { listener.onProgress(progress) }

    fun explain(error: CapBundleException) {
        if (error is CapBundleException.Callback) {
            thrown?.let(error::initCause)
        }
    }
}

/** Runs blocking work that may be watched. */
internal inline fun <T> watched(listener: ProgressListener?, work: (ProgressObserver?) -> T): T {
    val watch = listener?.let(::Watch)
    try {
        return work(watch)
    } catch (error: CapBundleException) {
        watch?.explain(error)
        throw error
    }
}
