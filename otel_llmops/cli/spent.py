"""A session's tokens as tables: by agent and model, and span by span with the reasons.

Strategy: a reason is a word in the table and a sentence below it, once, for the reasons that
occur; so that the tree of spans fits into 80 columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_llmops.cli.ledger_tree import REPEATS, Entry, Placed, in_tree
from otel_llmops.cli.money import known_sum, usd_column
from otel_llmops.cli.tables import keep_names, safe, summary, titled

__all__ = ["RULES", "print_reasons", "print_sessions", "print_tokens"]

_Document = Mapping[str, Any]

_PARTS = {
    "cache_read_tokens": "cached",
    "cache_write_tokens": "written",
    "reasoning_tokens": "thought",
}
"""Parts of input and output that have a column where any are there."""

RULES = {
    "call": ("call", "a model call: what it reported counts"),
    "call, less the calls nested in it": (
        "around",
        "a model call around other calls: what they reported is not counted again",
    ),
    REPEATS: (
        "repeats",
        "repeats what model calls reported: counts nothing",
    ),
    "roll-up, no calls seen: what it reports beyond roll-ups below": (
        "sums up",
        "no model call of its trace reported: counts what the spans below it do not",
    ),
    "record of spending in calls that nobody shows": (
        "record",
        "a record of what was spent in model calls that nobody shows: counts",
    ),
    "message that tells what its call spent, and nobody shows the call": (
        "message",
        "a message between agents that says what its model call spent: counts once",
    ),
    "message that was counted before, or whose call reports for itself": (
        "told again",
        "a message that was counted before, or whose call reports: counts nothing",
    ),
    "usage record beside its call": (
        "record",
        "a record beside the call that it is about: counts nothing",
    ),
}
"""The ledger's rule -> a word for the table, and what it means."""

_CONFLICT = "!"
_CONFLICT_MEANS = "calls nested in it reported more than it did: one of the two is wrong"
_DIFFERS_MEANS = (
    "so many more (+) or fewer (-) than count at and below it: frameworks leave out what agents "
    "below spent, or add up over an agent's life"
)
_ROWS_MAX = 500
_DEPTH_MAX = 8
_PLACES_MAX = 10


def print_sessions(sessions: Sequence[_Document], console: Console) -> None:
    """Sessions with what they spent, in the order given."""
    shown = titled("Sessions")
    shown.add_column("session", overflow="fold")
    shown.add_column("started", style="dim", no_wrap=True)
    for name in ("calls", "tokens", "cost"):
        shown.add_column(name, justify="right", no_wrap=True)
    costs = usd_column([session["cost_usd"] for session in sessions])
    for session, cost in zip(sessions, costs, strict=True):
        shown.add_row(
            safe(session["session_id"], "bold cyan"),
            safe(_moment(session["started_at"])),
            Text(f"{session['llm_calls']:,}"),
            Text(f"{session['input_tokens'] + session['output_tokens']:,}", style="bold"),
            Text(cost),
        )
    keep_names(shown, shown.columns[0], console)
    console.print(shown)


def print_tokens(session: _Document, console: Console) -> None:
    """What each agent spent on each model, and what of it has no price or no place."""
    uses = session["tokens"]
    console.print(safe(f"Session {session['session_id']}", "bold"))
    console.print(_totals(session, console))
    console.print()
    if uses:
        console.print(_by_model(uses, console))
    for line in _remarks(session, uses):
        console.print(line)


def print_reasons(session: _Document, console: Console) -> None:
    """Each span that reports usage, in order, with what counts of it and why."""
    rows = list(in_tree(session["ledger"]))
    if not rows:
        console.print(Text("No span of this session reported any usage.", style="dim"))
        return
    console.print(_reasons(rows[:_ROWS_MAX], console))
    if len(rows) > _ROWS_MAX:
        console.print(Text(f"and {len(rows) - _ROWS_MAX:,} more: --json has them all", style="dim"))
    console.print()
    legend = Table.grid(padding=(0, 2, 0, 0))
    for word, meaning in _legend(rows):
        legend.add_row(Text(f"  {word}", style="bold"), Text(meaning, style="dim"))
    console.print(legend)
    console.print()
    for line in _residual(session):
        console.print(line)


def _totals(session: _Document, console: Console) -> Text:
    counts = [
        (len(session["agents"]), "agent"),
        (session["llm_calls"], "LLM call"),
        (session["input_tokens"], "input token"),
        (session["output_tokens"], "output token"),
    ]
    return summary(counts, console, cost_usd=session["cost_usd"])


