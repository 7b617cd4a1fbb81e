#!/usr/bin/python3
"""Makes Starling's acoustic model from CMU's US English PTM model in one command.

    ./edge-agent/models/training/speech/convert-base.py

Reads Debian's `pocketsphinx-en-us` (python3-onnx and python3-numpy do the rest) and writes edge-agent/models/speech.
A senone's log-likelihood is the sum over three feature streams of log(sum over 128 Gaussians of weight * density). With
[x*x, x] as input a Gaussian's log density is one row of a matrix product, so the whole model is MatMul, Exp, MatMul, Log.
The mixture weights stay the 8-bit codes that the model came with. The Gaussians go part of the way to where noise takes them
(noisy_speech.py, some ten minutes; `--exact` leaves them as they came). Seeds are fixed: the same sources give the same bytes
where flite, espeak-ng and numpy are the same.
"""

import argparse
import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import mixture
import noisy_speech
import sphinx_files as sphinx

STREAMS, DIMENSIONS, DENSITIES = 3, 13, 128
# Senones of one codebook are scored in groups of this many, so that one batched product does all codebooks; 48 pads least.
GROUP = 48
# A density is never taken to be further below its stream's best than this (nats): an outlier in one stream, such as a
# click or a noise that the model never met, must not veto a path that the rest supports.
STREAM_FLOOR_NATS = 9.8
GOLDEN_FRAMES, GOLDEN_SENONES, GOLDEN_SEED = 6, 192, 20240214


def floored_mean_and_variance(model):
    mean = sphinx.gaussians(model / "means")
    variance = np.maximum(sphinx.gaussians(model / "variances"), sphinx.VARIANCE_FLOOR)
    return mean, variance


def density_matrix(mean, variance):
    """A [stream, 26, codebook*density], c [stream, 1, codebook*density] of log N(x) = [x*x, x] A + c."""
    order = (1, 3, 0, 2)
    square = np.transpose(-0.5 / variance, order).reshape(STREAMS, DIMENSIONS, -1)
    linear = np.transpose(mean / variance, order).reshape(STREAMS, DIMENSIONS, -1)
    constant = -0.5 * (np.log(2 * np.pi * variance) + mean**2 / variance).sum(axis=3)
    constant = np.transpose(constant, (1, 0, 2)).reshape(STREAMS, 1, -1)
    return np.concatenate([square, linear], axis=1), constant


def grouped(codes, owner, codebooks):
    """Mixture codes as [stream, group, density, GROUP], each group's codebook, and each senone's column."""
    groups, column = [], np.zeros(len(owner), np.int64)
    for book in range(codebooks):
        members = np.flatnonzero(owner == book)
        for start in range(0, len(members), GROUP):
            part = members[start : start + GROUP]
            column[part] = len(groups) * GROUP + np.arange(len(part))
            groups.append((book, part))
    packed = np.full((STREAMS, len(groups), DENSITIES, GROUP), 255, np.uint8)
    for index, (_, part) in enumerate(groups):
        packed[:, index, :, : len(part)] = codes[:, :, part]
    return packed, np.array([book for book, _ in groups], np.int64), column


