"""Make the pages that are tables of what the code and the traces hold.

    python docs/generate.py            all of them, and the README's list
    python docs/generate.py --score    score the traces first (docs/scores.json)
    python docs/generate.py --check    write nothing; status 1 where a page is not what it would be

Sources: the routes of REST (otel_llmops/api), docs/attacks.toml, otel_llmops/cli/arguments.py,
otel_llmops/config.py, otel_llmops/store_url.py, otel_llmops/semconv/ with the docstrings of its
tables, docs/frameworks.toml, tests/traces/gaps.toml, docs/scores.json (benchmarks/score_traces.py).
"""

import argparse
import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from configuration_page import configuration
from markdown_tables import MADE, code, prose, table
from rest_page import api
from security_page import security

from otel_llmops import semconv
from otel_llmops.cli.arguments import parser as command_line
from otel_llmops.semconv import Place

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SCORES = DOCS / "scores.json"

_DIALECTS = f"""# The dialect table

{MADE}

Each instrumentation writes agents, tools and tokens under names of its own. This is all that
otel-llmops knows of them; it is data ([semconv](../otel_llmops/semconv/__init__.py)), and the rules
that read it name no framework. Which frameworks have been tried: [frameworks.md](frameworks.md)."""

_FRAMEWORKS = """# Frameworks and instrumentations

{made}

These are the combinations of which the repository carries [real traces](../tests/traces/README.md),
with the truth beside each. Others that write OpenTelemetry GenAI, OpenInference or Traceloop
attributes are read by the same [table](dialects.md), without a figure to promise.

F1 is over (from, to) pairs of handoffs, over pairs with their kind (transfer, delegation, sequence,
fan out), and over agents' names: 1.000 is without a miss and without a false one. *Exact* counts
scenarios whose totals of input and output tokens, or whose totals of each agent, are the truth's,
among those in whose trace we find any tokens. The figures come from `python docs/generate.py
--score`. Many of the scenarios were chosen because they are hard, or because their trace does not
hold the answer; and the rules were made while looking at most of them, so expect less on others.

- [How each is read](#how-each-is-read)
- [What a trace does not hold](#what-a-trace-does-not-hold)
- [Where our rules fall short](#where-our-rules-fall-short)

## How each is read
{how}

## What a trace does not hold

What happened in the program, and no analysis can find in its trace: choose your instrumentation
with this in mind. Each line was read off the trace that it names, and a test holds it to it.

{missing}

Scenarios whose score suffers from it, and what is off:

{suffering}

## Where our rules fall short

The trace holds the answer, or most of it, and we do not find it yet:

{short}
"""

_CLI = f"""# The command line

{MADE}

Answers come from the `serve` that runs on `--data`, from its store while none runs, from the API at
`--url`, or from captured OTLP (`--file`). `--json` prints one document, the one that REST answers
with; it is ASCII. Tables fit the terminal, and 120 columns where stdout is none (`COLUMNS` says
otherwise).

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | what was read is damaged; of `gate`: tokens a call grew |
| 2 | what was asked for cannot be: a bad argument, no such session, nothing that could tell |
| 130 | Ctrl-C |

What went wrong is one line on stderr, with what to do in brackets."""

_OWNERS = {
    "gen_ai.": "OpenTelemetry GenAI",
    "mcp.": "OpenTelemetry GenAI",
    "code.": "OpenTelemetry",
    "error.": "OpenTelemetry",
    "exception": "OpenTelemetry",
    "vcs.": "OpenTelemetry",
    "openinference.": "OpenInference",
    "llm.usage.": "Traceloop",
    "llm.request.": "Traceloop",
    "llm.response.": "Traceloop",
    "llm.": "OpenInference",
    "embedding.": "OpenInference",
    "input.": "OpenInference",
    "output.": "OpenInference",
    "session.": "OpenTelemetry, OpenInference",
    "graph.": "OpenInference",
    "metadata": "OpenInference, Azure",
    "tool.": "OpenInference",
    "traceloop.": "Traceloop",
    "langgraph.": "Traceloop",
    "langfuse.": "Langfuse",
    "langsmith.": "LangSmith",
    "ai.": "Vercel AI SDK",
    "logfire.": "Logfire",
    "ag2.": "AG2",
    "gcp.": "Google ADK",
    "agent.": "OpenInference",
    "openai.": "OpenTelemetry contrib",
    "llmops.": "otel-llmops",
    "agent_name": "Pydantic AI, Logfire",
    "name": "Logfire",
    "to_agent": "Logfire",
    "group_id": "Logfire",
}
"""Beginning of an attribute's name -> whose it is; the longest that fits."""

