"""The coordination graph of a session, of a window of time, or of all: from sums, never from rows.

Strategy: edges come from the sums by (from, to, kind) that a store keeps ready, nodes from the sums
by agent, so a graph over a million operations costs what its edges cost. What is asked of its shape
is worked out when it is asked for (analysis/coordination.py).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx
import sqlalchemy as sa

from otel_llmops.analysis import coordination as shape
from otel_llmops.storage.agents import AgentQueries
from otel_llmops.storage.rows import NS_PER_MS
from otel_llmops.storage.seams import Row, Store
from otel_llmops.storage.summaries import MICRO, NANO_USD, SUMMARIES, live
from otel_llmops.storage.tables import TABLES
from otel_llmops.storage.windows import Window, between, within

__all__ = [
    "CoordinationEdge",
    "CoordinationGraph",
    "CoordinationNode",
    "CoordinationQueries",
]

_EDGES_MAX = 20_000
_NODES_MAX = 5_000
"""More cannot be looked at: the busiest are kept, and the graph says how many are not in it."""
_KINDS = ("transfer", "delegation", "sequence", "fan_out")
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class CoordinationNode:
    """An agent, with its work in the session or window."""

    agent: str
    type: str
    invocations: int
    llm_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    errors: int
    handoffs_in: int
    handoffs_out: int

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class CoordinationEdge:
    """All handoffs from one agent to another.

    `avg_latency_ms` is over the `timed` ones, 0 where there is none; `tokens` and `cost_usd` are
    what was spent in the activations that they led to; `failed` of them did not complete; of
    `judged` ones it is known what the sender had declared, and `outside` were not among it.
    """

    from_agent: str
    to_agent: str
    handoffs: int
    quality: float
    avg_latency_ms: float
    timed: int
    kinds: list[str]
    by_kind: dict[str, int]
    failed: int
    judged: int
    outside: int
    tokens: int
    cost_usd: float | None


@dataclass(frozen=True)
class CoordinationGraph:
    """Agents, most handoffs first, and who hands to whom, most handoffs first.

    `omitted_agents` and `omitted_edges` are too many to be in it.
    """

    session_id: str | None
    nodes: list[CoordinationNode]
    edges: list[CoordinationEdge]
    omitted_agents: int = 0
    omitted_edges: int = 0

    @cached_property
    def digraph(self) -> nx.DiGraph:
        """As NetworkX has it: nodes by name, edges with their number of `handoffs`."""
        return shape.graph(
            (node.agent for node in self.nodes),
            ((edge.from_agent, edge.to_agent, edge.handoffs) for edge in self.edges),
        )

    @property
    def cycles(self) -> list[list[str]]:
        """As analysis.coordination.cycles."""
        return shape.cycles(self.digraph)

    @property
    def ping_pongs(self) -> list[tuple[str, str, int, int]]:
        """As analysis.coordination.ping_pongs."""
        return shape.ping_pongs(self.digraph)

    @property
    def brokers(self) -> list[tuple[str, float]]:
        """As analysis.coordination.brokers."""
        return shape.brokers(self.digraph)

    @property
    def communities(self) -> list[list[str]]:
        """As analysis.coordination.communities."""
        return shape.communities(self.digraph)

    @property
    def entry_agents(self) -> list[str]:
        """As analysis.coordination.entries."""
        return shape.entries(self.digraph)

    @property
    def exit_agents(self) -> list[str]:
        """As analysis.coordination.exits."""
        return shape.exits(self.digraph)

    @property
    def dead_ends(self) -> list[str]:
        """Exit agents to whom at least half of what is handed fails."""
        handed: dict[str, tuple[int, int]] = {}
        for edge in self.edges:
            count, failed = handed.get(edge.to_agent, (0, 0))
            handed[edge.to_agent] = count + edge.handoffs, failed + edge.failed
        return [
            agent for agent in self.exit_agents if handed[agent][1] >= _MOSTLY * handed[agent][0]
        ]

    @property
    def outside_share(self) -> float | None:
        """Of the handoffs whose sender declares to whom it may hand, the share to others."""
        judged = sum(edge.judged for edge in self.edges)
        return sum(edge.outside for edge in self.edges) / judged if judged else None


class CoordinationQueries:
    """Makes a CoordinationGraph from the sums of handoffs and of agents' work."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._agents = AgentQueries(store)

    async def of_session(self, session_id: str, window: Window) -> CoordinationGraph:
        """The graph of the session that is stored under this id."""
        handoffs, operations = (TABLES[name] for name in ("agent_handoffs", "agent_operations"))
        passed = SUMMARIES["by_agents_kind_day"].select("from_agent", "to_agent", "kind")
        work = SUMMARIES["by_agent_hour"].select("agent").where(operations.c.agent != "")
        types, edges, worked = await asyncio.gather(
            self._types(session_id),
            self._store.fetch(_of(passed, handoffs, session_id, window)),
            self._store.fetch(_of(work, operations, session_id, window)),
        )
        by_agent = {row["agent"]: row for row in worked if row["rows"] > 0}
        return _graph(session_id, edges, by_agent, types, whole=window == (None, None))

    async def over(self, window: Window) -> CoordinationGraph:
        """The graph over all sessions in the window; without one, over all time."""
        summary = SUMMARIES["by_agents_kind_day"]
        statement = within(summary, window, ["from_agent", "to_agent", "kind"])
        edges, work, types = await asyncio.gather(
            self._store.fetch(statement), self._agents.work(window), self._newest_types()
        )
        return _graph(None, edges, work, types, whole=window == (None, None))

    async def _newest_types(self) -> dict[str, str]:
        """For each agent what it was last taken for."""
        summary = SUMMARIES["by_profile_hour"]
        keys = summary.key("agent"), summary.key("type")
        newest = sa.func.max(summary.key("end_hour").element)
        statement = (
            sa.select(*keys)
            .where(keys[0] != "")
            .group_by(*keys)
            .having(live(TABLES["agents"]) > 0)
            .order_by(newest, keys[1])
        )
        return {row["agent"]: row["type"] for row in await self._store.fetch(statement)}

    async def _types(self, session_id: str) -> dict[str, str]:
        agents = TABLES["agents"]
        keys = (agents.c.agent, agents.c.type)
        statement = (
            sa.select(*keys)
            .where(agents.c.session_id == session_id)
            .group_by(*keys)
            .having(live(agents) > 0)
        )
        return {row["agent"]: row["type"] for row in await self._store.fetch(statement)}


