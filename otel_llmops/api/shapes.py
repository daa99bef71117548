"""What answers look like, as JSON Schema, from the types that the queries answer with.

Strategy: documents.plain writes an answer's fields and what it reckons (its properties), so both
are read from the type, and nobody writes a schema by hand. What is put together for REST alone is a
Shape: an answer with more in it, or less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from datetime import datetime
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from otel_llmops.analysis import diagnosis
from otel_llmops.api.documents import told
from otel_llmops.api.meanings import meaning
from otel_llmops.storage import answers

__all__ = ["Shape", "Shapes"]

Schema = dict[str, Any]

_NAMES: Mapping[type, str] = {
    answers.AgentSummary: "Agent",
    answers.SessionSummary: "Session",
    diagnosis.Finding: "DiagnosisFinding",
    diagnosis.Group: "DiagnosisGroup",
}
"""Answers that GraphQL knows by another name, and those that share one."""

_PLAIN: Mapping[object, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    NoneType: {"type": "null"},
    Any: {},
}


@dataclass(frozen=True, eq=False)
class Shape:
    """An object of REST: the answer `of` without some of its fields, and with `more`.

    `more` gives a type for each name: one that an answer's field may have, another Shape, `[type]`
    for a list, `(type, type)` for one of several.
    """

    name: str
    meaning: str
    of: type | None = None
    more: Mapping[str, object] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


class Shapes:
    """Makes schemas, and collects those that have a name in `components`."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._known: dict[str, object] = {}

    def of(self, kind: object) -> Schema:
        """The schema of a type, a Shape, a list `[kind]` or one of several `(kind, kind)`."""
        if isinstance(kind, Mapping):
            return dict(kind)
        if isinstance(kind, list):
            return {"type": "array", "items": self.of(kind[0])}
        if isinstance(kind, tuple):
            return _one_of([self.of(each) for each in kind])
        if isinstance(kind, Shape) or (isinstance(kind, type) and is_dataclass(kind)):
            return self._named(kind)
        return self._typed(kind)

    def _typed(self, kind: object) -> Schema:
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        origin, inner = get_origin(kind), get_args(kind)
        if origin in {Union, UnionType}:
            return _one_of([self.of(each) for each in inner])
        if origin in {list, Sequence}:
            return {"type": "array", "items": self.of(inner[0])}
        if origin in {dict, Mapping}:
            return {"type": "object", "additionalProperties": self.of(inner[1])}
        raise TypeError(f"no schema for {kind!r}")

    def _named(self, kind: "Shape | type[Any]") -> Schema:
        name = kind.name if isinstance(kind, Shape) else _NAMES.get(kind, kind.__name__)
        if self._known.setdefault(name, kind) is not kind:
            raise TypeError(f"two shapes are called {name}")
        if name not in self.components:
            self.components[name] = {}  # so that a shape may hold itself
            self.components[name] = self._object(name, kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, name: str, kind: "Shape | type") -> Schema:
        shape = kind if isinstance(kind, Shape) else Shape(name, _said(kind), kind)
        held = dict(_types(shape.of)) if shape.of is not None else {}
        for each in shape.without:
            del held[each]
        held |= shape.more
        properties = {}
        for each, inner in held.items():
            said = meaning(name, each)
            properties[each] = self.of(inner) | ({"description": said} if said else {})
        return {
            "type": "object",
            "description": shape.meaning,
            "properties": properties,
            "required": list(properties),
        }


def _types(kind: type) -> Mapping[str, object]:
    """Of what type each field and each property of an answer is."""
    hints = get_type_hints(kind)
    return {
        name: hints[name] if name in hints else get_type_hints(getattr(kind, name).fget)["return"]
        for name in told(kind)
    }


def _said(kind: type) -> str:
    """The first paragraph of the docstring: the rest is for who reads the code."""
    return " ".join(cleandoc(kind.__doc__ or "").partition("\n\n")[0].split())


def _one_of(schemas: list[Schema]) -> Schema:
    words = [each.get("type") for each in schemas if set(each) == {"type"}]
    if len(words) == len(schemas):
        return {"type": words}
    return {"anyOf": schemas}
