"""Agents, handoffs and functions as tables that are a pleasure to read.

Strategy: rows are plain dataclasses, so that captured files and the API's answers look the same;
every text goes through `printable` and into a rich Text, never into markup. Names are what one
came for: they are never cut, and broken into lines only where nothing else can give way.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from otel_llmops.cli.money import usd, usd_column
from otel_llmops.cli.terminal import printable

__all__ = [
    "WIDE_ENOUGH",
    "AgentRow",
    "FunctionRow",
    "HandoffRow",
    "agents",
    "duration",
    "functions",
    "handoffs",
    "keep_names",
    "safe",
    "summary",
    "titled",
]

_BAR_CELLS = 6
_SESSION, _SHORT_SESSION = 14, 10
_WORDS = 13
"""Columns that text beside a name keeps at the least: it wraps, and stays readable."""

_NAME = 12
"""Columns that a name has at the least, also where the words beside it become a ladder."""

WIDE_ENOUGH = 96
"""From here on there is room for names, costs and bars."""

_GAP = 2
_GOOD, _FAIR = 0.8, 0.5
"""Qualities from which a handoff is shown green, and yellow; below it is red."""


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent; `about` is its role or type, empty where unknown."""

    name: str
    about: str
    llm_calls: int
    input_tokens: int
    output_tokens: int
    errors: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class HandoffRow:
    """One handoff; `session` is shown where there is more than one."""

    session: str
    from_agent: str
    to_agent: str
    kind: str
    quality: float
    confidence: float
    evidence: Sequence[str]


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function of the user's code; `place` is its file."""

    name: str
    place: str
    llm_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None = None


def summary(
    counts: Sequence[tuple[int, str]], console: Console, *, cost_usd: float | None = None
) -> Text:
    """One line as `3 sessions · 1 agent`; nouns are given in the singular, and take an s.

    The cost stands at the end, where it is known.
    """
    line = Text(no_wrap=False)
    mark = ", " if console.options.ascii_only else " · "
    for place, (count, noun) in enumerate(counts):
        line.append(mark if place else "", style="dim")
        line.append(f"{count:,}", style="bold")
        line.append(f" {noun}{'' if count == 1 else 's'}")
    if cost_usd is not None:
        line.append(mark, style="dim")
        line.append(usd(cost_usd), style="bold")
    return line