def graph(a, c, packed, books, column, codebooks):
    initial, nodes = [], []

    def constant(name, value):
        initial.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def split(name, outputs):
        nodes.append(helper.make_node("Split", [name], outputs, name=f"{name}_by_stream", axis=0))
        return outputs

    node("Reshape", ["features", constant("by_stream", np.array([-1, STREAMS, DIMENSIONS], np.int64))], "x0")
    node("Transpose", ["x0"], "x", perm=[1, 0, 2])
    node("Mul", ["x", "x"], "xx")
    node("Concat", ["xx", "x"], "basis", axis=2)
    node("MatMul", ["basis", constant("A", a.astype(np.float32))], "product")
    node("Add", ["product", constant("c", c.astype(np.float32))], "density_flat")
    node("ReduceMax", ["density_flat"], "stream_best", axes=[2], keepdims=1)
    node("Sub", ["stream_best", constant("stream_floor", np.array(STREAM_FLOOR_NATS, np.float32))], "floor")
    node("Max", ["density_flat", "floor"], "floored")
    shape = constant("by_codebook", np.array([STREAMS, -1, codebooks, DENSITIES], np.int64))
    node("Reshape", ["floored", shape], "density0")
    node("Transpose", ["density0"], "density", perm=[0, 2, 1, 3])
    node("ReduceMax", ["density"], "best", axes=[3], keepdims=1)
    node("Sub", ["density", "best"], "relative")
    node("Exp", ["relative"], "likelihood")
    books = constant("group_codebook", books)
    node("Cast", [constant("weight_codes", packed)], "weight_index", to=TensorProto.INT32)
    table = constant("weight_table", sphinx.weight_table().astype(np.float32))
    node("Gather", [table, "weight_index"], "weights", axis=0)
    likelihoods = split("likelihood", [f"likelihood{s}" for s in range(STREAMS)])
    weights = split("weights", [f"weights{s}" for s in range(STREAMS)])
    for s in range(STREAMS):
        node("Gather", [likelihoods[s], books], f"group_likelihood{s}", axis=1)
        node("MatMul", [f"group_likelihood{s}", weights[s]], f"mixture{s}")
    # One logarithm of the streams' product, not three summed: a code is at least exp(-26), so that three are far from underflow.
    node("Mul", ["mixture0", "mixture1"], "mixture01")
    node("Mul", ["mixture01", "mixture2"], "mixture")
    node("Log", ["mixture"], "mixture_log")
    streams = constant("streams_axis", np.array([0], np.int64))
    node("ReduceSum", ["best", streams], "best_of_streams", keepdims=1)
    node("Gather", ["best_of_streams", books], "group_best", axis=1)
    node("Add", ["mixture_log", "group_best"], "score_of_groups")
    # Senones are put in order as rows: whole runs of frames are moved at once, and not number by number.
    node("Squeeze", ["score_of_groups", streams], "score")
    node("Transpose", ["score"], "score_by_place", perm=[0, 2, 1])
    flat = constant("flat", np.array([packed.shape[1] * GROUP, -1], np.int64))
    node("Reshape", ["score_by_place", flat], "score_flat")
    node("Gather", ["score_flat", constant("senone_column", column)], "score_by_senone", axis=0)
    node("Transpose", ["score_by_senone"], "senones", perm=[1, 0])
    return helper.make_graph(
        nodes,
        "starling-acoustic",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["frames", STREAMS * DIMENSIONS])],
        [helper.make_tensor_value_info("senones", TensorProto.FLOAT, ["frames", len(column)])],
        initial,
    )


def reference(x, mean, variance, codes, owner):
    """The same in float64, Gaussian by Gaussian, sharing no step with the graph."""
    weight = sphinx.weight_table()[codes]
    out = np.zeros((len(x), len(owner)))
    for t, frame in enumerate(x):
        for s in range(STREAMS):
            part = frame[s * DIMENSIONS : (s + 1) * DIMENSIONS]
            m, v = mean[:, s], variance[:, s]
            log = -0.5 * (np.log(2 * np.pi * v) + (part - m) ** 2 / v).sum(axis=2)
            log = np.maximum(log, log.max() - STREAM_FLOOR_NATS)
            out[t] += np.log((np.exp(log)[owner].T * weight[s]).sum(axis=0))
    return out


def golden(mean, variance, codes, owner):
    rng = np.random.default_rng(GOLDEN_SEED)
    books = rng.integers(0, len(mean), GOLDEN_FRAMES)
    pick = rng.integers(0, DENSITIES, (GOLDEN_FRAMES, STREAMS))
    x = np.zeros((GOLDEN_FRAMES, STREAMS * DIMENSIONS))
    for t in range(GOLDEN_FRAMES):
        for s in range(STREAMS):
            spread = np.sqrt(np.minimum(variance[books[t], s, pick[t, s]], 25))
            x[t, s * 13 : s * 13 + 13] = mean[books[t], s, pick[t, s]] + rng.normal(size=13) * spread
    x = x.round(3).astype(np.float32)
    expected = reference(x.astype(np.float64), mean, variance, codes, owner)
    senones = np.sort(rng.choice(len(owner), GOLDEN_SENONES, replace=False))
    return {
        "toleranceNats": 0.01,
        "features": [[round(float(value), 3) for value in row] for row in x],
        "senones": senones.tolist(),
        "expected": [[round(float(value), 4) for value in row] for row in expected[:, senones]],
    }


