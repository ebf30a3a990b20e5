// The parts of Android that the plugin of docs/android.md uses: signatures, and the behaviour that its test checks.
@file:Suppress("PackageDirectoryMismatch", "UNUSED_PARAMETER")

package android.content

import java.io.File

interface SharedPreferences {
    fun edit(): Editor

    interface Editor {
        fun putString(key: String, value: String): Editor

        fun commit(): Boolean
    }
}

open class Context(folder: File) {
    val filesDir = File(folder, "files").also { it.mkdirs() }
    val noBackupFilesDir = File(folder, "no_backup").also { it.mkdirs() }
    val saved = mutableMapOf<String, String>()

    fun getSharedPreferences(name: String, mode: Int): SharedPreferences = object : SharedPreferences, SharedPreferences.Editor {
        override fun edit() = this

        override fun putString(key: String, value: String) = apply { saved["$name/$key"] = value }

        override fun commit() = true
    }

    companion object {
        const val MODE_PRIVATE = 0
    }
}
