"""An engine for which the journal keeps only so much says what it missed, and goes on behind it."""

import threading
from contextlib import closing
from pathlib import Path

from otel_llmops.engine.pipeline import Engine
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.journal import Journal, JournalSettings, Reader
from otel_llmops.otlp import Encoding, Signal
from tests.support.otlp import span, trace_request
from tests.support.serving import until

NAMES = ("export", "export-analysis")
QUOTA_BYTES = 20_000
REQUESTS = 400
TRACE = bytes(15) + b"\1"


def put(journal: Journal, count: int) -> None:
    for number in range(count):
        body = trace_request(span(f"span {number}", trace_id=TRACE))
        journal.append(body, signal=Signal.TRACES, encoding=Encoding.PROTOBUF)


def test_what_left_the_journal_is_written_down_and_the_rest_is_stored(tmp_path: Path) -> None:
    settings = JournalSettings(
        segment_bytes_max=4096, retained_bytes=0, durability="os", budget_bytes=1 << 30
    )
    quotas = dict.fromkeys(NAMES, QUOTA_BYTES)

    def engine() -> Engine:
        spans, analysis = (Reader.open(tmp_path / "journal", name) for name in NAMES)
        made = Engine(
            spans_reader=spans,
            analysis_reader=analysis,
            exporter=store,
            directory=tmp_path / "export",
        )
        made.resume(threading.Event())
        return made

    with (
        closing(ClickHouse.embedded(tmp_path / "store")) as store,
        Journal.open(
            tmp_path / "journal", settings, required_consumers=(), optional_consumers=quotas
        ) as journal,
    ):
        put(journal, 1)
        engine().turn(threading.Event())
        put(journal, REQUESTS)
        until(lambda: journal.stats().deleted_segments > 0)
        late = engine()
        late.turn(threading.Event())
        assert late.figures()["missed_ranges"] == 1
        (note,) = late.missed_notes("there")
        assert note.startswith("there missed what had left the journal")
        assert engine().missed_notes("there") == [note]
        stored = store.wire_spans([TRACE.hex()]).num_rows
        assert 50 < stored < REQUESTS
