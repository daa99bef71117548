"""Texts as weighted, hashed terms: what may be compared without knowing the language.

Strategy: all texts are one array of bytes. A table says of each byte whether it belongs to a word;
where that changes words begin and end. A word is its first letters, eight bytes at once (a crude
stem: refund, refunded), with its case folded; a word with a digit is taken whole. Scripts without
blanks (Chinese, Japanese, Korean, Thai and their neighbours) are taken in pairs of characters. What
carries the facts weighs most: numbers, codes and names survive a summary and other words, and are
the first to go where a context is lost. Nothing is learned from other texts, so that an answer
depends on its own session alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from otel_llmops.analysis.drift_words import LITTLE
from otel_llmops.analysis.forest import Ints, Mask

__all__ = ["FACT", "Keys", "Terms", "Weights", "terms_of"]

Bytes = npt.NDArray[np.uint8]
Keys = npt.NDArray[np.uint64]
Weights = npt.NDArray[np.float64]

_OTHER, _LOWER, _WIDE, _UPPER, _DIGIT = range(5)
"""Classes of bytes; the highest in a word says what the word is."""

_STEM_BYTES = 6
"""So many letters of a word count; in scripts of two bytes a letter, five letters."""
_WIDE_STEM_BYTES = 10

WEIGHT_FACT, WEIGHT_NAME, WEIGHT_LONG, WEIGHT_WORD, WEIGHT_PAIR, WEIGHT_LITTLE = (
    4.0,
    2.5,
    1.5,
    1.0,
    0.7,
    0.1,
)
"""Of numbers and codes; of names; of words of eight letters and more; of others; of a pair of
characters; of what every text is full of."""
_LONG_BYTES = 8
FACT = 2.0
"""A term of this weight or more is a fact: a number, a code or a name."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)
_PAD = 16


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of documents, each once: sorted by (document, key).

    `weight` is the highest that the term has in the document, `rank` its place among the
    document's terms, the heaviest first.
    """

    document: Ints
    key: Keys
    weight: Weights
    rank: Ints


def terms_of(texts: Sequence[bytes], document: Ints) -> Terms:
    """The terms of some texts.

    In:   n texts in UTF-8, and of each the number of its document.
    Out:  Terms, without words that say little.
    Edge: What is no UTF-8 makes terms of its own, and harms no other.
    Cost: O(b log b) for b bytes of text.
    """
    data = np.frombuffer(b"\n".join([b"\n\n", *texts, b"\n" * _PAD]), dtype=np.uint8)
    begins = 3 + np.cumsum([0, *(len(each) + 1 for each in texts)])
    place, key, weight = _words(data)
    heavy = weight > WEIGHT_LITTLE
    place, key, weight = place[heavy], key[heavy], weight[heavy]
    return _distinct(document[np.searchsorted(begins, place, side="right") - 1], key, weight)


def _distinct(document: Ints, key: Keys, weight: Weights) -> Terms:
    order = np.lexsort((key, document))
    document, key, weight = document[order], key[order], weight[order]
    if not len(key):
        return Terms(document, key, weight, document)
    fresh = np.append(True, (document[1:] != document[:-1]) | (key[1:] != key[:-1]))
    first = np.flatnonzero(fresh)
    document, key = document[first], key[first]
    weight = np.maximum.reduceat(weight, first)
    return Terms(document, key, weight, _ranks(document, key, weight))


def _ranks(document: Ints, key: Keys, weight: Weights) -> Ints:
    order = np.lexsort((key, -weight, document))
    ranked = document[order]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(ranked, ranked, side="left")
    return rank


def _words(data: Bytes) -> tuple[Ints, Keys, Weights]:
    """Where each term begins, its key and its weight."""
    folded, kind = _folded(data)
    pairs = _pairs(data, kind)
    inside = kind > _OTHER
    start = np.flatnonzero(inside[1:] & ~inside[:-1]) + 1
    end = np.flatnonzero(inside[:-1] & ~inside[1:]) + 1
    if not len(start):
        return pairs
    length = end - start
    top = np.maximum.reduceat(kind, start)
    is_fact = top == _DIGIT
    stem = np.where(folded[start] < 0x80, _STEM_BYTES, _WIDE_STEM_BYTES)
    key = _keys(folded, start, np.where(is_fact, length, np.minimum(length, stem)))
    key = np.where(is_fact, key ^ (length.astype(np.uint64) * _PRIME), key)
    weight = _weights(data, kind, start, length, is_fact)
    weight[np.isin(key, _little()) & ~is_fact] = WEIGHT_LITTLE
    return (
        np.concatenate([start, pairs[0]]),
        np.concatenate([key, pairs[1]]),
        np.concatenate([weight, pairs[2]]),
    )


def _weights(data: Bytes, kind: Bytes, start: Ints, length: Ints, is_fact: Mask) -> Weights:
    further = ((data & 0xC0) == 0x80) & (kind > _OTHER)
    letters = length - np.add.reduceat(further, start, dtype=np.int64)
    weight = np.where(letters >= _LONG_BYTES, WEIGHT_LONG, WEIGHT_WORD)
    weight[letters <= 3] = WEIGHT_LITTLE
    # a capital in the middle of a sentence: what begins one says nothing
    before, blank = data[start - 2], data[start - 1] == 0x20
    midway = blank & ((kind[start - 2] > _OTHER) | (before == 0x2C))
    weight[midway & (kind[start] == _UPPER) & (letters > 1)] = WEIGHT_NAME
    weight[is_fact] = np.where(length[is_fact] > 1, WEIGHT_FACT, WEIGHT_WORD / 2)
    return weight


def _keys(folded: Bytes, start: Ints, length: Ints) -> Keys:
    """A number for the first 16 bytes of each word, of those the first `length` ones."""
    view: Keys = np.ndarray((len(folded) - 8,), dtype="<u8", buffer=folded, strides=(1,))
    low: Keys = view[start] & _MASKS[np.minimum(length, 8)]
    high: Keys = view[start + 8] & _MASKS[np.clip(length - 8, 0, 8)]
    mixed: Keys = (low ^ (low >> np.uint64(29))) * _GOLDEN
    mixed += (high ^ (high >> np.uint64(31))) * _PRIME
    keys: Keys = mixed ^ (mixed >> np.uint64(32))
    return keys


def _folded(data: Bytes) -> tuple[Bytes, Bytes]:
    """The bytes in lower case, and the class of each."""
    kind = _KIND[data]
    folded = _LOWERED[data]
    for sign, width in ((0xC2, 2), (0xE2, 3), (0xEF, 3)):
        # signs and punctuation of two and three bytes
        found = np.flatnonzero(data == sign)
        for step in range(width):
            kind[found + step] = _OTHER
    lead = np.flatnonzero((data >= 0xC3) & (data <= 0xDF))
    if len(lead):
        letter = data[lead].astype(np.uint16) << 8 | data[lead + 1]
        small = _SMALL[letter]
        folded[lead], folded[lead + 1] = small >> 8, small & 0xFF
        kind[lead[small != letter]] = _UPPER
    return folded, kind


def _pairs(data: Bytes, kind: Bytes) -> tuple[Ints, Keys, Weights]:
    """Pairs of characters in scripts without blanks; takes them out of `kind`.

    Lead bytes E0, E1 and E3 to EE are three bytes, F0 to F4 four; E3 80 is their punctuation.
    """
    lead = np.flatnonzero((data >= 0xE0) & (data != 0xE2) & (data != 0xEF))
    if not len(lead):
        return lead, np.zeros(0, dtype=np.uint64), np.zeros(0)
    width = np.where(data[lead] >= 0xF0, 4, 3)
    for step in range(4):
        kind[(lead + step)[step < width]] = _OTHER
    sign = (data[lead] == 0xE3) & (data[lead + 1] == 0x80)
    lead, width = lead[~sign], width[~sign]
    follows = np.zeros(len(lead), dtype=bool)
    follows[:-1] = lead[1:] == lead[:-1] + width[:-1]
    taken = np.where(follows, width + np.append(width[1:], 0), width)
    weight = np.where(follows, WEIGHT_PAIR, WEIGHT_LITTLE)
    return lead, _keys(data, lead, taken), weight


@cache
def _little() -> Keys:
    data = np.frombuffer(f"\n\n\n{LITTLE}{chr(10) * _PAD}".encode(), dtype=np.uint8)
    folded, kind = _folded(data)
    inside = kind > _OTHER
    start = np.flatnonzero(inside[1:] & ~inside[:-1]) + 1
    end = np.flatnonzero(inside[:-1] & ~inside[1:]) + 1
    stem = np.where(folded[start] < 0x80, _STEM_BYTES, _WIDE_STEM_BYTES)
    return np.unique(_keys(folded, start, np.minimum(end - start, stem)))


def _byte_classes() -> Bytes:
    kind = np.zeros(256, dtype=np.uint8)
    kind[[*range(ord("a"), ord("z") + 1), ord("_")]] = _LOWER
    kind[ord("A") : ord("Z") + 1] = _UPPER
    kind[ord("0") : ord("9") + 1] = _DIGIT
    kind[0x80:] = _WIDE
    return kind


def _lower_letters() -> npt.NDArray[np.uint16]:
    """Two-byte letters -> the same in lower case."""
    small = np.arange(65536, dtype=np.uint16)
    for number in range(0xC0, 0x800):
        lower = chr(number).lower().encode()
        if len(lower) == 2:
            small[int.from_bytes(chr(number).encode(), "big")] = int.from_bytes(lower, "big")
    return small


_KIND = _byte_classes()
_LOWERED = np.frombuffer(bytes(range(256)).lower(), dtype=np.uint8)
_SMALL = _lower_letters()
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)
