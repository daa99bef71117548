"""How fast and how heavy the page is, in headless Chromium without a GPU, over a real collector.

    python benchmarks/bench_page.py [OPERATIONS] [--windows WINDOW ...] [--keep DIR]

Fills an embedded store as bench_store.py does, with OPERATIONS (default 1,000,000) in the thirty
days before now, serves it, and opens the first view with a cold cache for several windows of time;
then sends spans, and waits until an open page shows them. Last, a store of 500 agents and 5,000
edges, whose graph is dragged about. Prints milliseconds, and bytes as they were transferred.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, set_span_in_context
from playwright.sync_api import Browser, Page, Playwright, Request, ViewportSize, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.bench_store import DAYS, OPERATIONS_A_SESSION, fill, merges_done
from otel_llmops.exporters.clickhouse import ClickHouse
from tests.support.busy_day import busy_day
from tests.support.serving import Serving, serving, until

WINDOWS = ("24h", "7d", "30d", "all")
ROUNDS = 10
AGENTS = 500
STEPS = 10
"""Handoffs of a session; each leads to another agent, so there are AGENTS * STEPS edges."""
DRAGS = 12
VIEW = ViewportSize(width=1440, height=900)
_CHROMIUM = "chrom"
_FIGURES = "main .tile .figure"
_CHARTS = "main .chart canvas"
_READY = "main [data-ready] .chart canvas"
_FRAMES = """() => {
  window.frames_ms = [];
  let [last, isMoved, draws] = [performance.now(), false, false];
  addEventListener("pointermove", () => { isMoved = true; }, true);
  const frame = (now) => {
    // what moved before this frame is drawn in it, and is over when the next one begins
    if (draws) window.frames_ms.push(now - last);
    [last, draws, isMoved] = [now, isMoved, false];
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""
"""Times of the frames in which the graph moved: others cost nothing, and would hide them."""


def row(name: str, spent: Iterable[float], unit: str = "ms") -> None:
    """One line of the table."""
    found = sorted(spent)
    p95 = found[min(len(found) - 1, round(0.95 * len(found)))]
    print(
        f"| {name}, {unit} | {statistics.median(found):,.0f} | {p95:,.0f} | {len(found)} |",
        flush=True,
    )


def url(running: Serving, view: str) -> str:
    return f"http://127.0.0.1:{running.api_port}/#/{view}"


def cpu_s(process: psutil.Process, name: str = "") -> float:
    """Seconds of CPU of a process and all below it whose names have `name` in them."""
    spent = 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            spent += sum(each.cpu_times()[:2]) if name in each.name() else 0.0
    return spent


class Opening(NamedTuple):
    """One opening of the first view, by a browser that knows nothing yet."""

    figures_ms: float
    """Until what was spent is there in numbers."""
    charts_ms: float
    """Until it is drawn over time."""
    whole_ms: float
    """Until agents, sessions and bottlenecks are as well."""
    answer_ms: float
    """Of the first, what the collector took to answer."""
    collector_ms: float
    browser_ms: float
    """CPU of all processes, which other work on the machine lengthens little."""
    bytes: float


def first_view(browser: Browser, running: Serving, window: str) -> Opening:
    serve, ours = psutil.Process(running.process.pid), psutil.Process()
    before = cpu_s(serve), cpu_s(ours, _CHROMIUM)
    context = browser.new_context(viewport=VIEW)
    page = context.new_page()
    meter = context.new_cdp_session(page)
    meter.send("Network.enable")
    sizes: list[float] = []
    asked: list[float] = []

    def answered(request: Request) -> None:
        if request.url.endswith("/graphql"):
            asked.append(request.timing["responseEnd"] - request.timing["requestStart"])

    meter.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.on("requestfinished", answered)
    page.goto(url(running, f"overview?window={window}"))
    page.wait_for_selector(_FIGURES)
    figures: float = page.evaluate("performance.now()")
    page.wait_for_selector(_CHARTS)
    charts: float = page.evaluate("performance.now()")
    page.wait_for_selector(_READY)
    whole: float = page.evaluate("performance.now()")
    page.wait_for_timeout(100)  # the browser tells of the last bytes a little later
    after = cpu_s(serve), cpu_s(ours, _CHROMIUM)
    context.close()
    collector, chromium = ((now - then) * 1e3 for now, then in zip(after, before, strict=True))
    return Opening(figures, charts, whole, asked[0], collector, chromium, sum(sizes))


def opening(browser: Browser, running: Serving, windows: Sequence[str]) -> None:
    first_view(browser, running, windows[0])
    for window in windows:
        rounds = [first_view(browser, running, window) for _ in range(ROUNDS)]
        row(
            f"first view, window {window}: figures and charts", (each.figures_ms for each in rounds)
        )
        row("with lists", (each.whole_ms for each in rounds))
        row("the answer behind the figures", (each.answer_ms for each in rounds))
        row("CPU of the collector", (each.collector_ms for each in rounds))
        row("CPU of the browser", (each.browser_ms for each in rounds))
        if window == windows[0]:
            row("transferred", (each.bytes for each in rounds), "bytes")


def arrival(browser: Browser, running: Serving) -> None:
    page = browser.new_page(viewport=VIEW)
    page.goto(url(running, "sessions?window=15m"))
    page.wait_for_selector(".live.on")
    spent = []
    fresh = int(time.time())  # a store that is kept knows the tickets of the last run
    for number in range(fresh, fresh + ROUNDS):
        request = next(busy_day(datetime.now(UTC), sessions=1, hours=0.001, first=number))
        begun = time.perf_counter()
        running.post(request, content_type="application/x-protobuf").raise_for_status()
        page.wait_for_selector(f"text=ticket-{number}")
        spent.append((time.perf_counter() - begun) * 1e3)
    page.close()
    row("a span is sent until an open page shows it", spent)


def chains(*, ending: datetime) -> Iterator[bytes]:
    """Requests of AGENTS sessions: agent a hands to a + 1, that to a + 1 + 2, and so on."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    tracer = provider.get_tracer("chains")
    end_ns = int(ending.timestamp() * 1e9)
    for number in range(AGENTS):
        context, opened, agent = Context(), list[Span](), number
        for step in range(STEPS + 1):
            agent += step
            name = f"agent-{agent % AGENTS}"
            span = tracer.start_span(
                f"invoke_agent {name}",
                context,
                attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name},
                start_time=end_ns - 60_000_000_000 + step * 1_000_000,
            )
            context = set_span_in_context(span, context)
            opened.append(span)
        for place, span in enumerate(reversed(opened)):
            span.end(end_ns - 50_000_000_000 + place * 1_000_000)
        yield encode_spans(spans.get_finished_spans()).SerializeToString()
        spans.clear()


def panning(browser: Browser, folder: Path) -> None:
    with serving(folder) as running:
        for request in chains(ending=datetime.now(UTC)):
            running.post(request, content_type="application/x-protobuf").raise_for_status()
        count = "{ coordinationGraph { nodes { agent } edges { fromAgent } } }"
        graph = until(lambda: _whole(running.graphql(count)["coordinationGraph"]), deadline_s=300)
        page = browser.new_page(viewport=VIEW)
        page.goto(url(running, "agents?window=all"))
        page.wait_for_selector(_READY)
        page.wait_for_timeout(1000)  # not of the panning: the page's first painting
        spent = cpu_s(psutil.Process(), _CHROMIUM)
        frames = dragged(page)
        spent = cpu_s(psutil.Process(), _CHROMIUM) - spent
        page.close()
    row(f"a frame, {len(graph['nodes'])} agents, {len(graph['edges'])} edges panned", frames)
    row("CPU of the browser", [spent / len(frames) * 1e3])


def _whole(graph: dict[str, list[object]]) -> dict[str, list[object]] | None:
    return graph if len(graph["edges"]) == AGENTS * STEPS else None


def dragged(page: Page) -> list[float]:
    """ms between frames while the graph is moved to and fro."""
    box = page.locator(".chart canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 30
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(_FRAMES)
    for turn in range(DRAGS):
        page.mouse.move(x + (150 if turn % 2 else -150), y + 60, steps=30)
    frames: list[float] = page.evaluate("window.frames_ms")
    page.mouse.up()
    return frames


def chromium(playwright: Playwright) -> Browser:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        sys.exit("there is no chromium on this machine")
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    return playwright.chromium.launch(executable_path=found, args=arguments)


def filled(folder: Path, operations: int) -> None:
    """The store below `folder`, unless it is there."""
    store = folder / "store"
    if store.exists():
        return
    store.mkdir(parents=True)
    ClickHouse.embedded(store).close()
    first = datetime.now(UTC) - timedelta(days=DAYS)
    fill(store, operations // OPERATIONS_A_SESSION, first=first)
    merges_done(store)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("operations", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--keep", type=Path, help="a folder to fill, or filled today, and to keep")
    parser.add_argument("--windows", nargs="+", choices=WINDOWS, default=WINDOWS)
    arguments = parser.parse_args()
    print(
        f"{arguments.operations} operations; {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory(prefix="bench-page-") as folder, sync_playwright() as started:
        browser = chromium(started)
        data = arguments.keep or Path(folder) / "filled"
        filled(data, arguments.operations)
        print("\n| | p50 | p95 | n |\n| --- | ---: | ---: | ---: |")
        with serving(data) as running:
            opening(browser, running, arguments.windows)
            arrival(browser, running)
        panning(browser, Path(folder) / "graph")
        browser.close()
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
