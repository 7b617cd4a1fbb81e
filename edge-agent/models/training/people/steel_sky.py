"""What is said in Beneath a Steel Sky (Debian's beneath-a-steel-sky, the CD's version 0.0372), and its texts.

sky.dnr lists files: u32 count, then for each u16 number, u24 offset (bit 23: in units of sixteen bytes), u24 size and flags (bits
22 and 23; the higher: no header of 22 bytes). Voices are unsigned bytes at 11,025 Hz, packed by RNC's method 1. A text module
(60600 and the section; the American one is 24 higher) has u16 where its messages' lengths begin, u16 where their bits begin, sums
of thirty-two lengths each, lengths in pairs of bits (above 127: eight times what is above), and bits of a Huffman code. The voice
of a message is 50000, its section's first number and its own.
"""

import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np

PACKAGE = "beneath-a-steel-sky"
RATE_HZ = 11_025
_HEADER = 22
_TEXTS, _AMERICAN, _VOICES = 60_600, 24, 50_000
_FIRST_OF_SECTION = (0, 600, 1_100, 2_430, 3_380, 4_530, 5_080)
# The code's tree, each node before what is under it: > is a fork, a number a character's code, all else a character.
_TREE = r"""
> > > 32 > e a > > > o s > t n > > . i r > > > > > 0 E u > m A > > > l I > d R > > N S T > > > > > O h c > D g > > > L C > p U > > !
y M > > > > > P v H > ? b > > > 39 f , > G B > > > > > V k F > q w > > > K - W > J * > > > > z Y > j + > > > Q 133 ) > > Z 139 < > > >
> > 149 126 138 > 135 : > > > 127 ] # > > x X 145 > > > > > 136 ` 50 > > 48 131 49 > > > / ( = > 134 ^ > > > > 51 57 > 152 52 > > > } 56
\ > 34 144 > > > > & 141 > 53 54 > > 146 143 > 142 147 > > > > 140 55 128 > > 129 153 > $ @ > > > > [ 154 95 > 62 150 > > > 130 % 9 > >
156 151 > { > 148 124
""".split()


def lines(folder):
    """(samples, 16-bit, at RATE_HZ; what is said) of each line whose British and American texts agree."""
    disk = _Disk(next(folder.rglob("sky.dnr")).parent)
    tree = _tree()
    with tempfile.TemporaryDirectory() as room:
        for section, first in enumerate(_FIRST_OF_SECTION):
            british, american = (
                _messages(disk.load(_TEXTS + section + other, room), tree) for other in (0, _AMERICAN)
            )
            for number, (text, other) in enumerate(zip(british, american)):
                voice = _VOICES + first + number
                if voice in disk.files and text == other:
                    plain = np.frombuffer(disk.load(voice, room), np.uint8).astype(np.int16) - 128
                    yield plain * 256, text


class _Disk:
    def __init__(self, folder):
        index = (folder / "sky.dnr").read_bytes()
        self.all = (folder / "sky.dsk").read_bytes()
        self.files = {}
        for at in range(4, 4 + 8 * struct.unpack("<I", index[:4])[0], 8):
            number, offset, size = (
                int.from_bytes(index[at + a : at + b], "little") for a, b in ((0, 2), (2, 5), (5, 8))
            )
            if offset >= 1 << 23:
                offset = (offset - (1 << 23)) * 16
            self.files[number] = (offset, size)

    def load(self, number, room):
        offset, size = self.files[number]
        whole = self.all[offset : offset + size % (1 << 22)]
        body = whole if size >= 1 << 23 else whole[_HEADER:]
        if body[:4] != b"RNC\x01":
            return body
        packed, plain = Path(room) / "packed", Path(room) / "plain"
        packed.write_bytes(body)
        subprocess.run(["ancient", "decompress", packed, plain], check=True, stdout=subprocess.DEVNULL)
        return plain.read_bytes()


def _tree():
    rest = iter(_TREE)

    def node():
        name = next(rest)
        if name == ">":
            return node(), node()
        return chr(int(name)) if name.isdigit() else name

    return node()


def _messages(module, tree):
    lengths_at, bits_at = struct.unpack("<HH", module[:4])
    sums = struct.unpack(f"<{(lengths_at - 4) // 2}H", module[4:lengths_at])
    lengths = [size if size < 128 else (size - 128) * 8 for size in module[lengths_at:bits_at]]
    bits = np.unpackbits(np.frombuffer(module[bits_at:], np.uint8))
    for number in range(len(lengths)):
        block = number // 32
        start = sum(sums[:block]) + sum(lengths[32 * block : number])
        yield _decoded(bits[2 * start :], tree)


def _decoded(bits, tree):
    text, node = "", tree
    for bit in bits:
        node = node[bit]
        if isinstance(node, str):
            if node == "\0":
                return text
            text, node = text + node, tree
    return text
