package dev.capbundle.contract

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject

/** The arguments of a step. An argument that no operation reads is an error in the case. */
internal class Arguments(private val step: JsonObject) {
    private val used = mutableSetOf("do", "expect", "error", "reason", "why")

    val operation: String get() = step["do"].asString

    fun value(key: String): JsonElement? {
        used += key
        return step[key]
    }

    fun text(key: String): String = optional(key) ?: error("$key is missing in $step")

    fun optional(key: String): String? = value(key)?.asString

    fun number(key: String): Long? = value(key)?.asLong

    fun flag(key: String): Boolean? = value(key)?.asBoolean

    fun array(key: String): JsonArray? = value(key)?.asJsonArray

    fun requireAllUsed() {
        val unknown = step.keySet() - used
        check(unknown.isEmpty()) { "unknown arguments $unknown in $step" }
    }
}
