"""Example 19: which components of a program burn its tokens, and what to do about it.

    python examples/19_token_consumption_by_component.py [--html FILE]

The support desk beside this file answers 24 tickets under `AgentSpanProcessor`, with a script for a
model. Its spans are analysed here, laid onto what a scan of its code found, and asked:

    analysed 240 spans

    function                 calls  own tokens  a call  with callees  agents
    desk.agents.read           120      67,544     563        67,544  researcher
    desk.agents.classify        24      53,944   2,248        53,944  triage
    desk.agents.draft           24       5,400     225         5,400  writer

    module desk.agents: 100%

    desk.agents.read:
      Its prompt grew in 96 of 96 repeated calls, by 99 tokens a step: it carries its history
      along. Send a summary of it, or only the last turns.

    desk.agents.classify:
      It sends 2,247 tokens for answers of 1 (0.0%): send only what the answer needs, or use a
      smaller model for it.

    calls, by tokens of the callee and below
      desk.agents.research -> desk.agents.read: 67,544 (source and spans)
      desk.agents.handle -> desk.agents.research: 67,544 (source and spans)
      desk.agents.handle -> desk.agents.classify: 53,944 (source and spans)
      desk.agents.handle -> desk.agents.write: 5,400 (source and spans)
      desk.agents.write -> desk.agents.draft: 5,400 (source and spans)
      desk.agents.classify -> desk.model.chat: 0 (source and spans)

With `otel-llmops serve` running, the same comes from `GET /api/hotspots`, `GET /api/functions` and
GraphQL's `tokenHotspots` and `highTokenFunctions`; only the lines up to `analysed` change.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from textwrap import fill, indent

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llmops import AgentSpanProcessor
from otel_llmops.analysis.derive import analyse
from otel_llmops.app.stores import open_store
from otel_llmops.exporters.clickhouse import ClickHouse
from otel_llmops.otlp import Encoding, Request, decode_traces
from otel_llmops.storage.correlator import TokenTopologyCorrelator
from otel_llmops.storage.snapshots import snapshot_id_of
from otel_llmops.storage.topology import TopologyQueries
from otel_llmops.topology.scan import scan

DESK = Path(__file__).parent / "support_desk"
TICKETS = 24


def answered_tickets() -> bytes:
    """Run the desk, as any program runs that uses OpenTelemetry; its spans as OTLP has them."""
    spans = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "support-desk"}))
    provider.add_span_processor(AgentSpanProcessor(project_root=str(DESK)))
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    sys.path.insert(0, str(DESK))
    from desk.agents import handle  # noqa: PLC0415 - it lies beside this file, not installed
    from desk.tickets import inbox  # noqa: PLC0415 - as above

    for ticket in inbox(TICKETS):
        handle(ticket)
    return encode_spans(spans.get_finished_spans()).SerializeToString()


async def report(store: ClickHouse) -> Iterator[str]:
    """Functions by tokens, what stands out, and who calls whom."""
    correlator = TokenTopologyCorrelator(store)
    queries = TopologyQueries(store)
    lines = [
        f"{'function':24}{'calls':>6}{'own tokens':>12}{'a call':>8}{'with callees':>14}  agents"
    ]
    lines += [
        f"{row.qualified_name:24}{row.call_count:>6}{row.total_tokens:>12,}"
        f"{row.avg_tokens_per_call:>8,.0f}{row.cumulative_tokens:>14,}  {', '.join(row.agents)}"
        for row in await correlator.get_high_token_components()
    ]
    hotspots = await correlator.analyze_token_hotspots()
    lines.append("")
    lines += [f"module {each.component}: {each.token_share:.0%}" for each in hotspots.modules]
    for each in hotspots.opportunities:
        lines += ["", f"{each.component}:"]
        lines += [indent(fill(found.recommendation, 88), "  ") for found in each.findings]
    lines += ["", "calls, by tokens of the callee and below"]
    for edge in await queries.function_calls(limit=6):
        seen = "source and spans" if edge.static else "spans alone"
        lines.append(f"  {edge.caller} -> {edge.callee}: {edge.total_tokens:,} ({seen})")
    return iter(lines)


def main() -> None:
    """Answer tickets, analyse the spans, lay them onto the scan, and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--html", type=Path)
    given = parser.parse_args()
    spans = decode_traces([Request(answered_tickets(), Encoding.PROTOBUF)])
    tables, scanned = analyse(spans), scan(DESK).tables
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_store(f"chdb://{folder}/store")) as store,
    ):
        store.replace_sessions(tables["sessions"]["session_id"].to_pylist(), tables)
        store.replace_snapshot(snapshot_id_of(scanned), scanned)
        print(f"analysed {spans.num_rows} spans\n")
        print("\n".join(asyncio.run(report(store))))
        if given.html:
            given.html.write_text(asyncio.run(TopologyQueries(store).module_graph("html")))


if __name__ == "__main__":
    main()
