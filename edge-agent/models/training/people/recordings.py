#!/usr/bin/python3
"""Recordings of people that Debian's packages carry: prompts of a telephone exchange, words and letters for children, shouts of a game.

    ./recordings.py --out FOLDER

Writes people.i16 (16 kHz, mono, little-endian 16 bits, peak at 16,000) and people.json, [{"of": package and language or voice,
"samples"}]. Short ones are joined, pauses between, to two seconds and more; of each voice ten minutes at most. What is said, and in
which language, nobody needs to know. Packages are fetched once, into FOLDER/packages; nothing is installed.
"""

import argparse
import json
import random
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

SEED, RATE_HZ = 3, 16_000
MOST_SAMPLES = 10 * 60 * RATE_HZ
SHORTEST, LONGEST, JOINED = RATE_HZ // 4, 12 * RATE_HZ, 2.2 * RATE_HZ
QUIETEST_PEAK, PEAK = 500, 16_000
PAUSE_S = (0.1, 0.4)
AT_ONCE = 2
# package -> (prefix of the voice's name, files below it, what of a path names the voice)
SOURCES = {
    **{
        f"asterisk-core-sounds-{language}-g722": ("asterisk", "*.g722", r"/sounds/([a-z]{2})")
        for language in ("en", "es", "fr", "it", "ru")
    },
    "hedgewars-data": ("hedgewars", "*.ogg", r"/voices/([^/]+)/[^/]+$"),
    "klettres-data": ("klettres", "*.ogg", r"/klettres/([^/]+)/"),
    "ktuberling-data": ("ktuberling", "*.*", r"/sounds/([^/]+)/[^/]+\.(?:wav|ogg|opus)$"),
    "tuxpaint-stamps-default": ("tuxpaint", "*.ogg", r"_desc(?:_([a-z]+))?\.ogg$"),
}


def unpacked(package, folder):
    """The folder that holds the package's files."""
    target = folder / package
    if not target.exists():
        print(f"fetching {package}", flush=True)
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = folder.glob(f"{package}_*.deb")
        half = folder / f"{package}.part"
        subprocess.run(["dpkg", "-x", archive, half], check=True)
        half.rename(target)
    return target


def by_voice(folder):
    voices = {}
    for package, (prefix, pattern, naming) in SOURCES.items():
        for path in sorted(unpacked(package, folder).rglob(pattern)):
            found = re.search(naming, str(path))
            if found is not None and "silence" not in path.parts:
                voices.setdefault(f"{prefix}-{found[1] or 'en'}", []).append(path)
    return voices


def pcm(name, source, **given):
    """What ffmpeg makes of a sound, at RATE_HZ; `given` goes to subprocess.run. One that cannot be read ends it all, and is named."""
    wanted = ["-ac", "1", "-ar", str(RATE_HZ), "-f", "s16le", "-"]
    ran = subprocess.run(["ffmpeg", "-v", "error", *source, *wanted], capture_output=True, **given)
    if ran.returncode != 0:
        raise SystemExit(f"ffmpeg cannot read {name}: {ran.stderr.decode().strip()}")
    return np.frombuffer(ran.stdout, "<i2")


def decoded(path):
    shape = ["-f", "g722"] if path.suffix == ".g722" else []
    return pcm(path, [*shape, "-i", path])


def joined(paths, rng, workers):
    """Pieces of JOINED samples and more, until there are enough."""
    total, piece = 0, np.zeros(0, np.int16)
    for start in range(0, len(paths), 16):
        for sound in workers.map(decoded, paths[start : start + 16]):
            peak = np.abs(sound.astype(int)).max() if len(sound) > 0 else 0
            if not SHORTEST <= len(sound) <= LONGEST or peak < QUIETEST_PEAK:
                continue
            pause = np.zeros(int(rng.uniform(*PAUSE_S) * RATE_HZ) if len(piece) > 0 else 0, np.int16)
            piece = np.concatenate([piece, pause, (sound.astype(np.float32) * PEAK / peak).astype("<i2")])
            if len(piece) > JOINED:
                yield piece
                total, piece = total + len(piece), np.zeros(0, np.int16)
        if total > MOST_SAMPLES:
            return


def folders(description):
    """Where the command line says that things go, and its packages."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    packages = options.out / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    return options.out, packages


def main():
    room, packages = folders(__doc__)
    rng, rows = random.Random(SEED), []
    with (room / "people.i16").open("wb") as out, ThreadPoolExecutor(AT_ONCE) as workers:
        for voice, paths in sorted(by_voice(packages).items()):
            rng.shuffle(paths)
            before = len(rows)
            for piece in joined(paths, rng, workers):
                out.write(piece.tobytes())
                rows.append({"of": voice, "samples": len(piece)})
            minutes = sum(row["samples"] for row in rows[before:]) / RATE_HZ / 60
            print(f"{voice}: {len(paths)} recordings, {minutes:.1f} minutes", flush=True)
    (room / "people.json").write_text(json.dumps(rows) + "\n")
    print(f"{sum(row['samples'] for row in rows) / RATE_HZ / 3_600:.1f} hours", flush=True)


if __name__ == "__main__":
    main()
