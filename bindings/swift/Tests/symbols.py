#!/usr/bin/env python3
"""Checks the names in the documentation against the symbols that the compiler finds in the built package:

- every link in CapBundle.docc and in the comments of the hand-written sources is a public symbol;
- no blocking call has the name of an `async` one: `await` in top-level code would select the blocking one.

    bindings/swift/Tests/symbols.py SCRATCH    the folder that `swift build --scratch-path` filled
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

SWIFT = pathlib.Path(__file__).resolve().parents[1]
SOURCES = SWIFT / "Sources/CapBundle"
LINK = re.compile(r"``([^`\n]+)``")


def symbols(scratch):
    """All public symbols: path, whether it is `async`, kind."""
    modules = scratch / "debug"
    modules = modules / "Modules" if (modules / "Modules").is_dir() else modules
    about = subprocess.run([SWIFT / "swift", "-print-target-info"], cwd=SWIFT, capture_output=True, text=True, check=True).stdout
    target = json.loads(about)["target"]["triple"]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            SWIFT / "swift", "symbolgraph-extract", "-module-name", "CapBundle", "-target", target, "-I", modules,
            "-I", SWIFT / "Sources/CapBundleFFI", "-minimum-access-level", "public", "-output-dir", folder,
        ]
        done = subprocess.run(command, cwd=SWIFT, capture_output=True, text=True, check=False)
        files = sorted(pathlib.Path(folder).glob("CapBundle*.symbols.json"))
        if done.returncode or not files:
            sys.exit(f"cannot extract the symbols: {done.stdout}{done.stderr}")
        for file in files:
            for symbol in json.loads(file.read_text())["symbols"]:
                text = "".join(part["spelling"] for part in symbol["declarationFragments"])
                yield "/".join(symbol["pathComponents"]), " async " in f"{text} ", symbol["kind"]["identifier"]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(symbols(pathlib.Path(sys.argv[1]).resolve()))
    paths = {path for path, _, _ in found} | {"CapBundle"}
    faults = []
    links = 0
    documents = [*SOURCES.glob("*.docc/**/*.md"), *(file for file in SOURCES.rglob("*.swift") if "Generated" not in file.parts)]
    for document in documents:
        owner = re.search(r"^(?:public )?(?:final )?(?:extension|class) (\w+)", document.read_text(), re.M)
        for number, line in enumerate(document.read_text().splitlines(), 1):
            for link in LINK.findall(line):
                links += 1
                # A link in a comment may omit the enclosing type.
                names = {link} | ({f"{owner[1]}/{link}"} if owner and document.suffix == ".swift" else set())
                if not names & paths:
                    faults.append(f"{document.relative_to(SWIFT)}:{number}: ``{link}`` is not a public symbol")
    if links < 80:
        faults.append(f"only {links} links were found")
    awaited = {path for path, is_async, _ in found if is_async}
    blocking = {path for path, is_async, kind in found if not is_async and ("method" in kind or "func" in kind)}
    for path in sorted(awaited & blocking):
        faults.append(f"{path} blocks and has the name of an async call: rename it in ffi/uniffi.toml")
    if len(awaited) < 40:
        faults.append(f"only {len(awaited)} async calls were found")
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{links} links, {len(paths)} symbols, {len(awaited)} async calls: {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
