"""Values of attributes by concept, for all spans at once.

Strategy: the map column is flattened and sorted by key once; after that each attribute name is a
slice of rows, and reading a concept touches only the spans that have one of its places.
"""

import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import bits, whole
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.semconv import QUOTED_PREFIX, Place

__all__ = ["Attributes", "name_lists"]


_NOTHING = pa.array([""], pa.string())


class Attributes:
    """The attributes (and event attributes) of SPANS rows, by name.

    `rank` says where each row of `spans` stands among the rows that are asked for; `places` are
    all that will be asked for, where that is known.
    """

    def __init__(
        self, spans: pa.Table, rank: Ints, *, places: tuple[Place, ...] | None = None
    ) -> None:
        self._rows = spans.num_rows
        self._rank = rank
        self._resources = spans
        rows, keys, values = _flat_map(whole(spans.column("attributes")))
        if places is not None:
            names = pa.array([place.attribute for place in places], pa.string())
            asked = np.asarray(pc.is_in(keys, value_set=names))
            rows, keys, values = rows[asked], keys.filter(bits(asked)), values.filter(bits(asked))
        self._attributes = _Entries(rank[rows], keys, values)
        self._events = _event_entries(whole(spans.column("events")), rank)
        self._texts: dict[tuple[Place, ...], pa.Array] = {}

    def text(self, places: tuple[Place, ...], *, where: Mask | None = None) -> pa.Array:
        """For each span the first value that is not empty, '' where there is none.

        In:   places in order of priority; `where` limits the spans that are looked at.
        Out:  string array, one value a span.
        Cost: O(spans that have any of the places).
        """
        if where is not None:
            return self._text(places, where)
        if places not in self._texts:
            self._texts[places] = self._text(places, None)
        return self._texts[places]

    def _text(self, places: tuple[Place, ...], where: Mask | None) -> pa.Array:
        place = np.zeros(self._rows, dtype=np.int64)
        pool = [_NOTHING]
        size = 1
        for item in places:
            rows, values = self._values(item)
            if not len(rows):
                continue
            wanted = place[rows] == 0
            if where is not None:
                wanted &= where[rows]
            rows, values = _those(wanted, rows, values)
            values = _within(values, item)
            kept = np.asarray(pc.greater(pc.binary_length(values), 0))
            rows, values = _those(kept, rows, values)
            place[rows] = size + np.arange(len(rows))
            pool.append(values)
            size += len(rows)
        if size == 1:
            return pa.repeat(pa.scalar("", pa.string()), self._rows)
        return pa.concat_arrays(pool).take(pa.array(place))

    def number(self, places: tuple[Place, ...], *, where: Mask | None = None) -> tuple[Ints, Mask]:
        """For each span a count, and whether it has one at all.

        Edge: A value that is no number, negative or of more than 10 digits counts as absent: no
              model call has it, and 10,000 absurd spans must not take a sum past 64 bits.
        """
        texts = self.text(places, where=where)
        there = np.flatnonzero(np.asarray(pc.greater(pc.binary_length(texts), 0)))
        said = texts.take(pa.array(there))
        valid = pc.match_substring_regex(said, r"^[0-9]{1,10}(\.0*)?$")
        told = pc.fill_null(pc.if_else(valid, said, None).cast(pa.float64()), 0)
        numbers = np.zeros(self._rows, dtype=np.int64)
        known = np.zeros(self._rows, dtype=bool)
        numbers[there], known[there] = np.asarray(told).astype(np.int64), np.asarray(valid)
        return numbers, known

    def has(self, name: str) -> Mask:
        """Which spans carry the attribute at all."""
        result = np.zeros(self._rows, dtype=bool)
        result[self._attributes.slice(name)[0]] = True
        return result

    def has_any(self, wanted: Callable[[str], bool]) -> Mask:
        """Which spans carry any attribute whose name is wanted; an event's is `event/attribute`."""
        result = np.zeros(self._rows, dtype=bool)
        for entries in (self._attributes, self._events):
            for key in filter(wanted, entries.names()):
                result[entries.slice(key)[0]] = True
        return result

    def names(self, *, events: bool = False) -> list[str]:
        """Names of attributes that occur; with `events` those of events, as `event/attribute`."""
        return (self._events if events else self._attributes).names()

    def every(self, name: str, *, events: bool = False) -> tuple[Ints, Ints]:
        """Rows and handles of each value under a name of `names`, in their order."""
        return (self._events if events else self._attributes).every(name)

    def lengths(self, handles: Ints, *, events: bool = False) -> Ints:
        """How long these values are, By; without a look at them."""
        return (self._events if events else self._attributes).lengths(handles)

    def values(self, handles: Ints, *, events: bool = False) -> pa.Array:
        """The values of handles from `every`."""
        return (self._events if events else self._attributes).values(handles)

    def resource(self, name: str, *, where: Mask) -> pa.Array:
        """For each span in `where` the value of that name of its resource, '' for all others.

        Cost: O(attributes of their resources); nothing is kept, for hardly anything asks.
        """
        rows = np.flatnonzero(where[self._rank])
        held = whole(self._resources.column("resource_attributes").take(pa.array(rows)))
        owner, keys, values = _flat_map(held)
        found = np.asarray(pc.equal(keys, name))
        place = np.full(self._rows, -1, dtype=np.int64)
        place[self._rank[rows[owner[found]]]] = np.flatnonzero(found)
        return pc.fill_null(values.take(pa.array(place, mask=place < 0)), "")

    def _values(self, place: Place) -> tuple[Ints, pa.Array]:
        if place.event:
            return self._events.slice(f"{place.event}/{place.attribute}")
        return self._attributes.slice(place.attribute)


