"""Signs releases and seals archives, written only from docs/format.md and the documents it cites.

In plain Python, so that the cases can be generated on any machine and are independent of the core. Slow, and not for
secrets. Random values are derived from the input, so that the cases are reproducible.
"""

import base64
import hashlib

RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")


def sha256(content):
    return hashlib.sha256(content).digest()


def mgf1(seed, length):
    blocks = (sha256(seed + counter.to_bytes(4, "big")) for counter in range(-(-length // 32)))
    return b"".join(blocks)[:length]


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def der(tag, *contents):
    content = b"".join(contents)
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    octets = length.to_bytes(-(-length.bit_length() // 8), "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def der_integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def integers(pkcs1):
    """The integers of a PKCS#1 private key: version, n, e, d and the CRT values."""

    def read(content):
        length, start = content[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(content[2:start], "big")
        return content[start : start + length], content[start + length :]

    numbers, rest = [], read(pkcs1)[0]
    while rest:
        number, rest = read(rest)
        numbers.append(int.from_bytes(number, "big"))
    return numbers


class Key:
    """An RSA key pair, from a PKCS#1 PEM file."""

    def __init__(self, path):
        self.pem = path.read_text()
        lines = [line for line in self.pem.splitlines() if line and not line.startswith("-")]
        _, self.n, self.e, self.d, *_ = integers(base64.b64decode("".join(lines)))
        self.size = -(-self.n.bit_length() // 8)
        public = der(0x30, der_integer(self.n), der_integer(self.e))
        self.spki = der(0x30, RSA_ENCRYPTION, der(3, b"\0", public))
        self.id = hashlib.sha256(self.spki).hexdigest()

    def sign(self, message, salt_length=32):
        """RSASSA-PSS, RFC 8017 8.1.1 and 9.1.1."""
        bits = self.n.bit_length() - 1
        length = -(-bits // 8)
        salt = sha256(b"salt" + message)[:salt_length]
        digest = sha256(bytes(8) + sha256(message) + salt)
        block = bytes(length - salt_length - 34) + b"\1" + salt
        masked = bytearray(xor(block, mgf1(digest, len(block))))
        masked[0] &= 0xFF >> (8 * length - bits)
        return self.private(bytes(masked) + digest + b"\xbc")

    def sign_type_1(self, message):
        """RSASSA-PKCS1-v1_5, which releases must not use."""
        info = bytes.fromhex("3031300d060960864801650304020105000420") + sha256(message)
        return self.private(b"\0\1" + b"\xff" * (self.size - len(info) - 3) + b"\0" + info)

    def private(self, block):
        return pow(int.from_bytes(block, "big"), self.d, self.n).to_bytes(self.size, "big")

    def wrap(self, key):
        """RSAES-OAEP, RFC 8017 7.1.1."""
        seed = sha256(b"seed" + key)
        block = sha256(b"") + bytes(self.size - len(key) - 66) + b"\1" + key
        masked = xor(block, mgf1(seed, len(block)))
        masked_seed = xor(seed, mgf1(masked, 32))
        number = int.from_bytes(b"\0" + masked_seed + masked, "big")
        return pow(number, self.e, self.n).to_bytes(self.size, "big")


def double(byte):
    return (byte << 1 ^ (0x11B if byte & 0x80 else 0)) & 0xFF


def make_box():
    """The substitution of AES, FIPS 197 5.1.1: inverse and affine map."""
    box, forward, inverse = [0x63] * 256, 1, 1
    while True:
        forward ^= double(forward)
        for shift in (1, 2, 4):
            inverse ^= inverse << shift & 0xFF
        inverse ^= 0x09 if inverse & 0x80 else 0
        rotated = inverse
        for shift in (1, 2, 3, 4):
            rotated ^= (inverse << shift | inverse >> (8 - shift)) & 0xFF
        box[forward] = rotated ^ 0x63
        if forward == 1:
            return box


BOX = make_box()


def round_keys(key):
    words = [list(key[place : place + 4]) for place in range(0, 32, 4)]
    constant = 1
    for position in range(8, 60):
        word = words[-1]
        if position % 8 == 0:
            word = [BOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = double(constant)
        elif position % 8 == 4:
            word = [BOX[byte] for byte in word]
        words.append([a ^ b for a, b in zip(words[-8], word)])
    return [sum(words[place : place + 4], []) for place in range(0, 60, 4)]


def encrypt_block(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        state = [BOX[state[(place + 4 * (place % 4)) % 16]] for place in range(16)]
        if number < len(keys) - 1:
            mixed = []
            for column in range(0, 16, 4):
                bytes_ = state[column : column + 4]
                every = bytes_[0] ^ bytes_[1] ^ bytes_[2] ^ bytes_[3]
                mixed += [bytes_[row] ^ every ^ double(bytes_[row] ^ bytes_[(row + 1) % 4]) for row in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, key)]
    return bytes(state)


def multiplied(one, other):
    """The product of GCM's field, NIST SP 800-38D 6.3."""
    product = 0
    for bit in range(127, -1, -1):
        if one >> bit & 1:
            product ^= other
        other = other >> 1 ^ (0xE1 << 120 if other & 1 else 0)
    return product


def encrypt_gcm(key, nonce, associated, plain):
    keys = round_keys(key)
    counters = range(2, 2 + -(-len(plain) // 16))
    stream = b"".join(encrypt_block(keys, nonce + counter.to_bytes(4, "big")) for counter in counters)
    cipher = xor(plain, stream[: len(plain)])
    hash_key, tag = int.from_bytes(encrypt_block(keys, bytes(16)), "big"), 0
    lengths = (8 * len(associated)).to_bytes(8, "big") + (8 * len(cipher)).to_bytes(8, "big")
    for part in (associated, cipher, lengths):
        for place in range(0, len(part), 16):
            block = part[place : place + 16].ljust(16, b"\0")
            tag = multiplied(tag ^ int.from_bytes(block, "big"), hash_key)
    return cipher + xor(tag.to_bytes(16, "big"), encrypt_block(keys, nonce + b"\0\0\0\1"))


def seal(plain, recipients):
    """A sealed archive of one segment, and the bytes of its header."""
    assert len(plain) <= 1 << 16
    key, prefix = sha256(b"key" + plain), sha256(b"prefix" + plain)[:7]
    header = b"\x89CBSEAL\n\1\x10" + len(recipients).to_bytes(2, "big") + prefix + b"\0" + len(plain).to_bytes(8, "big")
    for recipient in sorted(recipients, key=lambda recipient: recipient.id):
        header += bytes.fromhex(recipient.id) + recipient.size.to_bytes(2, "big") + recipient.wrap(key)
    return header + encrypt_gcm(key, prefix + b"\0\0\0\0\1", sha256(header), plain), header
