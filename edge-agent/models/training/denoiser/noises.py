"""Noises that people speak in, made from nothing by a numpy generator: float64 of `length` samples at 16 kHz, deviation one."""

import numpy as np

RATE_HZ = 16_000
MODES, OVERTONES = 5, 6
BLOWS_A_SECOND = 4


def level(samples):
    return samples / (samples.std() + 1e-9)


def wandering(rng, length, db, points):
    """A smooth curve of `points` random levels, as a factor."""
    return 10 ** (np.interp(np.linspace(0, points - 1, length), np.arange(points), rng.normal(0, db, points)) / 20)


def _leaky(rng, length, pole):
    """White noise through one pole."""
    spectrum = np.fft.rfft(rng.normal(size=length))
    turn = np.exp(-1j * np.linspace(0, np.pi, len(spectrum)))
    return level(np.fft.irfft(spectrum / (1 - pole * turn), length))


def rush(rng, length):
    """Between white and brown."""
    return _leaky(rng, length, 0.98 * rng.random())


def rumble(rng, length):
    """Machines, traffic and rooms: lows above all."""
    slope = 0.7 + 2 * rng.random()
    return level(sum(slope**at * _leaky(rng, length, pole) for at, pole in enumerate((0.5, 0.9, 0.98, 0.995))))


def clatter(rng, length):
    """Ringing blows of pots and cups over a rush."""
    out = 0.05 * rush(rng, length)
    for start in rng.integers(0, length, int(np.ceil(BLOWS_A_SECOND * length / RATE_HZ))):
        loud, left = rng.random() ** 2, np.arange(min(length - start, RATE_HZ))
        for _ in range(MODES):
            hertz, fade = 300 + 5_000 * rng.random(), 0.01 + 0.15 * rng.random()
            ring = np.exp(-left / (RATE_HZ * fade)) * np.sin(2 * np.pi * hertz * left / RATE_HZ)
            out[start : start + len(left)] += loud * rng.random() * ring
    return level(out)


def plucked(rng, length):
    """Strings and bars: notes and chords, loudest where they begin, each with the overtones of its pitch."""
    out = 0.01 * rush(rng, length)
    base, every = 80 + 160 * rng.random(), 0.15 + 0.5 * rng.random()
    start = 0
    while start < length:
        left = np.arange(min(length - start, 2 * RATE_HZ)) / RATE_HZ
        for _ in range(rng.integers(1, 4)):
            hertz = base * 2 ** (rng.integers(25) / 12)
            bright, fade, loud = 0.2 + 0.7 * rng.random(), 0.05 + 0.5 * rng.random(), 0.2 + rng.random()
            tone = sum(bright**k * np.sin(2 * np.pi * k * hertz * left) for k in range(1, OVERTONES + 1))
            out[start : start + len(left)] += loud * np.exp(-left / fade) * tone
        start += int(np.ceil(RATE_HZ * every * (0.5 + rng.random())))
    return level(out)


def coloured(rng, length):
    """Two colours at once, each louder and softer as time goes."""
    changes = max(2, int(length / RATE_HZ * rng.uniform(0.5, 6)))

    def one(db):
        spectrum = np.fft.rfft(rng.normal(size=length))
        sound = np.fft.irfft(spectrum * wandering(rng, len(spectrum), db, 8), length)
        return level(sound * wandering(rng, length, rng.uniform(1, 8), changes))

    return level(one(10) + rng.uniform(0, 1) * one(12))


def babble(rng, length, people):
    """Two to seven at once, of `people`'s recordings."""
    out = np.zeros(length)
    for _ in range(rng.integers(2, 8)):
        said = people[rng.integers(len(people))].astype(np.float64)
        said = np.resize(said, max(length, len(said)))
        out += rng.uniform(0.3, 1) * level(np.roll(said, rng.integers(len(said)))[:length])
    return level(out)


def noise(rng, length, people):
    """One of them, more often two."""

    def one():
        kinds = (rush, rumble, clatter, plucked, coloured, coloured)
        at = rng.integers(len(kinds) + 1)
        return babble(rng, length, people) if at == len(kinds) else kinds[at](rng, length)

    first = one()
    return level(first + one() * 10 ** (rng.uniform(-10, 6) / 20)) if rng.random() < 0.6 else first
