#!/usr/bin/python3
"""People who act: the dialogues of three games that Debian carries, of two of them with their texts.

    ./dialogues.py --out FOLDER

Writes dialogues.i16 (16 kHz, mono, little-endian 16 bits) and dialogues.json, [{"of": the game, "samples", "text"?}]. Packages are
fetched once, into FOLDER/packages; nothing is installed.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
from scipy.signal import resample_poly

import amazon_queen
import recordings
import steel_sky

RATE_HZ = recordings.RATE_HZ
SHORTEST, LONGEST = RATE_HZ // 2, 12 * RATE_HZ
FISH = {f"fillets-ng-data-{language}": language for language in ("cs", "nl")}


def with_texts(packages):
    for game in (steel_sky, amazon_queen):
        ratio = Fraction(RATE_HZ, game.RATE_HZ)
        for samples, text in game.lines(recordings.unpacked(game.PACKAGE, packages)):
            if ratio != 1:
                wide = resample_poly(samples.astype(np.float64), ratio.numerator, ratio.denominator)
                samples = np.clip(np.rint(wide), -(2**15), 2**15 - 1).astype("<i2")
            yield {"of": game.PACKAGE, "text": text}, samples


def without(packages, workers):
    for package, language in FISH.items():
        paths = sorted(recordings.unpacked(package, packages).rglob(f"{language}/*.ogg"))
        for samples in workers.map(recordings.decoded, paths):
            yield {"of": package}, samples[:LONGEST]


def main():
    room, packages = recordings.folders(__doc__)
    rows = []
    with (room / "dialogues.i16").open("wb") as out, ThreadPoolExecutor(recordings.AT_ONCE) as workers:
        for source in (with_texts(packages), without(packages, workers)):
            for row, samples in source:
                if not SHORTEST <= len(samples) <= LONGEST:
                    continue
                out.write(samples.tobytes())
                rows.append({**row, "samples": len(samples)})
                if len(rows) % 1_000 == 0:
                    print(f"{len(rows)} lines of {row['of']} and before", flush=True)
    (room / "dialogues.json").write_text(json.dumps(rows) + "\n")
    hours = {has: sum(row["samples"] for row in rows if ("text" in row) == has) / RATE_HZ / 3_600 for has in (True, False)}
    print(f"{hours[True]:.1f} hours with texts, {hours[False]:.1f} without", flush=True)


if __name__ == "__main__":
    main()
