"""`otel-llmops usage`: what was spent over time."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from otel_llmops.cli.given import given
from otel_llmops.cli.money import known_sum, usd_column
from otel_llmops.cli.printing import paper, print_json
from otel_llmops.cli.source import source
from otel_llmops.cli.tables import duration, safe, summary, titled

__all__ = ["print_usage", "run"]

_BAR_CELLS = 12
_WITHOUT_TIME = len("2026-11-22")

_Point = Mapping[str, Any]


def run(arguments: Namespace) -> int:
    """Print what was spent over time.

    Raises: LlmopsError, if there is nothing that could tell.
    """
    with source(arguments) as asked:
        points = asked.answer("usage", given(arguments, "since", "until", "buckets"))
    if arguments.json:
        print_json({"usage": points})
    else:
        print_usage(points, paper())
    return 0


def print_usage(points: Sequence[_Point], console: Console) -> None:
    """A line for each step of time; those before the first and after the last are left out."""
    busy = [place for place, point in enumerate(points) if _is_busy(point)]
    if not busy:
        told = "Nothing happened in this time: --since TIME looks further back."
        console.print(Text(told, style="dim"))
        return
    shown = points[busy[0] : busy[-1] + 1]
    cost = known_sum(point["cost_usd"] for point in shown)
    counts = [(sum(point[f"{name}s"] for point in shown), name.replace("llm_", "LLM "))
              for name in ("session", "handoff", "llm_call", "error")]  # fmt: skip
    tokens = [point["input_tokens"] + point["output_tokens"] for point in shown]
    counts.insert(3, (sum(tokens), "token"))
    console.print(summary(counts, console, cost_usd=cost))
    console.print()
    table = titled("Usage (UTC)")
    table.add_column("from", no_wrap=True, style="dim")
    for name in ("sessions", "calls", "tokens"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in ("cost", "p95", "errors"):
        table.add_column(name, justify="right", no_wrap=True)
    costs = usd_column([point["cost_usd"] for point in shown])
    for point, spent, paid in zip(shown, tokens, costs, strict=True):
        table.add_row(
            safe(_moment(point["at"])),
            Text(f"{point['sessions']:,}"),
            Text(f"{point['llm_calls']:,}"),
            Text(f"{spent:,}", style="bold"),
            _bar(spent, max(tokens), console),
            Text(paid if point["cost_usd"] is not None else ""),
            Text(duration(point["latency_ms_p95"])),
            Text(f"{point['errors']:,}", style="red" if point["errors"] else "dim"),
        )
    console.print(table)


def _is_busy(point: _Point) -> bool:
    return any(point[name] for name in ("sessions", "handoffs", "llm_calls", "errors"))


def _moment(at: str) -> str:
    """To the minute, or the second where that is the step."""
    day, clock = at[:_WITHOUT_TIME], at[_WITHOUT_TIME + 1 :].rstrip("Z")
    return f"{day} {clock.removesuffix(':00') if clock.count(':') == 2 else clock}"


def _bar(part: int, most: int, console: Console) -> Text:
    full = "#" if console.options.ascii_only else "━"
    cells = round(part / most * _BAR_CELLS) if most else 0
    return Text((full * max(cells, int(part > 0))).ljust(_BAR_CELLS), style="magenta")
