"""A second reader of our formats, written from docs/format.md alone to show that it says enough; needs the package cryptography.

    python3 second.py open SEALED PRIVATE_PEM PLAIN     opens a sealed archive; refused: exit code 1, the reason, and no PLAIN
    python3 second.py verify ENVELOPE PUBLIC_PEM...     type, payload and ids of those of the keys that signed, as JSON
    python3 second.py vectors FOLDER                    how each test vector ends, one a line"""
import base64, contextlib, hashlib, itertools, json, math, pathlib, re, struct, sys, urllib.parse, zlib
from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (Encoding, PublicFormat, load_der_public_key, load_pem_private_key,
                                                          load_pem_public_key)

import second_patch

MAGIC, FIXED_HEADER = b"\x89CBSEAL\n", struct.Struct(">8sBBH7sBQ")
OAEP, PSS = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None), padding.PSS(padding.MGF1(SHA256()), 32)
NO_RING = {"keys": [], "threshold": 0, "retired": [], "number": None}  # what the first ring follows

class Refused(SystemExit):
    """`word: reason`, the word being the specification's. Not caught, it ends the program with exit code 1 and this on stderr."""

def require(holds, reason, word="malformed"):
    if not holds:
        raise Refused(f"{word}: {reason}")

def attempt(errors, action, *arguments, **options):
    try:
        return action(*arguments, **options)
    except errors as error:
        raise Refused(f"malformed: {type(error).__name__} {error}") from None

def key_id(public):
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

def open_sealed(sealed, private):
    """The plain archive, once all of it is proven."""
    magic, version, shift, count, prefix, zero, plain_size = attempt(struct.error, FIXED_HEADER.unpack_from, sealed)
    segments, step = max(1, -(-plain_size >> shift)), (1 << shift) + 16  # an empty archive is one empty segment
    require(magic == MAGIC, "another magic")
    require(version == 1, "another version", "unsupported")
    require(zero == 0 and 12 <= shift <= 20 and 1 <= count <= 16 and plain_size < 2**53 and segments <= 2**32, "a number's range")
    recipients, end = {}, FIXED_HEADER.size
    for _ in range(count):
        start, end = end + 34, end + 34 + int.from_bytes(sealed[end + 32:end + 34], "big")
        recipients[sealed[start - 34:start - 2].hex()] = sealed[start:end]
    in_order = list(recipients) == sorted(recipients) and len(recipients) == count
    require(in_order and {*map(len, recipients.values())} <= {*range(256, 513)}, "order of ids, or length of a wrapped key")
    require(len(sealed) == end + plain_size + 16 * segments, "another size than the header makes")
    wrapped, exponent = recipients.get(key_id(private.public_key())), private.public_key().public_numbers().e
    require(wrapped and private.key_size in range(2048, 4097) and exponent in range(65537, 2**33, 2), "no content key")
    key = attempt(ValueError, private.decrypt, wrapped, OAEP)  # of another length or not below the modulus: ValueError as well
    require(len(key) == 32, "an archive key of another length")
    header_digest, starts = hashlib.sha256(sealed[:end]).digest(), range(end, len(sealed), step)
    return b"".join(attempt(InvalidTag, AESGCM(key).decrypt, prefix + struct.pack(">IB", number, number == segments - 1),
                            sealed[start:start + step], header_digest) for number, start in enumerate(starts))

def parse(data):
    def no_key_twice(pairs):
        require(len(dict(pairs)) == len(pairs), "a key twice")
        return dict(pairs)
    def natural(digits):
        require(re.fullmatch("[0-9]{1,16}", digits) and int(digits) < 2**53, f"number {digits}")
        return int(digits)
    text = attempt(UnicodeError, data.decode)
    marks = re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL)
    require(max(itertools.accumulate((mark in "[{") - (mark in "]}") for mark in marks), default=0) <= 32, "too many levels")
    document = attempt(json.JSONDecodeError, json.loads, text, object_pairs_hook=no_key_twice,
                       parse_int=natural, parse_float=natural, parse_constant=natural)
    attempt(UnicodeError, json.dumps(document, ensure_ascii=False).encode)  # it cannot write half a surrogate pair
    require(isinstance(document, dict), "no object")
    return document

def base64_bytes(text, url_safe_too=True):
    alphabet = "-_" if url_safe_too and re.search("[-_]", text) else "+/"
    data = attempt(ValueError, base64.b64decode, text, alphabet)
    require(base64.b64encode(data, alphabet.encode()) == text.encode(), "what base64 does not make")  # b64decode takes more
    return data

