"""Which traces grew, since which place in the journal, and which of them are due.

A trace has *settled* when its root has ended and nothing more came for a moment, or when nothing
came for two seconds. A trace that keeps growing is analysed now and then meanwhile, so that its
answers are there, marked as not final.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.journal import Position

__all__ = ["Due", "GrowingTraces"]

QUIET_S = 2.0
"""A trace without a root settles after this long without a span."""
ROOTED_QUIET_S = 0.3
"""A trace whose root has ended settles after this long: its last children are on their way."""
PROVISIONAL_S = 1.0
"""A trace that keeps growing is analysed this often."""


@dataclass(slots=True)
class _Trace:
    since: Position
    grew_at: float
    looked_at: float
    rooted: bool


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
    """Traces with spans that no final analysis has seen."""

    def __init__(self) -> None:
        self._traces: dict[str, _Trace] = {}
        self._recently: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._traces)

    def grew(self, spans: pa.Table, *, since: Position, now: float) -> None:
        """Spans arrived, from a batch that begins at `since`; `now` is a monotonic time, s."""
        trace = spans.column("trace_id").combine_chunks().dictionary_encode()
        is_root = np.asarray(pc.equal(spans.column("parent_span_id"), ""))
        rooted = np.zeros(len(trace.dictionary), dtype=bool)
        rooted[np.asarray(trace.indices)[is_root]] = True
        for trace_id, has_root in zip(trace.dictionary.to_pylist(), rooted.tolist(), strict=True):
            known = self._traces.get(trace_id)
            if known is None:
                # What settled once had its root, or went without: late spans settle sooner.
                late = trace_id in self._recently
                self._traces[trace_id] = _Trace(since, now, now, has_root or late)
            else:
                known.grew_at = now
                known.rooted |= has_root

    def due(self, now: float, *, everything: bool = False) -> Due:
        """What to analyse at `now`; `everything` takes all there is as settled."""
        settled, growing = [], []
        for trace_id, trace in self._traces.items():
            quiet = now - trace.grew_at
            if everything or quiet >= (ROOTED_QUIET_S if trace.rooted else QUIET_S):
                settled.append(trace_id)
            elif now - trace.looked_at >= PROVISIONAL_S:
                growing.append(trace_id)
        return Due(settled, growing)

    def analysed(self, due: Due, *, now: float) -> None:
        """All of `due` is in the store."""
        for trace_id in due.settled:
            self._traces.pop(trace_id, None)
            self._recently[trace_id] = now
        for trace_id in due.growing:
            if trace_id in self._traces:
                self._traces[trace_id].looked_at = now

    def open(self) -> set[str]:
        """Traces that may still grow."""
        return set(self._traces)

    def forget_before(self, then: float) -> set[str]:
        """Forget what settled before `then`; what is still of interest."""
        self._recently = {t: at for t, at in self._recently.items() if at >= then}
        return self.open() | set(self._recently)

    def oldest(self) -> Position | None:
        """Where the first batch begins that no final analysis has seen, None where none is."""
        return min((trace.since for trace in self._traces.values()), default=None)
