"""Python's zipfile as a peer.

    python3 zipfile_peer.py list ARCHIVE
        one line an entry: SHA-256 or "folder", two spaces, path
    python3 zipfile_peer.py pack FOLDER ARCHIVE deflated|stored|zip64|streamed|streamed-zip64
        zip64: sizes in zip64 extra fields although they are small;
        streamed: to a pipe, so that sizes follow the data in a data descriptor
"""

import hashlib
import os
import shutil
import sys
import zipfile


class Pipe:
    """A file that cannot seek, as a pipe cannot."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        self.file.flush()


def list_entries(archive):
    with zipfile.ZipFile(archive) as source:
        bad = source.testzip()
        if bad is not None:
            raise SystemExit(f"bad CRC: {bad}")
        for entry in source.infolist():
            if entry.is_dir():
                print(f"folder  {entry.filename.rstrip('/')}")
            else:
                print(f"{hashlib.sha256(source.read(entry)).hexdigest()}  {entry.filename}")


def pack(folder, archive, form):
    method = zipfile.ZIP_STORED if form == "stored" else zipfile.ZIP_DEFLATED
    with open(archive, "wb") as file:
        target = Pipe(file) if form.startswith("streamed") else file
        with zipfile.ZipFile(target, "w", method) as zipped:
            for path in sorted(everything_in(folder)):
                name = os.path.relpath(path, folder)
                if os.path.isdir(path):
                    zipped.write(path, name)
                    continue
                entry = zipfile.ZipInfo.from_file(path, name)
                entry.compress_type = method
                with open(path, "rb") as content, zipped.open(entry, "w", force_zip64="zip64" in form) as out:
                    shutil.copyfileobj(content, out)


def everything_in(folder):
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            yield os.path.join(parent, name)


sys.stdout.reconfigure(encoding="utf-8")
if sys.argv[1] == "list":
    list_entries(sys.argv[2])
elif sys.argv[1] == "pack":
    pack(*sys.argv[2:5])
else:
    raise SystemExit(__doc__)
