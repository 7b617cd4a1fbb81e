"""Learns a vector a piece so that texts of one meaning point one way. A text's vector is the sum of its pieces', scaled to length 1:
one lookup and one sum, a fraction of a millisecond on any device. Goes on where it was stopped: each epoch is kept until the last."""

import argparse
import hashlib
import os
from pathlib import Path

import numpy
import torch

import export
import pairs as learning
import vocabulary
import wordnet

DIMENSION = 128
EPOCHS = 4
BATCH = 256
TEMPERATURE = 0.05
LEARNING_RATE = 0.05
LONGEST_PIECES = 48
SEED = 20261121
KEPT = ".epoch.pt"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--wordnet", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    out = Path(options.out)
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    synsets = wordnet.read_synsets(options.wordnet)
    lemmas = {word.lower() for synset in synsets.values() for word in synset.words if " " not in word}
    texts = [text for synset in synsets.values() for text in (synset.definition, *synset.examples, *synset.words)]
    pieces = vocabulary.build(texts, lemmas)
    numbers = {piece: number for number, piece in enumerate(pieces)}
    (out / "vocab.txt").write_text("\n".join(pieces) + "\n")
    listed = learning.spread([*learning.pairs_of(synsets), *learning.inflections([piece for piece in pieces if piece.isalpha()], lemmas)], SEED)
    print(f"{len(synsets)} synsets, {len(pieces)} pieces, {len(listed)} pairs", flush=True)
    left, right = (encoded([pair[side] for pair in listed], numbers) for side in (0, 1))
    digest = hashlib.sha256(repr((pieces, listed, DIMENSION, EPOCHS, BATCH, TEMPERATURE, LEARNING_RATE)).encode()).hexdigest()
    table = learn(left, right, out, (len(pieces), digest))
    export.write(out, pieces, table.numpy())
    (out / KEPT).unlink(missing_ok=True)


def encoded(texts, numbers):
    """All pieces one after the other, and where each text begins."""
    cuts = {}
    flat, starts = [], [0]
    for text in texts:
        if text not in cuts:
            cuts[text] = vocabulary.pieces_of(text, numbers)[:LONGEST_PIECES] or [1]
        flat.extend(cuts[text])
        starts.append(len(flat))
    return numpy.array(flat, dtype=numpy.int64), numpy.array(starts, dtype=numpy.int64)


def taken(side, chosen):
    flat, starts = side
    lengths = starts[chosen + 1] - starts[chosen]
    offsets = numpy.concatenate([[0], numpy.cumsum(lengths)[:-1]])
    within = numpy.arange(lengths.sum()) - numpy.repeat(offsets, lengths)
    ids = flat[numpy.repeat(starts[chosen], lengths) + within]
    return torch.from_numpy(ids), torch.from_numpy(offsets)


def learn(left, right, out, made_of):
    size, digest = made_of
    bag = torch.nn.EmbeddingBag(size, DIMENSION, mode="sum", sparse=True)
    torch.nn.init.normal_(bag.weight, std=0.1)
    optimiser = torch.optim.Adagrad(bag.parameters(), lr=LEARNING_RATE)
    kept = out / KEPT
    begun = 0
    state = torch.load(kept) if kept.exists() else {}
    if state.get("of") == digest:
        begun = state["epoch"]
        bag.load_state_dict(state["bag"])
        optimiser.load_state_dict(state["optimiser"])
    count = len(left[1]) - 1
    for epoch in range(begun, EPOCHS):
        order = numpy.random.default_rng(SEED + epoch).permutation(count)
        total, steps = 0.0, 0
        for at in range(0, count - BATCH + 1, BATCH):
            chosen = order[at : at + BATCH]
            total += step(bag, optimiser, taken(left, chosen), taken(right, chosen))
            steps += 1
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {total / steps:.4f}", flush=True)
        part = kept.with_suffix(".part")
        torch.save({"of": digest, "epoch": epoch + 1, "bag": bag.state_dict(), "optimiser": optimiser.state_dict()}, part)
        os.replace(part, kept)
    return bag.weight.detach()


def step(bag, optimiser, left, right):
    """The others of the batch are what a text does not mean (InfoNCE, both ways)."""
    optimiser.zero_grad()
    a = torch.nn.functional.normalize(bag(*left), dim=1)
    b = torch.nn.functional.normalize(bag(*right), dim=1)
    scores = a @ b.T / TEMPERATURE
    wanted = torch.arange(len(scores))
    loss = (torch.nn.functional.cross_entropy(scores, wanted) + torch.nn.functional.cross_entropy(scores.T, wanted)) / 2
    loss.backward()
    optimiser.step()
    return loss.item()


if __name__ == "__main__":
    main()
