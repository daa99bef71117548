"""Which texts repeat words that another text brought in.

Strategy: all texts are one array of bytes, in which words begin and end where a table says so. A
word's key is made of its first sixteen bytes, its last eight and its length, a run's of its words'.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.drift_terms import Codes, first_bytes, word_keys
from otel_llmops.analysis.forest import Ints, Mask

__all__ = ["repeats"]

_LETTERS_MIN = 3
_FEW_WORDS = 8
"""Of an answer of more words, runs of three are compared: single ones stand in every text."""
_CHARS_MAX = 4096
"""Of a text so many characters are compared."""
_BYTES_AT_ONCE = 1 << 18
"""What a core's cache holds."""


def repeats(given: pa.Array, answered: pa.Array, later: pa.Array) -> Mask:
    """Whether a later text repeats what an answer brought in that was not in what it was given.

    In:   three string arrays, n rows; their first 4,096 characters count.
    Out:  n rows: whether `later` shares a word of three letters or more with `answered` that
          `given` has not; where the answer has more than eight such words, a run of three words.
    Edge: Words of 24 bytes and more are told apart by their ends and lengths alone.
    Cost: O(b) for b bytes of text.
    """
    sides = [
        pc.utf8_lower(pc.utf8_slice_codeunits(side, 0, _CHARS_MAX))
        for side in (given, answered, later)
    ]
    lengths = sum(np.asarray(pc.binary_length(side)).astype(np.int64) for side in sides)
    ends = np.cumsum(lengths)
    result = np.zeros(len(given), dtype=bool)
    start = 0
    while start < len(given):
        before = ends[start - 1] if start else 0
        stop = int(np.searchsorted(ends, before + _BYTES_AT_ONCE, side="right"))
        stop = max(stop, start + 1)
        result[start:stop] = _repeats(*(side.slice(start, stop - start) for side in sides))
        start = stop
    return result


def _repeats(given: pa.Array, answered: pa.Array, later: pa.Array) -> Mask:
    rows = len(given)
    words = _words(pa.concat_arrays([given, answered, later]))
    many = np.bincount(words.text, minlength=3 * rows)[rows : 2 * rows] > _FEW_WORDS
    result = np.zeros(rows, dtype=bool)
    for of_three in (False, True):
        found = words.in_threes() if of_three else words
        bounds = np.searchsorted(found.text, (0, rows, 2 * rows, 3 * rows))
        sides = []
        for side, (start, end) in enumerate(pairwise(bounds.tolist())):
            row = found.text[start:end] - side * rows
            asked = many[row] == of_three
            row = row[asked]
            sides.append((row, found.key[start:end][asked] ^ row.astype(np.uint64) * _STRIDE))
        (_, known), (row, brought), (_, repeated) = sides
        again = np.flatnonzero(_among(brought, repeated))
        again = again[~_among(brought[again], known)]
        result[row[again]] = True
    return result


def _among(asked: Codes, known: Codes) -> Mask:
    return np.asarray(pc.is_in(pa.array(asked), value_set=pa.array(known)))


@dataclass(frozen=True, slots=True)
class _Words:
    """A key for each word, in order, and which text it is of."""

    text: Ints
    key: Codes

    def in_threes(self) -> "_Words":
        """Runs of three words."""
        inside = self.text[:-2] == self.text[2:]
        key = word_keys(self.key[:-2] ^ self.key[1:-1] << np.uint64(1), self.key[2:])
        return _Words(self.text[:-2][inside], key[inside])


def _words(texts: pa.Array) -> _Words:
    raw = b"\n".join([b"", *texts.cast(pa.binary()).to_pylist(), b"\n" * 16])
    data = np.frombuffer(raw, np.uint8)
    inside = np.frombuffer(raw.translate(_IS_WORD), np.bool_)
    turn = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    start, length = turn[::2], turn[1::2] - turn[::2]
    long = length >= _LETTERS_MIN
    start, length = start[long], length[long]
    low, high = first_bytes(data, start, length)
    tail, _ = first_bytes(data, start + np.maximum(length - 8, 0), np.minimum(length, 8))
    key = word_keys(low ^ length.astype(np.uint64) * _STRIDE, high ^ tail)
    ends = np.cumsum(np.asarray(pc.binary_length(texts)).astype(np.int64) + 1)
    return _Words(np.searchsorted(ends, start), key)


def _is_word() -> bytes:
    return bytes(
        byte >= 0x80 or chr(byte).isalnum() or byte == ord("_")  # of a letter beyond ASCII
        for byte in range(256)
    )


_IS_WORD = _is_word()
_STRIDE = np.uint64(0xD6E8FEB86659FD93)
