// The declarations of `@capacitor/android` 8 that the plugin of docs/android.md uses.
@file:Suppress("PackageDirectoryMismatch", "UNUSED_PARAMETER")

package com.getcapacitor

import android.content.Context
import android.webkit.RenderProcessGoneDetail
import android.webkit.WebView

annotation class PluginMethod

open class WebViewListener {
    open fun onPageStarted(webView: WebView) = Unit

    open fun onRenderProcessGone(webView: WebView, detail: RenderProcessGoneDetail): Boolean = false
}

/** Of a JSON object, its text. */
class JSObject(private val json: String = "{}") {
    fun put(key: String, value: String?): JSObject = if (value == null) this else JSObject("{\"$key\":\"$value\"}")

    override fun toString() = json
}

class PluginCall(val methodName: String, val data: JSObject = JSObject()) {
    private val answers = java.util.concurrent.LinkedBlockingQueue<String>()

    /** What the promise comes to. */
    fun answer(): String? = answers.poll(60, java.util.concurrent.TimeUnit.SECONDS)

    fun resolve(data: JSObject?) = answers.put("$data")

    fun reject(message: String?, code: String?, exception: Exception?, data: JSObject?) = answers.put("$code: $message")
}

class Bridge {
    val listeners = mutableListOf<WebViewListener>()
    val loads = java.util.concurrent.LinkedBlockingQueue<String>()

    fun executeOnMainThread(work: Runnable) = work.run()

    fun addWebViewListener(listener: WebViewListener) {
        listeners += listener
    }

    fun setServerBasePath(path: String) = loads.put(path)

    fun setServerAssetPath(path: String) = loads.put("assets/$path")
}

open class Plugin {
    lateinit var context: Context
    lateinit var bridge: Bridge

    /** What the listeners in JavaScript received: names. */
    val heard = java.util.concurrent.LinkedBlockingQueue<String>()

    fun notifyListeners(name: String, data: JSObject, retainUntilConsumed: Boolean) = heard.put(name)

    open fun load() = Unit

    open fun handleOnDestroy() = Unit

    open fun handleOnStart() = Unit

    open fun handleOnStop() = Unit
}
