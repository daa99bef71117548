"""Spans of traces that are being analysed, or were a moment ago.

Strategy: chunks of spans in the bytes that came, and the set of the traces of which every span is
here. What was let go is read back from the store, where every span's own bytes are; so anything
may be let go at any time.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.engine.arrived import Arrived, decoded
from otel_llmops.otlp import Request, decode_traces, encode_traces
from otel_llmops.storage.seams import Exporter

__all__ = ["Recent", "wire_pieces"]

_LOAD_ROWS = 20_000
_LOAD_BYTES = 32 * 2**20
"""Of spans that are decoded at once when they are read back: one message holds at most 2 GiB, and
each step of the way has a copy."""
_ROOMY = 0.25
"""Of the memory, up to which traces stay that were analysed a moment ago and may come again."""
_MOSTLY = 0.75
"""To copy what is left of a chunk takes as much memory again until it is done."""


class Recent:
    """A cache of whole traces over the store. Times are in s, of any one clock."""

    def __init__(self, exporter: Exporter, *, keep_s: float, bytes_max: int) -> None:
        self._exporter = exporter
        self._keep_s = keep_s
        self._bytes_max = bytes_max
        self._chunks: list[_Chunk] = []
        self._whole: set[str] = set()
        self._torn: set[str] = set()
        self._used_at: dict[str, float] = {}

    @property
    def rows(self) -> int:
        """Spans in memory."""
        return sum(chunk.spans.rows for chunk in self._chunks)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(chunk.spans.nbytes for chunk in self._chunks)

    def add(self, spans: Arrived, *, now: float) -> None:
        """Keep spans that are in the store; whether their traces are whole is not known yet."""
        if spans.rows:
            self._chunks.append(_Chunk(spans, now))

    def fill(self, trace_ids: Iterable[str], *, stored: bool, now: float) -> None:
        """Read from the store what is missing of these traces.

        `stored`: they were analysed before, so there may be spans that never were here.
        """
        asked = set(trace_ids)
        missing = asked - self._whole if stored else asked & self._torn
        if missing:
            self._load(sorted(missing), now)
        self._used_at.update(dict.fromkeys(asked, now))

    def mark_whole(self, trace_ids: Iterable[str]) -> None:
        """Every span of these traces is in memory from now on."""
        self._whole.update(trace_ids)

    def spans(self, trace_ids: Collection[str]) -> pa.Table:
        """What is in memory of these traces, SPANS in one piece."""
        wanted = pa.array(sorted(trace_ids), type=pa.string())
        return decoded([(chunk.spans, chunk.spans.chosen(wanted)) for chunk in self._chunks])

    def let_go(self, open_traces: Collection[str], *, now: float) -> None:
        """Forget old chunks but for traces that are open or were used, and all that is too much."""
        open_now = set(open_traces)
        self._torn &= open_now
        self._used_at = {t: at for t, at in self._used_at.items() if now - at < self._keep_s}
        if any(now - chunk.since >= self._keep_s for chunk in self._chunks):
            old = [chunk for chunk in self._chunks if now - chunk.since >= self._keep_s]
            self._reduce(old, open_now | self._used_at.keys(), now)
        if self.nbytes > self._bytes_max * _ROOMY:
            # a trace that is read back now and then costs less than to hold all that might be
            self._used_at = {}
            self._reduce(self._chunks, open_now, now)
        self._shrink()

    def forget(self, trace_ids: Collection[str]) -> None:
        """Let every span of these traces go: the store has none of them any more."""
        gone = pa.array(sorted(trace_ids), type=pa.string())
        self._chunks = [part for chunk in self._chunks for part in chunk.without(gone)]
        self._whole.difference_update(trace_ids)
        self._torn.difference_update(trace_ids)
        for trace_id in trace_ids:
            self._used_at.pop(trace_id, None)

    def _reduce(self, chunks: "list[_Chunk]", kept: set[str], now: float) -> None:
        """Keep of some chunks only these traces; a chunk that is mostly theirs stays as it is."""
        wanted = pa.array(sorted(kept), type=pa.string())
        chunks = [chunk for chunk in chunks if chunk.share(wanted) <= _MOSTLY]
        rest = decoded([(chunk.spans, chunk.spans.chosen(wanted)) for chunk in chunks])
        self._chunks = [chunk for chunk in self._chunks if chunk not in chunks]
        if rest.num_rows:
            self._chunks.insert(0, _Chunk(Arrived(encode_traces(rest), rest), now))
        # of any other trace a part may be gone
        self._whole &= kept

    def _shrink(self) -> None:
        while self._chunks and self.nbytes > self._bytes_max:
            lost = set(self._chunks.pop(0).spans.trace_ids.to_pylist())
            self._torn |= lost
            self._whole -= lost

    def _load(self, trace_ids: Sequence[str], now: float) -> None:
        """Read traces from the store in place of what of them is in memory."""
        wire = self._exporter.wire_spans(trace_ids)
        wanted = pa.array(trace_ids, type=pa.string())
        loaded = [encode_traces(part) for part in wire_pieces(wire)]
        self._chunks = [part for chunk in self._chunks for part in chunk.without(wanted)]
        self._chunks += [
            _Chunk(Arrived(payload, decode_traces([Request(payload)])), now) for payload in loaded
        ]
        self._torn.difference_update(trace_ids)
        self._whole.update(trace_ids)


def wire_pieces(wire: pa.Table) -> Iterator[pa.Table]:
    """`wire` in order, in pieces of at most `_LOAD_ROWS` rows and about `_LOAD_BYTES` bytes."""
    lengths = [np.asarray(pc.binary_length(column)) for column in wire.columns]
    ends = np.cumsum(np.sum(lengths, axis=0), dtype=np.int64)
    start = 0
    while start < wire.num_rows:
        before = ends[start - 1] if start else 0
        fits = int(np.searchsorted(ends, before + _LOAD_BYTES, side="right")) - start
        rows = max(1, min(fits, _LOAD_ROWS))
        yield wire.slice(start, rows)
        start += rows


class _Chunk(NamedTuple):
    """Spans, and since when they are here."""

    spans: Arrived
    since: float

    def share(self, trace_ids: pa.Array) -> float:
        """Which part of the spans is of these traces."""
        return float(np.mean(self.spans.chosen(trace_ids)))

    def without(self, trace_ids: pa.Array) -> "list[_Chunk]":
        """This chunk without these traces: itself, a smaller one or none."""
        chosen = self.spans.chosen(trace_ids)
        if not chosen.any():
            return [self]
        return [] if chosen.all() else [_Chunk(self.spans.only(~chosen), self.since)]
