"""The arguments of the commands that print one answer, of the report and of the gate."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

from otel_llmops.model.agent_types import AGENT_TYPES
from otel_llmops.model.severity import SEVERITIES
from otel_llmops.topology.gate import CALLS_DEFAULT, CALLS_LEAST

__all__ = ["EXPORT_FORMATS", "add_answer_commands"]

EXPORT_FORMATS = ("d3", "cytoscape", "sankey", "treemap", "html", "json")

_Places = Callable[[ArgumentParser], None]


def add_answer_commands(commands: Any, places: _Places, sources: str) -> None:
    """`report`, `agents`, `handoffs`, `bottlenecks`, `hotspots`, `usage`, `export` and `gate`.

    `places` adds the options that say where answers come from, which `sources` explains.
    """

    def made(name: str, about: str, description: str) -> ArgumentParser:
        command: ArgumentParser = commands.add_parser(
            name, help=about, description=description, epilog=sources
        )
        return command

    for add in (
        _report, _agents, _handoffs, _bottlenecks, _hotspots, _usage, _export, _gate,
    ):  # fmt: skip
        places(add(made))


_Made = Callable[[str, str, str], ArgumentParser]


def _report(made: _Made) -> ArgumentParser:
    command = made(
        "report",
        "one page about a session, in plain words",
        "One page about a session, in plain words: what it was, who handed to whom and how well, "
        "where time and tokens went, what to change.",
    )
    command.add_argument("session", metavar="SESSION", help="a conversation id or a trace id")
    command.add_argument("--markdown", action="store_true", help="as Markdown")
    command.add_argument("--json", action="store_true", help="all that it rests on, as JSON")
    return command


def _agents(made: _Made) -> ArgumentParser:
    command = made(
        "agents",
        "the agents, and what each of them took",
        "The agents with their calls, tokens, cost, latency, handoffs and errors, most tokens "
        "first.",
    )
    about = f"only these ({', '.join(AGENT_TYPES)})"
    command.add_argument("--type", choices=AGENT_TYPES, help=about, metavar="TYPE")
    _window(command)
    _listed(command, limit=50)
    return command


def _handoffs(made: _Made) -> ArgumentParser:
    command = made(
        "handoffs",
        "who handed to whom, how well, and how that is known",
        "Who handed to whom, how well, and how that is known, in their order. Without SESSION: "
        "of all sessions.",
    )
    _session(command)
    command.add_argument("--agent", help="only from or to this agent", metavar="NAME")
    about = "leave out what is worse, from 0 to 1"
    command.add_argument("--min-quality", type=float, help=about, metavar="Q")
    _window(command)
    _listed(command, limit=50)
    return command


def _bottlenecks(made: _Made) -> ArgumentParser:
    command = made(
        "bottlenecks",
        "what holds sessions up, why, and what could be saved",
        "Which agents, with which calls, take the time of a session, why, and what could be saved. "
        "Without SESSION: of all sessions together.",
    )
    _session(command)
    about = f"leave out what is less ({', '.join(SEVERITIES)})"
    command.add_argument("--min-severity", choices=tuple(SEVERITIES), help=about, metavar="LEVEL")
    _window(command)
    _listed(command, limit=10)
    return command


def _hotspots(made: _Made) -> ArgumentParser:
    command = made(
        "hotspots",
        "the functions, modules and calls that tokens go to, and what to do",
        "The functions, modules and calls that tokens go to, and what to do about it where the "
        "figures say so.",
    )
    _listed(command, limit=15)
    return command


def _usage(made: _Made) -> ArgumentParser:
    command = made(
        "usage",
        "what was spent over time",
        "Sessions, calls, tokens and cost over time, by default of the last day.",
    )
    _window(command)
    about = "so many steps of time at about the most (default: %(default)s)"
    command.add_argument("--buckets", type=int, default=24, help=about, metavar="N")
    _json(command)
    return command


def _export(made: _Made) -> ArgumentParser:
    command = made(
        "export",
        "the agents' graph, or the code with its tokens, as a picture's data",
        "The graph of who hands to whom, of SESSION, of a window or of all; or (--of code) the "
        "newest scan with the tokens of all time. sankey is the flow of control between agents, "
        "and of code the flow of tokens from agents through functions to models.",
    )
    about = f"one of {', '.join(EXPORT_FORMATS)}"
    command.add_argument("format", choices=EXPORT_FORMATS, metavar="FORMAT", help=about)
    _session(command)
    about = "agents, or code (default: agents; treemap and html are of code alone)"
    command.add_argument("--of", choices=("agents", "code"), help=about, metavar="WHAT")
    _window(command)
    command.add_argument("--output", type=Path, metavar="FILE", help="write to FILE, not to stdout")
    about = "for the sake of scripts: what is printed is JSON anyway, but for html"
    command.add_argument("--json", action="store_true", help=about)
    return command


def _gate(made: _Made) -> ArgumentParser:
    command = made(
        "gate",
        "fail a build in which tokens a call grew beyond doubt",
        "Compare tokens a call of every function under two commits, as far as spans name theirs. "
        "Exit code 1 where the lower bound of a function's increase is above --max-increase, 0 "
        "where none is, 2 where nothing can be decided. See docs/ci.md.",
    )
    about = "what is compared with: a hash, the beginning of one, or what git here calls it"
    command.add_argument("--base", required=True, metavar="COMMIT", help=about)
    about = "what is judged (default: %(default)s, as git here knows it)"
    command.add_argument("--head", default="HEAD", metavar="COMMIT", help=about)
    about = "what a function may grow by (default: 10%%)"
    command.add_argument(
        "--max-increase", type=_percentage, default=0.1, metavar="PERCENT", help=about
    )
    about = "calls under each commit below which nothing is decided (default: %(default)s)"
    command.add_argument("--min-calls", type=_calls, default=CALLS_DEFAULT, metavar="N", help=about)
    about = "write a summary as Markdown to FILE, as $GITHUB_STEP_SUMMARY; - prints it instead"
    command.add_argument("--markdown", metavar="FILE", help=about)
    _json(command)
    return command


def _percentage(text: str) -> float:
    """`10%` as 0.1; the sign is asked for, since 0.1 might mean either."""
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not text.endswith("%") or not isfinite(share) or share < 0:
        raise ArgumentTypeError(f"{text!r} is no percentage: write it as 10%")
    return share


def _calls(text: str) -> int:
    """Not fewer than the bound can be trusted with."""
    if not text.isdecimal() or int(text) < CALLS_LEAST:
        raise ArgumentTypeError(f"{text!r} is no number of {CALLS_LEAST} or more")
    return int(text)


def _session(command: ArgumentParser) -> None:
    command.add_argument(
        "session", nargs="?", metavar="SESSION", help="a conversation id or a trace id"
    )


def _window(command: ArgumentParser) -> None:
    about = "what began then or later, as 2026-11-22T19:30:00Z"
    command.add_argument("--since", help=about, metavar="TIME")
    command.add_argument("--until", help="what began before then", metavar="TIME")


def _listed(command: ArgumentParser, *, limit: int) -> None:
    about = "so many at the most (default: %(default)s)"
    command.add_argument("--limit", type=int, default=limit, help=about, metavar="N")
    _json(command)


def _json(command: ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print one JSON document")
