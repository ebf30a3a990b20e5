package dev.capbundle

/**
 * Receives the progress of an operation, on whichever thread does the work. If it throws, the operation stops.
 */
fun interface ProgressListener {
    /** Called about once per MiB of work. It should return quickly. */
    fun onProgress(progress: ProgressUpdate)
}

/** Receives the log of a store, on the thread that called the store. Exceptions are dropped. */
fun interface LogListener {
    /** Called with one line of text. */
    fun onLog(level: LogLevel, message: String)
}

/**
 * A log observer from a lambda: `Store.open(root, options, logTo { level, message -> Log.i("capbundle",
 * message) })`.
 */
fun logTo(listener: LogListener): LogObserver = object : LogObserver {
    override fun onLog(level: LogLevel, message: String) = reportingFailures { listener.onLog(level, message) }
}

/**
 * Reports everything that a listener throws to Rust, including errors. A throwable that is not an `Exception`
 * would not reach Rust, and the operation would continue.
 */
internal inline fun reportingFailures(onThrown: (Throwable) -> Unit = {}, call: () -> Unit) {
    try {
        call()
    } catch (thrown: Throwable) {
        onThrown(thrown)
        throw CallbackException.Failed(thrown.toString())
    }
}

/**
 * A [ProgressListener] as an observer. Keeps what the listener threw as the cause of the resulting exception.
 */
internal class ListenerObserver(private val listener: ProgressListener) : ProgressObserver {
    @Volatile
    private var thrown: Throwable? = null

    override fun onProgress(progress: ProgressUpdate) =
        reportingFailures(onThrown = { thrown = it }) { listener.onProgress(progress) }

    fun explain(error: CapBundleException) {
        if (error is CapBundleException.Callback) {
            thrown?.let(error::initCause)
        }
    }
}

/** Runs blocking work with an optional listener. */
internal inline fun <T> withObserver(listener: ProgressListener?, work: (ProgressObserver?) -> T): T {
    val observer = listener?.let(::ListenerObserver)
    try {
        return work(observer)
    } catch (error: CapBundleException) {
        observer?.explain(error)
        throw error
    }
}
