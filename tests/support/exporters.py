"""A real store that refuses what a test tells it to refuse."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from otel_llmops.errors import RetryableExport
from otel_llmops.storage.seams import Exporter


class Refusing:
    """An Exporter over another one. `refuse` is asked before each write, and may raise.

    It gets the name of the method and the rows. `lost_answers` writes succeed, and say that they
    did not.
    """

    def __init__(
        self,
        real: Exporter,
        refuse: Callable[[str, pa.Table], None] = lambda _name, _rows: None,
        *,
        lost_answers: int = 0,
    ) -> None:
        self.real = real
        self.refuse = refuse
        self.lost_answers = lost_answers
        self.calls: list[str] = []

    def export_spans(self, spans: pa.Table, *, batch_id: str) -> None:
        self._write("export_spans", spans, lambda: self.real.export_spans(spans, batch_id=batch_id))

    def export_log_events(self, events: pa.Table, *, batch_id: str) -> None:
        self._write(
            "export_log_events",
            events,
            lambda: self.real.export_log_events(events, batch_id=batch_id),
        )

    def replace_sessions(self, session_ids: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
        self._write(
            "replace_sessions",
            tables["sessions"],
            lambda: self.real.replace_sessions(session_ids, tables),
        )

    def delete_sessions(
        self, session_ids: Sequence[str], trace_ids: Sequence[str]
    ) -> dict[str, int]:
        self.calls.append("delete_sessions")
        return self.real.delete_sessions(session_ids, trace_ids)

    def replace_snapshot(self, snapshot_id: str, tables: Mapping[str, pa.Table]) -> None:
        self._write(
            "replace_snapshot",
            tables["topology_snapshots"],
            lambda: self.real.replace_snapshot(snapshot_id, tables),
        )

    def _write(self, name: str, rows: pa.Table, write: Callable[[], None]) -> None:
        self.calls.append(name)
        self.refuse(name, rows)
        write()
        if self.lost_answers:
            self.lost_answers -= 1
            raise RetryableExport("the connection broke before the answer came")

    def session_keys(self, keys: Sequence[str]) -> pa.Table:
        return self.real.session_keys(keys)

    def trace_ids(self, session_ids: Sequence[str]) -> list[str]:
        return self.real.trace_ids(session_ids)

    def wire_spans(self, trace_ids: Sequence[str]) -> pa.Table:
        return self.real.wire_spans(trace_ids)

    def close(self) -> None:
        self.real.close()
