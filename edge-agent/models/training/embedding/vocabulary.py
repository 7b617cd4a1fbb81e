"""The pieces that texts are cut into: WordPiece as BERT has it (lower case, punctuation apart, longest piece first)."""

import re
import unicodedata
from collections import Counter

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ENDINGS = ["s", "es", "ed", "d", "ing", "er", "ers", "ly", "'s", "ness", "able", "less"]
WORDS = 21000
INNER_PIECES = 1500
MAX_LETTERS = 100


def words_of(text):
    text = unicodedata.normalize("NFD", text.lower())
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Mn")
    return re.findall(r"[a-z0-9]+|[^\sa-z0-9]", text)


def build(texts, lemmas):
    counts = Counter(word for text in texts for word in words_of(text))
    kept = []
    for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(kept) == WORDS:
            break
        if not word.isalnum() or count < 2 or is_inflected(word, lemmas):
            continue
        if word.isdigit() and len(word) > 2:
            continue
        kept.append(word)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    inner = Counter()
    for word, count in counts.items():
        for length in (2, 3, 4):
            for at in range(1, len(word) - length + 1):
                piece = word[at : at + length]
                if piece.isalpha():
                    inner[piece] += count
    pieces = [piece for piece, _ in sorted(inner.items(), key=lambda item: (-item[1], item[0]))[:INNER_PIECES]]
    others = sorted({letter for text in texts for letter in words_of(text) if len(letter) == 1 and letter.isascii()})
    ordered = SPECIAL + kept + others + list(letters)
    ordered += ["##" + piece for piece in list(letters) + ENDINGS + pieces]
    return list(dict.fromkeys(ordered))


def is_inflected(word, lemmas):
    """One that is cut into its root and an ending, so that both share what is learned."""
    if word in lemmas:
        return False
    return any(word.endswith(ending) and len(word) - len(ending) >= 3 and word[: -len(ending)] in lemmas for ending in ENDINGS)


def pieces_of(text, numbers):
    found = []
    for word in words_of(text):
        found.extend(cut(word, numbers))
    return found


def cut(word, numbers):
    if len(word) > MAX_LETTERS:
        return [numbers["[UNK]"]]
    start, found = 0, []
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = word[start:end] if start == 0 else "##" + word[start:end]
            if piece in numbers:
                found.append(numbers[piece])
                start = end
                break
        else:
            return [numbers["[UNK]"]]
    return found
