r"""All texts of a request masked at once, by what they look like.

Strategy: RE2 as Arrow has it, over arrays of texts, without the GIL. First one search with all
patterns together finds the few texts that are worth more. A text in which something is masked is
looked at again until nothing more is found, so that to redact twice is to redact once.

Inside a JSON document characters may be escaped (\u0040 for @, \/ for /), also in a document
inside a document. Such a text is searched with these escapes taken back, which leaves the document
the same, and written so where something is found.
"""

import re
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.redaction.cards import without_cards
from otel_llmops.redaction.rules import ValueRule, mask_of

__all__ = ["SMALL_BYTES", "TextMasking", "hint_of"]

_ESCAPE_HINT = r"\\(?:u00[2-7]|/)"
"""RE2 over raw bytes: where a text may hold escapes that hide something."""

# the lookbehind keeps it linear: a run of backslashes is read once
_ESCAPE = re.compile(rb"(?<!\\)\\++(?:u([0-9A-Fa-f]{4})|/)")
_ROUNDS_MAX = 8

SMALL_BYTES = 4096
"""Below this, to search takes less than to make ready for it, which RE2 in Arrow does each time.
Python's own search takes quadratic time at worst, which does not matter here.
"""

_CARD = "card"


class TextMasking:
    """Masks texts by value rules.

    `hint`: RE2 over raw bytes that matches wherever one of them may; "" if that cannot be said.
    """

    def __init__(self, value_rules: Sequence[ValueRule]) -> None:
        self._rules = tuple(value_rules)
        is_hinted = all(rule.hinted for rule in value_rules)
        searches = [_ESCAPE_HINT, *(rule.pattern.search for rule in value_rules)]
        self.hint = hint_of(searches) if is_hinted else ""
        self._small = re.compile(self.hint.encode())

    def masked(self, texts: Sequence[bytes]) -> tuple[dict[int, bytes], Counter[str]]:
        """The texts in which something is masked, by their place, and how many a rule masked.

        In:     UTF-8.
        Raises: ArrowInvalid, if a text is not UTF-8.
        Cost:   O(bytes) for each rule, and for a text that is masked up to eight times that.
        """
        if not self._rules or not texts:
            return {}, Counter()
        places = self._worth_it(texts)
        now = [_plain(texts[place]) for place in places]
        found: dict[int, bytes] = {}
        hits: set[tuple[str, int]] = set()
        for _ in range(_ROUNDS_MAX):
            changed, by_rule = self._round(now)
            if not changed:
                break
            hits |= {(name, places[at]) for name, at in by_rule}
            places, now = [places[at] for at in changed], list(changed.values())
            found |= zip(places, now, strict=True)
        else:  # it would go on for ever: nothing of it is kept
            last = {place: name for name, place in sorted(hits)}
            found |= {place: mask_of(last[place]).encode() for place in places}
        return found, Counter(name for name, _ in hits)

    def _worth_it(self, texts: Sequence[bytes]) -> list[int]:
        if not self.hint:
            return list(range(len(texts)))
        if sum(map(len, texts)) <= SMALL_BYTES:
            return [place for place, text in enumerate(texts) if self._small.search(text)]
        raw = pa.array(texts, pa.large_binary())
        matches: list[int] = pc.indices_nonzero(
            pc.match_substring_regex(raw, self.hint)
        ).to_pylist()
        return matches

    def _round(self, texts: Sequence[bytes]) -> tuple[dict[int, bytes], list[tuple[str, int]]]:
        """Each rule once, in order: the texts that changed, and (rule, place) of each change."""
        now = list(texts)
        by_rule: list[tuple[str, int]] = []
        column = _column(now)
        for rule in self._rules:
            matches = pc.match_substring_regex(column, rule.pattern.expression)
            places: list[int] = pc.indices_nonzero(matches).to_pylist()
            changed = False
            for place, text in zip(places, _replaced(column.filter(matches), rule), strict=True):
                if text != now[place]:
                    now[place] = text
                    by_rule.append((rule.name, place))
                    changed = True
            if changed:
                column = _column(now)
        return {place: now[place] for place in sorted({place for _, place in by_rule})}, by_rule


def hint_of(searches: Sequence[str]) -> str:
    """One RE2 for all of `searches`."""
    return "|".join(f"(?:{search})" for search in searches)


def _column(texts: Sequence[bytes]) -> pa.Array:
    return pa.array(texts, pa.large_binary()).cast(pa.large_string())


def _replaced(texts: pa.Array, rule: ValueRule) -> list[bytes]:
    if not len(texts):
        return []
    if rule.name == _CARD and rule.hinted:
        raw: list[bytes] = texts.cast(pa.large_binary()).to_pylist()
        return without_cards(raw, mask_of(rule.name).encode())
    mask = mask_of(rule.name)
    replacement = rf"\1{mask}\2" if rule.pattern.keeps else mask
    done = pc.replace_substring_regex(texts, rule.pattern.expression, replacement)
    found: list[bytes] = done.cast(pa.large_binary()).to_pylist()
    return found


def _plain(text: bytes) -> bytes:
    if b"\\u" not in text and b"\\/" not in text:
        return text
    return _ESCAPE.sub(_character, text)


def _character(escape: re.Match[bytes]) -> bytes:
    digits = escape[1]
    if digits is None:
        return b"/"
    character = chr(int(digits, 16))
    # what is not printable, quotes and half a character stay as they are
    is_plain = character.isprintable() and character not in '"\\'
    return character.encode() if is_plain else escape[0]