def _those(chosen: Mask, rows: Ints, values: pa.Array) -> tuple[Ints, pa.Array]:
    return (rows, values) if chosen.all() else (rows[chosen], values.filter(bits(chosen)))


def name_lists(texts: pa.Array) -> pa.Array:
    """Attributes that should list names, as the JSON lists of text that a derived table holds.

    In:   string array, n rows.
    Out:  string array, n rows.
    Edge: Anyone can put anything there: what is no JSON list says nothing and is `[]`, and items
          that are no text, or empty, or not Unicode, are left out.
    """
    encoded = texts.dictionary_encode()
    lists = pa.array([_name_list(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return lists.take(encoded.indices)


def _name_list(text: str) -> str:
    try:
        found = json.loads(text) if text.startswith("[") else []
    except (ValueError, RecursionError):
        return "[]"
    return json.dumps([name for name in found if isinstance(name, str) and _is_name(name)])


def _is_name(text: str) -> bool:
    # JSON can escape one half of a surrogate pair, which no answer can be written with
    return bool(text) and not any("\ud800" <= sign <= "\udfff" for sign in text)


class _Entries:
    """(row, key, value) triples sorted by key; of equal (row, key) the last one stands."""

    def __init__(self, rows: Ints, keys: pa.Array, values: pa.Array) -> None:
        encoded = keys.dictionary_encode()
        self._code = {str(name): code for code, name in enumerate(encoded.dictionary.to_pylist())}
        codes = np.asarray(encoded.indices)
        if len(self._code) <= np.iinfo(np.uint16).max:
            codes = codes.astype(np.uint16)  # numpy sorts 16 bits by radix, 32 by merging
        self._order = np.argsort(codes, kind="stable")
        self._bounds = np.searchsorted(codes[self._order], np.arange(len(self._code) + 1))
        self._rows = rows
        self._values = values
        self._slices: dict[str, tuple[Ints, pa.Array]] = {}

    def slice(self, key: str) -> tuple[Ints, pa.Array]:
        if key not in self._slices:
            self._slices[key] = self._slice(key)
        return self._slices[key]

    def _slice(self, key: str) -> tuple[Ints, pa.Array]:
        code = self._code.get(key)
        if code is None:
            return np.zeros(0, dtype=np.int64), pa.array([], type=pa.string())
        order = self._order[self._bounds[code] : self._bounds[code + 1]]
        rows = self._rows[order]
        last = np.append(rows[1:] != rows[:-1], True)
        return rows[last], self._values.take(pa.array(order[last]))

    def names(self) -> list[str]:
        return list(self._code)

    def every(self, key: str) -> tuple[Ints, Ints]:
        code = self._code[key]
        order = self._order[self._bounds[code] : self._bounds[code + 1]]
        return self._rows[order], order

    def lengths(self, handles: Ints) -> Ints:
        offsets = np.frombuffer(self._values.buffers()[1] or b"", dtype=np.int32)
        first = handles + self._values.offset
        lengths: Ints = (offsets[first + 1] - offsets[first]).astype(np.int64)
        return lengths

    def values(self, handles: Ints) -> pa.Array:
        return self._values.take(pa.array(handles))


def _within(values: pa.Array, place: Place) -> pa.Array:
    if place.member:
        expression = (
            rf'"{place.member}"\s*:\s*(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<number>-?[0-9.eE+]+))'
        )
        found = pc.extract_regex(values, expression)
        text = pc.struct_field(found, "text")
        number = pc.struct_field(found, "number")
        return pc.fill_null(pc.if_else(pc.equal(text, ""), number, text), "")
    if place.pattern:
        found = pc.extract_regex(values, place.pattern)
        return pc.fill_null(pc.struct_field(found, "value"), "")
    return pc.utf8_trim(values, '"') if place.attribute.startswith(QUOTED_PREFIX) else values


def _flat_map(array: pa.MapArray) -> tuple[Ints, pa.Array, pa.Array]:
    offsets = np.asarray(array.offsets).astype(np.int64)
    lengths = np.diff(offsets)
    span = slice(int(offsets[0]), int(offsets[-1]))
    rows = np.repeat(np.arange(len(array), dtype=np.int64), lengths)
    return rows, array.keys[span.start : span.stop], array.items[span.start : span.stop]


def _event_entries(events: pa.ListArray, rank: Ints) -> _Entries:
    owner = rank[np.asarray(pc.list_parent_indices(events)).astype(np.int64)]
    flat = events.flatten()
    names = flat.field("name")
    entry_event, keys, values = _flat_map(flat.field("attributes"))
    qualified = pc.binary_join_element_wise(names.take(pa.array(entry_event)), keys, "/")
    return _Entries(owner[entry_event], qualified, values)
