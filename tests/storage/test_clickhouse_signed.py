"""What is written when a session is analysed again, and what is remembered of it."""

from typing import Any

import pyarrow as pa

from otel_llmops.exporters.clickhouse_signed import Written, change
from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.tables import STORED
from tests.support.tables import table

NAME = "session_keys"


def found(*keys: str) -> pa.Table:
    return table(DERIVED[NAME], *({"session_id": "s", "key": key} for key in keys))


def stored(*rows: tuple[str, int, int]) -> pa.Table:
    return table(
        STORED[NAME],
        *(
            {"session_id": "s", "key": key, "generation": generation, "sign": sign}
            for key, generation, sign in rows
        ),
    )


def signed(rows: pa.Table) -> list[tuple[Any, ...]]:
    columns = (rows[name].to_pylist() for name in ("key", "generation", "sign"))
    return sorted(zip(*columns, strict=True))


def test_what_is_new_is_added() -> None:
    made = change(NAME, stored(), found("a"), generation=2)
    assert (signed(made.written), signed(made.live)) == ([("a", 2, 1)], [("a", 2, 1)])


def test_what_stays_is_not_written_again_and_keeps_its_generation() -> None:
    made = change(NAME, stored(("a", 1, 1)), found("a"), generation=2)
    assert (signed(made.written), signed(made.live)) == ([], [("a", 1, 1)])


def test_what_is_gone_is_taken_back_with_its_generation() -> None:
    made = change(NAME, stored(("a", 1, 1), ("b", 1, 1)), found("b"), generation=2)
    assert (signed(made.written), signed(made.live)) == ([("a", 1, -1)], [("b", 1, 1)])


def test_copies_that_an_interrupted_call_left_are_brought_to_one() -> None:
    made = change(NAME, stored(("a", 1, 1), ("a", 2, 1), ("b", 1, -1)), found("a"), generation=3)
    assert [row[0::2] for row in signed(made.written)] == [("a", -1), ("b", 1)]


def remembered(written: Written, session: str) -> int:
    known = written.known([session])
    return sum(rows.num_rows for rows in written.rows(NAME, known)) if known else -1


def of(*sessions: str) -> dict[str, pa.Table]:
    rows = ({"session_id": each, "key": f"key of {each}", "sign": 1} for each in sessions)
    return {NAME: table(STORED[NAME], *rows)}


def test_a_session_is_remembered_with_its_own_rows_alone() -> None:
    written = Written(10_000)
    written.put(["a", "b", "none"], of("b", "a", "b"))
    found_rows = [remembered(written, each) for each in ("a", "b", "none", "stranger")]
    assert found_rows == [1, 2, 0, -1]


def size_of(*sessions: str) -> int:
    alone = Written(10_000)
    alone.put(sessions, of(*sessions))
    return alone.nbytes


def test_the_oldest_are_forgotten_over_the_bound() -> None:
    written = Written(2 * size_of("a"))
    for session in "abc":
        written.put([session], of(session))
    kept = [remembered(written, each) for each in "abc"]
    assert (kept, written.nbytes) == ([-1, 1, 1], 2 * size_of("a"))


def test_a_superseded_call_gives_its_memory_back() -> None:
    written = Written(10_000)
    for _ in range(5):
        written.put(["a", "b"], of("a", "b"))
    assert written.nbytes == size_of("a", "b")
