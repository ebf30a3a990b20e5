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

class PluginCall {
    @Volatile
    var answer: String? = null

    fun resolve() {
        answer = "resolved"
    }

    fun reject(message: String?) {
        answer = message
    }
}

class Bridge {
    val listeners = mutableListOf<WebViewListener>()
    val loads = java.util.concurrent.LinkedBlockingQueue<String>()

    fun addWebViewListener(listener: WebViewListener) {
        listeners += listener
    }

    fun setServerBasePath(path: String) = loads.put(path)

    fun setServerAssetPath(path: String) = loads.put("assets/$path")
}

open class Plugin {
    lateinit var context: Context
    lateinit var bridge: Bridge

    open fun load() = Unit

    open fun handleOnStart() = Unit

    open fun handleOnStop() = Unit
}
