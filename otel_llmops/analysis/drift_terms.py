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

__all__ = [
    "DOCUMENTS_MAX",
    "NAME",
    "WEIGHTS",
    "Codes",
    "Terms",
    "Weights",
    "first_bytes",
    "terms_of",
    "word_keys",
]

Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint64]
Weights = npt.NDArray[np.float64]

WEIGHTS: Weights = np.array([0.5, 0.7, 1.0, 1.5, 2.5, 4.0])
"""Of a digit; of a pair of characters; of a word; of one of eight letters and more; of a name; of a
number or a code. Words that say little are no terms (drift_words.py, and all of three letters)."""
_DIGIT, _PAIR, _WORD, _LONG, NAME, _FACT = range(6)
LITTLE_LETTERS, LONG_LETTERS = 3, 8

_OTHER, _LOWER, _UPPER, _NUMBER = 0, 1, 2, 3
"""Classes of bytes; all but the first are of a word."""

_STEM_BYTES = 6
"""So many letters of a word count; of a script with two bytes a letter, five letters."""
_WIDE_STEM_BYTES = 10

_KEY_BITS, _CLASS_BITS = 45, 3
DOCUMENTS_MAX = 1 << 16
"""A code has 16 bits of a document, 45 of a term and 3 of its class."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of documents, each once.

    `known` are document and key as one number, sorted; `heaviest` document, class (the highest
    first) and key, sorted, and `bounds` where each document begins in it.
    """

    known: Codes
    heaviest: Codes
    bounds: Ints

    @staticmethod
    def code(document: Ints, key: Codes) -> Codes:
        """A document's number and a key as in `known`."""
        return document.astype(np.uint64) << _u(_KEY_BITS) | key

    def of(self, place: Ints) -> tuple[Codes, Ints]:
        """Keys and classes at places of `heaviest`."""
        code = self.heaviest[place]
        key = code & _u((1 << _KEY_BITS) - 1)
        kind = 7 - ((code >> _u(_KEY_BITS)) & _u(7)).astype(np.int64)
        return key, kind


def terms_of(texts: Sequence[bytes]) -> Terms:
    """The terms of some texts, each a document by its place.

    In:   up to DOCUMENTS_MAX texts in UTF-8.
    Out:  Terms, without words that say little.
    Edge: What is no UTF-8 makes terms of its own, and harms no other.
    Cost: O(b log b) for b bytes of text.
    """
    data = b"\n".join([b"\n\n", *texts, b"\n" * _PAD])
    begins = 3 + np.cumsum([0, *(len(each) + 1 for each in texts)])
    code = np.sort(np.concatenate([_codes(begins, *found) for found in _words(data)]))
    known, kind = code >> _u(_CLASS_BITS), code & _u((1 << _CLASS_BITS) - 1)
    highest = np.append(known[1:] != known[:-1], True)[: len(known)]
    known, kind = known[highest], kind[highest]
    document, key = known >> _u(_KEY_BITS), known & _u((1 << _KEY_BITS) - 1)
    heavy = document << _u(_CLASS_BITS) | (_u(7) - kind)
    heaviest = np.sort(heavy << _u(_KEY_BITS) | key)
    first = np.arange(len(texts) + 1, dtype=np.uint64) << _u(_KEY_BITS + _CLASS_BITS)
    return Terms(known, heaviest, np.searchsorted(heaviest, first))


def _codes(begins: Ints, place: Ints, key: Codes, kind: Bytes) -> Codes:
    """Document, key and class as one number; `place`, which rises, says where each term is."""
    count = np.diff(np.searchsorted(place, begins))
    document = np.repeat(np.arange(len(count), dtype=np.uint64), count)
    code = document << _u(_KEY_BITS) | key >> _u(64 - _KEY_BITS)
    return code << _u(_CLASS_BITS) | kind.astype(np.uint64)


_Placed = tuple[Ints, Codes, Bytes]


