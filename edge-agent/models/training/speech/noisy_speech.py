"""What noise does to the base model's Gaussians, learnt from synthetic voices that were heard twice: in quiet and in noise.

The quiet version is aligned with its own sentence by the base itself (Viterbi over its triphones). Whatever Gaussian a quiet
frame belongs to, the same frame in noise belongs to as well; so each Gaussian sees where noise takes it (single-pass retraining,
Gales 1995). Synthetic voices are not people: only the way from quiet to noise is learnt from them, never where a Gaussian
stands, and only a part of that way is gone, so that the model hears both.
"""

import json
import struct
import subprocess
import sys

import numpy as np

import sphinx_files as sphinx

STREAMS, DIMENSIONS, CONDITIONS = 3, 13, 2
ROW = STREAMS * DIMENSIONS
# Of the way to where noise takes means and variances: all of it costs quiet speech more than it gives in noise.
MEAN_SHARE, VARIANCE_SHARE = 0.5, 0.35
# Silence goes this much of that: further, and in a quiet room words are drawn out over pauses.
SILENCE_SHARE = 0.5
# A Gaussian's own frames weigh against its codebook's common way as this many frames.
COMMON_FRAMES = 30
# Pulls the common way towards none at all, in frames.
RIDGE_FRAMES = 200
# Codebooks of less stay as they are; but noises that the base knows go silence's way. Left behind, they would fit noise no
# longer, and words would be found in what nobody said.
LEAST_FRAMES = 300
LEAST_VARIANCE_SHARE = 0.5
STATES = 3


def utterances(node, pairs):
    """(text, [quiet, louder noise, softer noise]) as pairs.ts writes them, each [frame, 39]."""
    with subprocess.Popen([node, pairs], stdout=subprocess.PIPE) as process:
        while size := process.stdout.read(4):
            head = json.loads(process.stdout.read(struct.unpack("<I", size)[0]))
            count = 4 * ROW * head["frames"]
            rows = [process.stdout.read(count) for _ in range(1 + CONDITIONS)]
            yield head["text"], [np.frombuffer(row, "<f4").reshape(-1, ROW).astype(np.float64) for row in rows]
    if process.returncode != 0:
        raise SystemExit(f"{pairs} failed")


class Base:
    """The human-trained model, as far as aligning takes it."""

    def __init__(self, definition, mean, variance, codes, lexicon):
        self.definition, self.triphones = definition, definition.triphone_sequences()
        self.owner = definition.codebook_of_senone()
        self.weights = sphinx.weight_table()[codes]
        self.square, self.linear = -0.5 / variance, mean / variance
        self.constant = -0.5 * (np.log(2 * np.pi * variance) + mean**2 / variance).sum(axis=3)
        self.phone = {name: index for index, name in enumerate(definition.phones)}
        self.lexicon = {}
        for line in lexicon.read_text().splitlines():
            word, *phones = line.split()
            self.lexicon.setdefault(word.split("(")[0], [self.phone[name] for name in phones])

    def densities(self, rows):
        """log N of each Gaussian, [frame, codebook, stream, density]."""
        x = rows.reshape(-1, STREAMS, DIMENSIONS)
        books, _, densities, _ = self.square.shape
        out = np.empty((len(x), books, STREAMS, densities), np.float32)
        for s in range(STREAMS):
            square, linear = self.square[:, s].reshape(-1, DIMENSIONS), self.linear[:, s].reshape(-1, DIMENSIONS)
            product = x[:, s] ** 2 @ square.T + x[:, s] @ linear.T
            out[:, :, s] = product.reshape(len(x), books, densities) + self.constant[:, s]
        return out

    def states(self, text):
        """Senones of a sentence with silences that may be left out around words, their codebooks, and where one may be left out."""
        words = [self.lexicon.get(word) for word in text.split()]
        if None in words:
            return None
        silence = self.definition.sil
        silent = (silence, self.definition.units[silence]["ssid"])
        phones = [silent]
        for at, word in enumerate(words):
            for k, base in enumerate(word):
                first, last = k == 0, k == len(word) - 1
                place = (
                    sphinx.SINGLE if first and last else sphinx.BEGIN if first else sphinx.END if last else sphinx.INTERNAL
                )
                before = words[at - 1][-1] if first and at > 0 else silence if first else word[k - 1]
                after = words[at + 1][0] if last and at + 1 < len(words) else silence if last else word[k + 1]
                phones.append((base, self.triphones[place, base, before, after]))
            phones.append(silent)
        senones = np.concatenate([self.definition.sequences[sequence] for _, sequence in phones])
        books = np.repeat([base for base, _ in phones], STATES)
        # A word's first state may follow the word before it at once.
        skips = [
            at * STATES
            for at in range(2, len(phones))
            if phones[at][0] != silence and phones[at - 1][0] == silence
        ]
        return senones, books, np.array(skips, int)

    def align(self, densities, senones, skips):
        """The state of each frame on the best path from the first silence to the last, which may both be left out."""
        unique, column = np.unique(senones, return_inverse=True)
        score = np.zeros((len(densities), len(unique)), np.float32)
        for at, senone in enumerate(unique):
            for s in range(STREAMS):
                log = densities[:, self.owner[senone], s]
                best = log.max(axis=1, keepdims=True)
                score[:, at] += best[:, 0] + np.log(np.exp(log - best) @ self.weights[s, :, senone] + 1e-30)
        score = score[:, column]
        frames, states = score.shape
        total = np.full(states, -1e30)
        total[[0, STATES]] = score[0, [0, STATES]]
        back = np.zeros((frames, states), int)
        for t in range(1, frames):
            onward = np.concatenate([[-1e30], total[:-1]])
            skipped = np.full(states, -1e30)
            skipped[skips] = total[skips - STATES - 1]
            best = np.maximum(np.maximum(total, onward), skipped)
            back[t] = np.where(best == total, 0, np.where(best == onward, 1, STATES + 1))
            total = best + score[t]
        state = states - 1 if total[-1] >= total[-1 - STATES] else states - 1 - STATES
        path = np.empty(frames, int)
        for t in range(frames - 1, -1, -1):
            path[t] = state
            state -= back[t, state]
        return path


