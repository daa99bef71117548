"""Which traces grew, since which place in the journal, and which of them are due.

A trace has *settled* when its root has ended and nothing more came for a moment, or when nothing
came for two seconds. A trace that keeps growing is analysed now and then meanwhile, so that its
answers are there, marked as not final. One that grows for long is *carried*: it lets the cursor
of the analysis pass what was analysed, since one trace must not keep the whole journal.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from otel_llmops.engine.arrived import Arrived
from otel_llmops.journal import Position

__all__ = ["Due", "GrowingTraces"]

QUIET_S = 2.0
"""A trace without a root settles after this long without a span."""
ROOTED_QUIET_S = 0.3
"""A trace whose root has ended settles after this long: its last children are on their way."""
PROVISIONAL_S = 1.0
"""A trace that keeps growing is analysed this often at first, then after a quarter of its age."""
PROVISIONAL_S_MAX = 10.0
CARRIED_S = 10.0
"""A trace that has grown for so long is carried."""
LATE_S = 10.0
"""Spans that come so soon after their trace settled are stragglers."""


@dataclass(slots=True)
class _Trace:
    since: Position
    began_at: float
    grew_at: float
    looked_at: float
    rooted: bool
    carried: bool = False

    def quiet_s(self) -> float:
        return ROOTED_QUIET_S if self.rooted else QUIET_S

    def provisional_s(self, *, behind: bool) -> float:
        if behind:
            return CARRIED_S
        age = self.looked_at - self.began_at
        return min(max(age / 4, PROVISIONAL_S), PROVISIONAL_S_MAX)


@dataclass(frozen=True, slots=True)
class Due:
    """Traces to analyse now: those that `settled`, and those that still `grow`."""

    settled: list[str]
    growing: list[str]

    @property
    def traces(self) -> list[str]:
        """Both together."""
        return self.settled + self.growing


class GrowingTraces:
    """Traces with spans that no final analysis has seen. Times are in s, of any one clock."""

    def __init__(self) -> None:
        self._traces: dict[str, _Trace] = {}
        self._settled_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._traces)

    def grew(self, spans: Arrived, *, since: Position, now: float) -> None:
        """Spans arrived, from a range that begins at `since`."""
        rooted = np.zeros(len(spans.trace_ids), dtype=bool)
        rooted[spans.trace[spans.is_root]] = True
        for trace_id, has_root in zip(spans.trace_ids.to_pylist(), rooted.tolist(), strict=True):
            known = self._traces.get(trace_id)
            if known is None:
                # what settled once had its root, or went without: late spans settle sooner
                late = trace_id in self._settled_at
                self._traces[trace_id] = _Trace(since, now, now, now, has_root or late)
            else:
                known.grew_at = now
                known.rooted |= has_root

    def carry_on(self, trace_ids: Iterable[str], *, since: Position, now: float) -> None:
        """These were carried when the engine stopped: they settle unless they go on growing."""
        for trace_id in trace_ids:
            self._traces[trace_id] = _Trace(since, now, now, now, rooted=False, carried=True)

    def due(self, now: float, *, behind: bool = False) -> Due:
        """What to analyse at `now`.

        `behind`: more came than could be stored so far, so what grows waits until it has settled,
        but for what keeps the journal.
        """
        settled, growing = [], []
        for trace_id, trace in self._traces.items():
            if now - trace.grew_at >= trace.quiet_s():
                settled.append(trace_id)
            elif now - trace.looked_at >= trace.provisional_s(behind=behind):
                growing.append(trace_id)
        return Due(settled, growing)

    def all_due(self) -> Due:
        """Everything, for a last look: what has its root is taken as settled."""
        settled = [trace_id for trace_id, trace in self._traces.items() if trace.rooted]
        growing = [trace_id for trace_id, trace in self._traces.items() if not trace.rooted]
        return Due(settled, growing)

    def analysed(self, due: Due, *, seen: Position, now: float) -> None:
        """All of `due` is in the store, with everything of it that lies before `seen`."""
        for trace_id in due.settled:
            self._traces.pop(trace_id, None)
            self._settled_at[trace_id] = now
        for trace_id in due.growing:
            trace = self._traces[trace_id]
            trace.looked_at = now
            if now - trace.began_at >= CARRIED_S:
                trace.since, trace.carried = seen, True
        self._settled_at = {t: at for t, at in self._settled_at.items() if now - at < LATE_S}

    def forget(self, trace_ids: Iterable[str]) -> None:
        """Nothing is to be analysed of these any more."""
        for trace_id in trace_ids:
            self._traces.pop(trace_id, None)
            self._settled_at.pop(trace_id, None)

    def open(self) -> set[str]:
        """Traces that may still grow."""
        return set(self._traces)

    def carried(self) -> set[str]:
        """Traces that `oldest` no longer speaks for in full: to be written down before a commit."""
        return {trace_id for trace_id, trace in self._traces.items() if trace.carried}

    def oldest(self) -> Position | None:
        """Where the first range begins that must be read again after a crash, None for nowhere."""
        return min((trace.since for trace in self._traces.values()), default=None)