def fits(value, shape):
    """Whether a value is as a table says: a number from `shape` on, a list or an object of such, or what a function takes."""
    if isinstance(shape, int):
        return type(value) is int and value >= shape  # not isinstance: in Python, true is an int
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(entry, shape[0]) for entry in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(fits(value.get(n), s) or n in OPTIONAL - value.keys() for n, s in shape.items())
    return shape(value)

def text(pattern="(?s).*", most=math.inf, also=lambda value: True):
    return lambda value: isinstance(value, str) and len(value.encode()) <= most and re.fullmatch(pattern, value) and also(value)

def native_version(value):
    parts = re.split("[-+ ]", value)[0].split(".")
    sound = all(re.fullmatch("[0-9]+", part) and int(part) < 2**64 for part in parts)
    return [*map(int, parts)] + [0] * (256 - len(parts)) if sound else None  # all of one length: zeros at the end do not count

DIGEST, APP_ID = text("[0-9a-f]{64}"), text(r"[A-Za-z0-9]+(\.[A-Za-z0-9_-]+)+", 256)
NATIVE = dict.fromkeys(("min", "max"), text(most=256, also=native_version))
PATH = text(r"(?!([^\0]*/)?[A-Za-z]:)[^\\\0]+", also=lambda path: not {"", ".", ".."} & set(path.split("/")))
ENVELOPE = dict(payloadType=text(), payload=text(), signatures=[dict(keyid=DIGEST, sig=text())])
RELEASE = dict(format=1, app_id=APP_ID, channel=text("(?!\\.)[A-Za-z0-9._-]{1,64}"), version=text("[^\0-\x1f\x7f-\x9f]+", 256),
               sequence=1, created_at=0, expires_at=0, native=NATIVE, link=text(most=2048), comment=text(most=4096),
               critical=[text()])
OF_A_BUNDLE = dict(archive=dict(size=0, sha256=DIGEST), files_sha256=DIGEST, sealed=dict(size=0, header_sha256=DIGEST))
RING = dict(format=1, app_id=APP_ID, number=1, threshold=1, created_at=0, keys=[text()], retired=[DIGEST], critical=[text()])
FILE_LIST = dict(format=1, files=[dict(path=PATH, size=0, sha256=DIGEST)])
OPTIONAL = {"native", "min", "max", "sealed", "link", "comment", "critical", "retired"}

def open_envelope(data, keys, threshold=0, what=None):
    """Type, payload, and those of the keys that signed, each once however often its id stands there."""
    require(len(data) <= 262_144, "envelope too large")
    envelope = parse(data)
    require(fits(envelope, ENVELOPE) and len(envelope["signatures"]) <= 32, "no envelope")
    kind, payload, signers = envelope["payloadType"], base64_bytes(envelope["payload"]), []
    signatures = [(entry["keyid"], base64_bytes(entry["sig"])) for entry in envelope["signatures"]]
    require(what is None or kind == f"application/vnd.capbundle.{what}.v1+json", "another type of payload")
    signed = b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)
    for key, (keyid, signature) in itertools.product(keys, signatures):
        if keyid == key_id(key) and key not in signers:
            with contextlib.suppress(InvalidSignature):  # as good as absent, and no reason to refuse the others
                key.verify(signature, signed, PSS, SHA256())
                signers.append(key)
    require(len(signers) >= threshold, "too few signatures", "signatures")
    return kind, payload, signers

def read_document(payload, shape, may_be_critical):
    document = parse(payload)
    critical = document.get("critical", [])
    require(fits(document.get("format"), 0), "no number format")
    require(document["format"] == 1, "another format", "unknown_format")
    require(fits(critical, [text()]), "critical is no list of texts")
    require(set(critical) <= set(may_be_critical), "a critical member that is not known", "unknown_critical")
    require(fits(document, shape) and len(document.keys() & set(critical)) == len(critical), "members are not as the table says")
    return document

def next_ring(data, before, app="com.example.app"):
    ring = read_document(open_envelope(data, before["keys"], before["threshold"], "keys")[1], RING, RING)
    ders, retired = [base64_bytes(key, url_safe_too=False) for key in ring["keys"]], ring.setdefault("retired", [])
    keys = ring["keys"] = [attempt((ValueError, UnsupportedAlgorithm), load_der_public_key, der) for der in ders]
    require(all(isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= 4096 for key in keys), "kind or size of a key")
    require(all(key.public_numbers().e in range(65537, 2**33, 2) for key in keys), "exponent of a key")
    require([key_id(key) for key in keys] == [hashlib.sha256(der).hexdigest() for der in ders], "a key that is not in DER")
    moduli = ring["moduli"] = {key.public_numbers().n for key in keys if key.public_numbers().n % 2}
    require(ring["threshold"] <= len(moduli) == len(keys) <= 32, "number of keys, an even modulus, or one twice")
    require(len({*map(key_id, keys), *retired}) == len(keys) + len(retired), "a key retired twice, or still in use")
    open_envelope(data, keys, ring["threshold"])
    require(ring["app_id"] == app, "another app", "wrong_app")
    require(before["number"] in (None, ring["number"] - 1), "not the next one", "wrong_number")
    require({*before["retired"]} <= {*retired}, "a retired key is back", "retired_key_missing")
    return ring

