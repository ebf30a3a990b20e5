@file:Suppress("PackageDirectoryMismatch")

package android.util

object Log {
    @JvmStatic
    fun i(tag: String, message: String): Int = println("$tag: $message").let { 0 }

    @JvmStatic
    fun w(tag: String, message: String): Int = i(tag, message)
}