_MEANINGS = {
    "operation": "what the span does, in OpenTelemetry's words",
    "agent": "the agent's name",
    "stamped_agent": "the agent for whom the program's own code says that it works",
    "graph_agent": "the agent that a graph's metadata names",
    "graph_node": "the node of a graph that ran",
    "conversation": "the id of the conversation: traces that share it are one session",
    "run": "the id of one piece of work in several traces",
    "called": "the tool for which a model asked",
    "handoff_target": "to whom control goes",
    "handoff_argument": "to whom, as the argument of a handoff tool",
    "handoff_result": "to whom, as the result of a handoff tool",
    "goto": "to which node a graph's node sends control",
    "acting_agent": "the agent that a workflow's step works for",
    "component": "the part of a pipeline that answered",
    "tool_counts": "how often an agent called each of its tools",
    "summed_input_tokens": "an agent's sum, where its calls have no spans",
    "summed_output_tokens": "an agent's sum, where its calls have no spans",
    "input_tokens": "tokens of the prompt, those from a cache included",
    "output_tokens": "tokens of the answer, those of the reasoning included",
}


def documented() -> dict[str, str]:
    """Name of each table in semconv -> its docstring, which stands below the assignment."""
    tables = sorted(Path(semconv.__file__).parent.glob("*.py"))
    tree = ast.parse("".join(path.read_text(encoding="utf-8") for path in tables))
    said: dict[str, str] = {}
    for node, after in zip(tree.body, tree.body[1:], strict=False):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = " ".join(str(after.value.value).split())
            said |= {target.id: text for target in targets if isinstance(target, ast.Name)}
    return said


def owner(attribute: str) -> str:
    fits = [beginning for beginning in _OWNERS if attribute.startswith(beginning)]
    return _OWNERS[max(fits, key=len)] if fits else "of one framework"


def place(where: Place) -> str:
    name = code(where.attribute)
    if where.member:
        name = f"{code(where.member)} in the JSON of {name}"
    if where.pattern:
        name = f"{code(where.pattern)} in {name}"
    return f"{name} of the event {code(where.event)}" if where.event else name


def concepts() -> Iterator[str]:
    for name, places in semconv.CONCEPTS.items():
        meaning = f": {_MEANINGS[name]}" if name in _MEANINGS else ""
        yield from ("", f"### {name.replace('_', ' ')}{meaning}", "")
        yield from (
            f"{number}. {place(where)} ({owner(where.event or where.attribute)})"
            for number, where in enumerate(places, 1)
        )


def kinds() -> Iterator[str]:
    for attribute, dialect, values in semconv.KIND_MARKS:
        yield from ("", f"### {code(attribute)} ({dialect})", "")
        by_kind: dict[str, list[str]] = {}
        for value, kind in values.items():
            by_kind.setdefault(kind, []).append(code(value))
        rows = [(kind, ", ".join(said)) for kind, said in by_kind.items()]
        yield from table(("kind", "values"), rows)


def outranking() -> Iterator[str]:
    rows = [
        (code(attribute), code(value), kind, code(beside) if beside else "")
        for attribute, value, kind, beside in semconv.OUTRANKING_MARKS
    ]
    yield from table(("attribute", "value", "kind", "only beside"), rows)


def messages() -> Iterator[str]:
    for side, tiers in semconv.MESSAGES.items():
        yield f"- {side}: " + "; ".join(", ".join(place(each) for each in tier) for tier in tiers)


def offered() -> Iterator[str]:
    yield ", ".join(place(each) for each in semconv.OFFERED_TOOLS)


def plain(value: object) -> Iterator[str]:
    """Any other table of semconv: a pattern, a set of words, pairs."""
    if isinstance(value, Mapping):
        yield from (f"- {code(key)}: {code(to)}" for key, to in value.items())
    elif isinstance(value, frozenset):
        yield ", ".join(code(word) for word in sorted(value))
    elif isinstance(value, tuple):
        for row in value:
            cells = row if isinstance(row, tuple) else (row,)
            yield "- " + " … ".join(code(cell) for cell in cells if cell != "")
    else:
        yield from ("```text", str(value), "```")


def dialects() -> str:
    said = documented()
    own = {
        "KIND_MARKS": kinds,
        "OUTRANKING_MARKS": outranking,
        "CONCEPTS": concepts,
        "MESSAGES": messages,
        "OFFERED_TOOLS": offered,
    }
    others = [name for name in semconv.__all__ if name in said and name not in own]
    lines = [_DIALECTS]
    for name in (*own, *others):
        title = name.replace("_", " ").capitalize()
        lines += ["", f"## {title}", "", said[name], ""]
        lines += own[name]() if name in own else plain(getattr(semconv, name))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def cli() -> str:
    """Every command with its arguments, as `--help` has them."""
    parser = command_line({"XDG_DATA_HOME": "~/.local/share"})
    [choices] = [each.choices for each in actions(parser) if isinstance(each.choices, dict)]
    lines = [_CLI, "", *(f"- [{name}](#{name})" for name in choices)]
    for name, command in choices.items():
        lines += ["", f"## {name}", "", prose(str(command.description))]
        rows = [arguments(each) for each in actions(command) if each.dest != "help"]
        lines += ["", *table(("argument", ""), rows)]
    return "\n".join(lines) + "\n"


def actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse has no other list of them


def arguments(action: argparse.Action) -> tuple[str, str]:
    shown = str(action.metavar or action.dest.upper())
    names = ", ".join(action.option_strings)
    takes = names if action.nargs == 0 else f"{names} {shown}".strip()
    about = prose((action.help or "") % {"default": action.default})
    return code(takes), f"{about}, required" if names and action.required else about


def known() -> dict[str, Any]:
    return tomllib.loads((DOCS / "frameworks.toml").read_text(encoding="utf-8"))


def scores() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCORES.read_text(encoding="utf-8"))
    return found


def trace(scenario: str) -> str:
    return f"[{scenario.partition('/')[2]}](../tests/traces/{scenario})"


def share(exact: str) -> str:
    return "not told" if exact == "0/0" else exact


def framework(each: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"### {each['name']} ({each['version']})", "")
    how = [(by["name"], by["agents"], by["handoffs"], by["tokens"], by["session"])
           for by in each["by"]]  # fmt: skip
    yield from table(("by", "agents", "handoffs", "tokens", "session id"), how)
    yield ""
    measured = []
    for by in each["by"]:
        got = figures[by["combination"]]
        f1s = " / ".join(got[name] for name in ("pairs", "kinds", "agents"))
        measured.append((by["name"], by["package"], f1s, share(got["tokens"]),
                         share(got["by_agent"])))  # fmt: skip
    head = ("by", "tried with", "F1: pairs / with kind / agents", "tokens exact", "by agent exact")
    yield from table(head, measured)


def missing(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    cells = [
        (row["by"], row["what"], row["evidence"], trace(row["scenario"]), row.get("instead", ""))
        for row in rows
    ]
    yield from table(("instrumentation", "not told", "evidence", "see", "instead"), cells)


def gaps(off: Mapping[str, str], *, held: bool) -> Iterator[str]:
    text = (ROOT / "tests" / "traces" / "gaps.toml").read_text(encoding="utf-8")
    reasons: dict[str, list[str]] = {}
    for name, gap in tomllib.loads(text).items():
        if gap["held"] is held and name in off:
            shown = f"{trace(name)} ({off[name].replace('_', ' ').replace(' ', ', ')})"
            reasons.setdefault(gap["why"], []).append(shown.replace("by, agent", "by agent"))
    yield from (f"- {why}: {', '.join(names)}" for why, names in reasons.items())


def frameworks() -> str:
    what, figures = known(), scores()
    return _FRAMEWORKS.format(
        made=MADE,
        how="\n".join(
            line for each in what["framework"] for line in framework(each, figures["combinations"])
        ),
        missing="\n".join(missing(what["missing"])),
        suffering="\n".join(gaps(figures["off"], held=False)),
        short="\n".join(gaps(figures["off"], held=True)),
    )


def readme() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    what = known()["framework"]
    # a set that keeps its order: variants of one instrumentation are one word here
    shown = [dict.fromkeys(by.get("short", by["name"]) for by in each["by"]) for each in what]
    rows = [(each["name"], ", ".join(names)) for each, names in zip(what, shown, strict=True)]
    made = "\n".join(table(("framework", "spans by"), rows))
    begin, end = "<!-- frameworks -->", "<!-- /frameworks -->"
    head, _, rest = text.partition(begin)
    return f"{head}{begin}\n{made}\n{end}{rest.partition(end)[2]}"


def pages() -> dict[Path, str]:
    return {
        DOCS / "api.md": api(),
        DOCS / "dialects.md": dialects(),
        DOCS / "frameworks.md": frameworks(),
        DOCS / "cli.md": cli(),
        DOCS / "configuration.md": configuration(),
        DOCS / "security.md": security(),
        ROOT / "README.md": readme(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--score", action="store_true", help="score the traces first")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    asked = parser.parse_args()
    if asked.score:
        scorer = ROOT / "benchmarks" / "score_traces.py"
        subprocess.run([sys.executable, scorer, "--json", SCORES], check=True)
    stale = {
        page: text
        for page, text in pages().items()
        if not page.exists() or page.read_text(encoding="utf-8") != text
    }
    for page, text in stale.items():
        if not asked.check:
            page.write_text(text, encoding="utf-8")
        print("stale:" if asked.check else "written:", page.relative_to(ROOT))
    sys.exit(int(asked.check and bool(stale)))


if __name__ == "__main__":
    main()
