"""A request in protobuf, redacted on its wire bytes.

Strategy: the message descriptors say which fields are text and which are messages, so that every
text of every signal is looked at, and none is looked for in ids, times or bytes. Records in whose
bytes no rule could match, which one search over all of them tells, are not opened. Fields that
nobody knows stay as they are.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.otlp import Signal
from otel_llmops.otlp.shapes import RECORDS, RESOURCES, SCOPES, SHAPES
from otel_llmops.otlp.wire import FIXED64, LEN, VARINT, fields, framed
from otel_llmops.redaction.edits import Edits, Piece
from otel_llmops.redaction.matching import Matching
from otel_llmops.redaction.rules import BODY, STATUS_MESSAGE, Action, KeyRule, mask_of
from otel_llmops.redaction.texts import SMALL_BYTES

__all__ = ["redacted_protobuf"]

_TEXT, _MESSAGE = 9, 11
_STRING_VALUE, _BYTES_VALUE = 1, 7
_KEY, _VALUE = 1, 2
_KEY_TAG, _VALUE_TAG = _KEY << 3 | LEN, _VALUE << 3 | LEN
_STRING_TAG = _STRING_VALUE << 3 | LEN
_TAG_AND_BYTE = 2
_SPAN_ATTRIBUTES = 9
_TEXTS_MAX = 20_000
_EVENT_NAME_OF_OLD = b"event.name"


class _Kind(NamedTuple):
    """A message: its name, and by number the fields that are messages; None where one is text."""

    name: str
    fields: "dict[int, _Kind | None]"


class _Named(NamedTuple):
    """Where a kind of message keeps its name, its attributes and its body (0: it has none)."""

    name: int
    attributes: int
    body: int


_NAMED = {"Event": _Named(2, 3, 0), "LogRecord": _Named(12, 6, 5)}
_STATUS_MESSAGE = ("Status", 2)


def redacted_protobuf(
    payload: bytes, *, signal: Signal, refused: Collection[int], matching: Matching
) -> tuple[bytes, Counter[str]]:
    """`payload` redacted, and how many values each rule changed.

    In:     A request that `otlp.check` accepted, and the ordinals of records that it refused.
    Raises: DecodeError, if it is no such request.
    Edge:   A refused record that may hold something is emptied: what it holds cannot be told.
    """
    walk = _Walk(payload, matching)
    walk.request(signal, frozenset(refused))
    return walk.result()


class _Walk:
    def __init__(self, data: bytes, matching: Matching) -> None:
        self._data = data
        self._matching = matching
        self._keys = matching.keys
        self._looks_at_texts = matching.texts is not None
        self._edits = Edits(data)
        self._counts: Counter[str] = Counter()
        self._texts: list[Piece] = []

    def result(self) -> tuple[bytes, Counter[str]]:
        """The redacted request."""
        self._flush()
        return (self._edits.applied() if self._edits else self._data), self._counts

    def _collect(self, text: Piece) -> None:
        if text.start == text.end:
            return
        self._texts.append(text)
        if len(self._texts) >= _TEXTS_MAX:  # a place in a list is larger than a short text
            self._flush()

    def _flush(self) -> None:
        if self._matching.texts is not None:
            texts = [self._value(piece) for piece in self._texts]
            found, counts = self._matching.texts.masked(texts)
            for place, value in found.items():
                self._edits.replace(self._texts[place], value)
            self._counts += counts
        self._texts = []

    def request(self, signal: Signal, refused: frozenset[int]) -> None:
        """Look at everything. Envelopes always; records only where the hint is found."""
        shape = SHAPES[signal]
        kind: Any = _kind(shape.request.DESCRIPTOR)  # type: ignore[attr-defined]  # a generated class
        records: list[Piece] = []
        for resource in self._pieces(None, 0, len(self._data)):
            if resource.number != RESOURCES:
                continue
            resource_kind = kind.fields[RESOURCES]
            for scope in self._inside(resource, resource_kind, but=SCOPES):
                scope_kind = resource_kind.fields[SCOPES]
                records += self._inside(scope, scope_kind, but=RECORDS)
        record_kind = kind.fields[RESOURCES].fields[SCOPES].fields[RECORDS]
        with_keys, with_texts = self._hinted(records)
        for ordinal in sorted(with_keys | with_texts):
            if ordinal not in refused:
                self._looks_at_texts = ordinal in with_texts
                self._message(record_kind, records[ordinal])
            elif records[ordinal].start < records[ordinal].end:
                self._edits.replace(records[ordinal], b"")
                self._counts["refused"] += 1

    def _inside(self, envelope: Piece, kind: _Kind, *, but: int) -> list[Piece]:
        """Look at `envelope`, and give its fields `but` unread."""
        found = []
        for piece in self._pieces(envelope, envelope.start, envelope.end):
            if piece.number == but:
                found.append(piece)
            else:
                self._field(kind, piece)
        return found

    def _hinted(self, records: list[Piece]) -> tuple[set[int], set[int]]:
        """Ordinals of the records in which keys, and texts, may fall under a rule."""
        if len(self._data) <= SMALL_BYTES:
            every = set(range(len(records)))
            return every, every if self._matching.texts is not None else set()
        if not records:
            return set(), set()
        # a record and what follows up to the next: no byte is copied, none is left out
        bounds = pa.array([*(piece.start for piece in records), records[-1].end], pa.int64())
        column = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(records), [None, bounds.buffers()[1], pa.py_buffer(self._data)]
        )
        return _matches(column, self._matching.key_hint), _matches(column, self._matching.text_hint)

    def _message(self, kind: _Kind, message: Piece) -> None:
        named = _NAMED.get(kind.name)
        if named is not None and (named.body or self._keys.minds_events):
            self._named(kind, named, message)
            return
        usual = 0 if self._looks_inside() else _attribute_tag(kind)
        for piece in self._pieces(message, message.start, message.end, usual):
            if piece.number in kind.fields:
                self._field(kind, piece)

    def _looks_inside(self) -> bool:
        return self._looks_at_texts or self._matching.mask_bytes

    def _named(self, kind: _Kind, named: _Named, message: Piece) -> None:
        """A message whose name matters to rules for its attributes: that is read first."""
        pieces = list(self._pieces(message, message.start, message.end))
        names = [self._value(piece) for piece in pieces if piece.number == named.name]
        if named.body:
            names += self._old_names(piece for piece in pieces if piece.number == named.attributes)
        for piece in pieces:
            if piece.number == named.attributes:
                self._attribute(piece, names)
            elif piece.number == named.body:
                self._body(kind, piece, names)
            else:
                self._field(kind, piece)

    def _old_names(self, attributes: Iterator[Piece]) -> Iterator[bytes]:
        for attribute in attributes:
            inner = list(self._pieces(attribute, attribute.start, attribute.end))
            keys = {self._value(piece) for piece in inner if piece.number == _KEY}
            if _EVENT_NAME_OF_OLD in keys:
                for value in (piece for piece in inner if piece.number == _VALUE):
                    for text in self._pieces(value, value.start, value.end):
                        yield self._value(text)

    def _field(self, kind: _Kind, piece: Piece) -> None:
        if piece.number not in kind.fields:
            return
        inner = kind.fields[piece.number]
        if inner is None:
            self._text(kind, piece)
        elif inner.name == "KeyValue":
            self._attribute(piece, ())
        elif inner.name == "AnyValue":
            self._any_value(piece)
        else:
            self._message(inner, piece)

    def _text(self, kind: _Kind, piece: Piece) -> None:
        if (kind.name, piece.number) == _STATUS_MESSAGE:
            rule = self._keys.rule(STATUS_MESSAGE)
            if rule is not None:
                self._ruled(rule, piece, mask_of(rule.name).encode())
                return
        if self._looks_at_texts:
            self._collect(piece)

    def _body(self, kind: _Kind, piece: Piece, names: list[bytes]) -> None:
        rule = self._keys.rule(BODY, names)
        if rule is None:
            self._field(kind, piece)
        else:
            self._ruled(rule, piece, _string_value(rule))

    def _attribute(self, attribute: Piece, names: "list[bytes] | tuple[()]") -> None:
        pieces = list(self._pieces(attribute, attribute.start, attribute.end))
        keys = [piece for piece in pieces if piece.number == _KEY]
        # protobuf takes the last of several keys; whatever it is, none is let through
        for key in keys or (None,):
            rule = self._keys.rule(self._value(key) if key else b"", names)
            if rule is not None:
                self._ruled_attribute(rule, attribute, pieces)
                return
        for piece in pieces:
            if piece.number == _VALUE:
                self._any_value(piece)
            elif piece.number == _KEY and self._looks_at_texts:
                self._collect(piece)

    def _is_out_of_question(self, start: int, end: int) -> bool:
        """Whether an attribute has one key, which falls under no rule, and a flat value."""
        data = self._data
        if end - start < 4:
            return False
        after = start + 2 + data[start + 1]
        if data[start] != _KEY_TAG or data[start + 1] >= 0x80 or after + 2 > end:
            return False
        size, value = data[after + 1], after + 2
        if size >= 0x80 and value < end and data[value] < 0x80:
            size, value = size & 0x7F | data[value] << 7, value + 1
        # exactly one key and one value, neither is said again
        if data[after] != _VALUE_TAG or value + size != end:
            return False
        is_flat = size <= _TAG_AND_BYTE or self._is_string(value, end)
        return is_flat and self._keys.rule(data[start + 2 : after]) is None

    def _is_string(self, at: int, end: int) -> bool:
        """Whether an AnyValue is a string and nothing else."""
        data = self._data
        if data[at] != _STRING_TAG:
            return False
        size, start = data[at + 1], at + 2
        if size >= 0x80:
            size, start = size & 0x7F | data[start] << 7, start + 1
            if data[start - 1] >= 0x80:
                return False
        return start + size == end

    def _ruled_attribute(self, rule: KeyRule, attribute: Piece, pieces: list[Piece]) -> None:
        if rule.action == Action.DROP:
            self._ruled(rule, attribute, b"")
            return
        masked = _string_value(rule)
        for piece in pieces:
            if piece.number == _VALUE:
                self._ruled(rule, piece, masked)

    def _ruled(self, rule: KeyRule, piece: Piece, masked: bytes) -> None:
        if rule.action == Action.DROP:
            self._edits.remove(piece)
        elif self._value(piece) == masked:
            return
        else:
            self._edits.replace(piece, masked)
        self._counts[rule.name] += 1

    def _any_value(self, value: Piece) -> None:
        kind = _ANY_VALUE
        for piece in self._pieces(value, value.start, value.end):
            if piece.number == _STRING_VALUE:
                if self._looks_at_texts:
                    self._collect(piece)
            elif piece.number == _BYTES_VALUE:
                if self._matching.mask_bytes:
                    self._edits.replace(value, framed(_STRING_VALUE, [mask_of("bytes").encode()]))
                    self._counts["bytes"] += 1
                    return
            elif kind.fields.get(piece.number) is not None:
                self._message(kind.fields[piece.number], piece)  # type: ignore[arg-type]  # not None: tested

    def _value(self, piece: Piece) -> bytes:
        return self._data[piece.start : piece.end]

    def _pieces(self, parent: Piece | None, at: int, end: int, usual: int = 0) -> Iterator[Piece]:
        """The length-delimited fields in `[at, end)`, in wire order.

        Those whose tag is `usual` are attributes, and left out where they are out of question.
        """
        data = self._data
        while at < end:
            tag = data[at]
            # the common case by hand: a tag of one byte, a size of one or two
            if tag & 0x87 == LEN and at + 2 < end and (data[at + 1] & data[at + 2]) < 0x80:
                size, start = data[at + 1], at + 2
                if size >= 0x80:
                    size, start = size & 0x7F | data[at + 2] << 7, at + 3
                after = start + size
                if after <= end:
                    if tag != usual or not self._is_out_of_question(start, after):
                        yield Piece(parent, tag >> 3, at, start, after)
                    at = after
                    continue
            elif tag & 0x87 == FIXED64 and at + 9 <= end:
                at += 9
                continue
            elif tag & 0x87 == VARINT and at + 2 <= end and data[at + 1] < 0x80:
                at += 2
                continue
            field = next(fields(data, at, end))
            if field.wire_type == LEN:
                yield Piece(parent, field.number, at, field.start, field.end)
            at = field.end


def _attribute_tag(kind: _Kind) -> int:
    """The tag of the attributes of a message that has no name; 0 if there are none."""
    tag = _SPAN_ATTRIBUTES << 3 | LEN
    return tag if kind.name == "Span" else 0


def _matches(column: pa.Array, hint: str) -> set[int]:
    if not hint:
        return set(range(len(column)))
    return set(pc.indices_nonzero(pc.match_substring_regex(column, hint)).to_pylist())


def _string_value(rule: KeyRule) -> bytes:
    return framed(_STRING_VALUE, [mask_of(rule.name).encode()])


@cache
def _kind(descriptor: Any) -> _Kind:
    return _kinds(descriptor, {})


def _kinds(descriptor: Any, known: dict[str, _Kind]) -> _Kind:
    if descriptor.full_name not in known:
        known[descriptor.full_name] = kind = _Kind(descriptor.name, {})
        for field in descriptor.fields:
            if field.type == _TEXT:
                kind.fields[field.number] = None
            elif field.type == _MESSAGE:
                kind.fields[field.number] = _kinds(field.message_type, known)
    return known[descriptor.full_name]


def _any_value_kind() -> _Kind:
    request: Any = SHAPES[Signal.LOGS].request
    known: dict[str, _Kind] = {}
    _kinds(request.DESCRIPTOR, known)
    return known["opentelemetry.proto.common.v1.AnyValue"]


_ANY_VALUE = _any_value_kind()
