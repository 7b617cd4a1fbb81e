"""Writes the model as devices run it: one byte a number with a scale a piece, as ONNX, with its card and golden vectors."""

import hashlib
import json

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

import vocabulary

VERSION = "1.0.0"
GOLDEN_VALUES = 16
# Marks at the ends of a text, as public models have them: they mean nothing here.
NOTHING = ["[PAD]", "[CLS]", "[SEP]", "[MASK]"]
GOLDEN = [
    "the pump leaks at the shaft seal",
    "water drips from the gland",
    "lock out the drive before you open the guard",
    "grease the bearing every four thousand hours",
    "the display stays dark",
    "P-101",
]


def write(out, pieces, table):
    numbers = {piece: number for number, piece in enumerate(pieces)}
    table[[numbers[mark] for mark in NOTHING]] = 0
    scales = numpy.maximum(numpy.abs(table).max(axis=1, keepdims=True) / 127, 1e-8).astype(numpy.float32)
    small = numpy.clip(numpy.rint(table / scales), -127, 127).astype(numpy.int8)
    onnx.save(graph_of(small, scales), out / "embedding.onnx")
    spread = small.astype(numpy.float32) * scales
    golden = [{"text": text, "values": [round(float(value), 6) for value in embedded(text, spread, numbers)[:GOLDEN_VALUES]]} for text in GOLDEN]
    (out / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    (out / "card.json").write_text(json.dumps(card_of(table.shape, out), indent=1) + "\n")


def embedded(text, table, numbers):
    vector = table[vocabulary.pieces_of(text, numbers)].sum(axis=0)
    return vector / numpy.linalg.norm(vector)


def graph_of(small, scales):
    size, dimension = small.shape
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scales", "input_ids"], ["scale"]),
        helper.make_node("Mul", ["floats", "scale"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["vectors", "column"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "sequence"], ["sum"], keepdims=0),
        helper.make_node("LpNormalization", ["sum"], ["sentence_embedding"], axis=-1, p=2),
    ]
    tensors = [
        numpy_helper.from_array(small, "table"),
        numpy_helper.from_array(scales, "scales"),
        numpy_helper.from_array(numpy.array([-1], dtype=numpy.int64), "last"),
        numpy_helper.from_array(numpy.array([1], dtype=numpy.int64), "sequence"),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")]
    outputs = [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", dimension])]
    graph = helper.make_graph(nodes, "starling-embedding", inputs, outputs, tensors)
    model = helper.make_model(graph, producer_name="starling", opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def card_of(shape, out):
    files = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in ("embedding.onnx", "vocab.txt")}
    return {
        "name": "starling-embedding-en",
        "version": VERSION,
        "title": "Which texts mean nearly the same: a vector a piece of a word, summed",
        "licence": "Apache-2.0 AND LicenseRef-WordNet-3.0",
        "languages": ["en"],
        "intendedUse": "Finds documents whose words are not those of the question, beside full text and trigrams, on the device.",
        "limits": "It has learned words from a dictionary, not from text: it knows synonyms and kinds of things, and neither word order nor negation. English only. Trade words that WordNet lacks are spelled out and mean little.",
        "contract": "sentence-embedding: input_ids, attention_mask; sentence_embedding; WordPiece vocabulary",
        "training": {
            "data": "WordNet 3.0 (Debian's wordnet-base): words, definitions, examples and pointers, without animals and plants",
            "dataLicence": "WordNet 3.0 licence: use, copying, modification and distribution for any purpose, with the notice in NOTICE",
            "recipe": "npm run train -- embedding",
            "seed": 20261121,
        },
        "figures": {"pieces": int(shape[0]), "dimension": int(shape[1]), "sizeBytes": (out / "embedding.onnx").stat().st_size},
        "files": files,
    }
