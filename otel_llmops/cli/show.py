"""What the API knows, as tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from otel_llmops.cli import tables
from otel_llmops.cli.money import known_sum
from otel_llmops.cli.reader import Reader

__all__ = ["show"]

_Row = Mapping[str, Any]


def show(reader: Reader, sessions: Sequence[_Row], console: Console) -> None:
    """Print agents, handoffs and functions of the `sessions`, which the API has answered with."""
    agents, handoffs = reader.rows("agents"), reader.rows("handoffs")
    console.print(_summary(sessions, agents=len(agents), handoffs=len(handoffs), console=console))
    console.print()
    console.print(tables.agents([_agent(row) for row in agents], console))
    console.print()
    by_session = sorted(handoffs, key=lambda row: (row["session_id"], row["started_at"]))
    console.print(tables.handoffs([_handoff(row) for row in by_session], console))
    console.print()
    functions = [_function(row) for row in reader.rows("functions")]
    console.print(tables.functions(functions, console))
    console.print()


def _summary(sessions: Sequence[_Row], *, agents: int, handoffs: int, console: Console) -> Any:
    tokens = sum(row["input_tokens"] + row["output_tokens"] for row in sessions)
    return tables.summary(
        [
            (len(sessions), "session"),
            (agents, "agent"),
            (handoffs, "handoff"),
            (sum(row["llm_calls"] for row in sessions), "LLM call"),
            (tokens, "token"),
            (sum(row["errors"] for row in sessions), "error"),
        ],
        console,
        cost_usd=known_sum(row["cost_usd"] for row in sessions),
    )


def _agent(row: _Row) -> tables.AgentRow:
    return tables.AgentRow(
        name=row["name"],
        about=row["role"] or row["type"],
        llm_calls=row["llm_calls"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        errors=row["errors"],
        cost_usd=row["cost_usd"],
    )


def _handoff(row: _Row) -> tables.HandoffRow:
    return tables.HandoffRow(
        session=row["session_id"],
        from_agent=row["from_agent"],
        to_agent=row["to_agent"],
        kind=row["kind"],
        quality=row["quality"],
        confidence=row["confidence"],
        evidence=row["evidence"],
    )


def _function(row: _Row) -> tables.FunctionRow:
    return tables.FunctionRow(
        name=row["function"],
        place=Path(row["file"]).name,
        llm_calls=row["llm_calls"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
    )
