#!/usr/bin/env python3
"""Trains the intent classifier and writes intent.onnx, golden.json and card.json.

    node dist/edge-agent/models/training/intent/sentences.js > sentences.jsonl
    python3 edge-agent/models/training/intent/train.py sentences.jsonl edge-agent/models/intent

Needs python3 with numpy and onnx (Debian: python3-numpy python3-onnx). Seeded: the same sentences give the same files.

The net: 4,096 hashed features -> 48 ReLU -> classes. Weights are stored as int8, one scale a column, and spread to float at
load (DequantizeLinear), so that machines with and without integer dot products give the same answers.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BUCKETS, HIDDEN, SEED, EPOCHS, BATCH = 4096, 48, 11, 24, 128
PAIR_WEIGHT, LETTERS_WEIGHT = 1.0, 0.4
OUT = "out_of_scope"
# The policy's threshold to act, as it ships.
ACT = 0.75
GOLDEN = ["open work order <number>", "the gauge is at <number> bar", "tell me a joke", "next step", "order <number> <part>", "naïve café <asset>"]
FILLERS = ["um", "uh", "so", "well", "okay", "just", "please", "now", "then", "maybe", "like"]
rng = np.random.default_rng(SEED)


def fnv1a(text):
    value = 0x811C9DC5
    for byte in text.encode("utf8"):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def features_of(words):
    out = np.zeros(BUCKETS, dtype=np.float32)
    tokens = ["<s>"] + list(words) + ["</s>"]
    for token in tokens[1:-1]:
        out[fnv1a("w " + token) % BUCKETS] += 1
        if token.startswith("<"):
            continue
        letters = "#" + token + "#"
        for at in range(len(letters) - 2):
            out[fnv1a("c " + letters[at : at + 3]) % BUCKETS] += LETTERS_WEIGHT
    for a, b in zip(tokens, tokens[1:]):
        out[fnv1a("p " + a + " " + b) % BUCKETS] += PAIR_WEIGHT
    norm = np.sqrt((out * out).sum())
    return out if norm == 0 else out / norm


def noisy(words):
    """What speakers and recognisers do to a sentence: a word lost, doubled, moved, or a filler."""
    words = list(words)
    kind = rng.integers(0, 5)
    at = int(rng.integers(0, len(words)))
    if kind == 0 and len(words) > 2:
        del words[at]
    elif kind == 1:
        words.insert(at, FILLERS[int(rng.integers(0, len(FILLERS)))])
    elif kind == 2:
        words.insert(at, words[at])
    elif kind == 3 and len(words) > 2 and at + 1 < len(words):
        words[at], words[at + 1] = words[at + 1], words[at]
    return words


def salad(vocabulary, count):
    """Words of ours in an order that nobody would say: they want nothing."""
    return [[vocabulary[int(rng.integers(0, len(vocabulary)))] for _ in range(int(rng.integers(2, 9)))] for _ in range(count)]


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def train(x, y, classes, weights):
    rng = np.random.default_rng(SEED)
    w1 = rng.normal(0, 0.3, (BUCKETS, HIDDEN)).astype(np.float32)
    b1 = np.zeros(HIDDEN, np.float32)
    w2 = rng.normal(0, 0.3, (HIDDEN, classes)).astype(np.float32)
    b2 = np.zeros(classes, np.float32)
    params = [w1, b1, w2, b2]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
    step, order = 0, np.arange(len(x))
    for epoch in range(EPOCHS):
        rng.shuffle(order)
        rate = 3e-3 * (1 - epoch / EPOCHS) + 1e-4
        for start in range(0, len(order), BATCH):
            pick = order[start : start + BATCH]
            step += 1
            h = np.maximum(x[pick] @ params[0] + params[1], 0)
            keep = (rng.random(h.shape) > 0.2) / 0.8
            p = softmax((h * keep) @ params[2] + params[3])
            target = np.full_like(p, 0.02 / classes)
            target[np.arange(len(pick)), y[pick]] += 0.98
            d = (p - target) * weights[y[pick]][:, None] / len(pick)
            dh = (d @ params[2].T) * keep * (h > 0)
            grads = [x[pick].T @ dh, dh.sum(0), (h * keep).T @ d, d.sum(0)]
            for i, grad in enumerate(grads):
                grad = grad + (1e-5 * params[i] if i in (0, 2) else 0)
                m, v = moments[i]
                m *= 0.9
                m += 0.1 * grad
                v *= 0.999
                v += 0.001 * grad * grad
                params[i] -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return params


def forward(params, x):
    return np.maximum(x @ params[0] + params[1], 0) @ params[2] + params[3]


def temperature(logits, y):
    """The one number that makes confidence honest on sentences that were not trained on."""
    best, chosen = None, 1.0
    for t in np.linspace(0.5, 4, 71):
        p = softmax(logits / t)
        loss = -np.log(p[np.arange(len(y)), y] + 1e-9).mean()
        if best is None or loss < best:
            best, chosen = loss, float(t)
    return chosen


def quantised(w):
    scale = np.maximum(np.abs(w).max(axis=0), 1e-8) / 127
    return np.clip(np.round(w / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


def write_onnx(path, params, t):
    w1, s1 = quantised(params[0])
    w2, s2 = quantised(params[2] / t)
    zeros = lambda n: np.zeros(n, np.int8)
    tensors = {
        "w1": w1, "s1": s1, "z1": zeros(HIDDEN), "b1": params[1].astype(np.float32),
        "w2": w2, "s2": s2, "z2": zeros(len(s2)), "b2": (params[3] / t).astype(np.float32),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["w1", "s1", "z1"], ["f1"], axis=1),
        helper.make_node("MatMul", ["features", "f1"], ["m1"]),
        helper.make_node("Add", ["m1", "b1"], ["a1"]),
        helper.make_node("Relu", ["a1"], ["h"]),
        helper.make_node("DequantizeLinear", ["w2", "s2", "z2"], ["f2"], axis=1),
        helper.make_node("MatMul", ["h", "f2"], ["m2"]),
        helper.make_node("Add", ["m2", "b2"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "starling-intent",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", BUCKETS])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(s2)])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="starling")
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)
    back = lambda w, s: w.astype(np.float32) * s
    return [back(w1, s1), tensors["b1"], back(w2, s2), tensors["b2"]]


def load(source):
    """Held back: every sixth written sentence, and one whole template of every intent that has more than two."""
    lines = [json.loads(line) for line in source.read_text().splitlines()]
    last = {}
    for line in lines:
        if line["template"] is not None:
            last[line["intent"]] = max(last.get(line["intent"], 0), line["template"])
    seen = {}
    for line in lines:
        place = seen[line["intent"], line["source"]] = seen.get((line["intent"], line["source"]), -1) + 1
        if line["source"] == "grammar":
            top = last[line["intent"]]
            line["held"] = top >= 2 and line["template"] == top // 2 + 1
        else:
            line["held"] = place % 6 == 3
    return lines


def dataset(lines, index):
    pairs = []
    for line in lines:
        times = {"written": 8, "foreign": 0, "grammar": 1}[line["source"]]
        words, label = line["tokens"], index[line["intent"]]
        pairs += [(words, label)] + [(noisy(words), label) for _ in range(times)]
    vocabulary = sorted({w for words, _ in pairs for w in words})
    pairs += [(words, index[OUT]) for words in salad(vocabulary, 500)]
    return np.stack([features_of(words) for words, _ in pairs]), np.array([label for _, label in pairs])


def fit(lines, index):
    x, y = dataset(lines, index)
    counts = np.bincount(y, minlength=len(index))
    return train(x, y, len(index), (counts.mean() / np.maximum(counts, 1)).clip(0.3, 3).astype(np.float32))


def figures_of(params, held, index, t):
    p = softmax(forward(params, np.stack([features_of(line["tokens"]) for line in held])) / t)
    y = np.array([index[line["intent"]] for line in held])
    best, sure = p.argmax(1), p.max(1) >= ACT
    kind = np.array([line["source"] for line in held])
    outside, ours = y == index[OUT], (y != index[OUT]) & (kind == "written")
    confident = sure & (best != index[OUT])
    return {
        "heldOutTemplates": round(float((best == y)[kind == "grammar"].mean()), 4),
        "heldOutTemplateSentences": int((kind == "grammar").sum()),
        "heldOutWritten": round(float((best == y)[ours].mean()), 4),
        "heldOutWrittenSentences": int(ours.sum()),
        "wrongWhenSureOfWritten": round(float((confident & (best != y))[ours].mean()), 4),
        "outOfScopeKeptOut": round(float((~confident)[outside].mean()), 4),
        "outOfScopeSentences": int(outside.sum()),
        "temperature": round(t, 3),
    }


def main():
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    lines = load(source)
    names = sorted({line["intent"] for line in lines})
    index = {name: i for i, name in enumerate(names)}
    held = [line for line in lines if line["held"]]
    judged = fit([line for line in lines if not line["held"]], index)
    fair = [line for line in held if line["source"] != "grammar"]
    t = temperature(
        forward(judged, np.stack([features_of(line["tokens"]) for line in fair])),
        np.array([index[line["intent"]] for line in fair]),
    )
    figures = figures_of(judged, held, index, t)
    # The figures are of a net that has not seen the sentences held back; the one that ships has seen them all.
    params = write_onnx(str(folder / "intent.onnx"), fit(lines, index), t)
    golden = []
    for text in GOLDEN:
        logits = forward(params, features_of(text.split(" "))[None])
        golden.append({"text": text, "probabilities": [round(float(v), 5) for v in softmax(logits)[0]]})
    (folder / "golden.json").write_text(json.dumps({"tolerance": 0.002, "cases": golden}, indent=1) + "\n")
    card = {
        "name": "starling-intent-en",
        "version": "1.1.0",
        "title": "What a field technician wants: intent classifier over hashed words and letters",
        "licence": "Apache-2.0",
        "languages": ["en"],
        "intendedUse": "Proposes an intent for a sentence that the domain's grammar does not read. A proposal under the policy's threshold is asked back or given to a person.",
        "limits": "Trained on walks through the domain's own grammar and sentences written by its makers; it has seen no text of real users. English only. It does not know negation, questions or conditions: the code around it does.",
        "intents": names,
        "training": {
            "sentences": len(lines),
            "written": sum(line["source"] == "written" for line in lines),
            "seed": SEED,
            "recipe": "edge-agent/models/training/intent",
            "data": "made by this project, Apache-2.0",
        },
        "figures": figures,
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    print(json.dumps(figures))


main()
