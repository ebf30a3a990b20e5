package dev.capbundle.contract

import com.google.gson.JsonObject
import com.google.gson.JsonParser
import dev.capbundle.Repository
import dev.capbundle.RoughServer
import java.io.File
import java.nio.file.Files
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory

/** Runs the cases in `bindings/contract`, as Rust and Swift do: see the README there. */
class ContractTest {
    private val cases = Repository.file("bindings/contract")
        .listFiles { file -> file.extension == "json" }!!
        .sorted()
        .flatMap(::casesOf)

    @TestFactory
    fun cases(): List<DynamicTest> = cases.map { case -> dynamicTest(case.name, case::run) }

    @Test
    fun `all cases are found, and their names are unique`() {
        assertTrue(cases.size >= 120, "${cases.size} cases")
        assertEquals(cases.size, cases.map { it.name }.toSet().size)
        println("measured ${cases.size} contract cases found for Kotlin")
    }

    private fun casesOf(document: File): List<Case> {
        val json = JsonParser.parseString(document.readText()).asJsonObject
        val shared = json["files"]?.asJsonObject ?: JsonObject()
        return json["cases"].asJsonArray.map { Case(shared, it.asJsonObject) }
    }

    companion object {
        private val server = lazy { RoughServer() }

        internal fun server(): RoughServer = server.value

        @JvmStatic
        @AfterAll
        fun stopServer() {
            if (server.isInitialized()) server.value.close()
        }
    }
}

private class Case(private val shared: JsonObject, private val json: JsonObject) {
    val name: String = json["name"].asString

    fun run() {
        val folder = Files.createTempDirectory("capbundle-contract").toFile()
        try {
            CaseRunner(folder, ContractTest::server).use { runner ->
                runner.write(shared)
                json["files"]?.let { runner.write(it.asJsonObject) }
                json["steps"].asJsonArray.forEach { runner.take(it.asJsonObject) }
            }
        } finally {
            folder.deleteRecursively()
        }
    }
}
