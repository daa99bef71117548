"""What functions of the user's code spent, and which of them called which.

Strategy: a *place* is a function in a file. Tokens are the place's own where their span, or the
nearest span above it in its service that says where it was made, was made there. Control *enters* a
place at a span whose nearest located span above was made in another place: that is a call, and the
edge between two functions. Everything is a number a span, grouped at the end, and every number may
be added up over any rows (model.schemas says what each means).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import codes, whole
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.nesting import Nesting, nesting
from otel_llmops.analysis.tables import operation_rows
from otel_llmops.model.schemas import FUNCTION_EDGES, FUNCTION_USAGE, TIME, empty

__all__ = ["function_tables"]

_HOUR_NS = 3_600_000_000_000
_NULL_IF_NONE = pc.ScalarAggregateOptions(min_count=1)
_LAMBDA = "<lambda>"


@dataclass(frozen=True, slots=True)
class _Stacks:
    """One row a span. `place` numbers functions in files, -1 for a span that nowhere is known of.

    `holder` is the span whose place it is, `above` the nearest located span above, `entry` the
    span at which control came into the place; -1 for none. `own` and `below` are tokens, input
    and output: the ledger's, and the sum over it and all below.
    """

    place: Ints
    holder: Ints
    above: Ints
    entry: Ints
    enters: Mask
    nested: Nesting
    own: tuple[Ints, Ints]
    below: tuple[Ints, Ints]


def function_tables(found: Findings, operations_made: pa.Table) -> dict[str, pa.Table]:
    """FUNCTION_USAGE and FUNCTION_EDGES rows.

    In:     Findings over n spans, and the OPERATIONS rows made of them (for their costs).
    Out:    both tables, by session and start.
    Edge:   Two spans below each other in one function are one call of it. Tokens of a span that
            nothing is known of and nothing above in its service are nobody's.
    Cost:   O(n log n) where a span says where it was made; else next to nothing.
    """
    if not found.code.known.any():
        return {"function_usage": empty(FUNCTION_USAGE), "function_edges": empty(FUNCTION_EDGES)}
    stacks = _stacks(found)
    return {
        "function_usage": _usage(found, stacks, operations_made),
        "function_edges": _edges(found, stacks),
    }


def _stacks(found: Findings) -> _Stacks:
    readings, code, ledger = found.readings, found.code, found.ledger
    tree, known = readings.forest, code.known
    place = _places(found)
    service, _ = codes(whole(readings.spans.column("service")))
    holder = tree.nearest(known)
    holder = np.where((holder >= 0) & (service[np.maximum(holder, 0)] == service), holder, -1)
    above = tree.nearest(known, inclusive=False)
    enters = known & ((above < 0) | (place[np.maximum(above, 0)] != place))
    entry = tree.nearest(enters)
    nested = nesting(tree)
    own = ledger.input, ledger.output
    return _Stacks(
        place=np.where(holder >= 0, place[np.maximum(holder, 0)], -1),
        holder=holder,
        above=above,
        entry=np.where(holder >= 0, entry[np.maximum(holder, 0)], -1),
        enters=enters,
        nested=nested,
        own=own,
        below=(nested.sums(own[0]), nested.sums(own[1])),
    )


def _places(found: Findings) -> Ints:
    """A number for each function in a file; lambdas of one name are told apart by their lines."""
    code = found.code
    line = pa.array(code.line).cast(pa.string())
    nameless = pc.or_(pc.equal(code.function, ""), pc.ends_with(code.function, _LAMBDA))
    line = pc.if_else(nameless, line, "")
    number, _ = codes(pc.binary_join_element_wise(code.function, code.file, line, "\n"))
    return np.where(code.known, number, -1)


def _usage(found: Findings, stacks: _Stacks, operations_made: pa.Table) -> pa.Table:
    readings, code, ledger = found.readings, found.code, found.ledger
    spent = (stacks.own[0] > 0) | (stacks.own[1] > 0) | ledger.is_call | found.failure
    rows = np.flatnonzero(code.known | (spent & (stacks.holder >= 0)))
    at = stacks.holder[rows]
    owner = found.acts.owner[rows]
    agent = found.acts.agent[np.maximum(owner, 0)] if found.acts.count else owner
    model = pc.if_else(pa.array(spent), readings.concept("model"), "")
    enters = stacks.enters[rows]
    facts = pa.table(
        {
            "session": found.sessions.session[rows],
            "place": stacks.place[rows],
            "line": code.line[at],
            "commit": codes(code.revision)[0][at],
            "agent": np.where(owner < 0, -1, agent),
            "model": codes(model)[0][rows],
            "hour": readings.start[rows] // _HOUR_NS,
            "at": at,
            "row": rows,
            "started_at": readings.start[rows],
            "calls": enters.astype(np.int64),
            "llm_calls": ledger.is_call[rows].astype(np.int64),
            "errors": found.failure[rows].astype(np.int64),
            "input_tokens": stacks.own[0][rows],
            "output_tokens": stacks.own[1][rows],
            "cache_read_tokens": ledger.cache_read[rows],
            **_cumulative(stacks, rows, code.known),
            "duration_ns": np.where(enters, (readings.end - readings.start)[rows], 0),
            "squared_tokens": _squares(stacks)[rows],
            **_loops(found, stacks, rows),
            "cost_usd": _costs(found, operations_made).take(pa.array(rows)),
        }
    )
    return _grouped(found, facts, model)


def _cumulative(stacks: _Stacks, rows: Ints, known: Mask) -> dict[str, Ints]:
    """Tokens below each span that is the first of its function on the stack, else 0."""
    first = np.zeros(len(known), dtype=bool)
    located = np.flatnonzero(known)
    first[located[stacks.nested.outermost(located, stacks.place[located])]] = True
    return {
        f"cumulative_{way}_tokens": np.where(first, below, 0)[rows]
        for way, below in zip(("input", "output"), stacks.below, strict=True)
    }


def _squares(stacks: _Stacks) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """For each call the square of the own tokens in it, on the span at which it began."""
    tokens = np.zeros(len(stacks.entry))
    inside = stacks.entry >= 0
    np.add.at(tokens, stacks.entry[inside], (stacks.own[0] + stacks.own[1])[inside].astype(float))
    return tokens * tokens


def _loops(found: Findings, stacks: _Stacks, rows: Ints) -> dict[str, Ints]:
    """Model calls that follow another one from the same place under the same agent."""
    readings = found.readings
    calls = np.flatnonzero(found.ledger.is_call & (stacks.holder >= 0))
    owner = found.acts.owner[calls]
    under = np.where(owner >= 0, owner, -1 - readings.forest.root()[calls])
    line = found.code.line[stacks.holder[calls]]
    order = np.lexsort((calls, line, stacks.place[calls], under))
    calls = calls[order]
    same = np.ones(max(0, len(calls) - 1), dtype=bool)
    for key in (under[order], stacks.place[calls], line[order]):
        same &= key[1:] == key[:-1]
    # what runs side by side is no loop; rows are in the order of their starts
    same &= readings.start[calls[1:]] >= readings.end[calls[:-1]]
    prompt = stacks.own[0][calls]
    grown = prompt[1:] - prompt[:-1]
    rises = same & (grown > 0) & (prompt[:-1] > 0)
    made = {
        "loop_steps": same.astype(np.int64),
        "loop_rises": rises.astype(np.int64),
        "loop_growth_tokens": np.where(rises, grown, 0),
        "repeated_tokens": np.where(rises, prompt[:-1], 0),
    }
    return {
        name: _scattered(each, calls[1:], len(stacks.place))[rows] for name, each in made.items()
    }


def _scattered(values: Ints, rows: Ints, count: int) -> Ints:
    result = np.zeros(count, dtype=np.int64)
    result[rows] = values
    return result


def _costs(found: Findings, operations_made: pa.Table) -> pa.Array:
    """What each span cost, null where that is not known or nothing was spent."""
    rows = operation_rows(found)
    place = np.full(len(found.code.known), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return whole(operations_made.column("cost_usd")).take(pa.array(place, mask=place < 0))


_KEYS = ("session", "place", "line", "commit", "agent", "model", "hour")
_SUMS = (
    "calls",
    "llm_calls",
    "errors",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cumulative_input_tokens",
    "cumulative_output_tokens",
    "duration_ns",
    "squared_tokens",
    "loop_steps",
    "loop_rises",
    "loop_growth_tokens",
    "repeated_tokens",
)


def _grouped(found: Findings, facts: pa.Table, model: pa.Array) -> pa.Table:
    """Facts by their keys. Texts are looked up by a row of the group, for all have the same."""
    groups = facts.group_by(list(_KEYS), use_threads=False).aggregate(
        [
            *((name, "min") for name in ("at", "row", "started_at")),
            *((name, "sum") for name in _SUMS),
            ("cost_usd", "sum", _NULL_IF_NONE),
        ]
    )
    order = [(name, "ascending") for name in ("session", "started_at_min", "row_min")]
    groups = groups.sort_by(order)
    session, agent = (np.asarray(groups.column(name)) for name in ("session", "agent"))
    code, at = found.code, groups.column("at_min")
    return pa.table(
        {
            "session_id": found.sessions.ids.take(pa.array(session)),
            "function": code.function.take(at),
            "file": code.file.take(at),
            "line": groups.column("line").cast(pa.int32()),
            "revision": code.revision.take(at),
            "agent": pc.fill_null(found.acts.names.take(pa.array(agent, mask=agent < 0)), ""),
            "model": model.take(groups.column("row_min")),
            "started_at": groups.column("started_at_min").cast(TIME),
            "sessions": _once(session, np.asarray(groups.column("place"))),
            **{name: groups.column(f"{name}_sum") for name in _SUMS},
            "final": found.final[session],
            "cost_usd": groups.column("cost_usd_sum"),
        }
    )


def _once(session: Ints, place: Ints) -> Ints:
    """1 on the first row of each place in each session."""
    _, first = np.unique(session * (place.max(initial=0) + 1) + place, return_index=True)
    once = np.zeros(len(place), dtype=np.int64)
    once[first] = 1
    return once


def _edges(found: Findings, stacks: _Stacks) -> pa.Table:
    readings, code = found.readings, found.code
    rows = np.flatnonzero(stacks.enters & (stacks.above >= 0))
    above = stacks.above[rows]
    edge = stacks.place[above] * (stacks.place.max(initial=0) + 1) + stacks.place[rows]
    first = stacks.nested.outermost(rows, np.unique(edge, return_inverse=True)[1])
    facts = pa.table(
        {
            "session": found.sessions.session[rows],
            "edge": edge,
            "caller_line": code.line[above],
            "callee_line": code.line[rows],
            "commit": codes(code.revision)[0][rows],
            "caller": above,
            "callee": rows,
            "started_at": readings.start[rows],
            "calls": np.ones(len(rows), dtype=np.int64),
            "duration_ns": (readings.end - readings.start)[rows],
            "input_tokens": np.where(first, stacks.below[0][rows], 0),
            "output_tokens": np.where(first, stacks.below[1][rows], 0),
        }
    )
    keys = ["session", "edge", "caller_line", "callee_line", "commit"]
    sums = ("calls", "duration_ns", "input_tokens", "output_tokens")
    groups = facts.group_by(keys, use_threads=False).aggregate(
        [
            *((name, "min") for name in ("caller", "callee", "started_at")),
            *((name, "sum") for name in sums),
        ]
    )
    order = [(name, "ascending") for name in ("session", "started_at_min", "callee_min")]
    groups = groups.sort_by(order)
    session = np.asarray(groups.column("session"))
    ends = {end: groups.column(f"{end}_min") for end in ("caller", "callee")}
    return pa.table(
        {
            "session_id": found.sessions.ids.take(pa.array(session)),
            **{end: code.function.take(at) for end, at in ends.items()},
            **{f"{end}_file": code.file.take(at) for end, at in ends.items()},
            **{f"{end}_line": groups.column(f"{end}_line").cast(pa.int32()) for end in ends},
            "revision": code.revision.take(ends["callee"]),
            "started_at": groups.column("started_at_min").cast(TIME),
            **{name: groups.column(f"{name}_sum") for name in sums},
            "final": found.final[session],
        }
    )