def _of(
    statement: sa.Select[Any], table: sa.Table, session_id: str, window: Window
) -> sa.Select[Any]:
    bounds = between(table.c.started_at, window)
    return statement.where(table.c.session_id == session_id, *bounds)


def _graph(
    session_id: str | None,
    passed: Iterable[Row],
    work: Mapping[str, Row],
    types: Mapping[str, str],
    *,
    whole: bool,
) -> CoordinationGraph:
    """Nodes are the agents at an end of an edge, those that worked, and if `whole` all known."""
    every = _edges(passed)
    edges = every[:_EDGES_MAX]
    out, into = dict[str, int](), dict[str, int]()
    for edge in every:
        out[edge.from_agent] = out.get(edge.from_agent, 0) + edge.handoffs
        into[edge.to_agent] = into.get(edge.to_agent, 0) + edge.handoffs
    names = {*work, *out, *into, *(types if whole else ())}
    nodes = [
        _node(name, types.get(name, ""), work.get(name, {}), out.get(name, 0), into.get(name, 0))
        for name in names
    ]
    nodes.sort(key=lambda node: (-node.handoffs_in - node.handoffs_out, node.agent))
    kept = {node.agent for node in nodes[:_NODES_MAX]}
    edges = [edge for edge in edges if edge.from_agent in kept and edge.to_agent in kept]
    return CoordinationGraph(
        session_id=session_id,
        nodes=nodes[:_NODES_MAX],
        edges=edges,
        omitted_agents=max(0, len(nodes) - _NODES_MAX),
        omitted_edges=len(every) - len(edges),
    )


def _node(agent: str, type_: str, work: Row, out: int, into: int) -> CoordinationNode:
    return CoordinationNode(
        agent=agent,
        type=type_ or "unknown",
        invocations=work.get("sum_invocations", 0),
        llm_calls=work.get("sum_llm_calls", 0),
        input_tokens=work.get("sum_input_tokens", 0),
        output_tokens=work.get("sum_output_tokens", 0),
        cost_usd=work["nano_usd"] / NANO_USD if work.get("priced", 0) > 0 else None,
        errors=work.get("sum_errors", 0),
        handoffs_in=into,
        handoffs_out=out,
    )


def _edges(passed: Iterable[Row]) -> list[CoordinationEdge]:
    """One edge a pair, most handoffs first, then by names."""
    by_pair: dict[tuple[str, str], list[Row]] = {}
    for row in passed:
        if row["rows"] > 0:
            by_pair.setdefault((row["from_agent"], row["to_agent"]), []).append(row)
    edges = [_edge(pair, rows) for pair, rows in by_pair.items()]
    return sorted(edges, key=lambda edge: (-edge.handoffs, edge.from_agent, edge.to_agent))


def _edge(pair: tuple[str, str], rows: Sequence[Row]) -> CoordinationEdge:
    def total(name: str) -> int:
        return sum(row[name] for row in rows)

    handoffs, timed = total("rows"), total("timed")
    by_kind = {row["kind"]: row["rows"] for row in rows}
    return CoordinationEdge(
        from_agent=pair[0],
        to_agent=pair[1],
        handoffs=handoffs,
        quality=total("micro_quality") / MICRO / handoffs,
        avg_latency_ms=total("sum_latency_ns") / timed / NS_PER_MS if timed else 0.0,
        timed=timed,
        kinds=[kind for kind in _KINDS if kind in by_kind],
        by_kind={kind: by_kind[kind] for kind in _KINDS if kind in by_kind},
        failed=total("failed"),
        judged=total("judged"),
        outside=total("outside"),
        tokens=total("sum_tokens"),
        cost_usd=total("nano_usd") / NANO_USD if total("priced") > 0 else None,
    )
