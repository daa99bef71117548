"""Positions and the 48 bytes of a header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.errors import JournalError
from otel_llmops.journal import Position
from otel_llmops.journal.record import (
    HEADER_BYTES,
    Body,
    Header,
    encode_header,
    parse_header,
    request_hash,
)

positions = st.builds(Position, st.integers(0, 2**33 - 1), st.integers(0, 2**39))
headers = st.builds(
    Header,
    payload_bytes=st.integers(0, 2**32 - 1),
    rejected=st.integers(0, 2**32 - 1),
    body_sum=st.integers(0, 2**32 - 1),
    signal=st.integers(0, 255),
    encoding=st.integers(0, 255),
    received_at_ns=st.integers(-(2**63), 2**63 - 1),
    request=st.binary(min_size=16, max_size=16),
)


@given(positions)
def test_a_position_comes_back_from_its_text(position: Position) -> None:
    assert Position.parse(str(position)) == position


@given(st.lists(positions))
def test_the_texts_of_positions_sort_as_they_do(given_positions: list[Position]) -> None:
    texts = sorted(str(position) for position in given_positions)
    assert texts == [str(position) for position in sorted(given_positions)]


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "1-2-3", "a-b", "0x1-2", "1_0-2"])
def test_a_text_that_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(JournalError, match="not a journal position"):
        Position.parse(text)


@given(headers, positions, st.binary(max_size=9))
def test_a_header_comes_back_from_where_it_stands(
    header: Header, at: Position, before: bytes
) -> None:
    block = before + encode_header(header, at)
    assert parse_header(block, len(before), at) == header


@given(headers, positions, st.integers(0, 8 * HEADER_BYTES - 1))
def test_a_header_with_one_flipped_bit_is_none(header: Header, at: Position, bit: int) -> None:
    block = bytearray(encode_header(header, at))
    block[bit // 8] ^= 1 << bit % 8
    assert parse_header(bytes(block), 0, at) is None


@given(headers, positions, positions)
def test_a_header_is_none_at_any_other_place(
    header: Header, at: Position, elsewhere: Position
) -> None:
    found = parse_header(encode_header(header, at), 0, elsewhere)
    assert found == (header if at == elsewhere else None)


def test_the_layout_on_the_disk_never_changes_without_another_magic() -> None:
    body = Body.of(b"payload", (1, 5))
    request = request_hash(b"payload", signal=1, encoding=2)
    header = Header(7, 2, body.sum(), 1, 2, 1_700_000_000_000_000_000, request)
    assert (encode_header(header, Position(3, 48)) + body.ordinals).hex() == (
        "a74c4a311a544c18070000000200000026c13fc00102000000002a36fe9c9717"
        "6072ba10383d1f37425c6506d75daff10100000005000000"
    )


@pytest.mark.parametrize("rejected", [(-1,), (2**32,)])
def test_an_ordinal_that_does_not_fit_is_refused(rejected: tuple[int, ...]) -> None:
    with pytest.raises(JournalError, match="32-bit"):
        Body.of(b"", rejected)
