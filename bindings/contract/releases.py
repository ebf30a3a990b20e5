"""Creates key rings, releases and their files, valid and invalid ones."""

import base64
import hashlib
import io
import json
import pathlib
import zipfile

import signing

KEYS = pathlib.Path(__file__).resolve().parent.parent.parent / "tests" / "vectors" / "keys"
SIGNER, BACKUP, STRANGER, CONTENT = (
    signing.Key(KEYS / f"{name}.private.pem") for name in ("test-signer", "test-signer-3072", "test-signer-4096", "test-other")
)
RELEASE_TYPE = "application/vnd.capbundle.release.v1+json"
KEYS_TYPE = "application/vnd.capbundle.keys.v1+json"
APP, CHANNEL = "com.example.app", "production"
# 2020 and 2096: the clock of a machine that runs these cases is between the two.
CREATED, EXPIRES = 1_600_000_000, 4_000_000_000


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def compact(document):
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def bundle(text):
    """The plain archive of a bundle and its file list."""
    files = {"app.js": f"console.log('{text}')", "index.html": "<script>notifyAppReady()</script>"}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, content in files.items():
            writer.writestr(zipfile.ZipInfo(name), content)
    listed = [{"path": name, "size": len(text), "sha256": sha256(text.encode())} for name, text in files.items()]
    return archive.getvalue(), compact({"format": 1, "files": listed})


def encoding(kind, payload):
    """The bytes that are signed for a payload."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def signature(key, kind, payload):
    return {"keyid": key.id, "sig": base64.b64encode(key.sign(encoding(kind, payload))).decode()}


def envelope(kind, payload, keys):
    payload = payload if isinstance(payload, bytes) else compact(payload)
    return compact({
        "payloadType": kind,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [signature(key, kind, payload) for key in keys],
    })


def without(document, *members):
    return {key: value for key, value in document.items() if key not in members}


def release(archive, file_list, sealed=None, **members):
    """The document of a release; given members replace the defaults."""
    document = {
        "format": 1, "app_id": APP, "channel": CHANNEL, "version": "1.2.3", "sequence": 42, "created_at": CREATED,
        "expires_at": EXPIRES, "archive": {"size": len(archive), "sha256": sha256(archive)},
    }
    if sealed:
        file, header = sealed
        document["sealed"] = {"size": len(file), "header_sha256": sha256(header)}
    return {**document, "files_sha256": sha256(file_list), "critical": [], **members}


def built_in(**members):
    """The document of a release that returns to the built-in bundle."""
    document = without(release(b"", b""), "archive", "files_sha256")
    return {**document, "version": "builtin", "built_in": True, "critical": ["built_in"], **members}


def ring(number=1, threshold=1, keys=(SIGNER,), retired=(), **members):
    """The document of a key ring."""
    texts = [base64.b64encode(key.spki).decode() for key in keys]
    return {
        "format": 1, "app_id": APP, "number": number, "threshold": threshold, "created_at": CREATED, "keys": texts,
        "retired": [key.id for key in retired], "critical": [], **members,
    }


def signed_release(document, keys=(SIGNER,)):
    return envelope(RELEASE_TYPE, document, keys)


def signed_ring(document, keys=(SIGNER,)):
    return envelope(KEYS_TYPE, document, keys)


def as_file(content):
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}