def _words(raw: bytes) -> tuple[_Placed, _Placed]:
    """Where each word and each pair of characters begins, its key and its class."""
    data = np.frombuffer(raw, dtype=np.uint8)
    folded, kind = _folded(raw, data)
    pairs = _pairs(data, kind)
    inside = kind > _OTHER
    turn = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    start, length = turn[::2], turn[1::2] - turn[::2]
    low, high = first_bytes(folded, start, length)
    is_fact = (_digits(low) | _digits(high)) != 0
    stem = np.where(folded[start] < 0x80, _STEM_BYTES, _WIDE_STEM_BYTES)
    kept = np.where(is_fact, length, np.minimum(length, stem))
    key = word_keys(low & _MASKS[np.minimum(kept, 8)], high & _MASKS[np.clip(kept - 8, 0, 8)])
    key = np.where(is_fact, key ^ length.astype(np.uint64) * _PRIME, key)
    letters = length - np.bitwise_count(_further(low)) - np.bitwise_count(_further(high))
    classes = _classes(data, kind, start, letters)
    classes[is_fact] = np.where(length[is_fact] > 1, _FACT, _DIGIT)
    heavy = (letters > LITTLE_LETTERS) & ~_is_little(key)
    chosen = np.flatnonzero(heavy | (classes == NAME) | is_fact)
    start, key, classes = start[chosen], key[chosen], classes[chosen]
    return (start, key, classes), (*pairs, np.full(len(pairs[0]), _PAIR, np.uint8))


def _classes(data: Bytes, kind: Bytes, start: Ints, letters: Ints) -> Bytes:
    """Names, long words and words."""
    # a capital in the middle of a sentence: what begins one says nothing
    capital = np.flatnonzero((kind[start] == _UPPER) & (data[start - 1] == 0x20))
    before = start[capital] - 2
    midway = ((kind[before] > _OTHER) | (data[before] == 0x2C)) & (letters[capital] > 1)
    classes = np.where(letters >= LONG_LETTERS, _LONG, _WORD).astype(np.uint8)
    classes[capital[midway]] = NAME
    return classes


def first_bytes(folded: Bytes, start: Ints, length: Ints) -> tuple[Codes, Codes]:
    """The first 16 bytes of each word, as two numbers."""
    # one number for each byte and the seven after it; nothing is copied but what is taken
    view: Codes = np.ndarray((len(folded) - 8,), dtype="<u8", buffer=folded, strides=(1,))
    low = view[start] & _MASKS[np.minimum(length, 8)]
    high = np.zeros(len(start), dtype=np.uint64)
    longer = np.flatnonzero(length > 8)
    high[longer] = view[start[longer] + 8] & _MASKS[np.minimum(length[longer] - 8, 8)]
    return low, high


def _digits(eight: Codes) -> Codes:
    """Not 0 where one of eight bytes is a digit (the test for a byte below 10, on all at once)."""
    flipped = eight ^ _u(0x3030303030303030)
    found: Codes = (flipped - _u(0x0A0A0A0A0A0A0A0A)) & ~flipped & _HIGH_BITS
    return found


def _further(eight: Codes) -> Codes:
    """A bit for each of eight bytes that goes on with a letter."""
    found: Codes = eight & ~(eight << _u(1)) & _HIGH_BITS
    return found


def word_keys(low: Codes, high: Codes) -> Codes:
    """A number for each pair of numbers, all of whose bits depend on all of theirs."""
    mixed: Codes = (low ^ (low >> _u(29))) * _GOLDEN
    mixed += (high ^ (high >> _u(31))) * _PRIME
    keys: Codes = (mixed ^ (mixed >> _u(32))) * _GOLDEN
    return keys