class Ways:
    """Sums over frames, of all conditions together: by Gaussian, and by codebook for the way they have in common."""

    def __init__(self, books, densities):
        by_gaussian = (books, STREAMS, densities)
        self.count = np.zeros(by_gaussian)
        self.quiet, self.quiet_squared, self.noisy, self.noisy_squared = (
            np.zeros((*by_gaussian, DIMENSIONS)) for _ in range(4)
        )
        # Of [x, 1] with itself and with y, and of y with itself.
        self.gram = np.zeros((books, STREAMS, DIMENSIONS + 1, DIMENSIONS + 1))
        self.cross = np.zeros((books, STREAMS, DIMENSIONS + 1, DIMENSIONS))
        self.power = np.zeros((books, STREAMS, DIMENSIONS))
        self.frames = 0

    def add(self, base, quiet, noisy, densities, senones, books):
        """Frames whose states are known; `noisy` is a list of the same frames in noise."""
        self.frames += len(quiet)
        for s in range(STREAMS):
            log = densities[np.arange(len(quiet)), books, s] + np.log(base.weights[s][:, senones].T + 1e-30)
            share = np.exp(log - log.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            part = slice(s * DIMENSIONS, (s + 1) * DIMENSIONS)
            for book in np.unique(books):
                own = books == book
                g, x = share[own].T, quiet[own, part]
                row = np.concatenate([x, np.ones((len(x), 1))], axis=1)
                for version in noisy:
                    y = version[own, part]
                    self.count[book, s] += g.sum(axis=1)
                    self.quiet[book, s] += g @ x
                    self.quiet_squared[book, s] += g @ x**2
                    self.noisy[book, s] += g @ y
                    self.noisy_squared[book, s] += g @ y**2
                    self.gram[book, s] += row.T @ row
                    self.cross[book, s] += row.T @ y
                    self.power[book, s] += (y**2).sum(axis=0)

    def common(self, book, s):
        """The codebook's common way y = [x, 1] K, and what of y's variance it leaves."""
        gram, cross, frames = self.gram[book, s], self.cross[book, s], self.gram[book, s, -1, -1]
        ridge = RIDGE_FRAMES * np.diag(np.append(np.diag(gram)[:-1] / frames + 1e-6, 1e-3))
        still = np.concatenate([np.eye(DIMENSIONS), np.zeros((1, DIMENSIONS))])
        way = np.linalg.solve(gram + ridge, cross + ridge @ still)
        left = self.power[book, s] - 2 * (way * cross).sum(axis=0) + (way * (gram @ way)).sum(axis=0)
        return way, np.maximum(left / frames, 0)

    def gone(self, mean, variance, silence, fillers):
        """Means and variances, [codebook, stream, density, dimension], some way into the noise."""
        mean, variance = mean.copy(), variance.copy()
        for book in range(len(mean)):
            for s in range(STREAMS):
                common = silence if book in fillers else book
                share = SILENCE_SHARE if book == silence else 1
                if self.gram[common, s, -1, -1] < LEAST_FRAMES:
                    continue
                m, spread, (way, left) = mean[book, s], variance[book, s], self.common(common, s)
                count = self.count[book, s][:, None]
                some, own = np.maximum(count, 1e-9), count / (count + COMMON_FRAMES)
                x, y = self.quiet[book, s] / some, self.noisy[book, s] / some
                x_spread = np.maximum(self.quiet_squared[book, s] / some - x**2, 0)
                y_spread = np.maximum(self.noisy_squared[book, s] / some - y**2, 0)
                to = m @ way[:-1] + way[-1] + own * (y - (x @ way[:-1] + way[-1]))
                by_own = np.maximum(spread + y_spread - x_spread, LEAST_VARIANCE_SHARE * spread)
                wide = own * by_own + (1 - own) * (spread @ way[:-1] ** 2 + left)
                mean[book, s] = m + share * MEAN_SHARE * (to - m)
                variance[book, s] = spread + share * VARIANCE_SHARE * (wide - spread)
        return mean, np.maximum(variance, sphinx.VARIANCE_FLOOR)


def adapted(definition, mean, variance, codes, lexicon, node, pairs):
    """(mean, variance) in the base's shapes, rounded to what one machine's arithmetic shares with another's."""
    base = Base(definition, mean, variance, codes, lexicon)
    ways = Ways(len(mean), mean.shape[2])
    for heard, (text, (quiet, *noisy)) in enumerate(utterances(node, pairs)):
        found = base.states(text)
        if found is None:
            continue
        senones, books, skips = found
        densities = base.densities(quiet)
        path = base.align(densities, senones, skips)
        ways.add(base, quiet, noisy, densities, senones[path], books[path])
        if heard % 100 == 0:
            print(f"{heard} sentences, {ways.frames / 6_000:.0f} minutes heard in quiet and in noise", file=sys.stderr)
    if ways.frames == 0:
        raise SystemExit("no sentence was spoken: are flite and espeak-ng installed?")
    mean, variance = ways.gone(mean, variance, definition.sil, definition.fillers)
    return mean.round(3), np.maximum(variance.round(3), sphinx.VARIANCE_FLOOR), ways.frames
