"""A request in JSON, redacted in its text.

Strategy: a string is looked at unless OTLP keeps an id, a number or bytes under its name, so also
under names that nobody knows and under a name that comes twice. An object with a `key` is an
attribute: no other message of OTLP has one. What is not changed stays as it was written.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.otlp import Signal
from otel_llmops.otlp.shapes import SHAPES
from otel_llmops.redaction.json_text import Node, Spliced, text_at, tree
from otel_llmops.redaction.matching import Matching
from otel_llmops.redaction.rules import BODY, STATUS_MESSAGE, Action, KeyRule, mask_of
from otel_llmops.redaction.texts import SMALL_BYTES, hint_of

__all__ = ["redacted_json"]

_TEXT, _MESSAGE = 9, 11
_ESCAPED = r"\\[u/]"
_NAMED_ARRAYS = {"events": "name", "logRecords": "eventName"}


class _Step(NamedTuple):
    """A node to look at: under which name it is, and what the event around it is called."""

    node: Node
    name: str
    events: tuple[bytes, ...]


def redacted_json(
    payload: bytes, *, signal: Signal, refused: Collection[int], matching: Matching
) -> tuple[bytes, Counter[str]]:
    """`payload` redacted, and how many values each rule changed.

    In:     A request that `otlp.check` accepted, and the ordinals of records that it refused.
    Edge:   A refused record is emptied: what it holds cannot be told.
    """
    if not payload or not _is_worth_it(payload, matching):
        return payload, Counter()
    walk = _Walk(payload, matching)
    walk.request(signal, frozenset(refused))
    return walk.result()


def _is_worth_it(payload: bytes, matching: Matching) -> bool:
    if len(payload) <= SMALL_BYTES or not (matching.key_hint and matching.text_hint):
        return True
    # hints hold no character that JSON must escape, but any character may be
    hint = hint_of([matching.key_hint, matching.text_hint, _ESCAPED])
    column = pa.array([payload], pa.large_binary())
    found: bool = pc.match_substring_regex(column, hint)[0].as_py()
    return found


class _Walk:
    def __init__(self, data: bytes, matching: Matching) -> None:
        self._data = data
        self._matching = matching
        self._keys = matching.keys
        self._out = Spliced(data)
        self._counts: Counter[str] = Counter()
        self._texts: list[Node] = []

    def result(self) -> tuple[bytes, Counter[str]]:
        """The redacted request."""
        if self._matching.texts is not None:
            texts = [self._text(node).encode() for node in self._texts]
            found, counts = self._matching.texts.masked(texts)
            for place, value in found.items():
                self._out.replace(self._texts[place], orjson.dumps(value.decode()))
            self._counts += counts
        return (self._out.applied() if self._out else self._data), self._counts

    def request(self, signal: Signal, refused: frozenset[int]) -> None:
        """Look at everything."""
        top = tree(self._data, [_camel(name) for name in _path(signal)])
        emptied = {
            record.start: record
            for ordinal, record in enumerate(_records(top, signal))
            if ordinal in refused
        }
        for record in emptied.values():
            if self._data[record.start : record.end] != b"{}":
                self._out.replace(record, b"{}")
                self._counts["refused"] += 1
        steps = [_Step(top, "", ())]
        while steps:
            step = steps.pop()
            if step.node.start in emptied:
                continue
            if step.node.kind == '"':
                self._string(step)
            elif step.node.kind in "{[":
                steps += reversed(self._inside(step))

    def _inside(self, step: _Step) -> list[_Step]:
        node, name, events = step
        if node.kind == "[":
            return [_Step(item, name, self._names(item, name) or events) for _, item in node.items]
        if any(node.members("key")) and self._is_ruled(node, events):
            return []
        found = []
        for member, value in node.items:
            rule = self._rule_of(name, member, events)
            if rule is None:
                found.append(_Step(value, member, events))
            else:
                self._ruled(rule, value, b'""' if member == "message" else b"{}", member)
        return found

    def _rule_of(self, name: str, member: str, events: tuple[bytes, ...]) -> KeyRule | None:
        if member == "message" and name == "status":
            return self._keys.rule(STATUS_MESSAGE)
        if member == "body" and name == "logRecords":
            return self._keys.rule(BODY, events)
        return None

    def _ruled(self, rule: KeyRule, value: Node, empty: bytes, member: str) -> None:
        masked = orjson.dumps(mask_of(rule.name) if member == "message" else _any_value(rule.name))
        new = empty if rule.action == Action.DROP else masked
        if self._data[value.start : value.end] != new:
            self._out.replace(value, new)
            self._counts[rule.name] += 1

    def _is_ruled(self, attribute: Node, events: tuple[bytes, ...]) -> bool:
        """Whether the attribute falls under a rule for its key; then it is done with."""
        for key in attribute.members("key"):
            if key.kind != '"':
                continue
            rule = self._keys.rule(self._text(key).encode(), events)
            if rule is None:
                continue
            if rule.action == Action.DROP:
                self._out.remove(attribute)
                self._counts[rule.name] += 1
            else:
                for value in attribute.members("value"):
                    self._ruled(rule, value, b"{}", "value")
            return True
        return False

    def _string(self, step: _Step) -> None:
        if step.name == "bytesValue":
            if self._matching.mask_bytes and step.node.parent is not None:
                self._out.replace(step.node.parent, orjson.dumps(_any_value("bytes")))
                self._counts["bytes"] += 1
        elif step.name not in _not_text():
            self._texts.append(step.node)

    def _names(self, node: Node, array: str) -> tuple[bytes, ...]:
        """What an event or a log record is called, by its name or the attribute of old."""
        if array not in _NAMED_ARRAYS or node.kind != "{":
            return ()
        names = [name for name in node.members(_NAMED_ARRAYS[array]) if name.kind == '"']
        if array == "logRecords":
            names += self._old_names(node)
        return tuple(self._text(name).encode() for name in names)

    def _old_names(self, record: Node) -> Iterator[Node]:
        for attributes in record.members("attributes"):
            for _, attribute in attributes.items:
                keys = [self._text(key) for key in attribute.members("key") if key.kind == '"']
                if "event.name" in keys:
                    for value in attribute.members("value"):
                        yield from (item for _, item in value.items if item.kind == '"')

    def _text(self, node: Node) -> str:
        return text_at(self._data, node.start, node.end)


def _any_value(name: str) -> dict[str, str]:
    return {"stringValue": mask_of(name)}


def _records(top: Node, signal: Signal) -> Iterator[Node]:
    """The records in the order in which `otlp.check` counts them."""
    resources, scopes, records = map(_camel, _path(signal))
    for resource in _elements(top, resources):
        for scope in _elements(resource, scopes):
            yield from _elements(scope, records)


def _path(signal: Signal) -> tuple[str, str, str]:
    shape = SHAPES[signal]
    return shape.resources, shape.scopes, shape.records


def _elements(node: Node, name: str) -> list[Node]:
    found = node.last(name)
    return [item for _, item in found.items] if found is not None else []


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


@cache
def _not_text() -> frozenset[str]:
    """Names under which OTLP keeps ids, numbers, bytes and enums in any of its messages."""
    requests: list[Any] = [shape.request for shape in SHAPES.values()]
    messages = [request.DESCRIPTOR for request in requests]
    seen = {message.full_name for message in messages}
    found: set[str] = set()
    for message in messages:  # grows while it is walked
        for field in message.fields:
            if field.type != _MESSAGE:
                found |= {field.json_name} if field.type != _TEXT else set()
            elif field.message_type.full_name not in seen:
                seen.add(field.message_type.full_name)
                messages.append(field.message_type)
    return frozenset(found - _texts(messages))


def _texts(messages: list[Any]) -> set[str]:
    return {field.json_name for each in messages for field in each.fields if field.type == _TEXT}
