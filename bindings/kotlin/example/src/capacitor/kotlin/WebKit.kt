@file:Suppress("PackageDirectoryMismatch")

package android.webkit

class WebView

class RenderProcessGoneDetail
