package dev.capbundle

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** Values have a readable text in logs and messages. */
class PrintTest {
    @Test
    fun `a case without fields prints its name`() {
        assertEquals("BuiltIn", "${BundleRef.BuiltIn}")
        assertEquals("Bundle(id=AAAAAAAAAA)", "${BundleRef.Bundle("AAAAAAAAAA")}")
        assertEquals("[Kill]", "${listOf(ApplyCondition.Kill)}")
        assertEquals("Proven, Ignored(current=BuiltIn)", "${Confirmation.Proven}, ${Confirmation.Ignored(BundleRef.BuiltIn)}")
    }

    @Test
    fun `every generated case without fields does`() {
        val generated = Repository.file("bindings/kotlin/generated/dev/capbundle/capbundle.kt").readText()
        val cases = Regex("^ +(data )?object (\\w+) : \\w+\\(\\)$", RegexOption.MULTILINE).findAll(generated).toList()
        assertEquals(listOf<String>(), cases.filter { it.groupValues[1].isEmpty() }.map { it.groupValues[2] })
        assertEquals(true, cases.size > 10)
    }
}
