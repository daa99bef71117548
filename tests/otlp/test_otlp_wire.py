import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError as ProtobufError
from hypothesis import example, given
from hypothesis import strategies as st

from otel_llmops.errors import DecodeError
from otel_llmops.otlp.wire import fields, framed, split, varint

# bytes that make tags, sizes, groups and long varints likely
_TELLING = st.sampled_from([*range(21), 0x70, 0x7F, 0x80, 0x81, 0xFF])
_MESSAGES = st.lists(_TELLING, max_size=24).map(bytes) | st.binary(max_size=24)


def _upb_takes(data: bytes) -> bool:
    try:
        Empty().ParseFromString(data)
    except ProtobufError:
        return False
    return True


def _walker_takes(data: bytes) -> bool:
    try:
        list(fields(data, 0, len(data)))
    except DecodeError:
        return False
    return True


@given(_MESSAGES)
@example(b"\x08" + b"\xff" * 9 + b"\x7f")
@example(b"\x08" + b"\xff" * 10 + b"\x01")
@example(b"\x88\x80\x80\x80\x70\x01")
@example(b"\x0a\x81\x80\x80\x80\x80\x00a")
@example(b"\x0b" * 100 + b"\x0c" * 100)
@example(b"\x0b" * 101 + b"\x0c" * 101)
def test_the_walker_takes_what_upb_takes(data: bytes) -> None:
    assert _walker_takes(data) == _upb_takes(data)


@given(_MESSAGES)
def test_fields_cover_the_message_without_gap_or_overlap(data: bytes) -> None:
    if not _walker_takes(data):
        return
    found = list(fields(data, 0, len(data)))
    edges = [0, *(field.end for field in found)]
    assert [field.tag for field in found] == edges[:-1]
    assert edges[-1] == len(data)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=6))
def test_splitting_parts_one_field_from_the_others(members: list[tuple[bool, bytes]]) -> None:
    data = b"".join(framed(2 if wanted else 3, [value]) for wanted, value in members)
    ranges, rest = split(data, 0, len(data), 2, limit=10)
    assert [data[start:end] for start, end in ranges] == [v for wanted, v in members if wanted]
    assert rest == framed(3, [value for wanted, value in members if not wanted])


def test_a_tag_longer_than_needed_is_still_the_field() -> None:
    ranges, rest = split(b"\x92\x00\x01a", 0, 4, 2, limit=10)
    assert (ranges, rest) == ([(3, 4)], b"")


def test_another_wire_type_is_another_field() -> None:
    assert split(b"\x10\x07", 0, 2, 2, limit=10) == ([], b"\x10\x07")


@pytest.mark.parametrize(
    "data", [b"\x12", b"\x12\x02a", b"\x12\x80", b"\x12\xff\x01a", b"\x02\x01"]
)
def test_a_broken_envelope_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        split(data, 0, len(data), 2, limit=10)


def test_a_value_may_not_run_into_the_bytes_after_its_message() -> None:
    with pytest.raises(DecodeError):
        split(b"\x12\x03abc", 0, 4, 2, limit=10)


@pytest.mark.parametrize("data", [b"\x12\x00" * 11, b"\x1a\x00" * 11])
def test_more_fields_than_the_limit_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError, match="more than 10 fields"):
        split(data, 0, len(data), 2, limit=10)


@given(st.integers(0, 2**64 - 1))
def test_a_varint_reads_back(value: int) -> None:
    data = b"\x0a" + varint(value)
    assert varint(value)[-1] < 0x80
    assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data[1:])) == value
