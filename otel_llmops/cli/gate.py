"""`otel-llmops gate`: fail a build in which tokens a call grew beyond doubt."""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from otel_llmops.cli.commits import commit_of
from otel_llmops.cli.markdown import escaped
from otel_llmops.cli.printing import paper, print_json
from otel_llmops.cli.source import source
from otel_llmops.cli.tables import keep_names, safe, titled
from otel_llmops.errors import ConfigError, LlmopsError, QueryError
from otel_llmops.topology.gate import SESSIONS_LEAST, Judged, Side, judged

__all__ = ["run"]

_GREW = 1
_STDOUT = "-"
_COMMIT_DIGITS = 10
_ROWS_MAX = 50

_STYLES = {"grew": "bold red", "unproven": "yellow", "fine": "green", "undecided": "dim"}
_WORDS = {
    "grew": "grew",
    "unproven": "unproven",
    "fine": "fine",
    "undecided": "too few",
}


def run(arguments: Namespace) -> int:
    """Print the verdict on `arguments.head` against `arguments.base`; 1 where a function grew.

    Raises: QueryError, if nothing can be decided; LlmopsError, if there is nothing that could
            tell; ConfigError, if the summary cannot be written.
    """
    base, head = commit_of(arguments.base), commit_of(arguments.head)
    with source(arguments) as asked:
        found = asked.difference(base, head)
    functions = judged(
        [(row["function"], _side(row, "before"), _side(row, "after")) for row in found["tokens"]],
        increase_max=arguments.max_increase,
        calls_min=arguments.min_calls,
    )
    document = _document(found, functions, arguments)
    if arguments.markdown is not None:
        _write(_markdown(document), arguments.markdown)
    if arguments.json:
        print_json(document)
    elif arguments.markdown != _STDOUT:
        _print(document, paper())
    if not document["decided"]:
        raise QueryError(f"nothing can be decided: {_no_evidence(document)}", hint="docs/ci.md")
    return _GREW if document["grew"] else 0


_SPREAD = ("variance", "sessions_effective", "mean_variance")


def _side(row: Mapping[str, Any], name: str) -> Side:
    try:
        spread = [row[f"{name}_{each}"] for each in _SPREAD]
    except KeyError as error:
        raise LlmopsError(
            "the API is of an earlier version", hint="upgrade the serve that is asked"
        ) from error
    return Side(row[f"{name}_calls"], row[f"{name}_tokens_per_call"] or 0.0, *spread)


def _document(
    found: Mapping[str, Any], functions: Sequence[Judged], arguments: Namespace
) -> dict[str, Any]:
    """What --json prints; shares are of the tokens a call before."""
    verdicts = [each.verdict for each in functions]
    return {
        "base": found["before"]["commit"],
        "head": found["after"]["commit"],
        "base_calls": found["before"]["calls"],
        "head_calls": found["after"]["calls"],
        "max_increase": arguments.max_increase,
        "min_calls": arguments.min_calls,
        "confidence": found["confidence"],
        "decided": len(verdicts) - verdicts.count("undecided"),
        "grew": verdicts.count("grew"),
        "functions": [asdict(each) for each in functions],
    }


def _no_evidence(document: Mapping[str, Any]) -> str:
    for name in ("base", "head"):
        if not document[f"{name}_calls"]:
            commit = document[name][:_COMMIT_DIGITS]
            return f"no span of {commit} ({name}) spent tokens"
    calls = document["min_calls"]
    return f"no function has {calls} calls in {SESSIONS_LEAST} sessions under both commits"


def _verdict(document: Mapping[str, Any]) -> str:
    """The whole in one sentence."""
    decided, grew = document["decided"], document["grew"]
    if not decided:
        return f"Undecided: {_no_evidence(document)}."
    of = f"{decided:,} function{'' if decided == 1 else 's'}"
    most = f"more than {_percent(document['max_increase'])}"
    if not grew:
        return f"Passed: of {of}, none spends {most} more tokens a call beyond doubt."
    verb = "spends" if grew == 1 else "spend"
    return f"Failed: of {of}, {grew:,} {verb} {most} more tokens a call, beyond doubt."


def _explained(document: Mapping[str, Any]) -> str:
    return (
        f"At least: the lower bound of the increase; all {document['decided']:,} hold at once with "
        f"{document['confidence']:.0%} confidence. Decided with {document['min_calls']} or more "
        f"calls, in {SESSIONS_LEAST} or more sessions, under each commit."
    )


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"


def _signed(share: float | None) -> str:
    return "" if share is None else f"{share:+.1%}"


def _print(document: Mapping[str, Any], console: Console) -> None:
    arrow = " -> " if console.options.ascii_only else " → "
    line = safe(document["base"][:_COMMIT_DIGITS], "bold cyan").append(arrow, style="not bold dim")
    console.print(line.append_text(safe(document["head"][:_COMMIT_DIGITS], "bold cyan")))
    console.print()
    if document["functions"]:
        _table(document, console)
        if document["decided"]:
            console.print(Text(_explained(document), style="dim"))
        console.print()
    style = "bold red" if document["grew"] else "bold green" if document["decided"] else "yellow"
    console.print(Text(_verdict(document), style=style))


def _table(document: Mapping[str, Any], console: Console) -> None:
    rows = document["functions"][:_ROWS_MAX]
    table = titled("Own tokens a call")
    table.add_column("function", overflow="fold")
    for name in ("n", "before", "n", "after", "more", "at least"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in rows:
        style = _STYLES[row["verdict"]]
        table.add_row(
            safe(row["function"], "bold"),
            *(cell for side in ("before", "after") for cell in _cells(row[side])),
            Text(_signed(row["increase"])),
            Text(_signed(row["low"]), style=style),
            Text(_WORDS[row["verdict"]], style=style),
        )
    keep_names(table, table.columns[0], console)
    console.print(table)
    left = len(document["functions"]) - len(rows)
    if left:
        console.print(Text(f"and {left:,} more: --json has them all", style="dim"))


def _cells(side: Mapping[str, Any]) -> tuple[Text, Text]:
    mean = f"{side['mean']:,.1f}" if side["calls"] else ""
    return Text(f"{side['calls']:,}", style="dim"), Text(mean)


def _markdown(document: Mapping[str, Any]) -> str:
    """The verdict and its table, as a job's summary shows it."""
    mark = "❌" if document["grew"] else "✅" if document["decided"] else "⚠️"
    base, head = (escaped(document[name][:_COMMIT_DIGITS]) for name in ("base", "head"))
    lines = [
        f"### {mark} Tokens a call: {base} → {head}",
        "",
        escaped(_verdict(document)),
        "",
    ]
    rows = document["functions"]
    if rows:
        lines += ["| function | n | before | n | after | more | at least | |",
                  "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"]  # fmt: skip
    for row in rows[:_ROWS_MAX]:
        figures = [cell.plain for side in ("before", "after") for cell in _cells(row[side])]
        word = _WORDS[row["verdict"]]
        cells = [
            escaped(row["function"]),
            *figures,
            _signed(row["increase"]),
            _signed(row["low"]),
            f"**{word}**" if row["verdict"] == "grew" else word,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if len(rows) > _ROWS_MAX:
        lines += ["", f"and {len(rows) - _ROWS_MAX:,} more"]
    if document["decided"]:
        lines += ["", f"n: calls. {_explained(document)}"]
    return "\n".join(lines) + "\n"


def _write(text: str, file: str) -> None:
    if file == _STDOUT:
        sys.stdout.write(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written ({error.strerror})") from error