def agents(rows: Sequence[AgentRow], console: Console) -> Table:
    """Agents with their tokens and their share of all tokens, most tokens first."""
    rows = sorted(rows, key=lambda row: (-_tokens(row), row.name))
    with_about = any(row.about for row in rows)
    with_errors = any(row.errors for row in rows)
    costs = _costs(rows)
    table = titled("Agents")
    table.add_column("agent", overflow="fold")
    if with_about:
        table.add_column("what", style="dim", overflow="fold")
    for name in ("calls", "input", "output", "tokens"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("share", no_wrap=True)
    if costs:
        table.add_column("cost", justify="right", no_wrap=True)
    if with_errors:
        table.add_column("errors", justify="right", no_wrap=True)
    total = sum(_tokens(row) for row in rows)
    for place, row in enumerate(rows):
        table.add_row(
            safe(row.name, "bold cyan"),
            *([safe(row.about)] if with_about else []),
            Text(f"{row.llm_calls:,}"),
            Text(f"{row.input_tokens:,}"),
            Text(f"{row.output_tokens:,}"),
            Text(f"{_tokens(row):,}", style="bold"),
            _share(_tokens(row), total, console, bar=_has_room_for_bars(costs, console)),
            *(Text(cost) for cost in costs[place : place + 1]),
            *([_errors(row.errors or 0)] if with_errors else []),
        )
    keep_names(table, table.columns[0], console)
    return table


def functions(rows: Sequence[FunctionRow], console: Console) -> Table:
    """Functions of the user's code with the tokens spent in them, most tokens first."""
    rows = sorted(rows, key=lambda row: (-_tokens(row), row.name))
    costs = _costs(rows)
    with_bars = _has_room_for_bars(costs, console)
    table = titled("Tokens by function")
    table.add_column("function", overflow="fold")
    table.add_column("where", style="dim", overflow="fold")
    for name in ("calls", *(["a call"] if with_bars else []), "tokens"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("share", no_wrap=True)
    if costs:
        table.add_column("cost", justify="right", no_wrap=True)
    total = sum(_tokens(row) for row in rows)
    for place, row in enumerate(rows):
        table.add_row(
            safe(row.name, "bold"),
            safe(row.place),
            Text(f"{row.llm_calls:,}"),
            *([Text(f"{_tokens(row) / max(1, row.llm_calls):,.0f}")] if with_bars else []),
            Text(f"{_tokens(row):,}", style="bold"),
            _share(_tokens(row), total, console, bar=with_bars),
            *(Text(cost) for cost in costs[place : place + 1]),
        )
    keep_names(table, table.columns[0], console)
    return table


def handoffs(rows: Sequence[HandoffRow], console: Console) -> Table:
    """Handoffs in the order given, each with what it rests on; a session is named once."""
    with_session = len({row.session for row in rows}) > 1
    table = titled("Handoffs")
    if with_session:
        table.add_column("session", style="dim", max_width=_SESSION, no_wrap=True)
    table.add_column("handoff", overflow="fold")
    table.add_column("kind", no_wrap=True)
    for name in ("quality", "confidence"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("evidence", style="dim", overflow="fold")
    before = ""
    for row in rows:
        if with_session and row.session != before and before:
            table.add_section()
        table.add_row(
            *([safe(row.session if row.session != before else "")] if with_session else []),
            _passed(row, console),
            safe(row.kind.replace("_", " ")),
            Text(f"{row.quality:.2f}", style=_quality_style(row.quality)),
            Text(f"{row.confidence:.2f}"),
            safe(", ".join(row.evidence).replace("_", " ")),
        )
        before = row.session
    *sessions, names, _, _, confidence, _ = table.columns
    if sum(map(_most, table.columns)) + _GAP * (len(table.columns) - 1) > console.width:
        confidence.header = "conf."
        for session in sessions:
            session.max_width = _SHORT_SESSION
    keep_names(table, names, console)
    return table


def keep_names(table: Table, names: Column, console: Console) -> None:
    """Give the column of names all that its longest needs, as far as the others can spare it.

    A width of its own, because rich shrinks the widest column first, whatever its `min_width`.
    """
    others = [_least(column) for column in table.columns if column is not names]
    room = console.width - sum(others) - _GAP * len(others)
    names.width = min(_longest(names), max(_NAME, room))


def _least(column: Column) -> int:
    return _most(column) if column.no_wrap else min(_longest(column), _WORDS)


def _most(column: Column) -> int:
    return min(_longest(column), column.max_width or sys.maxsize)


def _longest(column: Column) -> int:
    texts = [column.header, *column.cells]
    return max(cell_len(text.plain if isinstance(text, Text) else str(text)) for text in texts)


def titled(title: str) -> Table:
    """An empty table as all of ours look."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        header_style="dim",
    )


def _costs(rows: Sequence[AgentRow | FunctionRow]) -> list[str]:
    """What each row cost; empty where nothing is known of any."""
    costs = [row.cost_usd for row in rows]
    return usd_column(costs) if any(cost is not None for cost in costs) else []


def _has_room_for_bars(costs: Sequence[str], console: Console) -> bool:
    return not costs or console.width >= WIDE_ENOUGH


def _passed(row: HandoffRow, console: Console) -> Text:
    passed = safe(row.from_agent, "bold cyan")
    passed.append(" -> " if console.options.ascii_only else " → ", style="not bold dim")
    return passed.append_text(safe(row.to_agent, "bold cyan"))


def _errors(count: int) -> Text:
    return Text(f"{count:,}", style="red" if count else "dim")


def duration(duration_ms: float | None) -> str:
    """`1.2 s`, `340 ms`; `-` where it is not known."""
    if duration_ms is None:
        return "-"
    return f"{duration_ms / 1000:,.1f} s" if duration_ms >= 1000 else f"{duration_ms:.0f} ms"


def safe(text: str, style: str = "") -> Text:
    """What somebody else wrote, so that it cannot steer the terminal."""
    return Text(printable(text), style=style)


def _tokens(row: AgentRow | FunctionRow) -> int:
    return row.input_tokens + row.output_tokens


def _share(part: int, total: int, console: Console, *, bar: bool) -> Text:
    share = part / total if total else 0.0
    if not bar:
        return Text(f"{share:5.0%}")
    full, free = ("#", ".") if console.options.ascii_only else ("━", "─")
    cells = round(share * _BAR_CELLS)
    line = Text(full * cells, style="magenta")
    line.append(free * (_BAR_CELLS - cells), style="dim")
    line.append(f" {share:4.0%}", style="default")
    return line


def _quality_style(quality: float) -> str:
    if quality >= _GOOD:
        return "green"
    return "yellow" if quality >= _FAIR else "red"
