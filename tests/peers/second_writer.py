"""Writes what second.py reads.

    python3 second_writer.py seal PLAIN SEALED PUBLIC_PEM...            a sealed archive for these content keys
    python3 second_writer.py sign TYPE PAYLOAD_FILE PRIVATE_PEM...      the envelope of a payload, signed by these keys
"""
import base64
import hashlib
import json
import os
import pathlib
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from second import FIXED_HEADER, MAGIC, OAEP, PSS, key_id, require

SEGMENT_SHIFT = 16  # the only segment size that version 1 writes: 65,536 bytes


def seal(plain, publics):
    ids = {key_id(public): public for public in publics}
    require(1 <= len(publics) <= 16 and len(ids) == len(publics), "1 to 16 content keys, none of them twice")
    for public in publics:
        fits = public.key_size in range(2048, 4097) and public.public_numbers().e in range(65537, 2**33, 2)
        require(fits, "a content key has 2048 to 4096 bits and an odd exponent from 65537 to 2^33 - 1")
    archive_key, prefix = os.urandom(32), os.urandom(7)  # fresh for each archive: with them nothing else is ever encrypted
    header = FIXED_HEADER.pack(MAGIC, 1, SEGMENT_SHIFT, len(ids), prefix, 0, len(plain))
    for recipient in sorted(ids):
        wrapped = ids[recipient].encrypt(archive_key, OAEP)
        header += bytes.fromhex(recipient) + struct.pack(">H", len(wrapped)) + wrapped
    cipher, header_digest = AESGCM(archive_key), hashlib.sha256(header).digest()
    sealed, starts = [header], range(0, max(1, len(plain)), 1 << SEGMENT_SHIFT)  # an empty archive is one empty segment
    for number, start in enumerate(starts):
        nonce = prefix + struct.pack(">IB", number, number == len(starts) - 1)
        sealed.append(cipher.encrypt(nonce, plain[start:start + (1 << SEGMENT_SHIFT)], header_digest))
    return b"".join(sealed)


def sign(kind, payload, privates):
    # The pre-authentication encoding stands here anew, so that a slip in one of the two programs shows in the other.
    signed = b" ".join([b"DSSEv1", str(len(kind.encode())).encode(), kind.encode(), str(len(payload)).encode(), payload])
    signatures = [{"keyid": key_id(private.public_key()), "sig": as_text(private.sign(signed, PSS, SHA256()))}
                  for private in privates]
    return json.dumps({"payloadType": kind, "payload": as_text(payload), "signatures": signatures}, separators=(",", ":"))


def as_text(data):
    return base64.b64encode(data).decode()


command, *arguments = sys.argv[1:] or [""]
if command == "seal":
    plain, sealed, *pems = map(pathlib.Path, arguments)
    sealed.write_bytes(seal(plain.read_bytes(), [load_pem_public_key(pem.read_bytes()) for pem in pems]))
elif command == "sign":
    kind, payload, *pems = arguments
    privates = [load_pem_private_key(pathlib.Path(pem).read_bytes(), None) for pem in pems]
    print(sign(kind, pathlib.Path(payload).read_bytes(), privates))
else:
    raise SystemExit(__doc__)
