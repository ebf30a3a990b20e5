#!/usr/bin/env python3
"""Applies a patch, written from docs/format.md alone: patch.py PATCH OLD_SIDE NEW_SIDE. Also used by second.py."""
import re, sys

LOGISTIC = [1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
            3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094]
M32 = 0xFFFF_FFFF
WINDOW = 8 << 20
WORD = re.compile(rb"[A-Za-z0-9_$]+")
IS_WORD = [bool(WORD.match(bytes([byte]))) for byte in range(256)]


class Refused(Exception):
    """The reason is the message."""


def require(holds, why):
    if not holds:
        raise Refused(why)


def squash(x):
    if x > 2047:
        return 4095
    if x < -2047:
        return 1
    i, f = (x >> 7) + 16, x % 128
    return (LOGISTIC[i] * (128 - f) + LOGISTIC[i + 1] * f + 64) >> 7


def stretch_table():
    table, x = [], -2047
    for y in range(4096):
        while x <= 2047 and squash(x) < y:
            x += 1
        table.append(min(x, 2047))
    return table


STRETCH = stretch_table()


class Chances:
    """Chances by any key, made when first used."""

    def __init__(self):
        self.values, self.counts = {}, {}

    def value(self, key):
        return self.values.get(key, 1 << 21)

    def learn(self, key, bit):
        v, c = self.value(key), self.counts.get(key, 0)
        r = 131072 // (2 * c + 3)
        self.values[key] = v + ((((1 << 22) - 1 - v) * r) >> 16) if bit else v - ((v * r) >> 16)
        self.counts[key] = min(c + 1, 255)


