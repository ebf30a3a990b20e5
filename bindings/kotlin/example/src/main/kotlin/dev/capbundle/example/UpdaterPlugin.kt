package dev.capbundle.example

// guide: plugin
import android.content.Context
import android.util.Log
import android.webkit.RenderProcessGoneDetail
import android.webkit.WebView
import com.getcapacitor.JSObject
import com.getcapacitor.Plugin
import com.getcapacitor.PluginCall
import com.getcapacitor.PluginMethod
import com.getcapacitor.WebViewListener
import com.getcapacitor.annotation.CapacitorPlugin
import dev.capbundle.*
import java.io.File
import kotlinx.coroutines.*

/** What the app itself knows: the text of `.capgo_key_v2.pub`, its server, `versionName` and `versionCode`. */
object Config {
    var publicKey = ""
    var updateUrl = "https://updates.example.com/updates"
    var native = NativeApp("1.4.0", "27")
}

@CapacitorPlugin(name = "CapacitorUpdater")
class UpdaterPlugin : Plugin() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private lateinit var updater: Updater
    private lateinit var loaded: Load       // what the web view was given last

    override fun load() {
        updater = ofProcess(context)
        updater.onLoad = LoadListener { load -> bridge.executeOnMainThread { show(load) } }
        loaded = updater.start(Config.native)
        // Capacitor reads this key once all plugins are loaded.
        context.getSharedPreferences("CapWebViewSettings", Context.MODE_PRIVATE)
            .edit().putString("serverBasePath", loaded.folder.orEmpty()).commit()
        bridge.addWebViewListener(object : WebViewListener() {
            override fun onPageStarted(webView: WebView) = updater.pageStarted(loaded)

            override fun onRenderProcessGone(webView: WebView, detail: RenderProcessGoneDetail): Boolean {
                updater.pageCrashed()?.let(::show)
                return super.onRenderProcessGone(webView, detail)
            }
        })
        scope.launch {
            updater.events.collect { notifyListeners(it.name, JSObject(it.payload), it.retainUntilConsumed) }
        }
    }

    private fun show(load: Load) {
        loaded = load
        load.folder?.let(bridge::setServerBasePath) ?: bridge.setServerAssetPath("public")
    }

    override fun handleOnStart() {
        updater.foreground()?.let(::show)
    }

    override fun handleOnStop() {
        updater.background()?.let(::show)
    }

    override fun handleOnDestroy() = scope.cancel()

    private fun answer(call: PluginCall) {
        scope.launch {
            try {
                val json = updater.call(call.methodName, call.data.toString())
                call.resolve(if (json == "null") null else JSObject(json))
            } catch (refused: CallRejection) {
                call.reject(refused.message, refused.code, null, JSObject().put("error", refused.serverCode))
            }
        }
    }

    @PluginMethod fun notifyAppReady(call: PluginCall) = answer(call)
    @PluginMethod fun download(call: PluginCall) = answer(call)
    @PluginMethod fun next(call: PluginCall) = answer(call)
    @PluginMethod fun set(call: PluginCall) = answer(call)
    @PluginMethod fun reset(call: PluginCall) = answer(call)
    @PluginMethod fun reload(call: PluginCall) = answer(call)
    @PluginMethod fun delete(call: PluginCall) = answer(call)
    @PluginMethod fun list(call: PluginCall) = answer(call)
    @PluginMethod fun current(call: PluginCall) = answer(call)
    @PluginMethod fun getLatest(call: PluginCall) = answer(call)
    @PluginMethod fun setMultiDelay(call: PluginCall) = answer(call)
    @PluginMethod fun cancelDelay(call: PluginCall) = answer(call)
    @PluginMethod fun setChannel(call: PluginCall) = answer(call)
    @PluginMethod fun getChannel(call: PluginCall) = answer(call)
    // … and so on: one line for each method that the plugin has in JavaScript

    companion object {
        private var updater: Updater? = null

        /** One for each process: Android may recreate the activity, and the plugin with it. */
        @Synchronized
        fun ofProcess(context: Context): Updater = updater ?: open(context).also { updater = it }

        private fun open(context: Context): Updater {
            val store = Store.open(
                File(context.noBackupFilesDir, "capbundle").path,
                // The public key says what this app accepts; no server can change that.
                StoreOptions(RequiredProof.CapgoSigned(Config.publicKey), bundles = File(context.filesDir, "versions").path),
                logTo { level, message -> Log.i("capbundle", "$level $message") },
            )
            val source = UpdateSource.Server(ServerSource(Config.updateUrl, publicKey = Config.publicKey))
            val device = DeviceInfo(Platform.ANDROID, "com.example.app")
            return Updater(store, UpdaterOptions(source, device, UpdateMode.AT_BACKGROUND))
        }
    }
}
// guide: end
