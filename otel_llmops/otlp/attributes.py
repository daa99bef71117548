"""Attribute values as text, by one rule for every column.

Strings are as they are; numbers and booleans as JSON writes them (a double by Python's shortest
repr, NaN and the infinities by OTLP's names); arrays and key-value lists are JSON without blanks,
other than ASCII unescaped; bytes are base64; an empty value is empty text, null inside JSON.
"""

import base64
import json
import math
from collections.abc import Iterable
from typing import Any

from otel_llmops.otlp.shapes import Message

__all__ = ["text_of", "texts_of"]

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def texts_of(attributes: Iterable[Message]) -> dict[str, str]:
    """Key to text. A key that occurs twice keeps its first place and its last value."""
    return {attribute.key: text_of(attribute.value) for attribute in attributes}


def text_of(value: Message) -> str:
    """`value` (an AnyValue) as text."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        text: str = value.string_value
        return text
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else _json(plain)


def _plain(value: Message) -> Any:
    match value.WhichOneof("value"):
        case "double_value":
            return _double(value.double_value)
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {item.key: _plain(item.value) for item in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode("ascii")
        case None | "string_value_strindex":  # the latter belongs to profiles only
            return None
        case kind:
            return getattr(value, kind)


def _double(number: float) -> float | str:
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"
