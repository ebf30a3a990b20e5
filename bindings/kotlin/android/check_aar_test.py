#!/usr/bin/env python3
"""Tests check-aar, and that a trial build is marked and not installed, with libraries of nothing but ELF headers.

Ends with a line as cargo's. The part with Maven needs mvn and java; without them it is skipped, and fails with CI=true.
"""

import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

ANDROID = pathlib.Path(__file__).resolve().parent
ROOT = ANDROID.parents[2]
# ABI -> whether it is 64-bit, machine.
ABIS = {"arm64-v8a": (True, 183), "armeabi-v7a": (False, 40), "x86_64": (True, 62)}
SYSTEM = ("libdl.so", "liblog.so", "libm.so", "libc.so")


def library(abi, needed=SYSTEM):
    """A shared library that needs these others, without code or data."""
    wide, machine = ABIS[abi]
    head, row = (64, 56) if wide else (52, 32)
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in needed)
    at_strings = head + 2 * row
    at_entries = (at_strings + len(strings) + 7) // 8 * 8
    positions = [1 + sum(len(name) + 1 for name in needed[:index]) for index in range(len(needed))]
    entries = [*((1, position) for position in positions), (5, at_strings), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ" if wide else "<iI", *entry) for entry in entries)
    size = at_entries + len(dynamic)

    def segment(kind, offset, length, alignment):
        if wide:
            return struct.pack("<IIQQQQQQ", kind, 4, offset, offset, offset, length, length, alignment)
        return struct.pack("<IIIIIIII", kind, offset, offset, offset, length, length, 4, alignment)

    identity = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    form = "<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH"
    header = identity + struct.pack(form, 3, machine, 1, 0, head, 0, 0, head, row, 2, 0, 0, 0)
    body = header + segment(1, 0, size, 16384) + segment(2, at_entries, len(dynamic), 8) + strings
    return body.ljust(at_entries, b"\0") + dynamic


class CheckTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def aar(self, name="capbundle-android-0.1.0.aar", mark=False, **needed):
        """A complete AAR; `needed` lists what the library of an ABI (with _ for -) needs in addition."""
        path = self.folder / name
        classes = self.folder / "classes.jar"
        with zipfile.ZipFile(classes, "w") as jar:
            for name in ("Store", "SuspendingKt", "CapBundle"):
                jar.writestr(f"dev/capbundle/{name}.class", b"")
        with zipfile.ZipFile(path, "w") as aar:
            for name in ("AndroidManifest.xml", "R.txt", "proguard.txt"):
                aar.write(ANDROID / name, name)
            for file in sorted((ANDROID / "res/xml").iterdir()):
                aar.write(file, f"res/xml/{file.name}")
            aar.write(classes, "classes.jar")
            if mark:
                aar.writestr("TRIAL", b"")
            for abi in ABIS:
                aar.writestr(f"jni/{abi}/libcapbundle.so", library(abi, SYSTEM + needed.get(abi.replace("-", "_"), ())))
        return path

    def check(self, *arguments):
        return subprocess.run([ANDROID / "check-aar", *arguments], capture_output=True, text=True, check=False)

    def assert_sound(self, *arguments):
        result = self.check(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def assert_refused(self, words, *arguments):
        result = self.check(*arguments)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertIn(words, result.stderr)
        self.assertNotIn("Traceback", result.stderr)

    def test_an_aar_that_needs_only_libraries_of_android_is_valid(self):
        self.assertIn(": valid, for arm64-v8a, armeabi-v7a, x86_64", self.assert_sound(self.aar()))

    def test_an_aar_without_the_unwinder_is_refused_for_each_processor(self):
        for abi in ABIS:
            aar = self.aar(**{abi.replace("-", "_"): ("libunwind.so",)})
            self.assert_refused(f"jni/{abi}/libcapbundle.so: needs libunwind.so, which no Android has", aar)
            self.assert_refused("ANDROID_NDK_HOME", aar)

    def test_a_library_that_android_lacks_is_refused_even_as_a_trial(self):
        aar = self.aar("capbundle-android-0.1.0-TRIAL.aar", mark=True, x86_64=("libc++_shared.so",))
        self.assert_refused("needs libc++_shared.so, which Android does not have", "--trial", aar)

    def test_a_trial_is_marked_in_its_name_inside_and_in_the_check(self):
        needed = {abi.replace("-", "_"): ("libunwind.so",) for abi in ABIS}
        trial = self.aar("capbundle-android-0.1.0-TRIAL.aar", mark=True, **needed)
        self.assertIn("TRIAL", self.assert_sound("--trial", trial))
        self.assert_refused("its name says TRIAL", trial)
        self.assert_refused("lacks its name that says TRIAL", "--trial", self.aar(mark=True, **needed))
        self.assert_refused("lacks a file TRIAL in it", "--trial", self.aar("capbundle-android-0.1.0-TRIAL.aar", **needed))

    def test_a_renamed_trial_is_refused_for_the_libraries_it_needs(self):
        self.assert_refused("needs libunwind.so", self.aar(arm64_v8a=("libunwind.so",)))

    def test_a_truncated_library_is_refused_with_a_message(self):
        for length in (0, 3, 60, 100, 180, 250, len(library("arm64-v8a")) - 1):
            aar = self.aar()
            with zipfile.ZipFile(aar, "a") as file, self.assertWarns(UserWarning):
                file.writestr("jni/arm64-v8a/libcapbundle.so", library("arm64-v8a")[:length])
            self.assert_refused("jni/arm64-v8a/libcapbundle.so: ", aar)


class NdkTest(unittest.TestCase):
    def build(self, ndk):
        # cargo is not started: PATH does not contain it.
        environment = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "ANDROID_NDK_HOME": ndk}
        command = [ROOT / "bindings/phones/build", "aarch64-linux-android"]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    def test_an_empty_ndk_path_is_an_error_and_builds_no_trial(self):
        result = self.build("")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("ANDROID_NDK_HOME is empty", result.stderr)

    def test_a_folder_without_an_ndk_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            result = self.build(folder)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("holds no NDK", result.stderr)


class InstallTest(unittest.TestCase):
    """The AAR that Maven builds from libraries, and whether Maven installs it."""

    def setUp(self):
        if not (shutil.which("mvn") and shutil.which("java")):
            if os.environ.get("CI") == "true":
                self.fail("in CI nothing is skipped: mvn or java is not installed")
            print("SKIPPED that a trial is not installed: mvn or java is not installed")
            self.skipTest("no Maven")
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        # The checkout's own build folder is not changed.
        self.kotlin = self.folder / "kotlin"
        shutil.copytree(ANDROID.parent, self.kotlin, ignore=shutil.ignore_patterns("target", "example"))
        # Replaces the module for the JVM, which takes a minute to compile, with the parts that the assembly uses.
        shutil.rmtree(self.kotlin / "jvm")
        classes = self.kotlin / "jvm/target/classes/dev/capbundle"
        classes.mkdir(parents=True)
        for name in ("Store", "SuspendingKt", "CapBundle"):
            (classes / f"{name}.class").touch()
        with zipfile.ZipFile(self.kotlin / "jvm/target/capbundle-0.1.0-sources.jar", "w"):
            pass
        pom, assembly = self.kotlin / "pom.xml", self.kotlin / "android/pom.xml"
        pom.write_text(re.sub("<module>(jvm|example)</module>", "", pom.read_text()))
        assembly.write_text(re.sub("(?s)<dependencies>.*?</dependencies>", "", assembly.read_text(), count=1))

    def install(self, marked, *needed):
        libraries = self.folder / "libraries"
        for abi in ABIS:
            (libraries / abi).mkdir(parents=True, exist_ok=True)
            (libraries / abi / "libcapbundle.so").write_bytes(library(abi, SYSTEM + needed))
            if marked:
                (libraries / abi / "TRIAL").touch()
        repository = self.folder / "repository"
        command = [
            "mvn", "--batch-mode", "--no-transfer-progress", "-Dstyle.color=never", "install", "-DskipTests",
            # Only the AAR, into a repository of this test.
            "-Dmaven.install.skip=true", f"-DlocalRepositoryPath={repository}", f"-Dcapbundle.android.libs={libraries}",
        ]
        result = subprocess.run(command, cwd=self.kotlin, capture_output=True, text=True, check=False)
        return result, sorted(file.name for file in repository.rglob("*.aar"))

    def assert_not_installed(self, words, marked, *needed):
        result, installed = self.install(marked, *needed)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertIn(words, result.stdout)
        self.assertEqual(installed, [])

    def made(self):
        return sorted(file.name for file in (self.kotlin / "android/target").glob("*.aar"))

    def test_an_aar_that_phones_can_load_is_installed(self):
        result, installed = self.install(False)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertEqual(installed, ["capbundle-android-0.1.0.aar"])

    def test_a_trial_is_named_so_and_not_installed(self):
        self.assert_not_installed("was built without the NDK", True, "libunwind.so")
        self.assertEqual(self.made(), ["capbundle-android-0.1.0-TRIAL.aar"])

    def test_a_trial_that_lost_its_mark_is_not_installed(self):
        self.assert_not_installed("needs libunwind.so", False, "libunwind.so")


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    good = result.testsRun - bad - len(result.skipped)
    print(f"test result: {'FAILED' if bad else 'ok'}. {good} passed; {bad} failed; {len(result.skipped)} ignored")
    sys.exit(1 if bad else 0)
