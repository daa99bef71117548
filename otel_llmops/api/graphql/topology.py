"""The fields about code: scans, calls, hotspots, pictures."""

from datetime import datetime
from typing import Self

import strawberry
from strawberry.scalars import JSON

from otel_llmops.api.graphql.context import Context, copied, queries_of
from otel_llmops.api.graphql.scalars import Long
from otel_llmops.api.graphql.snapshot import TopologySnapshot
from otel_llmops.api.parameters import chain_depth, page
from otel_llmops.storage import topology_answers as answers

__all__ = ["TopologyQuery"]


@strawberry.type
class FunctionUsage:
    """A function as spans tell it, whether or not its code was scanned."""

    function_name: str
    qualified_name: str
    file_path: str
    total_tokens: Long
    cumulative_tokens: Long
    input_tokens: Long
    output_tokens: Long
    call_count: Long
    llm_calls: Long
    errors: Long
    avg_tokens_per_call: float
    avg_duration_ms: float
    cost_usd: float | None
    agents: list[str]

    @classmethod
    def of(cls, answer: answers.FunctionUsage) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))


@strawberry.type
class Finding:
    """A pattern in what a function spends, and the figures behind the recommendation."""

    pattern: str
    recommendation: str
    figures: JSON


@strawberry.type
class ComponentUsage:
    """A function, module or call that tokens go to; of a call, those of the callee and below."""

    component: str
    kind: str
    total_tokens: Long
    call_count: Long
    avg_tokens_per_call: float
    token_share: float
    recommendation: str | None
    findings: list[Finding]

    @classmethod
    def of(cls, answer: answers.ComponentUsage) -> Self:
        """The type of this answer."""
        found = [
            Finding(
                pattern=each.pattern,
                recommendation=each.recommendation,
                figures=JSON(dict(each.figures)),
            )
            for each in answer.findings
        ]
        return cls(**copied(cls, answer) | {"findings": found})


@strawberry.type
class CallEdge:
    """One function calling another: observed in spans, static in the source, or both."""

    caller: str
    callee: str
    call_count: Long
    avg_duration_ms: float | None
    total_tokens: Long
    avg_tokens_per_call: float
    observed: bool
    static: bool
    found_by: str

    @classmethod
    def of(cls, answer: answers.CallEdge) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))


@strawberry.type
class GraphData:
    """A picture as data."""

    format: str
    data: JSON


async def _topology_snapshot(
    info: Context, repository: str | None = None, commit_hash: str | None = None
) -> TopologySnapshot | None:
    found = await queries_of(info).topology.snapshot(repository=repository, commit=commit_hash)
    return TopologySnapshot.of(found) if found else None


async def _call_chain(
    info: Context,
    entry_point: str,
    depth: int | None = None,
    repository: str | None = None,
    commit_hash: str | None = None,
) -> list[CallEdge]:
    found = await queries_of(info).topology.call_chain(
        entry_point, depth=chain_depth(depth), repository=repository, commit=commit_hash
    )
    return [CallEdge.of(answer) for answer in found]


async def _high_token_functions(
    info: Context,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> list[FunctionUsage]:
    rows, skipped = page(limit, offset)
    found = await queries_of(info).functions(since=since, until=until, limit=rows, offset=skipped)
    return [FunctionUsage.of(answer) for answer in found]


async def _token_hotspots(info: Context, limit: int | None = None) -> list[ComponentUsage]:
    rows, _ = page(limit, None)
    found = await queries_of(info).topology.hotspots(limit=rows)
    return [ComponentUsage.of(answer) for answer in found]


async def _function_calls(
    info: Context,
    limit: int | None = None,
    repository: str | None = None,
    commit_hash: str | None = None,
) -> list[CallEdge]:
    rows, _ = page(limit, None)
    found = await queries_of(info).topology.function_calls(
        limit=rows, repository=repository, commit=commit_hash
    )
    return [CallEdge.of(answer) for answer in found]


async def _module_graph(
    info: Context,
    format: str | None = None,  # noqa: A002 - the contract's name
    repository: str | None = None,
) -> GraphData:
    name = "d3" if format is None else format
    made = await queries_of(info).topology.module_graph(name, repository=repository)
    return GraphData(format=name, data=JSON(made))


@strawberry.type
class TopologyQuery:
    """The fields of Query about code."""

    topology_snapshot: TopologySnapshot | None = strawberry.field(
        resolver=_topology_snapshot,
        description="The newest scan; of a repository (its path or the end of it), of a commit "
        "(its hash or the beginning of it). Null where there is none.",
    )
    call_chain: list[CallEdge] = strawberry.field(
        resolver=_call_chain,
        description="Calls that lead from a function, nearest first, each once; at most 1000, and "
        "5 calls deep unless depth says otherwise; in the newest scan, or as topologySnapshot.",
    )
    high_token_functions: list[FunctionUsage] = strawberry.field(
        resolver=_high_token_functions, description="Functions, most own tokens first."
    )
    token_hotspots: list[ComponentUsage] = strawberry.field(
        resolver=_token_hotspots,
        description="Functions, modules and calls, most tokens first, with what to do about them.",
    )
    function_calls: list[CallEdge] = strawberry.field(
        resolver=_function_calls,
        description="Call edges, most tokens first; those that no span shows come last, as the "
        "newest scan has them, or the one of topologySnapshot.",
    )
    module_graph: GraphData = strawberry.field(
        resolver=_module_graph,
        description="The newest scan as d3 (unless format says otherwise), cytoscape, sankey, "
        "treemap or html.",
    )
