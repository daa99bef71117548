"""An exporter that tells the feed what it has stored: the one place where the two meet."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from otel_llmops.storage.feed import Feed
from otel_llmops.storage.seams import Exporter

__all__ = ["announcing"]


def announcing(exporter: Exporter, feed: Feed) -> Exporter:
    """`exporter`, whose sessions are told to `feed` once they are stored."""
    return _Announcing(exporter, feed)


class _Announcing:
    def __init__(self, exporter: Exporter, feed: Feed) -> None:
        self._exporter = exporter
        self._feed = feed
        self.export_spans = exporter.export_spans
        self.export_log_events = exporter.export_log_events
        self.delete_sessions = exporter.delete_sessions
        self.replace_snapshot = exporter.replace_snapshot
        self.session_keys = exporter.session_keys
        self.trace_ids = exporter.trace_ids
        self.wire_spans = exporter.wire_spans
        self.close = exporter.close

    def replace_sessions(self, session_ids: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
        self._exporter.replace_sessions(session_ids, tables)
        self._feed.publish(tables["sessions"]["session_id"].to_pylist(), tables["agent_handoffs"])
