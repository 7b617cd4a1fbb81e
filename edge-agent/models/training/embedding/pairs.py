"""Texts that mean nearly the same, from WordNet: what training draws together."""

import random

ROOT_CHANGES = [("ing", "e"), ("ed", "e"), ("er", "e"), ("ation", "e"), ("ion", "e"), ("ies", "y"), ("ied", "y"), ("ier", "y"), ("ing", ""), ("ed", ""), ("er", ""), ("ment", ""), ("age", "")]
DOUBLED = ("ing", "ed", "er")


def pairs_of(synsets):
    """(text, text, weight): a pair of weight n is seen n times as often."""
    for synset in synsets.values():
        words, definition = synset.words, synset.definition
        named = "; ".join(words)
        for word in words:
            yield word, definition, 2
            others = [other for other in words if other != word]
            for other in others:
                yield word, other, 1
            if others:
                yield word, f"{'; '.join(others)}: {definition}", 1
        for example in synset.examples:
            yield example, f"{named}: {definition}", 2
            for word in words[:3]:
                yield example, word, 1
        for pointer in synset.pointers:
            other = synsets.get(pointer)
            if other is None:
                continue
            yield f"{words[0]}: {definition}", f"{other.words[0]}: {other.definition}", 1
            yield words[0], other.words[0], 1


def inflections(words, lemmas):
    """driving and drive, stopped and stop: roots that the pieces do not show."""
    for word in words:
        for ending, root_ending in ROOT_CHANGES:
            if not word.endswith(ending) or len(word) - len(ending) < 3:
                continue
            root = word[: -len(ending)] + root_ending
            if root in lemmas and root != word:
                yield word, root, 3
            if ending in DOUBLED and root_ending == "" and root[-1:] == root[-2:-1] and root[:-1] in lemmas:
                yield word, root[:-1], 3


def spread(pairs, seed):
    listed = [(left, right) for left, right, weight in pairs for _ in range(weight)]
    random.Random(seed).shuffle(listed)
    return listed
