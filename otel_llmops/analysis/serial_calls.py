"""Calls that were made one after the other, though none needed what another had answered.

Strategy: on the critical path, calls that follow each other directly below one parent are a run.
Where what was said is recorded, a later call needs an earlier one if its input repeats words of the
earlier one's answer that were not in that one's input. Where nothing is recorded, tool calls after
one model call were all asked for by it, so none can need another; of model calls nothing is said.
Texts are only looked at where a session's runs could save enough to be worth it.
"""

import numpy as np
import pyarrow as pa

from otel_llmops.analysis.blame import Work
from otel_llmops.analysis.critical_path import CriticalPath
from otel_llmops.analysis.findings import Findings
from otel_llmops.analysis.forest import Ints, Mask
from otel_llmops.analysis.repeated_words import repeats
from otel_llmops.semconv import CONCEPTS, Kind

__all__ = ["serial_calls"]

_WORTH = 0.05
"""Of a session's time: runs that could save less are not looked at."""


def serial_calls(found: Findings, work: Work, path: CriticalPath, session_ns: Ints) -> Ints:
    """How much of each call's time would be saved if calls that need nothing ran side by side, ns.

    In:   Findings, n spans, their Work and CriticalPath; the length of each session.
    Out:  n rows; those of a run add up to its length less that of its longest call.
    Cost: O(n), and the texts of runs that could save 5 % of their session's time.
    """
    saving = np.zeros(len(work.actor), dtype=np.int64)
    second = _followers(found, work, path)
    if not len(second):
        return saving
    pieces, length = path.pieces, path.pieces.length
    first = path.before[second]
    # a run is at most as long as all that follow another: so much they save, at the most
    session = found.sessions.session[pieces.row[second]]
    could = np.zeros(len(session_ns), dtype=np.int64)
    np.add.at(could, session, np.minimum(length[first], length[second]))
    worth = could[session] >= _WORTH * session_ns[session]
    first, second = first[worth], second[worth]
    free = _independent(found, pieces.row[first], pieces.row[second])
    for run in _runs(first[free], second[free]):
        lengths = length[run]
        total = int(lengths.sum())
        saved = total - int(lengths.max())
        saving[pieces.row[run]] = lengths.astype(np.float64) / total * saved
    return saving


def _followers(found: Findings, work: Work, path: CriticalPath) -> Ints:
    """Calls on the path that directly follow another one that may be independent of them."""
    readings, pieces = found.readings, path.pieces
    second = np.flatnonzero(path.on & (path.before >= 0) & (pieces.row >= 0))
    one, two = pieces.row[path.before[second]], pieces.row[second]
    tools = readings.is_kind(Kind.TOOL, Kind.RETRIEVAL, Kind.EMBEDDINGS)
    alike = (
        work.is_call[one]
        & work.is_call[two]
        & (work.actor[one] == work.actor[two])
        & (tools[one] == tools[two])
        & ~found.failure[one]
    )
    second = second[alike]
    second = second[np.lexsort((pieces.end[second], pieces.holder[second]))]
    first = path.before[second]
    # of tool calls of which nothing is told a model call is to have asked for the whole run
    before = path.before[first]
    asked = (before >= 0) & readings.is_kind(Kind.LLM)[pieces.row[np.maximum(before, 0)]]
    begins = np.append(True, first[1:] != second[:-1])[: len(first)]
    asked = asked[np.maximum.accumulate(np.where(begins, np.arange(len(first)), 0))]
    told, one, two = _tells(found), pieces.row[first], pieces.row[second]
    chosen: Ints = second[(told[one] & told[two]) | (tools[one] & asked)]
    return chosen


def _tells(found: Findings) -> Mask:
    """Which spans tell what they were given and what they answered."""
    sides = []
    for name in ("call_input", "call_output"):
        side = np.zeros(len(found.readings.start), dtype=bool)
        for place in CONCEPTS[name]:
            side |= found.readings.attributes.has(place.attribute)
        sides.append(side)
    told: Mask = sides[0] & sides[1]
    return told


def _independent(found: Findings, first: Ints, second: Ints) -> Mask:
    """Which pairs need nothing of each other, as far as their messages show."""
    asked = np.zeros(len(found.readings.start), dtype=bool)
    asked[first] = asked[second] = True
    place_one, place_two = pa.array(first), pa.array(second)
    given = found.readings.attributes.text(CONCEPTS["call_input"], where=asked)
    answered = found.readings.attributes.text(CONCEPTS["call_output"], where=asked)
    needed = repeats(given.take(place_one), answered.take(place_one), given.take(place_two))
    return ~needed


def _runs(first: Ints, second: Ints) -> list[Ints]:
    """Pairs that share a piece, put together."""
    follower = dict(zip(first.tolist(), second.tolist(), strict=True))
    followers = set(follower.values())
    runs = []
    for piece in follower:
        if piece in followers:
            continue
        run = [piece]
        while run[-1] in follower:
            run.append(follower[run[-1]])
        runs.append(np.array(run))
    return runs
