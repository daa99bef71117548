"""Which team of agents worked on which task in each session, and whether it succeeded.

Strategy: what somebody says of a session (its task, how it went) wins over what its structure
tells; of several words the root-most names the task, and the last one says how it went.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.columns import filled, json_lists, places, whole
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.names import plumbing
from otel_llmops.semconv import FAILED_WORDS, SUCCEEDED_WORDS, WORKFLOW_DEFAULTS, Kind

__all__ = ["coalition_rows"]

_TASK_CHARS_MAX = 256
_SUCCESS_SCORE = 0.5
"""From here on a score, from 0 to 1, stands for success."""
_NUMBER = r"^[0-9]*\.?[0-9]+$"


def coalition_rows(found: Findings, agents_made: pa.Table, session_rows: pa.Table) -> pa.Table:
    """COALITIONS rows: the team of each settled session, its task, and how it went.

    In:   the findings, and the AGENTS and SESSIONS rows made of them.
    Out:  COALITIONS, one row for each session in which an agent acted and that is final.
    Edge: A session that still grows has no row: how it went is not known yet.
    Cost: O(n log n).
    """
    ids = found.sessions.ids
    listed = (
        agents_made.sort_by("agent")
        .group_by("session_id", use_threads=False)
        .aggregate([("agent", "list")])
    )
    place = places(ids, whole(listed.column("session_id")))
    kept = np.flatnonzero((place >= 0) & found.final)
    rows = session_rows.take(pa.array(kept))
    tokens = pc.add(rows.column("input_tokens"), rows.column("output_tokens"))
    return pa.table(
        {
            "session_id": ids.take(pa.array(kept)),
            "agents": json_lists(listed.column("agent_list")).take(pa.array(place[kept])),
            "task_type": _task_types(found).take(pa.array(kept)),
            "success": _succeeded(found)[kept],
            "tokens": tokens,
            "duration_ns": rows.column("duration_ns"),
            "started_at": rows.column("started_at"),
        }
    )


def _task_types(found: Findings) -> pa.Array:
    """For each session what it was about: a word, else its workflow, else who acted first."""
    readings, acts = found.readings, found.acts
    count = len(found.sessions.ids)
    every = np.arange(len(readings.kind))
    said = _root_most(found, readings.concept("task_type"), every, count)
    workflow = readings.concept("workflow")
    named = readings.is_kind(Kind.WORKFLOW) & readings.affixed
    workflow = pc.if_else(pa.array(named & ~filled(workflow)), readings.clean_name, workflow)
    told = pc.is_in(pc.utf8_lower(workflow), value_set=pa.array(sorted(WORKFLOW_DEFAULTS)))
    nobodys = plumbing(workflow) | np.asarray(told)
    workflow = _root_most(found, pc.if_else(pa.array(nobodys), "", workflow), every, count)
    entry = _first_of(
        acts.names.take(pa.array(acts.agent)),
        found.sessions.session[acts.head],
        np.lexsort((acts.head, readings.start[acts.head])),
        count,
    )
    task = pc.if_else(
        pc.not_equal(said, ""), said, pc.if_else(pc.not_equal(workflow, ""), workflow, entry)
    )
    return pc.utf8_slice_codeunits(task, 0, _TASK_CHARS_MAX)


def _root_most(found: Findings, texts: pa.Array, rows: Ints, count: int) -> pa.Array:
    """For each session the text of the least depth, the earliest of several; '' for none."""
    readings = found.readings
    rows = rows[filled(texts)]
    order = rows[np.lexsort((rows, readings.start[rows], readings.forest.depth[rows]))]
    return _first_of(texts, found.sessions.session, order, count)


def _first_of(texts: pa.Array, session: Ints, order: Ints, count: int) -> pa.Array:
    """For each session its first text in this order of rows, '' for none."""
    first = np.full(count, -1, dtype=np.int64)
    back = order[::-1]
    first[session[back]] = back
    return pc.fill_null(texts.take(pa.array(first, mask=first < 0)), "")


def _succeeded(found: Findings) -> Mask:
    """For each session whether it did what it was for.

    Where somebody says so, that. Else: neither the root that ended last nor the last call of a
    model or tool failed, and after each agent that failed somebody went on.
    """
    readings, acts, session = found.readings, found.acts, found.sessions.session
    count = len(found.sessions.ids)
    told = _told(found, count)
    roots = np.flatnonzero((readings.forest.parent < 0) & ~readings.placeholder)
    calls = np.flatnonzero(readings.is_kind(Kind.LLM, Kind.TOOL, Kind.RETRIEVAL, Kind.EMBEDDINGS))
    failed = np.zeros(count, dtype=bool)
    for rows in (roots, calls):
        last = _last(found, rows, count)
        known = last >= 0
        failed[known] |= readings.failed[last[known]]
    newest = np.full(count, np.iinfo(np.int64).min)
    np.maximum.at(newest, session[calls], readings.start[calls])
    broken = acts.head[readings.failed[acts.head]]
    failed[session[broken[readings.end[broken] >= newest[session[broken]]]]] = True
    result: Mask = np.where(np.isnan(told), ~failed, told > 0)
    return result


def _last(found: Findings, rows: Ints, count: int) -> Ints:
    """For each session which of these rows ended last, -1 for none."""
    last = np.full(count, -1, dtype=np.int64)
    order = rows[np.lexsort((rows, found.readings.end[rows]))]
    last[found.sessions.session[order]] = order
    return last


def _told(found: Findings, count: int) -> npt.NDArray[np.float64]:
    """For each session what was last said of it: 1 success, 0 failure, NaN nothing."""
    texts = found.readings.concept("task_success")
    rows = np.flatnonzero(filled(texts))
    said = pc.utf8_lower(pc.utf8_trim_whitespace(texts.take(pa.array(rows))))
    number = pc.if_else(pc.match_substring_regex(said, _NUMBER), said, None).cast(pa.float64())
    verdict = np.select(
        [
            np.asarray(pc.is_in(said, value_set=pa.array(sorted(SUCCEEDED_WORDS)))),
            np.asarray(pc.is_in(said, value_set=pa.array(sorted(FAILED_WORDS)))),
            np.asarray(pc.is_valid(number)),
        ],
        [1.0, 0.0, np.asarray(pc.fill_null(number, 0.0)) >= _SUCCESS_SCORE],
        np.nan,
    )
    told = np.full(len(texts), np.nan)
    told[rows] = verdict
    last = _last(found, rows[~np.isnan(verdict)], count)
    result = np.full(count, np.nan)
    result[last >= 0] = told[last[last >= 0]]
    return result
