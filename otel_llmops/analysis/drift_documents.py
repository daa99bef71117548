"""The texts beside handoffs as documents: numbered, bounded, measured.

Strategy: a document is all that one span received (without rules), its rules, its request (the last
words of the user), or all that it answered; its number is 4 times the row and which of the four.
Each is read once, however many handoffs stand beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from otel_llmops.analysis.drift_compare import Shares
from otel_llmops.analysis.drift_sides import Sides
from otel_llmops.analysis.forest import Ints
from otel_llmops.analysis.messages import ASKED, BITS, Messages
from otel_llmops.semconv import Side, Speaker

__all__ = ["Budget", "Documents", "documents_of"]

_HEARD, _RULES, _REQUEST, _ANSWER = range(4)
_OF_RULES = BITS[Speaker.RULES]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is looked at. Of a longer document the first quarter and the last three are read."""

    document_bytes: int = 65_536
    """16,000 tokens; a handoff reads four documents at most."""
    terms: int = 256
    """Of a document that is looked for in others, the heaviest so many terms."""
    embedded_chars: int = 4_096
    """Of a document that is embedded."""


@dataclass(frozen=True, slots=True)
class Documents:
    """`texts` by `number`, which rises; `cut_bytes` is what each was shortened by."""

    number: Ints
    texts: list[bytes]
    cut_bytes: Ints
    embedded_chars: int

    def heard(self, rows: Ints) -> Ints:
        """The documents of what these rows received, -1 for none."""
        return self._place(rows, _HEARD)

    def rules(self, rows: Ints) -> Ints:
        """The documents of the rules that these rows were given."""
        return self._place(rows, _RULES)

    def request(self, rows: Ints) -> Ints:
        """The documents of what the user last asked on these rows."""
        return self._place(rows, _REQUEST)

    def answer(self, rows: Ints) -> Ints:
        """The documents of what these rows answered."""
        return self._place(rows, _ANSWER)

    def told(self, sides: Sides) -> Ints:
        """What the source made of it: the arguments it called the target with, or its answer."""
        return np.where(sides.asked >= 0, self.heard(sides.asked), self.answer(sides.answer))

    def read(self, sides: Sides) -> Ints:
        """Bytes read for each handoff."""
        return self._summed(sides, self._lengths())

    def cut(self, sides: Sides) -> Ints:
        """Bytes left out for each handoff."""
        return self._summed(sides, self.cut_bytes)

    def _lengths(self) -> Ints:
        return np.array([len(text) for text in self.texts], dtype=np.int64)

    def growth(self, before: Ints, after: Ints) -> Shares:
        """How long what was received after is, as a multiple of what was received before."""
        lengths = np.append(self._lengths() + self.cut_bytes, 0)
        old = lengths[self.heard(before)] + lengths[self.rules(before)]
        new = lengths[self.heard(after)] + lengths[self.rules(after)]
        known = (before >= 0) & (after >= 0) & (old > 0)
        growth: Shares = np.divide(new, old, out=np.full(len(old), np.nan), where=known)
        return growth

    def repeated_prefix(self, before: Ints, after: Ints) -> Shares:
        """Which share of what was received after begins as what was received before."""
        shares = np.full(len(before), np.nan)
        old_place = self.heard(before).tolist()
        new_place = self.heard(after).tolist()
        for number, (old, new) in enumerate(zip(old_place, new_place, strict=True)):
            if old >= 0 and new >= 0 and self.texts[new]:
                shares[number] = _prefix(self.texts[old], self.texts[new]) / len(self.texts[new])
        return shares

    def likeness(
        self, left: Ints, right: Ints, embed: Callable[[Sequence[str]], npt.NDArray[np.floating]]
    ) -> Shares:
        """Cosines of the embeddings of pairs of documents, 0 where they point apart."""
        both = np.flatnonzero((left >= 0) & (right >= 0))
        likeness = np.full(len(left), np.nan)
        if not len(both):
            return likeness
        used, place = np.unique(np.concatenate([left[both], right[both]]), return_inverse=True)
        chars = self.embedded_chars
        texts = [self.texts[n].decode("utf-8", "replace")[-chars:] for n in used.tolist()]
        vectors = np.asarray(embed(texts), dtype=np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        pairs = vectors[place[: len(both)]] * vectors[place[len(both) :]]
        likeness[both] = np.clip(pairs.sum(axis=1), 0.0, 1.0)
        return likeness

    def _place(self, rows: Ints, which: int) -> Ints:
        number = np.where(rows >= 0, 4 * rows + which, -1)
        place = np.minimum(np.searchsorted(self.number, number), max(len(self.number) - 1, 0))
        found = np.append(self.number, -2)[place] == number
        return np.where(found, place, -1)

    def _summed(self, sides: Sides, values: Ints) -> Ints:
        columns = (
            self.request(sides.request),
            self.heard(sides.had),
            self.told(sides),
            self.heard(sides.given),
            self.rules(sides.given),
            self.answer(sides.made),
        )
        total = np.zeros(len(sides.given), dtype=np.int64)
        for column in columns:
            total += np.append(values, 0)[column]
        return total


def documents_of(messages: Messages, sides: Sides, budget: Budget) -> Documents:
    """Read all that stands beside handoffs.

    In:   Messages, and the rows to read.
    Cost: O(bytes read).
    """
    received = _rows(sides.request, sides.had, sides.asked, sides.given)
    wanted = {
        Side.RECEIVED: received,
        Side.RULES: received,
        Side.ANSWERED: _rows(sides.answer, sides.made),
    }
    asked_rows = frozenset(sides.request.tolist())
    pieces: dict[int, list[str]] = {}
    for text in messages.read(wanted):
        if text.side is Side.ANSWERED:
            which = _ANSWER
        else:
            which = _RULES if text.said & _OF_RULES else _HEARD
        pieces.setdefault(4 * text.row + which, []).append(text.text)
        if text.said & ASKED and text.row in asked_rows:
            pieces.setdefault(4 * text.row + _REQUEST, []).append(text.text)
    numbers = sorted(pieces)
    whole = ["\n".join(pieces[number]).encode("utf-8", "replace") for number in numbers]
    texts = [_cut(text, budget.document_bytes) for text in whole]
    left_out = [len(old) - len(new) for old, new in zip(whole, texts, strict=True)]
    return Documents(
        np.array(numbers, dtype=np.int64),
        texts,
        np.array(left_out, dtype=np.int64),
        budget.embedded_chars,
    )


def _rows(*columns: Ints) -> Ints:
    rows = np.unique(np.concatenate(columns))
    return rows[rows >= 0]


def _cut(text: bytes, longest: int) -> bytes:
    if len(text) <= longest:
        return text
    head = longest // 4
    # a blank between the two, so that no word is made of halves
    return text[:head] + b" " + text[len(text) - (longest - head - 1) :]


def _prefix(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    left, right = (np.frombuffer(each, np.uint8, count=length) for each in (one, other))
    return int(np.argmax(left != right))
