"""Card numbers: digits in a known range of numbers that pass Luhn's check.

Strategy: all windows of 12 to 19 digits are checked at once, by prefix sums, so a text made of
nothing but candidates costs no more than any other.

Source: ISO/IEC 7812-1, annex B (Luhn) and the public ranges of the card schemes.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from otel_llmops.redaction.patterns import ESCAPED

__all__ = ["without_cards"]

# first two digits -> lengths; those that no scheme gives out are left alone
_LENGTHS: dict[range, tuple[int, ...]] = {
    range(22, 28): (16,),  # Mastercard
    range(30, 31): (14, 16, 19),  # Diners
    range(34, 35): (15,),  # American Express
    range(35, 36): (16, 17, 18, 19),  # JCB
    range(36, 37): (14, 16, 19),
    range(37, 38): (15,),
    range(38, 40): (14, 16, 19),
    range(40, 50): (13, 16, 19),  # Visa
    range(50, 51): (12, 13, 14, 15, 16, 17, 18, 19),  # Maestro
    range(51, 56): (16,),
    range(56, 60): (12, 13, 14, 15, 16, 17, 18, 19),
    range(60, 61): (16, 17, 18, 19),  # Discover, RuPay
    range(62, 63): (16, 17, 18, 19),  # UnionPay
    range(63, 64): (12, 13, 14, 15, 16, 17, 18, 19),
    range(64, 66): (16, 17, 18, 19),
    range(67, 68): (12, 13, 14, 15, 16, 17, 18, 19),
}
_BREAK = b"\n"
_ESCAPES = re.compile(ESCAPED.encode())
_QUOTE = re.compile(rb'(\\*")[^"]*\Z')
_NUMBER_BEFORE, _NUMBER_AFTER = re.compile(rb"[:\[,]\s{0,8}\Z"), re.compile(rb"\s{0,8}[,}\]]")
_NEAR_BYTES = 256

_Flags = NDArray[np.bool_]
_Numbers = NDArray[np.int64]


def without_cards(texts: Sequence[bytes], mask: bytes) -> list[bytes]:
    """`texts` with `mask` in place of each card number.

    Edge:   Digits may be in groups, with one blank or hyphen between. A number that is a value of
            a JSON document becomes a string, so that the document can still be read.
    Cost:   O(bytes).
    """
    joined = _BREAK.join(texts)
    starts, ends = _windows(joined)
    if not len(starts):
        return list(texts)
    found = list(texts)
    sizes = np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts))
    bases = np.cumsum(sizes) - sizes
    owners = np.searchsorted(bases, starts, side="right") - 1
    for owner in np.unique(owners):
        mine = owners == owner
        base = bases[owner]
        found[owner] = _masked(texts[owner], starts[mine] - base, ends[mine] - base, mask)
    return found


def _masked(text: bytes, starts: _Numbers, ends: _Numbers, mask: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if start < at:  # it overlaps one that is masked: what is left of it goes, too
            at = max(at, end)
            continue
        quote = _quote(text, start, end)
        parts += (text[at:start], quote, mask, quote)
        at = end
    return b"".join([*parts, text[at:]])


def _quote(text: bytes, start: int, end: int) -> bytes:
    """What makes a string of the number at `start`, where it is one of a JSON document."""
    before = text[max(0, start - _NEAR_BYTES) : start]
    is_document = text[:64].lstrip()[:1] in {b"{", b"["}
    if not (is_document and _NUMBER_BEFORE.search(before) and _NUMBER_AFTER.match(text, end)):
        return b""
    nearest = _QUOTE.search(before)
    return nearest[1] if nearest else b'"'


def _windows(text: bytes) -> tuple[_Numbers, _Numbers]:
    """Where card numbers are in `text`: starts, ascending, and ends."""
    if b"\\" in text:
        text = _ESCAPES.sub(lambda escape: bytes(len(escape[0])), text)
    data = np.frombuffer(text, np.uint8)
    places = np.flatnonzero(_is_digit(data))
    digits = data[places].astype(np.int64) - ord("0")
    if len(digits) < 2:
        return places[:0], places[:0]
    runs = _runs(data, places)
    first, last = _ends_of_words(data, places)
    two = np.append(digits[:-1] * 10 + digits[1:], 0)
    sums = _luhn(digits)
    starts: list[_Numbers] = []
    ends: list[_Numbers] = []
    for length, allowed in _ALLOWED.items():
        if length > len(digits):
            break
        at = np.arange(len(digits) - length + 1)
        to = at + length - 1
        fits = first[at] & last[to] & (runs[at] == runs[to]) & allowed[two[at]]
        at, to = at[fits], to[fits]
        total = sums[(to + 1) % 2, to + 1] - sums[(to + 1) % 2, at]
        valid = total % 10 == 0
        starts.append(places[at[valid]])
        ends.append(places[to[valid]] + 1)
    all_starts, all_ends = np.concatenate(starts), np.concatenate(ends)
    order = np.lexsort((-all_ends, all_starts))
    return all_starts[order], all_ends[order]


def _luhn(digits: _Numbers) -> _Numbers:
    """Prefix sums with every second digit doubled: row 0 those at odd places, row 1 the others."""
    doubled = digits * 2
    doubled[doubled > 9] -= 9
    odd = np.arange(len(digits)) % 2 == 1
    rows = np.stack([np.where(odd, digits, doubled), np.where(odd, doubled, digits)])
    return np.concatenate([np.zeros((2, 1), np.int64), np.cumsum(rows, axis=1)], axis=1)


def _runs(data: NDArray[np.uint8], places: _Numbers) -> _Numbers:
    """A number for each digit, equal for those that only one blank or hyphen at a time parts."""
    gaps = np.diff(places)
    between = data[places[:-1] + 1]
    joined = (gaps == 1) | ((gaps == 2) & ((between == ord(" ")) | (between == ord("-"))))
    return np.concatenate([[0], np.cumsum(~joined)])


def _ends_of_words(data: NDArray[np.uint8], places: _Numbers) -> tuple[_Flags, _Flags]:
    """Which digits may be the first of a number, and which the last."""
    padded = np.concatenate([np.zeros(2, np.uint8), data, np.zeros(1, np.uint8)])
    before, earlier, after = padded[places + 1], padded[places], padded[places + 3]
    decimals = (before == ord(".")) & _is_digit(earlier)
    return ~_is_word(before) & ~decimals, ~_is_word(after)


def _is_digit(data: NDArray[np.uint8]) -> _Flags:
    return (data >= ord("0")) & (data <= ord("9"))


def _is_word(data: NDArray[np.uint8]) -> _Flags:
    lower = data | 0x20
    letters: _Flags = (lower >= ord("a")) & (lower <= ord("z"))
    underscore: _Flags = data == ord("_")
    return _is_digit(data) | letters | underscore


def _allowed() -> dict[int, _Flags]:
    found = {length: np.zeros(100, np.bool_) for length in range(12, 20)}
    for prefixes, lengths in _LENGTHS.items():
        for length in lengths:
            found[length][prefixes.start : prefixes.stop] = True
    return found


_ALLOWED = _allowed()
