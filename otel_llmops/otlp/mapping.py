"""OTLP/JSON to protobuf messages, by OTLP's own mapping.

Strategy: the message descriptors say what each lowerCamelCase key holds, so one converter serves
all signals. It differs from protobuf's json_format where OTLP does: ids are hex in any case,
enums are integers only, snake_case names and unknown keys are ignored, null is absent.

Source: OTLP specification, "JSON Protobuf Encoding"; proto3 "JSON options".
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from otel_llmops.otlp.shapes import Message

__all__ = ["MappingError", "fill"]

_DEPTH_MAX = 100
_HEX_FIELDS = {"trace_id", "span_id", "parent_span_id"}
_INTEGER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_URL_SAFE = str.maketrans("-_", "+/")
_MESSAGE = 11


class MappingError(Exception):
    """A value is not what its key holds; the text says which and what."""


class _Key(NamedTuple):
    name: str
    convert: Callable[[str, Any], Any] | None
    repeated: bool


def fill(message: Message, value: object, *, leave_out: str = "", depth: int = 0) -> None:
    """Set the fields of `message` from the JSON object `value`, all but the key `leave_out`.

    Raises: MappingError, where a value does not fit its key, or messages nest over 100 deep.
    """
    if not isinstance(value, dict):
        raise MappingError(f"{message.DESCRIPTOR.name} must be a JSON object")
    if depth >= _DEPTH_MAX:
        raise MappingError(f"messages nest more than {_DEPTH_MAX} deep")
    keys = _keys(message.DESCRIPTOR)
    for label, item in value.items():
        key = keys.get(label)
        if key is None or item is None or label == leave_out:
            continue
        if key.repeated:
            _extend(getattr(message, key.name), key, label, item, depth)
        elif key.convert is None:
            inner = getattr(message, key.name)
            inner.SetInParent()
            fill(inner, item, depth=depth + 1)
        else:
            setattr(message, key.name, key.convert(label, item))


def _extend(target: Any, key: _Key, label: str, items: object, depth: int) -> None:
    if not isinstance(items, list):
        raise MappingError(f"{label} must be a JSON array")
    for item in items:
        if key.convert is None:
            fill(target.add(), item, depth=depth + 1)
        else:
            target.append(key.convert(label, item))


@cache
def _keys(descriptor: Any) -> Mapping[str, _Key]:
    return {
        field.json_name: _Key(
            field.name,
            None if field.type == _MESSAGE else _converter(field.name, field.type),
            field.is_repeated,
        )
        for field in descriptor.fields
    }


def _converter(name: str, kind: int) -> Callable[[str, Any], Any]:
    return _hex if name in _HEX_FIELDS else _CONVERTERS[kind]


def _integer(low: int, high: int, label: str, value: object) -> int:
    spelled = isinstance(value, str) and _INTEGER.fullmatch(value)
    if spelled or (isinstance(value, float) and value.is_integer()):
        value = int(value)  # type: ignore[call-overload]  # text or a float, by the line above
    if not isinstance(value, int) or isinstance(value, bool):
        raise MappingError(f"{label} must be an integer")
    if not low <= value <= high:
        raise MappingError(f"{label} must be an integer from {low} to {high}")
    return value


def _enum(label: str, value: object) -> int:
    if isinstance(value, str):  # OTLP: enum names MUST NOT be used
        raise MappingError(f"{label} must be an integer, not a name")
    return _integer(-(2**31), 2**31 - 1, label, value)


def _double(label: str, value: object) -> float:
    if isinstance(value, str):
        if value in _NOT_FINITE:
            return _NOT_FINITE[value]
        try:
            number = float(value)
        except ValueError:
            raise MappingError(f"{label} must be a number") from None
        if number - number == 0 and value.isascii() and "_" not in value and value == value.strip():
            return number
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise MappingError(f"{label} must be a number")


def _boolean(label: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise MappingError(f"{label} must be true or false")
    return value


def _text(label: str, value: object) -> str:
    if not isinstance(value, str):
        raise MappingError(f"{label} must be a string")
    return value


def _hex(label: str, value: object) -> bytes:
    try:
        return binascii.unhexlify(_text(label, value))
    except ValueError:
        raise MappingError(f"{label} must be hex digits") from None


def _base64(label: str, value: object) -> bytes:
    text = _text(label, value).rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise MappingError(f"{label} must be base64") from None


_INT32, _INT64 = partial(_integer, -(2**31), 2**31 - 1), partial(_integer, -(2**63), 2**63 - 1)
_UINT32, _UINT64 = partial(_integer, 0, 2**32 - 1), partial(_integer, 0, 2**64 - 1)

# by FieldDescriptorProto.Type
_CONVERTERS: Mapping[int, Callable[[str, Any], Any]] = {
    1: _double,
    2: _double,
    3: _INT64,
    4: _UINT64,
    5: _INT32,
    6: _UINT64,
    7: _UINT32,
    8: _boolean,
    9: _text,
    12: _base64,
    13: _UINT32,
    14: _enum,
    15: _INT32,
    16: _INT64,
    17: _INT32,
    18: _INT64,
}
