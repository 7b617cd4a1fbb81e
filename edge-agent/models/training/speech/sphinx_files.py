"""Readers of the CMU Sphinx acoustic model files (means, variances, sendump, transition_matrices, mdef)."""

import struct
from pathlib import Path

import numpy as np

SENDUMP_LOG_BASE = 1.0001
SENDUMP_SHIFT = 10
VARIANCE_FLOOR = 1e-4
WORD_POSITIONS = 4  # internal, begin, end, single
SINGLE, END, BEGIN, INTERNAL = 3, 2, 1, 0


def _body(path):
    data = Path(path).read_bytes()
    end = data.index(b"endhdr\n") + len(b"endhdr\n")
    if struct.unpack_from("<I", data, end)[0] != 0x11223344:
        raise SystemExit(f"{path}: not little-endian, which this recipe does not read")
    return data, end + 4


def gaussians(path):
    """[codebook, stream, density, dimension]; all streams must be equally long."""
    data, at = _body(path)
    books, streams, densities = struct.unpack_from("<3i", data, at)
    lengths = struct.unpack_from(f"<{streams}i", data, at + 12)
    at += 12 + 4 * streams + 4
    values = np.frombuffer(data, "<f4", books * densities * sum(lengths), at)
    return values.reshape(books, streams, densities, lengths[0]).astype(np.float64)


def transitions(path):
    """[matrix, from, to], each row normalised."""
    data, at = _body(path)
    count, rows, columns, _ = struct.unpack_from("<4i", data, at)
    matrix = np.frombuffer(data, "<f4", count * rows * columns, at + 16)
    matrix = matrix.reshape(count, rows, columns).astype(np.float64)
    return matrix / matrix.sum(axis=2, keepdims=True)


def mixture_codes(path, streams):
    """u8 [stream, density, senone]: weight = 1.0001 ** -(code << 10)."""
    data = Path(path).read_bytes()
    at = 0
    while True:
        (length,) = struct.unpack_from("<i", data, at)
        at += 4
        if length == 0:
            break
        at += length
    densities, senones = struct.unpack_from("<2i", data, at)
    codes = np.frombuffer(data, np.uint8, streams * densities * senones, at + 8)
    if at + 8 + codes.size != len(data):
        raise SystemExit(f"{path}: {len(data)} bytes, expected {at + 8 + codes.size}")
    return codes.reshape(streams, densities, senones)


def weight_table():
    """The 256 weights that a mixture code can stand for."""
    step = (1 << SENDUMP_SHIFT) * np.log(SENDUMP_LOG_BASE)
    return np.exp(-np.arange(256) * step)


class Definition:
    """The binary model definition: phones, and the senones of every triphone."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        if data[:4] != b"BMDF":
            raise SystemExit(f"{path}: not a binary model definition")
        at = 12 + struct.unpack_from("<i", data, 8)[0]
        (self.n_ci, n_phone, emitting, _, self.n_senone, _, n_sseq, _, n_tree, self.sil) = (
            struct.unpack_from("<10i", data, at)
        )
        if emitting != 3:
            raise SystemExit("this recipe expects three states a phone")
        at += 40
        start = at
        self.phones = []
        for _ in range(self.n_ci):
            end = data.index(b"\0", at)
            self.phones.append(data[at:end].decode())
            at = end + 1
        at = start + -(-(at - start) // 4) * 4
        at += 8 * n_tree
        record = np.dtype([("ssid", "<i4"), ("tmat", "<i4"), ("attr", "u1", 4)])
        self.units = np.frombuffer(data, record, n_phone, at)
        at += record.itemsize * n_phone
        (count,) = struct.unpack_from("<i", data, at)
        if count != n_sseq * 3:
            raise SystemExit(f"{path}: {count} senones in sequences, expected {n_sseq * 3}")
        self.sequences = np.frombuffer(data, "<u2", count, at + 4).reshape(n_sseq, 3)
        self.fillers = [i for i in range(self.n_ci) if self.units[i]["attr"][0]]

    def codebook_of_senone(self):
        owner = np.full(self.n_senone, -1)
        for index, unit in enumerate(self.units):
            base = index if index < self.n_ci else unit["attr"][1]
            owner[self.sequences[unit["ssid"]]] = base
        if (owner < 0).any():
            raise SystemExit("a senone belongs to no phone")
        return owner

    def triphone_sequences(self):
        """u16 [position, base, left, right] with the model's own back-off already applied: the same triphone in another
        word position, then with silence at a word's edge, then the phone alone."""
        n, sil = self.n_ci, self.sil
        table = np.full((WORD_POSITIONS, n, n, n), -1, np.int32)
        cd = self.units[n:]
        position, base, left, right = cd["attr"].T
        table[position, base, left, right] = cd["ssid"]
        other = table.copy()
        for p in range(WORD_POSITIONS):
            for q in range(WORD_POSITIONS):
                other[p] = np.where(other[p] < 0, table[q], other[p])
        full = other.copy()
        for p in range(WORD_POSITIONS):
            at_left = p in (BEGIN, SINGLE)
            at_right = p in (END, SINGLE)
            spare = other[p]
            if at_left:
                spare = np.broadcast_to(spare[:, sil : sil + 1, :], spare.shape)
            if at_right:
                spare = np.broadcast_to(spare[:, :, sil : sil + 1], spare.shape)
            full[p] = np.where(full[p] < 0, spare, full[p])
        for filler in self.fillers:
            full[:, :, filler, :] = full[:, :, sil, :]
        for filler in self.fillers:
            full[:, :, :, filler] = full[:, :, :, sil]
        alone = self.units[:n]["ssid"][None, :, None, None]
        full = np.where(full < 0, alone, full)
        for filler in self.fillers:
            full[:, filler] = self.units[filler]["ssid"]
        return full.astype("<u2")
