package dev.capbundle.example

// guide: plugin
import android.content.Context
import android.webkit.RenderProcessGoneDetail
import android.webkit.WebView
import com.getcapacitor.Plugin
import com.getcapacitor.PluginCall
import com.getcapacitor.PluginMethod
import com.getcapacitor.WebViewListener
import com.getcapacitor.annotation.CapacitorPlugin
import dev.capbundle.CapBundleException
import dev.capbundle.NativeApp
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers

/** The text of `.capgo_key_v2.pub`. */
var publicKeyPem = ""

@CapacitorPlugin(name = "CapacitorUpdater")
class UpdaterPlugin : Plugin() {
    private lateinit var updates: Updates

    override fun load() {
        updates = ofProcess(context)
        updates.serve = { folder -> if (folder != null) bridge.setServerBasePath(folder) else bridge.setServerAssetPath("public") }
        // Capacitor reads this key once all plugins are loaded.
        context.getSharedPreferences("CapWebViewSettings", Context.MODE_PRIVATE)
            .edit().putString("serverBasePath", updates.launch().orEmpty()).commit()
        bridge.addWebViewListener(object : WebViewListener() {
            override fun onPageStarted(webView: WebView) = updates.pageStarted()

            override fun onRenderProcessGone(webView: WebView, detail: RenderProcessGoneDetail): Boolean {
                updates.trialFailed()
                return super.onRenderProcessGone(webView, detail)
            }
        })
    }

    @PluginMethod
    fun notifyAppReady(call: PluginCall) =
        try {
            updates.ready()
            call.resolve()
        } catch (error: CapBundleException) {
            call.reject(error.message)      // NoSpace or Busy: the page may call again
        }

    override fun handleOnStart() = updates.enteredForeground()

    override fun handleOnStop() = updates.enteredBackground()

    companion object {
        private var updates: Updates? = null

        /** One store for each process: Android may recreate the activity, and the plugin with it. */
        @Synchronized
        fun ofProcess(context: Context): Updates = updates ?: Updates(
            context.filesDir, context.noBackupFilesDir, publicKeyPem, NativeApp("1.4.0", "27"), CoroutineScope(Dispatchers.Default),
        ).also { updates = it }
    }
}
// guide: end
