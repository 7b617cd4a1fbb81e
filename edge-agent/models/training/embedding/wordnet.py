"""Reads WordNet's data files as Debian's wordnet-base has them (wndb(5WN)): synsets with their words, glosses and pointers."""

import re
from collections import namedtuple
from pathlib import Path

PARTS = ("noun", "verb", "adj", "adv")
# Animals and plants are a quarter of all nouns and of no use in the field (lexnames(5WN)).
LEFT_OUT_FILES = {5, 20}
# Is a, is similar to, same group of verbs, comes from, see also, attribute, part of, entails, causes.
KEPT_POINTERS = {"@", "&", "$", "+", "^", "=", "#p", "%p", "*", ">", "\\"}

Synset = namedtuple("Synset", "key words definition examples pointers")


def read_synsets(folder):
    synsets = {}
    for part in PARTS:
        for line in (Path(folder) / f"data.{part}").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            synset = read_line(line)
            if synset is not None:
                synsets[synset.key] = synset
    return synsets


def read_line(line):
    facts, gloss = line.split(" | ", 1)
    fields = facts.split(" ")
    if int(fields[1]) in LEFT_OUT_FILES:
        return None
    count = int(fields[3], 16)
    words = [plain(fields[4 + 2 * at]) for at in range(count)]
    at = 4 + 2 * count
    pointers = []
    for number in range(int(fields[at])):
        symbol, offset, part = fields[at + 1 + 4 * number : at + 4 + 4 * number]
        # "@i" is a single thing: a person, a river.
        if symbol == "@i":
            return None
        if symbol in KEPT_POINTERS:
            pointers.append((part.replace("s", "a"), offset))
    examples = re.findall(r'"([^"]+)"', gloss)
    definition = re.sub(r'"[^"]*"', " ", gloss).strip(" ;")
    return Synset((fields[2].replace("s", "a"), fields[0]), words, definition, examples, pointers)


def plain(word):
    return re.sub(r"\((a|p|ip)\)$", "", word).replace("_", " ")