def _by_model(uses: Sequence[_Document], console: Console) -> Table:
    parts = {name: word for name, word in _PARTS.items() if any(use[name] for use in uses)}
    costs = [use["cost_usd"] for use in uses]
    *each_cost, whole_cost = usd_column([*costs, known_sum(costs)])
    shown = titled("Tokens by agent and model")
    shown.add_column("agent", overflow="fold")
    shown.add_column("model", overflow="fold")
    inside, after = ["cache_read_tokens", "cache_write_tokens"], ["reasoning_tokens"]
    names = [
        "llm_calls",
        "input_tokens",
        *(name for name in inside if name in parts),
        "output_tokens",
        *(name for name in after if name in parts),
    ]
    words = {"llm_calls": "calls", "input_tokens": "input", "output_tokens": "output"} | parts
    for name in names:
        style = "dim" if name in parts else ""
        shown.add_column(words[name], justify="right", no_wrap=True, style=style)
    shown.add_column("cost", justify="right", no_wrap=True)
    for use, cost in zip(uses, each_cost, strict=True):
        shown.add_row(
            safe(use["agent"] or "(no agent)", "bold cyan" if use["agent"] else "dim"),
            safe(use["model"] or "(not told)"),
            *(Text(f"{use[name]:,}") for name in names),
            Text(cost),
        )
    if len(uses) > 1:
        shown.add_section()
        total = [Text(f"{sum(use[name] for use in uses):,}") for name in names]
        shown.add_row(Text("all", style="bold"), "", *total, Text(whole_cost))
    keep_names(shown, shown.columns[0], console)
    return shown


def _remarks(session: _Document, uses: Sequence[_Document]) -> Iterator[Text]:
    """What the figures do not say by themselves."""
    parts = [word for name, word in _PARTS.items() if any(use[name] for use in uses)]
    if parts:
        yield Text(f"Parts of input and output: {', '.join(parts)}.", style="dim")
    if session["unpriced_tokens"]:
        models = {use["model"] or "(not told)" for use in uses if use["unpriced_tokens"]}
        yield safe(
            f"No price is known for {session['unpriced_tokens']:,} of these tokens: "
            + ", ".join(sorted(models)),
            "yellow",
        )
    if session["residual_tokens"]:
        yield Text(
            f"{session['residual_tokens']:,} reported tokens have no place: --why says where",
            style="yellow",
        )
    if not session["final"]:
        yield Text("The session may still grow.", style="dim")


def _reasons(rows: Sequence[Placed], console: Console) -> Table:
    shown = titled("Why: each span that reports usage")
    shown.add_column("span", overflow="fold")
    shown.add_column("agent", overflow="fold")
    for name in ("input", "output", "counts"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("why", no_wrap=True)
    trace = rows[0].entry["trace_id"]
    for row in rows:
        entry = row.entry
        if entry["trace_id"] != trace:
            shown.add_section()
            trace = entry["trace_id"]
        counts = entry["own_tokens"]
        shown.add_row(
            safe("  " * min(row.depth, _DEPTH_MAX) + entry["span_name"], "bold" if counts else ""),
            safe(entry["agent"] or "", "cyan"),
            _with_parts(entry, "input", "cache_read", "cache_write"),
            _with_parts(entry, "output", "reasoning"),
            Text(f"{counts:,}", style="bold" if counts else "dim"),
            _why(row),
        )
    keep_names(shown, shown.columns[0], console)
    return shown


def _with_parts(entry: Entry, whole: str, *parts: str) -> Text:
    """`1,200 (400)`: the count, and what of it was cached or thought."""
    count = Text(f"{entry[f'reported_{whole}_tokens']:,}")
    inside = sum(entry[f"reported_{part}_tokens"] for part in parts)
    return count.append(f" ({inside:,})", style="dim") if inside else count


def _why(row: Placed) -> Text:
    word, _ = RULES.get(row.entry["rule"], (row.entry["rule"], ""))
    shown = safe(word)
    if row.differs:
        shown.append(f" {row.differs:+,}", style="yellow")
    if row.entry["conflict"]:
        shown.append(f" {_CONFLICT}", style="red")
    return shown


def _legend(rows: Sequence[Placed]) -> Iterator[tuple[str, str]]:
    told = {row.entry["rule"] for row in rows}
    yield from (known for rule, known in RULES.items() if rule in told)
    if any(row.differs for row in rows):
        yield "+ or -", _DIFFERS_MEANS
    if any(row.entry["conflict"] for row in rows):
        yield _CONFLICT, _CONFLICT_MEANS
    if any(
        row.entry[f"reported_{part}_tokens"]
        for row in rows
        for part in ("cache_read", "cache_write", "reasoning")
    ):
        yield "(n)", "of it read from or written to a cache (input), or spent on reasoning (output)"


def _residual(session: _Document) -> Iterator[Text]:
    """What is left when everything is placed, and where it is if that is not nothing."""
    counted = session["input_tokens"] + session["output_tokens"]
    left = session["residual_tokens"]
    if not left:
        yield Text(f"{counted:,} tokens count, and none is left over: the residual is 0.")
        return
    yield Text(f"{counted:,} tokens count; {left:,} have no place (the residual):", style="yellow")
    places = [entry for entry in session["ledger"] if entry["residual_tokens"]]
    for entry in places[:_PLACES_MAX]:
        silent = entry["rule"] == REPEATS
        how = (
            "more than count below it, where some calls reported nothing: they may have used these"
            if silent
            else "differ between its report and what counts in it"
        )
        yield safe(
            f"  {entry['residual_tokens']:,} at {entry['span_name']} {entry['span_id']}: {how}"
        )
    if len(places) > _PLACES_MAX:
        yield Text(f"  and at {len(places) - _PLACES_MAX:,} more spans", style="dim")


def _moment(started_at: str) -> str:
    return started_at[:19].replace("T", " ")
