package dev.capbundle.contract

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonNull
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import dev.capbundle.ApplyCondition
import dev.capbundle.Limits
import dev.capbundle.Proof

// The library's types in the notation of the cases.

/** `NOT_TRUSTED` as `not_trusted`. */
internal fun wireName(value: Enum<*>): String = value.name.lowercase()

internal fun wireName(proof: Proof): String = when (proof) {
    Proof.Digest -> "digest"
    is Proof.CapgoSigned -> "capgo_signed"
    is Proof.Release -> "release"
    Proof.Other -> "other"
}

internal fun json(value: Any?): JsonElement = when (value) {
    null, Unit -> JsonNull.INSTANCE
    is JsonElement -> value
    is String -> JsonPrimitive(value)
    is Boolean -> JsonPrimitive(value)
    is Number -> JsonPrimitive(value)
    is Iterable<*> -> JsonArray().apply { value.forEach { add(json(it)) } }
    else -> error("no JSON for $value")
}

internal fun json(vararg members: Pair<String, Any?>): JsonObject =
    JsonObject().apply { members.forEach { (key, value) -> add(key, json(value)) } }

/** Of an object only the named members are compared. */
internal fun agrees(expected: JsonElement, found: JsonElement): Boolean = when {
    expected is JsonObject && found is JsonObject ->
        expected.entrySet().all { (key, value) -> found[key]?.let { agrees(value, it) } ?: false }
    expected is JsonArray && found is JsonArray ->
        expected.size() == found.size() && expected.zip(found).all { (one, other) -> agrees(one, other) }
    else -> expected == found
}

internal fun limits(value: JsonElement?): Limits? = value?.asJsonObject?.entrySet()?.fold(Limits()) { limits, (key, number) ->
    when (key) {
        "entries" -> limits.copy(entries = number.asLong)
        "total_size" -> limits.copy(totalSize = number.asLong)
        "file_size" -> limits.copy(fileSize = number.asLong)
        "path_length" -> limits.copy(pathLength = number.asLong)
        "component_length" -> limits.copy(componentLength = number.asLong)
        "depth" -> limits.copy(depth = number.asLong)
        "expansion_ratio" -> limits.copy(expansionRatio = number.asLong)
        "expansion_free" -> limits.copy(expansionFree = number.asLong)
        else -> error("there is no limit $key")
    }
}

internal fun delay(value: JsonElement): ApplyCondition {
    val (key, argument) = value.asJsonObject.entrySet().single()
    return when (key) {
        "background" -> ApplyCondition.Background(argument.asLong)
        "kill" -> ApplyCondition.Kill
        "native_version" -> ApplyCondition.NativeVersion(argument.asString)
        "date" -> ApplyCondition.Date(argument.asLong)
        else -> error("unknown delay $key")
    }
}

internal fun json(delay: ApplyCondition): JsonObject = when (delay) {
    is ApplyCondition.Background -> json("background" to delay.milliseconds)
    ApplyCondition.Kill -> json("kill" to true)
    is ApplyCondition.NativeVersion -> json("native_version" to delay.version)
    is ApplyCondition.Date -> json("date" to delay.seconds)
}
