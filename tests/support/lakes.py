"""A lake of the first version, as files; `python -m tests.support.lakes` wrote them, once."""

from contextlib import closing
from pathlib import Path

from otel_llmops.exporters.parquet import Parquet
from tests.support.tables import derived, log_events, spans

FIRST_VERSION = Path(__file__).parents[1] / "golden" / "lake" / "first_version"
FIRST_WIRE = b"\x0a\x10\xff"
_TRACE = "a" * 32


def fill_first(store: Parquet) -> None:
    """A span, a log event and a session, with a value of each type."""
    span = {"trace_id": _TRACE, "span_wire": FIRST_WIRE, "attributes": [("key", "🦜")]}
    store.export_spans(spans(span), batch_id="0-16..0-99")
    store.export_log_events(log_events({"trace_id": _TRACE, "body": "hi"}), batch_id="0-16..0-99")
    session = {"session_id": "s"}
    found = derived(
        sessions=[{**session, "cost_usd": 0.1, "final": True}],
        session_keys=[{**session, "key": _TRACE, "kind": "trace"}],
        agent_operations=[{**session, "input_tokens": 7, "latency_bucket": 202}],
        agents=[{**session, "agent": "planner"}],
    )
    store.replace_sessions(["s"], found)


if __name__ == "__main__":
    with closing(Parquet(FIRST_VERSION, compacts=False)) as made:
        fill_first(made)