def check_release(data, ring, given, content_key):
    _, payload, _ = open_envelope(data, ring["keys"], ring["threshold"], "release")
    release = read_document(payload, RELEASE, {*RELEASE, *OF_A_BUNDLE, "built_in"})
    built_in = release.get("built_in") is True and "built_in" in release.get("critical", [])
    right = built_in and not OF_A_BUNDLE.keys() & release.keys() if "built_in" in release else fits(release, OF_A_BUNDLE)
    require(right, "neither a bundle nor the built-in one")
    require(release["created_at"] < release["expires_at"], "expires before it was made")
    require(release["app_id"] == given.get("app"), "another app", "wrong_app")
    require(release["channel"] == given.get("channel"), "another channel", "wrong_channel")
    require(release["sequence"] > int(given.get("built_in_sequence", 0)), "older than the app", "built_in_is_newer")
    accepted, digest = given.get("accepted", "0 -").split()
    same = release["sequence"] == int(accepted) and hashlib.sha256(payload).hexdigest() == digest
    require(same or release["sequence"] > int(accepted), "older than what was accepted", "replayed")
    require(release["expires_at"] > max(int(given.get("now", 0)), int(given.get("latest_time_seen", 0))), "too late", "expired")
    ends, own = release.get("native", {}), native_version(given.get("native", ""))
    low, high = (native_version(ends[end]) if end in ends else None for end in ("min", "max"))
    require(not low and not high or own and (low or own) <= own <= (high or own), "native version", "native_out_of_range")
    signs = content_key and (key_id(content_key) in ring["retired"] or content_key.public_numbers().n in ring["moduli"])
    require("sealed" not in release or not signs, "a content key that signs or signed", "key_in_both_roles")

def check_file_list(data):
    require(len(data) <= 64 << 20, "file list too large")
    paths = [entry["path"].encode() for entry in read_document(data, FILE_LIST, ())["files"]]
    require(paths == sorted(set(paths)), "paths out of order or twice")

def patched(data, head):
    old = re.search("^old: ?(.*)$", head, re.M)[1]
    try:
        return second_patch.open_patch(data, urllib.parse.unquote_to_bytes(old))[2]
    except second_patch.Refused as refused:
        raise Refused("unsupported" if str(refused) == "version" else "invalid_input") from None

def outcome(kind, vector, folder):
    head, _, body = vector.read_text("utf-8").partition("\n\n")
    given = {name: urllib.parse.unquote(value.strip()) for name, _, value in (line.partition(":") for line in head.splitlines())}
    data = zlib.decompress(base64.b64decode(body), -15) if "body" in given else base64.b64decode(body)
    content_key = load_pem_public_key((folder / "keys" / given["content_key"]).read_bytes()) if "content_key" in given else None
    ring = NO_RING
    for name in given.get("rings", "").split():
        ring = next_ring((folder / "trust" / name).read_bytes(), ring)
    checks = {"sealed": lambda: open_sealed(data, load_pem_private_key((folder / "keys" / given["key"]).read_bytes(), None)),
              "releases": lambda: check_release(data, ring, given, content_key), "json": lambda: parse(data),
              "patches": lambda: patched(data, head), "rings": lambda: next_ring(data, ring, given["app"]), "file-lists": lambda: check_file_list(data)}
    try:
        plain = checks[kind]()
    except Refused as refused:
        return str(refused).partition(":")[0].replace("malformed", "decryption_failed" if kind == "sealed" else "malformed")
    return f"ok {hashlib.sha256(plain).hexdigest()}" if kind in ("sealed", "patches") else "ok"

if __name__ == "__main__":
    command, first, *others = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    if command == "open":
        others[1].unlink(missing_ok=True)  # so that none from before is taken for this one
        others[1].write_bytes(open_sealed(first.read_bytes(), load_pem_private_key(others[0].read_bytes(), None)))
    elif command == "verify":
        kind, payload, signers = open_envelope(first.read_bytes(), [load_pem_public_key(pem.read_bytes()) for pem in others])
        print(json.dumps({"type": kind, "payload": attempt(UnicodeError, payload.decode), "signers": [*map(key_id, signers)]}))
    elif command == "vectors":
        for kind in ("sealed", "patches", "releases", "rings", "file-lists", "json"):
            for vector in sorted((first / kind).glob("*.txt")):
                print(f"{kind}/{vector.stem} {outcome(kind, vector, first)}")