class Body:
    def __init__(self, data):
        require(len(data) >= 4, "short")
        self.data, self.at = data, 4
        self.range, self.code = M32, int.from_bytes(data[:4], "big")
        self.chances = Chances()

    def normalize(self):
        while self.range < 1 << 24:
            require(self.at < len(self.data), "short")
            self.range = self.range << 8
            self.code = (self.code << 8 | self.data[self.at]) & M32
            self.at += 1

    def raw(self, p):
        bound = (self.range >> 16) * p
        bit = self.code < bound
        if bit:
            self.range = bound
        else:
            self.code -= bound
            self.range -= bound
        self.normalize()
        return int(bit)

    def bit(self, key):
        bit = self.raw(max(1, self.chances.value(key) >> 6))
        self.chances.learn(key, bit)
        return bit

    def even(self, n):
        self.range >>= n
        number = min(self.code // self.range, (1 << n) - 1)
        self.code = (self.code - number * self.range) & M32
        self.normalize()
        return number

    def tree(self, key, n):
        node = 1
        for _ in range(n):
            node = 2 * node + self.bit((key, node))
        return node - (1 << n)

    def number(self, key):
        size = min(self.tree((key, "size"), 6), 40)
        if size <= 1:
            return size
        high = min(3, size - 1)
        number = 1 << high | self.tree((key, size), high)
        left = size - 1 - high
        while left:
            n = min(left, 16)
            number, left = number << n | self.even(n), left - n
        return number

    def end(self):
        require(self.code == 0, "end")
        require(self.at == len(self.data), "longer")


class Literals:
    def __init__(self, body):
        self.body, self.weights, self.chances = body, {}, Chances()

    def read(self, x, run, expected):
        run, node = min(run, 3), 1
        starts = [(x & 0xFFFF) * 0x9E3779B1, (x & 0xFFFFFF) * 0x85EBCA6B, x * 0xC2B2AE35]
        for _ in range(8):
            keys = [(0, (x & 255) * 256 + node)]
            for k, s in enumerate(starts):
                keys.append((k + 1, (((s ^ node * 0x2C1B3C6D) & M32) * 0x9E3779B1 & M32) >> 14))
            keys.append((4, (run * 256 + expected) * 256 + node))
            said = [STRETCH[self.chances.value(key) >> 10] for key in keys]
            w = self.weights.setdefault((run, node), [20000] * 5)
            m = squash(sum(weight * t >> 8 for weight, t in zip(w, said)) >> 8)
            bit = self.body.raw(16 * m)
            error = 4096 * bit - m
            for k, t in enumerate(said):
                w[k] = max(-(1 << 19), min(1 << 19, w[k] + ((t * error * 6 + 8192) >> 14)))
            for key in keys:
                self.chances.learn(key, bit)
            node = 2 * node + bit
        return node - 256


def word_hash(word):
    h = 0x811C9DC5
    for byte in word:
        h = (h ^ byte) * 0x9E3779B1 & M32
        h ^= h >> 15
    return h


def learn(memory, old, new, p, length, gap):
    q = len(new)
    b, e = min(gap + 25, p, q), min(p + length, p + 25)
    start, text = p - b, old[p - b:e]
    for found in WORD.finditer(text):
        first, last = found.span()
        if first == 0 and start > 0 or last == len(text) and e < len(old) or last - first > 24:
            continue
        word = found.group()
        w = (bytes(new[q - b:]) + text[b:])[first:last]
        h = word_hash(word)
        if w != word and memory.get(h >> 16, (None,) * 3)[:3] != (h, len(word), w):
            memory[h >> 16] = (h, len(word), w, 1)


def copy_words(body, memory, old, new, p, length):
    text = bytearray(old[p:p + length])
    for found in WORD.finditer(old, p, p + length):
        first, last = found.span()
        # Not whole: it begins before the copy or ends behind it.
        if first > 0 and IS_WORD[old[first - 1]] or last < len(old) and IS_WORD[old[last]] or last - first > 24:
            continue
        h = word_hash(found.group())
        entry = memory.get(h >> 16)
        if entry and entry[:2] == (h, last - first):
            bit = body.bit(("replaced", min(last - first, 4), entry[3]))
            if bit:
                text[first - p:last - p] = entry[2]
            memory[h >> 16] = entry[:3] + ((2 * entry[3] + bit) % 256,)
    new += text


def apply(body, old, new_size):
    new, body, memory = bytearray(), Body(body), {}
    literals = Literals(body)
    size = len(old)
    distances, old_distance, recent, run, gap = [size] * 4, size, 0, 0, float("inf")

    def byte(d):
        at = size + len(new) - d
        if at < size:
            return old[at]
        return new[at - size] if 1 <= d <= WINDOW else 0

    while len(new) < new_size:
        q = len(new)
        if not body.bit(("copies", recent)):
            x = int.from_bytes(bytes(4 - min(q, 4)) + new[max(0, q - 4):], "big")
            new.append(literals.read(x, run, byte(distances[0])))
            run, gap, kind = run + 1, gap + 1, 0
        else:
            if body.bit(("fresh", recent)):
                kind = 3 if body.bit(("repeats", recent)) else 2
                place, lengths = 3, kind + 1
            else:
                kind, place = 1, 0
                while place < 3 and body.bit(("again", recent, place)):
                    place += 1
                lengths = (1 if recent % 4 == 0 else 0) if place == 0 else 2
            l = body.number(("length", lengths))
            if kind == 1:
                d = distances[place]
            elif kind == 2:
                z = body.number(("jump", 0 if l < 8 else 1 if l < 16 else 2 if l < 32 else 3))
                d = old_distance - z // 2 if z % 2 == 0 else old_distance + (z + 1) // 2
                require(0 <= size + q - d < size, "jump")
            else:
                d = 1 + body.number(("distance", 0 if l < 3 else 1 if l == 3 else 2 if l == 4 else 3))
            distances = [d] + distances[:place] + distances[place + 1:]
            length = l + 1
            require(q + length <= new_size, "size")
            at, run = size + q - d, 0
            if 0 <= at < size:
                require(at + length <= size, "old side")
                if d == old_distance and 1 <= gap <= 32:
                    learn(memory, old, new, at, length, gap)
                old_distance, gap = d, 0
                copy_words(body, memory, old, new, at, length)
            else:
                require(1 <= d <= min(WINDOW, q), "window")
                for _ in range(length):
                    new.append(new[-d])
                gap += length
        recent = (4 * recent + kind) % 64
    body.end()
    return bytes(new)


def open_patch(data, old):
    """Old list, new list and new side of a patch."""
    require(len(data) >= 96, "short")
    require(data[:8] == b"\x89CBPTCH\n", "magic")
    require(data[8] == 1, "version")
    require(data[9:16] == bytes(7), "header")
    old_size, new_size = int.from_bytes(data[80:88], "big"), int.from_bytes(data[88:96], "big")
    require(old_size < 1 << 53 and new_size < 1 << 53, "header")
    require(old_size == len(old), "old size")
    return data[16:48], data[48:80], apply(data[96:], old, new_size)


if __name__ == "__main__":
    patch, old = (open(path, "rb").read() for path in sys.argv[1:3])
    with open(sys.argv[3], "wb") as output:
        output.write(open_patch(patch, old)[2])
