"""The protobuf wire format: slicing a message into its fields without building anything.

Strategy: the envelopes of an OTLP request are cut by hand, so that each record keeps the very
bytes that arrived and one bad record is refused alone. What is accepted here is what upb accepts
(a test holds them equal): tags of at most 5 bytes and 32 bits, sizes of at most 5 bytes, varints
of at most 10, sizes inside the enclosing message, groups closed by their own number. Field number
0, which upb takes as unknown and other decoders refuse, is refused in the envelopes.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from otel_llmops.errors import DecodeError

__all__ = ["LEN", "Field", "fields", "framed", "split", "varint"]

VARINT, FIXED64, LEN, GROUP_START, GROUP_END, FIXED32 = range(6)
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_SHORT_BYTES_MAX = 5
_VARINT_BYTES_MAX = 10
_TAG_MAX = 2**32 - 1
_SIZE_MAX = 2**31 - 1
_GROUP_DEPTH_MAX = 100
_GROUP_FIELDS_MAX = 10_000


class Field(NamedTuple):
    """One field: its value is `[start, end)`, its tag begins at `tag`."""

    number: int
    wire_type: int
    tag: int
    start: int
    end: int


def fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in `data[start:end]`, in wire order; a group is one field.

    Raises: DecodeError, if a tag, a varint, a length or a group runs past the message.
    """
    at = start
    while at < end:
        number, wire_type, value = _tag(data, at, end)
        if wire_type == LEN:
            size, value = _varint(data, value, end, _SHORT_BYTES_MAX)
            after = value + size
            if size > _SIZE_MAX or after > end:
                raise _past_the_end(at)
        else:
            after = _skip(data, value, end, number, wire_type)
        yield Field(number, wire_type, at, value, after)
        at = after


def split(
    data: bytes, start: int, end: int, number: int, *, limit: int
) -> tuple[list[tuple[int, int]], bytes]:
    """Cut field `number` (length-delimited) out of the message in `data[start:end]`.

    Out:    The value ranges of the field, in wire order, and the bytes of all other fields.
    Raises: DecodeError, as `fields`, and where there are more than `limit` of either.
    """
    wanted = number << 3 | LEN
    ranges: list[tuple[int, int]] = []
    rest: list[bytes] = []
    others = 0
    at = start
    while at < end:
        # the common case by hand: a one-byte tag and a size of one or two bytes
        if data[at] == wanted and at + 2 < end and (data[at + 1] < 0x80 or data[at + 2] < 0x80):
            size, value = data[at + 1], at + 2
            if size >= 0x80:
                size, value = (size & 0x7F) | data[at + 2] << 7, at + 3
            after = value + size
            if after > end:
                raise _past_the_end(at)
            ranges.append((value, after))
        else:
            field = next(fields(data, at, end))
            after = field.end
            if field.number == number and field.wire_type == LEN:
                ranges.append((field.start, after))
            elif field.number == 0:
                raise DecodeError(f"a field at byte {at} has number 0")
            else:
                others += 1
                rest.append(data[at:after])
        if len(ranges) > limit or others > limit:
            raise DecodeError(f"a message at byte {start} has more than {limit} fields of a kind")
        at = after
    return ranges, b"".join(rest)


def varint(value: int) -> bytes:
    """`value` (not negative) as a varint."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def framed(number: int, values: Iterable[bytes]) -> bytes:
    """Each of `values` as a length-delimited field `number` (below 16), one after another."""
    tag = bytes((number << 3 | LEN,))
    parts: list[bytes] = []
    for value in values:
        parts += (tag, varint(len(value)), value)
    return b"".join(parts)


def _tag(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    tag, after = _varint(data, at, end, _SHORT_BYTES_MAX)
    if tag > _TAG_MAX:
        raise DecodeError(f"a field number at byte {at} is larger than protobuf allows")
    return tag >> 3, tag & 7, after


def _varint(data: bytes, at: int, end: int, bytes_max: int) -> tuple[int, int]:
    value = 0
    for place in range(bytes_max):
        if at + place >= end:
            raise _past_the_end(at)
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + place + 1
    raise DecodeError(f"a number at byte {at} is longer than {bytes_max} bytes")


def _skip(data: bytes, at: int, end: int, number: int, wire_type: int) -> int:
    if wire_type == VARINT:
        return _varint(data, at, end, _VARINT_BYTES_MAX)[1]
    if wire_type == GROUP_START:
        return _skip_group(data, at, end, number)
    size = _FIXED_BYTES.get(wire_type)
    if size is None:
        raise DecodeError(f"a field before byte {at} has wire type {wire_type}")
    if at + size > end:
        raise _past_the_end(at)
    return at + size


def _skip_group(data: bytes, at: int, end: int, number: int) -> int:
    open_groups = [number]
    for _ in range(_GROUP_FIELDS_MAX):
        if at >= end:
            raise _past_the_end(at)
        inner, wire_type, value = _tag(data, at, end)
        if wire_type == GROUP_END:
            if inner != open_groups.pop():
                raise DecodeError(f"a group is closed by another number at byte {at}")
            if not open_groups:
                return value
            at = value
        elif wire_type == GROUP_START:
            open_groups.append(inner)
            if len(open_groups) > _GROUP_DEPTH_MAX:
                raise DecodeError(f"groups nest too deep at byte {at}")
            at = value
        else:
            at = next(fields(data, at, end)).end
    raise DecodeError(f"a group before byte {at} has more than {_GROUP_FIELDS_MAX} fields")


def _past_the_end(at: int) -> DecodeError:
    return DecodeError(f"a field at byte {at} runs past the end of its message")
