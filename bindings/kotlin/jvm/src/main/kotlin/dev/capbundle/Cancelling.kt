package dev.capbundle

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.withContext

/**
 * Runs blocking work on an IO thread. If the coroutine is cancelled, so is the work in Rust, and this returns
 * only after that has stopped and removed what it had written: the next caller finds a clean folder.
 */
internal suspend fun <T> cancellable(listener: ProgressListener?, work: (CancelToken, ProgressObserver?) -> T): T =
    CancelToken().use { token ->
        coroutineScope {
            val result = async(Dispatchers.IO) {
                try {
                    withObserver(listener) { observer -> work(token, observer) }
                } catch (stopped: CapBundleException.Cancelled) {
                    // Only this function has the token. Another exception would replace the cancellation.
                    throw CancellationException("cancelled", stopped)
                }
            }
            try {
                result.await()
            } catch (cancelled: CancellationException) {
                token.cancel()
                throw cancelled
            }
        }
    }

/**
 * Runs short calls of a store on an IO thread. They read or write one small file, which is too slow for the
 * main thread of an app.
 *
 * ```
 * val next = store.io { setNext(bundle); next() }
 * ```
 */
suspend fun <T> Store.io(work: Store.() -> T): T = withContext(Dispatchers.IO) { work() }
