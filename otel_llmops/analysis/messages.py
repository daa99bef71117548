"""What was said: the messages of spans, whoever wrote them down and however.

Strategy: which attributes hold messages is data (semconv MESSAGES). Finding them touches names and
lengths alone; only the spans that are asked for are read. A message is JSON in a dozen shapes, or
plain text, or JSON that was cut off: so each is parsed by orjson, its strings are collected with
who spoke, and what is no JSON is taken as it stands. One step in Python for each message that is
asked for, never for each span.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import orjson

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.semconv import HIDDEN, MESSAGES, NOT_SAID, ROLES, SPOKEN_TEXT, Place, Side, Speaker

__all__ = ["ASKED", "BITS", "Messages", "Text", "messages_of"]

SIDES = tuple(Side)
BITS: Mapping[Speaker, int] = {speaker: 1 << place for place, speaker in enumerate(Speaker)}
"""Speakers as bits, so that a term may be of several."""
ASKED = 1 << len(BITS)
"""What the user said last in what came in: the request."""

VALUE_CHARS_MAX = 262_144
"""Of one attribute the first quarter and the last three quarters of so many are read: what is long
is a history, whose end says what is asked."""
_DEPTH_MAX = 32
"""JSON inside JSON is common, 4 levels of messages deep; what is deeper is left out."""
_HELD = frozenset({"arguments", "args", "result"})
"""Members in which everything was said, whatever it is called."""
_HIDDEN_CHARS_MAX = max(map(len, HIDDEN))
_NO_TYPE = frozenset({"function"})
"""Is the role of a tool, and as a type what the model calls: OpenAI writes both."""


class Text(NamedTuple):
    """What one speaker said on one side of one span: `said` has a bit of BITS, perhaps ASKED."""

    row: int
    side: Side
    said: int
    text: str


@dataclass(frozen=True, slots=True)
class Messages:
    """Entries that hold messages, sorted by (row, side, number of the message, order on the wire).

    `places` are the distinct names, `place` each entry's; a handle leads to its value, which is
    `length` bytes long.
    """

    attributes: Attributes
    places: "tuple[_Place, ...]"
    row: Ints
    side: Ints
    place: Ints
    handle: Ints
    length: Ints

    def rows(self, side: Side) -> Ints:
        """Rows that have anything but roles on that side, in order."""
        role = np.array([place.role for place in self.places], dtype=bool)
        kept = (self.side == SIDES.index(side)) & ~role[self.place]
        return np.unique(self.row[kept])

    def read(self, wanted: Mapping[Side, Ints]) -> list[Text]:
        """All that was said on these rows, on the side asked for, in order.

        In:   rows for each side; a row that has nothing there gives nothing.
        Out:  texts with their speakers, by row and side; on Side.RECEIVED the last words of the
              user are ASKED, or where no user is named all that nobody is named for.
        Cost: O(bytes of the entries of these rows), VALUE_CHARS_MAX of each at most.
        """
        sides = len(SIDES)
        keys = np.unique(np.concatenate([r * sides + SIDES.index(s) for s, r in wanted.items()]))
        held = self.row * sides + self.side
        first = np.searchsorted(held, keys, side="left")
        count = np.searchsorted(held, keys, side="right") - first
        chosen = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
        texts = self._texts(chosen)
        found: list[Text] = []
        bounds, place_of = self._bounds(chosen), self.place[chosen].tolist()
        for start, stop in pairwise(bounds):
            first = chosen[start]
            entries = [(self.places[place_of[n]], texts[n]) for n in range(start, stop)]
            side = SIDES[self.side[first]]
            found += _spoken(int(self.row[first]), side, entries)
        return found

    def _bounds(self, chosen: Ints) -> list[int]:
        row, side = self.row[chosen], self.side[chosen]
        starts = np.flatnonzero(np.append(True, (np.diff(row) != 0) | (np.diff(side) != 0)))
        return [*starts.tolist(), len(chosen)] if len(chosen) else [0]

    def _texts(self, chosen: Ints) -> list[str]:
        texts = [""] * len(chosen)
        of_event = np.array([place.event for place in self.places], dtype=bool)[self.place[chosen]]
        for events in (False, True):
            picked = np.flatnonzero(of_event == events)
            values = self.attributes.values(self.handle[chosen[picked]], events=events)
            for number, value in zip(picked.tolist(), values.to_pylist(), strict=True):
                texts[number] = _shortened(value)
        return texts


def messages_of(attributes: Attributes) -> Messages:
    """Where messages are.

    In:   the attributes of n spans.
    Out:  Messages.
    Cost: O(entries that hold messages), whatever their length.
    """
    places: list[_Place] = []
    parts: list[tuple[Ints, Ints, Ints, Ints]] = []
    for events in (False, True):
        for name in attributes.names(events=events):
            place = _place_of(name, event=events)
            if place is not None:
                rows, handles = attributes.every(name, events=events)
                length = attributes.lengths(handles, events=events)
                filled = length > 0
                rows, handles, length = rows[filled], handles[filled], length[filled]
                parts.append((rows, handles, length, np.full(len(rows), len(places))))
                places.append(place)
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Messages(attributes, (), none, none, none, none, none)
    row, handle, length, place_no = (np.concatenate(column) for column in zip(*parts, strict=True))
    side = np.array([SIDES.index(place.side) for place in places])[place_no]
    tier = np.array([place.tier for place in places])[place_no]
    number = np.array([place.number for place in places])[place_no]
    order = np.lexsort((handle, number, side, row))
    kept = order[_first_tier(row[order], side[order], tier[order])]
    columns = (column[kept] for column in (row, side, place_no, handle, length))
    return Messages(attributes, tuple(places), *columns)


def _first_tier(row: Ints, side: Ints, tier: Ints) -> Mask:
    """Entries of the first tier that their (row, side) fills; sorted by those."""
    if not len(row):
        return np.zeros(0, dtype=bool)
    fresh = np.append(True, (np.diff(row) != 0) | (np.diff(side) != 0))
    group = np.cumsum(fresh) - 1
    lowest = np.minimum.reduceat(tier, np.flatnonzero(fresh))
    first: Mask = tier == lowest[group]
    return first


@dataclass(frozen=True, slots=True)
class _Place:
    """A name that holds messages: `number` of the message, `role` where it says who spoke."""

    side: Side
    tier: int
    event: bool
    number: int
    role: bool
    speaker: Speaker


_Kind = tuple[Side, int, Speaker]


def _kinds() -> tuple[dict[tuple[str, bool], _Kind], tuple[tuple[str, _Kind], ...]]:
    """Whole names of attributes and events, and beginnings of names, with what they mean."""
    exact: dict[tuple[str, bool], _Kind] = {}
    begins: list[tuple[str, _Kind]] = []
    for side, tiers in MESSAGES.items():
        for tier, places in enumerate(tiers):
            for place in places:
                name = f"{place.event}/{place.attribute}" if place.event else place.attribute
                kind = (side, tier, _speaker_of_place(side, place))
                if name.endswith("*"):
                    begins.append((name.removesuffix("*"), kind))
                else:
                    exact[name, bool(place.event)] = kind
    return exact, tuple(begins)


def _speaker_of_place(side: Side, place: Place) -> Speaker:
    if side is Side.RULES:
        return Speaker.RULES
    told = place.event.removeprefix("gen_ai.").removesuffix(".message")
    return ROLES.get(told, Speaker.AGENT if side is Side.ANSWERED else Speaker.UNKNOWN)


_EXACT, _BEGINS = _kinds()
_NUMBERED = re.compile(r"\.(\d{1,6})(?:\.(.*))?$")
_SPOKEN = re.compile(SPOKEN_TEXT)


def _place_of(name: str, *, event: bool) -> _Place | None:
    """What a name means; None where it holds no text of a message."""
    kind = _EXACT.get((name, event))
    if kind is not None:
        side, tier, speaker = kind
        return _Place(side, tier, event, -1, role=False, speaker=speaker)
    if event:
        return None
    for beginning, (side, tier, speaker) in _BEGINS:
        found = _NUMBERED.search(name) if name.startswith(beginning) else None
        if found is not None:
            # the first number is the message's: later ones count its parts and calls
            rest = found[2] or "content"
            role = rest.endswith("role")
            if role or _SPOKEN.search(rest):
                return _Place(side, tier, event, int(found[1]), role=role, speaker=speaker)
    return None


def _shortened(text: str) -> str:
    if len(text) <= VALUE_CHARS_MAX:
        return text
    head = VALUE_CHARS_MAX // 4
    return f"{text[:head]}\n{text[head - VALUE_CHARS_MAX :]}"


def _spoken(row: int, side: Side, held: list[tuple[_Place, str]]) -> list[Text]:
    """The texts of one side of one span."""
    roles = {place.number: ROLES.get(text.lower()) for place, text in held if place.role}
    pieces: list[tuple[Speaker, str]] = []
    for place, text in held:
        if not place.role:
            speaker = roles.get(place.number) or place.speaker
            _collect(text, speaker, pieces)
    asked = _asked(pieces) if side is Side.RECEIVED else ()
    return [
        Text(row, side, BITS[speaker] | (ASKED if number in asked else 0), text)
        for number, (speaker, text) in enumerate(pieces)
    ]


def _asked(pieces: list[tuple[Speaker, str]]) -> range | tuple[int, ...]:
    """The last words of the user in a row; where no user is named, all that nobody is named for."""
    stop = len(pieces)
    while stop and pieces[stop - 1][0] is not Speaker.USER:
        stop -= 1
    if not stop:
        return tuple(n for n, (speaker, _) in enumerate(pieces) if speaker is Speaker.UNKNOWN)
    start = stop - 1
    while start and pieces[start - 1][0] is Speaker.USER:
        start -= 1
    return range(start, stop)


def _collect(text: str, speaker: Speaker, pieces: list[tuple[Speaker, str]]) -> None:
    """Add what `text` says to `pieces`: the strings in it, if it is JSON, else itself."""
    document = _document(text)
    if document is not None:
        _gather(document, speaker, pieces, held=False, depth=0)
    elif not _is_hidden(text):
        pieces.append((speaker, text))


def _document(text: str) -> object | None:
    """The JSON that a text is, None where it is none or a scalar."""
    if text[:1] not in {"{", "[", '"'} or len(text) < 2:
        return None
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found


def _gather(
    value: object, speaker: Speaker, pieces: list[tuple[Speaker, str]], *, held: bool, depth: int
) -> None:
    """Add the strings and numbers of a JSON document, with who said them."""
    if depth >= _DEPTH_MAX or value is None or value is True or value is False:
        return
    if isinstance(value, str):
        inner = _document(value) if value[:1] in {"{", "["} else None
        if inner is not None:
            _gather(inner, speaker, pieces, held=held, depth=depth + 1)
        elif value and not _is_hidden(value):
            pieces.append((speaker, value))
    elif isinstance(value, list):
        for item in value:
            _gather(item, speaker, pieces, held=held, depth=depth + 1)
    elif isinstance(value, dict):
        told = speaker if held else _speaker_of(value, speaker)
        for key, member in value.items():
            if held or key not in NOT_SAID:
                inside = held or key in _HELD
                _gather(member, told, pieces, held=inside, depth=depth + 1)
    else:
        pieces.append((speaker, str(value)))


def _is_hidden(text: str) -> bool:
    return len(text) <= _HIDDEN_CHARS_MAX and text.lower() in HIDDEN


def _speaker_of(document: Mapping[str, object], speaker: Speaker) -> Speaker:
    role, kind = document.get("role"), document.get("type")
    if isinstance(role, str):
        return ROLES.get(role.lower(), speaker)
    if isinstance(kind, str) and kind not in _NO_TYPE:
        return ROLES.get(kind.lower(), speaker)
    event = document.get("event.name")
    if isinstance(event, str):
        return ROLES.get(event.removeprefix("gen_ai.").removesuffix(".message"), speaker)
    return speaker