def _folded(raw: bytes, data: Bytes) -> tuple[Bytes, Bytes]:
    """The bytes in lower case, and the class of each."""
    kind = np.frombuffer(bytearray(raw.translate(_KIND)), dtype=np.uint8)
    folded = np.frombuffer(bytearray(raw.lower()), dtype=np.uint8)
    for sign, width in ((0xC2, 2), (0xE2, 3), (0xEF, 3)):
        # signs and punctuation of two and three bytes
        found = np.flatnonzero(data == sign) if bytes((sign,)) in raw else _NONE
        for step in range(width):
            kind[found + step] = _OTHER
    lead = np.flatnonzero((data >= 0xC3) & (data <= 0xDF)) if not raw.isascii() else _NONE
    if len(lead):
        letter = data[lead].astype(np.uint16) << 8 | data[lead + 1]
        small = _SMALL[letter]
        folded[lead], folded[lead + 1] = small >> 8, small & 0xFF
        kind[lead[small != letter]] = _UPPER
    return folded, kind


def _pairs(data: Bytes, kind: Bytes) -> tuple[Ints, Codes]:
    """Pairs of characters in scripts without blanks; takes them out of `kind`.

    Lead bytes E0, E1 and E3 to EE are three bytes, F0 to F4 four; E3 80 is their punctuation.
    """
    lead = np.flatnonzero((data >= 0xE0) & (data != 0xE2) & (data != 0xEF))
    if not len(lead):
        return lead, np.zeros(0, dtype=np.uint64)
    width = np.where(data[lead] >= 0xF0, 4, 3)
    for step in range(4):
        kind[(lead + step)[step < width]] = _OTHER
    sign = (data[lead] == 0xE3) & (data[lead + 1] == 0x80)
    lead, width = lead[~sign], width[~sign]
    follows = np.zeros(len(lead), dtype=bool)
    follows[:-1] = lead[1:] == lead[:-1] + width[:-1]
    pair = lead[follows]
    return pair, word_keys(*first_bytes(data, pair, (width + np.append(width[1:], 0))[follows]))


def _is_little(key: Codes) -> Mask:
    """Which keys are of words that say little: by a table of 16 bits, and then for sure."""
    table, keys = _little()
    little: Mask = table[key >> _u(48)]
    maybe = np.flatnonzero(little)
    little[maybe] = np.isin(key[maybe], keys)
    return little


@cache
def _little() -> tuple[Mask, Codes]:
    raw = f"\n\n\n{LITTLE}{chr(10) * _PAD}".encode()
    folded, kind = _folded(raw, np.frombuffer(raw, dtype=np.uint8))
    inside = kind > _OTHER
    turn = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    start, length = turn[::2], turn[1::2] - turn[::2]
    stem = np.where(folded[start] < 0x80, _STEM_BYTES, _WIDE_STEM_BYTES)
    keys = np.unique(word_keys(*first_bytes(folded, start, np.minimum(length, stem))))
    table = np.zeros(1 << 16, dtype=bool)
    table[keys >> _u(48)] = True
    return table, keys


def _byte_classes() -> bytes:
    kind = bytearray(256)
    for byte in (*range(ord("a"), ord("z") + 1), ord("_"), *range(0x80, 0x100)):
        kind[byte] = _LOWER
    for byte in range(ord("A"), ord("Z") + 1):
        kind[byte] = _UPPER
    for byte in range(ord("0"), ord("9") + 1):
        kind[byte] = _NUMBER
    return bytes(kind)


def _lower_letters() -> npt.NDArray[np.uint16]:
    """Two-byte letters -> the same in lower case."""
    small = np.arange(65536, dtype=np.uint16)
    for number in range(0xC0, 0x800):
        lower = chr(number).lower().encode()
        if len(lower) == 2:
            small[int.from_bytes(chr(number).encode(), "big")] = int.from_bytes(lower, "big")
    return small


_u = np.uint64
_PAD = 16
_GOLDEN, _PRIME = _u(0x9E3779B97F4A7C15), _u(0xD6E8FEB86659FD93)
_HIGH_BITS = _u(0x8080808080808080)
_NONE = np.zeros(0, dtype=np.int64)
_KIND = _byte_classes()
_SMALL = _lower_letters()
_MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)
