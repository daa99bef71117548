"""What was said: the messages of spans, whoever wrote them down and however.

Strategy: which attributes hold messages is data (semconv MESSAGES). Finding them touches names and
lengths alone; only the spans that are asked for are read. A message is JSON in a dozen shapes, or
plain text, or JSON that was cut off: so each is parsed by orjson, its strings are collected with
who spoke, and what is no JSON is taken as it stands. One step in Python for each message that is
asked for, never for each span.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import orjson

from otel_llmops.analysis.attributes import Attributes
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.semconv import MESSAGES, NOT_SAID, ROLES, SPOKEN_TEXT, Place, Side, Speaker

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
_NO_TYPE = frozenset({"function"})
"""Is the role of a tool, and as a type what the model calls: OpenAI writes both."""


@dataclass(frozen=True, slots=True)
class Text:
    """What one speaker said on one side of one span: `said` has a bit of BITS, perhaps ASKED."""

    row: int
    side: Side
    said: int
    text: str


@dataclass(frozen=True, slots=True)
class Messages:
    """Entries that hold messages, sorted by (row, side, number of the message, order on the wire).

    `names` are the distinct places, `name` each entry's; a handle leads to its value.
    """

    attributes: Attributes
    places: "tuple[_Place, ...]"
    row: Ints
    side: Ints
    place: Ints
    handle: Ints

    def rows(self, side: Side) -> Ints:
        """Rows that have anything on that side, in order."""
        return np.unique(self.row[self.side == SIDES.index(side)])

    def read(self, wanted: Mapping[Side, Ints]) -> list[Text]:
        """All that was said on these rows, on the side asked for, in order.

        In:   rows for each side; a row that has nothing there gives nothing.
        Out:  texts with their speakers, by row and side; on Side.RECEIVED the last words of the
              user are ASKED, or where no user is named all that nobody is named for.
        Cost: O(bytes of the entries of these rows), VALUE_CHARS_MAX of each at most.
        """
        keep = np.zeros(len(self.row), dtype=bool)
        for side, rows in wanted.items():
            keep |= (self.side == SIDES.index(side)) & np.isin(self.row, rows)
        chosen = np.flatnonzero(keep)
        texts = self._texts(chosen)
        found: list[Text] = []
        bounds = self._bounds(chosen)
        for start, stop in pairwise(bounds):
            first = chosen[start]
            held = [(self.places[self.place[chosen[n]]], texts[n]) for n in range(start, stop)]
            side = SIDES[self.side[first]]
            found += _spoken(int(self.row[first]), side, held)
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
    parts: list[tuple[Ints, Ints, Ints]] = []
    for events in (False, True):
        for name in attributes.names(events=events):
            place = _place_of(name, event=events)
            if place is not None:
                rows, handles = attributes.every(name, events=events)
                filled = attributes.lengths(handles, events=events) > 0
                rows, handles = rows[filled], handles[filled]
                parts.append((rows, handles, np.full(len(rows), len(places))))
                places.append(place)
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Messages(attributes, (), none, none, none, none)
    row, handle, place_no = (np.concatenate(column) for column in zip(*parts, strict=True))
    side = np.array([SIDES.index(place.side) for place in places])[place_no]
    tier = np.array([place.tier for place in places])[place_no]
    number = np.array([place.number for place in places])[place_no]
    order = np.lexsort((handle, number, side, row))
    row, handle, place_no, side, tier = (
        column[order] for column in (row, handle, place_no, side, tier)
    )
    kept = _first_tier(row, side, tier)
    return Messages(attributes, tuple(places), row[kept], side[kept], place_no[kept], handle[kept])


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
    if document is None:
        pieces.append((speaker, text))
    else:
        pieces.extend(_strings(document, speaker, held=False, depth=0))


def _document(text: str) -> object | None:
    """The JSON that a text is, None where it is none or a scalar."""
    if text[:1] not in {"{", "[", '"'} or len(text) < 2:
        return None
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found


def _strings(
    value: object, speaker: Speaker, *, held: bool, depth: int
) -> Iterator[tuple[Speaker, str]]:
    """Strings and numbers of a JSON document, with who said them."""
    if depth >= _DEPTH_MAX or value is None or value is True or value is False:
        return
    if isinstance(value, str):
        inner = _document(value) if value[:1] in {"{", "["} else None
        if inner is not None:
            yield from _strings(inner, speaker, held=held, depth=depth + 1)
        elif value:
            yield speaker, value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, speaker, held=held, depth=depth + 1)
    elif isinstance(value, dict):
        told = speaker if held else _speaker_of(value, speaker)
        said = value if held else [key for key in value if key not in NOT_SAID]
        for key in said:
            inside = held or key in _HELD
            yield from _strings(value[key], told, held=inside, depth=depth + 1)
    else:
        yield speaker, str(value)


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
