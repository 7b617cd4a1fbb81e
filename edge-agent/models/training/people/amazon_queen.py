"""What is said in Flight of the Amazon Queen (Debian's flight-of-the-amazon-queen), and its texts.

queen.1c: "QTBL", nine bytes, the last of them 1 for MP3, u16 count, then for each file name (12), a byte, u32 offset, u32 size,
big-endian.
A sentence is cut at commands, * and two characters (XY: eleven more); the voice of a part is the sentence's name, the part's number
in hexadecimal, and SB. Sentences are in three places: dialogues (.DOG), scenes (.CUT), and what Joe says of things (QUEEN2.JAS, its
counts in QUEEN.JAS); the first twenty bytes of such a file are not its own.
"""

import re
import struct

import numpy as np

import recordings

PACKAGE = "flight-of-the-amazon-queen"
RATE_HZ = recordings.RATE_HZ
_HEADER, _OWN, _ENTRY = 15, 20, 21
_REPLIES, _BEFORE_REPLIES = 40, 12
_LEVEL = 96
# Samples no louder than this before the first that is are the encoder's.
_SILENT = 1


def lines(folder):
    """(samples, 16-bit, at RATE_HZ; what is said) of each line whose name stands for one text."""
    files = _files(next(folder.rglob("queen.1c")).read_bytes())
    said = {}
    for name, sentence in _sentences(files):
        for number, part in enumerate(_parts(sentence), 1):
            said.setdefault(f"{name}{number:X}.SB", set()).add(part.strip())
    for name in sorted(said.keys() & files.keys()):
        if len(said[name]) == 1:
            yield _decoded(name, files[name]), said[name].pop()


def _files(whole):
    count = struct.unpack_from(">H", whole, _HEADER - 2)[0]
    entries = (struct.unpack_from(">12sBII", whole, _HEADER + _ENTRY * at) for at in range(count))
    return {name.split(b"\0")[0].decode().upper(): whole[at : at + size] for name, _, at, size in entries}


def _decoded(name, mp3):
    samples = recordings.pcm(name, ["-f", "mp3", "-i", "-"], input=mp3)
    loud = np.flatnonzero(np.abs(samples.astype(int)) > _SILENT)
    return samples[loud[0] :] if len(loud) > 0 else samples[:0]


def _parts(sentence):
    return re.split(r"\*(?:XY.{11}|..)", sentence)


def _sentences(files):
    for name in sorted(files):
        if name.endswith(".DOG"):
            yield from _dialogue(files[name][_OWN:])
        elif name.endswith(".CUT"):
            yield from _scene(name.removesuffix(".CUT"), files[name][_OWN:])
    rooms, names, _, things = struct.unpack_from(">4H", files["QUEEN.JAS"], _OWN)
    texts = files["QUEEN2.JAS"].decode("cp437").splitlines()
    replies = things + names + rooms + _BEFORE_REPLIES
    for number in range(1, _REPLIES + things + 1):
        at = replies + number - 1 if number <= _REPLIES else number - _REPLIES - 1
        yield f"JOE{number:04}", texts[at]


def _text(data, at, even):
    """A text and where the next begins; those that are not empty end at a multiple of `even`."""
    size = data[at]
    end = at + 1 + size
    return data[at + 1 : end].decode("cp437"), -(-end // even) * even if size > 0 else end


def _dialogue(data):
    levels, key, of_joe, of_others = struct.unpack_from(">hxxhhh", data)
    others, standing = struct.unpack_from(">HxxH", data, 22)
    joe = 32 + abs(levels) * _LEVEL

    def name(line, who):
        return f"{key:2}{line:>4}{who}".replace(" ", "0").upper()

    if data[joe + 2 : joe + 4] == b"\0\0":
        yield name("SSSS", "J"), _text(data, joe + 4, 2)[0]
    for who, at, count in (("J", joe, of_joe), ("P", others, of_others)):
        for _ in range(count):
            number = struct.unpack_from(">H", data, at + 2)[0]
            text, at = _text(data, at + 4, 4)
            yield name(f"{number:x}", who), text
    text, at = _text(data, standing, 2)
    yield name("XXXX", "P"), text
    yield name("XXXX", "J"), _text(data, at, 2)[0]


def _scene(base, data):
    count, at = struct.unpack_from(">hxxxxH", data, 2)
    _, at = _text(data, at, 2)
    for number in range(1, abs(count) + 1):
        text, at = _text(data, at, 2)
        if not text.startswith("#"):
            yield f"{base:_<5}{number:02}", text
