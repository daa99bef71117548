"""The document of `analyze` as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from otel_llmops.cli import tables
from otel_llmops.cli.money import known_sum
from otel_llmops.cli.terminal import width

__all__ = ["print_report"]

_Session = Mapping[str, Any]


def print_report(
    sessions: Sequence[_Session], *, handoffs_max: int, console: Console | None = None
) -> None:
    """Print what `engine.capture.report` found, at most `handoffs_max` handoffs."""
    console = console or Console(highlight=False, width=width())
    agents, handoffs = _agents(sessions), _handoffs(sessions)
    console.print(_summary(sessions, agents=len(agents), handoffs=len(handoffs), console=console))
    if not agents:
        console.print(Text("No agent was found in these spans.", style="dim"))
        return
    console.print()
    console.print(tables.agents(agents, console))
    console.print()
    if not handoffs:
        console.print(Text("No handoff was found in these spans.", style="dim"))
        return
    console.print(tables.handoffs(handoffs[:handoffs_max], console))
    if len(handoffs) > handoffs_max:
        left = len(handoffs) - handoffs_max
        console.print(Text(f"and {left:,} more: --json has them all", style="dim"))


def _summary(sessions: Sequence[_Session], *, agents: int, handoffs: int, console: Console) -> Text:
    return tables.summary(
        [
            (len(sessions), "session"),
            (agents, "agent"),
            (handoffs, "handoff"),
            (_sum(sessions, "llm_calls"), "LLM call"),
            (_sum(sessions, "input_tokens") + _sum(sessions, "output_tokens"), "token"),
            (_sum(sessions, "errors"), "error"),
        ],
        console,
        cost_usd=known_sum(session["cost_usd"] for session in sessions),
    )


def _sum(sessions: Sequence[_Session], name: str) -> int:
    return sum(int(session[name]) for session in sessions)


def _agents(sessions: Sequence[_Session]) -> list[tables.AgentRow]:
    """Agents over all sessions; one that never called a model has no tokens."""
    names = dict.fromkeys(name for session in sessions for name in session["agents"])
    spent = [session["tokens_by_agent"] for session in sessions]
    names |= dict.fromkeys(name for by_agent in spent for name in by_agent)
    return [
        tables.AgentRow(
            name=name,
            about="",
            llm_calls=sum(
                int(by_agent[name]["llm_calls"]) for by_agent in spent if name in by_agent
            ),
            input_tokens=sum(
                int(by_agent[name]["input_tokens"]) for by_agent in spent if name in by_agent
            ),
            output_tokens=sum(
                int(by_agent[name]["output_tokens"]) for by_agent in spent if name in by_agent
            ),
            cost_usd=known_sum(
                by_agent[name]["cost_usd"] for by_agent in spent if name in by_agent
            ),
        )
        for name in names
    ]


def _handoffs(sessions: Sequence[_Session]) -> list[tables.HandoffRow]:
    return [
        tables.HandoffRow(
            session=session["session_id"],
            from_agent=handoff["from"],
            to_agent=handoff["to"],
            kind=handoff["kind"],
            quality=handoff["quality"],
            confidence=handoff["confidence"],
            evidence=handoff["evidence"],
        )
        for session in sessions
        for handoff in sorted(session["handoffs"], key=lambda handoff: handoff["order"])
    ]
