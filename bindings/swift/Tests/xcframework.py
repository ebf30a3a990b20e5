#!/usr/bin/env python3
"""Tests assemble-xcframework with libraries of one empty object file each, without a build."""

import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

SWIFT = pathlib.Path(__file__).resolve().parents[1]
ARM64, X86_64 = 0x0100000C, 0x01000007
IOS, SIMULATOR = 2, 7


def library(path, processor, platform):
    """An archive of one object file with only the load command that states its platform."""
    build_version = struct.pack("<IIIIII", 0x32, 24, platform, 13 << 16, 13 << 16, 0)
    body = struct.pack("<IIIIIIII", 0xFEEDFACF, processor, 0, 1, 1, len(build_version), 0, 0) + build_version
    header = f"{'empty.o/':<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode()
    path.write_bytes(b"!<arch>\n" + header + body + b"\n" * (len(body) % 2))
    return path


def assemble(*arguments):
    command = [SWIFT / "assemble-xcframework", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class AssembleTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.device = library(self.folder / "device.a", ARM64, IOS)
        self.simulators = [
            library(self.folder / "arm.a", ARM64, SIMULATOR),
            library(self.folder / "intel.a", X86_64, SIMULATOR),
        ]
        self.framework = self.folder / "CapBundleFFI.xcframework"

    def assemble_all(self):
        result = assemble("--zip", "--out", self.folder, self.device, *self.simulators)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_libraries_become_a_framework_that_passes_the_check(self):
        self.assemble_all()
        self.assertEqual(assemble("--check", self.framework).returncode, 0)

    def test_the_same_libraries_make_the_same_zip(self):
        checksums = {re.search("checksum ([0-9a-f]{64})", self.assemble_all()).group(1) for _ in range(2)}
        self.assertEqual(len(checksums), 1)

    def test_a_missing_library_is_named(self):
        result = assemble("--out", self.folder, self.device, self.simulators[0])
        self.assertIn("missing library for ios-simulator on x86_64", result.stderr)
        self.assertNotEqual(result.returncode, 0)

    def test_two_libraries_for_one_processor_are_refused(self):
        result = assemble("--out", self.folder, self.device, library(self.folder / "again.a", ARM64, IOS))
        self.assertIn("is the second for ios on arm64", result.stderr)

    def test_a_file_that_is_not_a_library_is_refused(self):
        other = self.folder / "other.a"
        other.write_bytes(b"no library")
        self.assertNotEqual(assemble("--out", self.folder, other).returncode, 0)

    def assert_fault(self, words):
        result = assemble("--check", self.framework)
        self.assertIn(words, result.stderr)
        self.assertNotEqual(result.returncode, 0)

    def test_a_missing_header_is_found(self):
        self.assemble_all()
        (self.framework / "ios-arm64/Headers/CapBundleFFI/CapBundleFFI.h").unlink()
        self.assert_fault("CapBundleFFI.h is not the generated one")

    def test_a_library_in_the_wrong_place_is_found(self):
        self.assemble_all()
        (self.framework / "ios-arm64/libcapbundle.a").write_bytes(self.simulators[0].read_bytes())
        self.assert_fault("is for ['ios-simulator']")

    def test_a_slice_that_is_not_described_is_found(self):
        self.assemble_all()
        (self.framework / "tvos-arm64").mkdir()
        self.assert_fault("tvos-arm64 is in no list")


class PodspecTest(unittest.TestCase):
    def test_the_podspec_has_the_version_of_the_workspace(self):
        workspace = (SWIFT.parents[1] / "Cargo.toml").read_text()
        version = re.search(r'^version = "(.*)"', workspace, re.M).group(1)
        self.assertIn(f"spec.version = '{version}'", (SWIFT / "CapBundle.podspec").read_text())

    def test_the_podspec_and_the_package_want_the_same_ios(self):
        package = re.search(r"\.iOS\(\.v(\d+)\)", (SWIFT.parents[1] / "Package.swift").read_text()).group(1)
        self.assertIn(f"deployment_target = '{package}.0'", (SWIFT / "CapBundle.podspec").read_text())


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    bad = len(result.failures) + len(result.errors)
    print(f"test result: {'FAILED' if bad else 'ok'}. {result.testsRun - bad} passed; {bad} failed; 0 ignored")
    sys.exit(1 if bad else 0)