def brotli(data, out):
    """Node's own brotli, since the device unpacks with the same and Debian's Python has none."""
    script = "const z=require('zlib');const c=[];process.stdin.on('data',d=>c.push(d)).on('end',()=>{const b=Buffer.concat(c);"
    script += "process.stdout.write(z.brotliCompressSync(b,{params:{[z.constants.BROTLI_PARAM_QUALITY]:11,"
    script += "[z.constants.BROTLI_PARAM_LGWIN]:24,[z.constants.BROTLI_PARAM_SIZE_HINT]:b.length}}))})"
    out.write_bytes(subprocess.run(["node", "-e", script], input=data, stdout=subprocess.PIPE, check=True).stdout)


def lexicon(path):
    """`word PH PH` lines, variants as further lines of the same word; punctuation entries are left out."""
    lines = []
    for line in path.read_text().splitlines():
        word, *phones = line.split()
        word = word.split("(")[0]
        if phones and any(letter.isalpha() for letter in word):
            lines.append(f"{word} {' '.join(phones)}")
    return "\n".join(lines).encode() + b"\n"


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=Path("/usr/share/pocketsphinx/model/en-us"))
    parser.add_argument("--out", type=Path, default=here.parent.parent / "speech")
    parser.add_argument("--pairs", type=Path, help="pairs.js of a build: says what noise does to speech")
    parser.add_argument("--node", default="node")
    parser.add_argument("--exact", action="store_true", help="the base as it came, for quiet alone")
    options = parser.parse_args()
    if options.pairs is None and not options.exact:
        parser.error("--pairs is needed, unless the base shall stay as it came (--exact)")
    model = options.source / "en-us"
    out = options.out
    out.mkdir(parents=True, exist_ok=True)

    definition = sphinx.Definition(model / "mdef")
    mean, variance = floored_mean_and_variance(model)
    codes = sphinx.mixture_codes(model / "sendump", STREAMS)
    owner = definition.codebook_of_senone()
    small = mixture.speech_mixture(mean[:, 0], variance[:, 0], codes[0], owner, [*definition.fillers, definition.sil])
    if not options.exact:
        dictionary = options.source / "cmudict-en-us.dict"
        mean, variance, frames = noisy_speech.adapted(
            definition, mean, variance, codes, dictionary, options.node, options.pairs
        )
        print(f"{frames / 6_000:.1f} minutes of synthetic speech, each in quiet and in two noises")
    a, c = density_matrix(mean, variance)
    packed, books, column = grouped(codes, owner, len(mean))
    built = helper.make_model(
        graph(a, c, packed, books, column, len(mean)),
        producer_name="starling convert-base",
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    onnx.checker.check_model(built)
    (out / "acoustic.onnx").write_bytes(built.SerializeToString())

    tied = definition.triphone_sequences().tobytes() + definition.sequences.astype("<u2").tobytes()
    brotli(tied, out / "triphones.bin.br")
    brotli(lexicon(options.source / "cmudict-en-us.dict"), out / "lexicon.txt.br")
    log_transition = np.log(np.maximum(sphinx.transitions(model / "transition_matrices"), 1e-30))
    phones = {
        "phones": definition.phones,
        "silence": definition.phones[definition.sil],
        "fillers": [definition.phones[i] for i in definition.fillers],
        "senones": int(definition.n_senone),
        "sequences": int(len(definition.sequences)),
        "sequenceOfPhone": [int(definition.units[i]["ssid"]) for i in range(definition.n_ci)],
        "stayAndGo": [[[round(float(m[s, s]), 5), round(float(m[s, s + 1]), 5)] for s in range(3)] for m in log_transition],
    }
    (out / "phones.json").write_text(json.dumps(phones) + "\n")
    (out / "golden.json").write_text(json.dumps(golden(mean, variance, codes, owner)) + "\n")
    (out / "mixture.json").write_text(json.dumps(small) + "\n")
    for name in (
        "acoustic.onnx", "triphones.bin.br", "lexicon.txt.br", "phones.json", "golden.json", "mixture.json"
    ):
        data = (out / name).read_bytes()
        print(f"{name:18} {len(data):9,} bytes  sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
