package dev.capbundle

import java.util.TimeZone
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.concurrent.thread
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.receiveAsFlow

/** Receives what the web view has to load. */
fun interface LoadListener {
    /** Called on the thread that caused it. Pass it on to the thread of the user interface. */
    fun onLoad(load: Load)
}

/** Receives whether the splash screen has to be shown: only with [UpdaterOptions.splashTimeoutMs]. */
fun interface SplashListener {
    /** Called on the thread that caused it. Pass it on to the thread of the user interface. */
    fun onSplash(isShown: Boolean)
}

/** What the promise of a refused call is rejected with. */
class CallRejection(
    /** For people: the message of Capgo's plugin where it has one for this case. */
    message: String,
    /** The code of Capgo's plugin, else the kind of the error, as `invalid_input`. */
    val code: String,
    /** The code of the server that refused a call about channels. */
    val serverCode: String?,
) : Exception(message)

/**
 * An app that keeps itself up to date: it decides when to check, what to install, when to serve it and what to report.
 * The app says what happens to it, and loads what the updater chooses.
 *
 * ```
 * val updater = Updater(store, UpdaterOptions(source, device, UpdateMode.AT_BACKGROUND))
 * updater.onLoad = LoadListener { load -> runOnUiThread { show(load) } }
 * show(updater.start(NativeApp(versionName, versionCode)))
 * ```
 *
 * Open one for each process and keep it: an Android activity, and a plugin with it, may come and go. It owns one thread,
 * which waits and costs nothing between two pieces of work. [close] ends it; an app need not.
 *
 * Calls that are not `suspend` read or write one small file, which takes about ten milliseconds.
 */
class Updater @JvmOverloads constructor(
    store: Store,
    options: UpdaterOptions,
    transport: HttpTransport = UrlConnectionTransport(),
) : AutoCloseable {
    /** Called for what is loaded because of a check, a timer or a call of JavaScript. What a call returns is loaded by its caller. */
    @Volatile
    var onLoad: LoadListener? = null

    /** Called when the splash screen is to be shown or hidden. */
    @Volatile
    var onSplash: SplashListener? = null

    private val waiting = Channel<UpdaterEvent>(WAITING_EVENTS, BufferOverflow.DROP_OLDEST)
    private val isClosed = AtomicBoolean()
    private val cancel = CancelToken()

    /** The same updater for threads of your own, and for its log. */
    val blocking = BlockingUpdater(store, transport, Host(), options)

    private val runner = thread(name = "capbundle-updater", isDaemon = true) { blocking.runUntilCancelled(cancel) }

    /**
     * The events for the listeners in JavaScript, in order. Each goes to one collector; 256 wait for it, and the oldest
     * are dropped after that.
     */
    val events: Flow<UpdaterEvent> = waiting.receiveAsFlow()

    /**
     * When the process starts, before the web view exists: what to load. Called again, for example for a recreated
     * activity, it returns the same bundle and counts nothing.
     */
    @JvmOverloads
    fun start(native: NativeApp, inBackground: Boolean = false): Load = blocking.start(native, inBackground)

    /**
     * `onPageStarted`: the web view committed to a page. [load] is what it was really given; without it, what this
     * updater asked for last.
     */
    @JvmOverloads
    fun pageStarted(load: Load? = null) = blocking.pageStarted(load)

    /** `onRenderProcessGone`: what to load instead. */
    fun pageCrashed(): Load? = blocking.pageCrashed()

    /** The app is no longer visible. Returns the update that waited for this moment, to load now. */
    fun background(): Load? = blocking.background()

    /** The app is visible again. A page that has not confirmed gets its full time again. */
    fun foreground(): Load? = blocking.foreground()

    /** The device has a network again: a check that failed is made again. */
    fun connectivityReturned() = blocking.connectivityReturned()

    /**
     * Carries out a call of JavaScript on an IO thread and returns the JSON that its promise resolves to: an object, or
     * `null`. Cancelling the coroutine cancels it.
     *
     * @param arguments a JSON object
     * @throws CallRejection what the promise is rejected with
     */
    @Throws(CallRejection::class)
    suspend fun call(method: String, arguments: String = ""): String =
        cancellable(null) { cancel, _ -> blocking.call(bridgeCall(method, arguments), cancel) }.json()

    /** As [call], on the calling thread. */
    @JvmOverloads
    @Throws(CallRejection::class)
    fun callBlocking(method: String, arguments: String = "", cancel: CancelToken? = null): String =
        blocking.call(bridgeCall(method, arguments), cancel).json()

    /** What happened on this device, and why: one JSON object for each entry, oldest first. */
    fun log(): List<String> = blocking.logLines()

    /** Stops the thread, and what it was doing: the next process continues it. The store stays open. */
    override fun close() {
        if (isClosed.getAndSet(true)) return
        cancel.cancel()
        blocking.wakeUp()
        // A listener of the app may be what closes it.
        if (Thread.currentThread() !== runner) runner.join(JOIN_MILLISECONDS)
        waiting.close()
        blocking.close()
        cancel.close()
    }

    private inner class Host : UpdaterHost {
        override fun load(load: Load) = reportingFailures { onLoad?.onLoad(load) }

        override fun event(event: UpdaterEvent) = reportingFailures { waiting.trySend(event) }

        override fun showSplash(isShown: Boolean) = reportingFailures { onSplash?.onSplash(isShown) }

        override fun wake() = Unit
    }

    private companion object {
        /** More than a download and a check send. */
        const val WAITING_EVENTS = 256

        /** Longer than a listener or a server should keep the thread. After it, the thread ends by itself. */
        const val JOIN_MILLISECONDS = 10_000L
    }
}

private fun bridgeCall(method: String, arguments: String): BridgeCall {
    val offset = TimeZone.getDefault().getOffset(System.currentTimeMillis()) / 1000
    return BridgeCall(method, arguments, offset)
}

private fun CallResult.json(): String = when (this) {
    is CallResult.Resolved -> json
    is CallResult.Rejected -> throw CallRejection(reason, code, serverCode)
}

/**
 * Asks an update server once, and changes nothing. [Updater] does this by itself.
 *
 * @see askForUpdateBlocking
 */
suspend fun askForUpdate(
    url: String,
    request: UpdateRequest,
    transport: HttpTransport = UrlConnectionTransport(),
): UpdateAnswer = cancellable(null) { cancel, _ -> askForUpdateBlocking(transport, url, request, cancel) }

/**
 * The mode of an app's configuration, from `autoUpdate` and the deprecated `directUpdate` of `capacitor.config.json`: a
 * `Boolean`, a text, or `null` if absent.
 *
 * @throws CapBundleException.InvalidInput for a value that Capgo's plugin does not document
 */
@JvmOverloads
@Throws(CapBundleException::class)
fun updateModeOf(autoUpdate: Any?, directUpdate: Any? = null): UpdateMode =
    updateMode(autoUpdate?.let(::jsonOf), directUpdate?.let(::jsonOf))

private fun jsonOf(value: Any): String = when (value) {
    is CharSequence -> "\"" + value.toString().replace("\\", "\\\\").replace("\"", "\\\"") + "\""
    else -> value.toString()
}
