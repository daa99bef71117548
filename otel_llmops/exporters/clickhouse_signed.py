"""What to write so that a session's derived rows become those of its newest analysis.

Strategy: rows are a multiset. What is live in the store counts -1, what was found now counts +1,
equal rows are added up, and what does not come to 0 is written with that sum as its sign. So a row
that stays costs nothing, and whatever mixture an interrupted call left is mended by the next one:
only the sums matter. Pure, but for the memory of what was written last.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.model.schemas import DERIVED
from otel_llmops.storage.tables import SIGNED, STORED

__all__ = ["Change", "Written", "change"]

_COMPARED_ROWS_MAX = 20_000
"""Above it rows are replaced without comparing: to compare 200,000 rows takes 900 ms, to insert
them 100 ms. A session alone stays far below."""


class Change(NamedTuple):
    """What a new analysis of sessions changes in one table, both as STORED[name]."""

    written: pa.Table
    live: pa.Table


def change(name: str, old: pa.Table, new: pa.Table, *, generation: int) -> Change:
    """The signed rows that turn `old` into `new`, and what is live once they are written.

    In:     `old`: STORED[name], n rows, `sign` may be any number of copies, also below 0.
            `new`: DERIVED[name], m rows.
    Out:    `written`: at most n + m rows. `live`: at most m rows. Rows that are taken back or stay
            keep their generation.
    Edge:   NaN equals NaN, null equals null.
    Cost:   O(n + m), by hashing; without comparing above 20,000 rows.
    """
    schema = STORED[name]
    found = new.append_column(schema.field("generation"), _constant(new, pa.int64(), generation))
    found = found.append_column(schema.field("sign"), _constant(new, SIGNED[1].type, 1)).cast(
        schema
    )
    if old.num_rows == 0:
        return Change(found, found)
    back = _with_sign(old, pc.negate(old["sign"]))
    both = pa.concat_tables([back, found])
    if both.num_rows > _COMPARED_ROWS_MAX:
        return Change(both, found)
    return _added_up(both, DERIVED[name].names, generation)


def _added_up(rows: pa.Table, keys: list[str], generation: int) -> Change:
    is_new = pc.equal(rows["generation"], generation)
    weighed = rows.append_column("copies", pc.if_else(is_new, 1, 0))
    groups = weighed.group_by(keys, use_threads=rows.num_rows > 1_000).aggregate(
        [("generation", "min"), ("sign", "sum"), ("copies", "sum")]
    )
    groups = groups.rename_columns([*keys, *(field.name for field in SIGNED), "copies"])
    groups = _with_sign(groups, groups["sign"].cast(SIGNED[1].type))
    written = groups.filter(pc.not_equal(groups["sign"], 0))
    kept = groups.filter(pc.greater(groups["copies"], 0))
    live = _with_sign(kept, kept["copies"].cast(SIGNED[1].type))
    schema = rows.schema
    return Change(*(table.select(schema.names).cast(schema) for table in (written, live)))


def _with_sign(rows: pa.Table, sign: pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index("sign"), SIGNED[1], sign)


def _constant(table: pa.Table, kind: pa.DataType, value: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), table.num_rows)


class _Call:
    """The rows that one call wrote, and the sessions they still speak for.

    They are sorted by session when they are first asked for: most never are.
    """

    def __init__(self, sessions: Iterable[str], tables: Mapping[str, pa.Table]) -> None:
        self.sessions = set(sessions)
        self.nbytes = sum(table.nbytes for table in tables.values())
        self._tables = {name: table for name, table in tables.items() if table.num_rows}
        self._starts: dict[str, dict[str, tuple[int, int]]] = {}

    def rows(self, name: str, sessions: Iterable[str]) -> pa.Table:
        if name not in self._tables:
            return STORED[name].empty_table()
        if name not in self._starts:
            self._tables[name] = self._tables[name].sort_by("session_id")
            self._starts[name] = _starts(self._tables[name])
        table, starts = self._tables[name], self._starts[name]
        spans = [starts[session] for session in sessions if session in starts]
        if not spans:
            return STORED[name].empty_table()
        if len(spans) == len(starts):
            return table
        places = np.concatenate([np.arange(start, start + length) for start, length in spans])
        return table.take(places)


def _starts(table: pa.Table) -> dict[str, tuple[int, int]]:
    runs = pc.run_end_encode(table["session_id"].combine_chunks())
    ends = np.asarray(runs.run_ends, dtype=np.int64)
    begins = np.concatenate([[0], ends[:-1]])
    places = zip(begins.tolist(), (ends - begins).tolist(), strict=True)
    return dict(zip(runs.values.to_pylist(), places, strict=True))


class Written:
    """The live rows of the sessions that were written last, least recently written out first.

    The bound holds for all rows that are kept, those of superseded calls included. What is not
    here has to be read from the store; forgetting is always safe.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._calls: OrderedDict[int, _Call] = OrderedDict()
        self._of: dict[str, int] = {}
        self._next = 0
        self.nbytes = 0

    def known(self, sessions: Iterable[str]) -> dict[str, int]:
        """The sessions that are here -> the call that wrote them."""
        return {session: self._of[session] for session in sessions if session in self._of}

    def rows(self, name: str, known: Mapping[str, int]) -> list[pa.Table]:
        """The live rows of one table for sessions as `known` gives them, STORED[name]."""
        by_call: dict[int, list[str]] = {}
        for session, call in known.items():
            by_call.setdefault(call, []).append(session)
        return [self._calls[call].rows(name, sessions) for call, sessions in by_call.items()]

    def put(self, sessions: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
        """Remember `tables` as all live rows of `sessions`."""
        self.forget(sessions)
        call = _Call(sessions, tables)
        self._calls[self._next] = call
        self._of.update(dict.fromkeys(sessions, self._next))
        self._next += 1
        self.nbytes += call.nbytes
        while self.nbytes > self._bytes_max and self._calls:
            self.forget(list(next(iter(self._calls.values())).sessions))

    def forget(self, sessions: Iterable[str]) -> None:
        """Drop these sessions; a call that speaks for none any more gives its memory back."""
        for session in sessions:
            number = self._of.pop(session, None)
            if number is None:
                continue
            call = self._calls[number]
            call.sessions.discard(session)
            if not call.sessions:
                self.nbytes -= call.nbytes
                del self._calls[number]
