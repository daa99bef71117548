"""Spans of traces that are being analysed, or were a moment ago.

Strategy: chunks of SPANS as they were decoded, and a set of the traces of which every span is
here. What was let go is read back from the store, where every span's own bytes are.
"""

from collections.abc import Collection, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.model.schemas import SPANS
from otel_llmops.otlp import Request, decode_traces, encode_traces
from otel_llmops.storage.seams import Exporter

__all__ = ["Recent"]

_CHUNK_ROWS = 100_000


class Recent:
    """A cache of whole traces over the store."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self._chunks: list[pa.Table] = []
        self._whole: set[str] = set()

    @property
    def rows(self) -> int:
        """Spans in memory."""
        return sum(chunk.num_rows for chunk in self._chunks)

    def add(self, spans: pa.Table) -> None:
        """Keep decoded spans; whether their traces are whole is not known yet."""
        if spans.num_rows:
            self._chunks.append(spans)

    def mark_whole(self, trace_ids: Iterable[str]) -> None:
        """Every span of these traces is in memory from now on."""
        self._whole.update(trace_ids)

    def spans(self, trace_ids: Collection[str], *, stored: Collection[str]) -> pa.Table:
        """All spans of these traces.

        `stored` are those of them that were analysed before: unless they are whole in memory,
        they are read from the store, and are whole afterwards.
        """
        missing = sorted(set(stored) - self._whole)
        if missing:
            self._load(missing)
        wanted = pa.array(sorted(trace_ids), type=pa.string())
        parts = [_of(chunk, wanted) for chunk in self._chunks]
        return pa.concat_tables([SPANS.empty_table(), *parts])

    def keep_only(self, trace_ids: Collection[str]) -> None:
        """Let the spans of all other traces go."""
        wanted = pa.array(sorted(trace_ids), type=pa.string())
        kept = pa.concat_tables([SPANS.empty_table(), *(_of(c, wanted) for c in self._chunks)])
        self._chunks = [
            kept.slice(start, _CHUNK_ROWS).combine_chunks()
            for start in range(0, kept.num_rows, _CHUNK_ROWS)
        ]
        self._whole &= set(trace_ids)

    def _load(self, trace_ids: list[str]) -> None:
        """Read traces from the store in place of what of them is in memory."""
        partly = pa.array(trace_ids, type=pa.string())
        wire = self._exporter.wire_spans(trace_ids)
        loaded = decode_traces([Request(encode_traces(wire))])
        rest = [chunk.filter(pc.invert(_is_of(chunk, partly))) for chunk in self._chunks]
        self._chunks = [chunk for chunk in [*rest, loaded] if chunk.num_rows]
        self._whole.update(trace_ids)


def _is_of(chunk: pa.Table, trace_ids: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(chunk.column("trace_id"), value_set=trace_ids)


def _of(chunk: pa.Table, trace_ids: pa.Array) -> pa.Table:
    return chunk.filter(_is_of(chunk, trace_ids))
