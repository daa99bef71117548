"""What a scan of a repository is asked for: its modules, their functions and imports.

Strategy: what a list would ask for row by row (a module's functions, imports and tokens) is asked
for all rows at once, by loaders that live as long as a request.
"""

from datetime import datetime
from typing import Any, Self

import strawberry
from strawberry.dataloader import DataLoader

from otel_llmops.api.graphql.context import Context, copied, queries_of
from otel_llmops.api.graphql.scalars import Long
from otel_llmops.api.parameters import page
from otel_llmops.storage import topology_answers as answers
from otel_llmops.storage.laying import Loads
from otel_llmops.storage.queries import LIMIT_MAX
from otel_llmops.storage.topology import SnapshotKey, TopologyQueries, token_stats

__all__ = ["TopologySnapshot", "topology_loaders"]

_ModuleKey = tuple[str, datetime, str]
"""Snapshot id, when it was scanned, module id."""

_MODULES_A_BATCH = 1000


@strawberry.type
class TokenStats:
    """What the functions of a module spent."""

    total_tokens: Long
    input_tokens: Long
    output_tokens: Long
    call_count: Long
    avg_tokens_per_call: float
    cost_usd: float | None

    @classmethod
    def of(cls, answer: answers.TokenStats) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))


@strawberry.type
class SourceLines:
    """Lines of a file, the first of which has the number line; cut where there are more."""

    line: int
    text: str
    cut: bool


async def _source(root: strawberry.Parent["CodeFunction"], info: Context) -> SourceLines | None:
    found = await queries_of(info).topology.excerpt(root.snapshot_id, root.function_id)
    return SourceLines(line=found.line, text=found.text, cut=found.cut) if found else None


@strawberry.type
class CodeFunction:
    """A function, method, lambda or module body, and what spans were laid onto it.

    Tokens are its own; cumulativeTokens with those of all that it called.
    """

    snapshot_id: strawberry.Private[str]
    function_id: strawberry.ID
    function_name: str
    qualified_name: str
    kind: str
    file_path: str
    line_start: int
    line_end: int
    is_async: bool
    complexity: float
    cognitive_complexity: float
    decorators: list[str]
    docstring: str
    total_tokens: Long
    cumulative_tokens: Long
    avg_tokens_per_call: float
    call_count: Long

    source: SourceLines | None = strawberry.field(
        resolver=_source,
        description="Its lines, where the repository lies on the server's machine and still has "
        "what was scanned. The store keeps no source.",
    )

    @classmethod
    def of(cls, answer: answers.CodeFunction, snapshot_id: str) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer), snapshot_id=snapshot_id)


@strawberry.type
class ModuleDependency:
    """One module importing another: how, and where in it (scope)."""

    from_module: str
    to_module: str
    import_type: str
    scope: str
    line: int
    is_circular: bool

    @classmethod
    def of(cls, answer: answers.ModuleDependency) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))


async def _functions(
    root: strawberry.Parent["CodeModule"],
    info: Context,
    limit: int | None = None,
    offset: int | None = None,
) -> list[CodeFunction]:
    rows, skipped = page(limit, offset, otherwise=LIMIT_MAX)
    found = await info.context["module_functions"].load((*root.snapshot, root.module_id))
    page_of = found[skipped : skipped + rows]
    return [CodeFunction.of(answer, root.snapshot[0]) for answer in page_of]


async def _dependencies(
    root: strawberry.Parent["CodeModule"],
    info: Context,
    limit: int | None = None,
    offset: int | None = None,
) -> list[ModuleDependency]:
    rows, skipped = page(limit, offset, otherwise=LIMIT_MAX)
    found = await info.context["module_dependencies"].load((*root.snapshot, root.module_id))
    return [ModuleDependency.of(answer) for answer in found[skipped : skipped + rows]]


async def _token_consumption(root: strawberry.Parent["CodeModule"], info: Context) -> TokenStats:
    loads: Loads = await info.context["topology_loads"].load(root.snapshot)
    return TokenStats.of(token_stats(loads, root.module_id))


@strawberry.type
class CodeModule:
    """A module with its metrics: coupling, instability, cohesion, complexity."""

    snapshot: strawberry.Private[SnapshotKey]
    module_id: strawberry.ID
    module_path: str
    module_name: str
    file_path: str
    line_count: int
    complexity_score: float
    afferent_coupling: int
    efferent_coupling: int
    instability: float
    cohesion: float | None

    functions: list[CodeFunction] = strawberry.field(
        resolver=_functions,
        description="In the order of the file; the first 1000 or as limit says.",
    )
    dependencies: list[ModuleDependency] = strawberry.field(
        resolver=_dependencies,
        description="What it imports of this repository, by name; the first 1000 or as limit says.",
    )
    token_consumption: TokenStats = strawberry.field(
        resolver=_token_consumption, description="What its functions spent."
    )

    @classmethod
    def of(cls, answer: answers.CodeModule, snapshot: SnapshotKey) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer), snapshot=snapshot)


async def _modules(
    root: strawberry.Parent["TopologySnapshot"],
    info: Context,
    limit: int | None = None,
    offset: int | None = None,
) -> list[CodeModule]:
    rows, skipped = page(limit, offset)
    found = await queries_of(info).topology.modules(root.snapshot_id, limit=rows, offset=skipped)
    return [CodeModule.of(answer, (root.snapshot_id, root.scanned_at)) for answer in found]


async def _function(
    root: strawberry.Parent["TopologySnapshot"], info: Context, qualified_name: str
) -> CodeFunction | None:
    snapshot = (root.snapshot_id, root.scanned_at)
    loads: Loads = await info.context["topology_loads"].load(snapshot)
    found = await queries_of(info).topology.function(snapshot, qualified_name, loads)
    return CodeFunction.of(found, root.snapshot_id) if found else None


@strawberry.type
class TopologySnapshot:
    """One scan of a repository."""

    snapshot_id: strawberry.ID
    repository_path: str
    commit_hash: str | None
    scanned_at: datetime
    total_modules: int
    total_functions: int
    total_dependencies: int
    circular_dependencies: int
    cycles: list[list[str]]

    modules: list[CodeModule] = strawberry.field(
        resolver=_modules, description="Modules by name, then file."
    )
    function: CodeFunction | None = strawberry.field(
        resolver=_function, description="The function of this name; null where it has none."
    )

    @classmethod
    def of(cls, answer: answers.TopologySnapshot) -> Self:
        """The type of this answer."""
        return cls(**copied(cls, answer))


def topology_loaders(queries: TopologyQueries) -> dict[str, DataLoader[Any, Any]]:
    """The loaders of one request."""

    async def loads(keys: list[SnapshotKey]) -> list[Loads]:
        return [await queries.loads(key) for key in keys]

    every: DataLoader[SnapshotKey, Loads] = DataLoader(loads)

    async def functions(keys: list[_ModuleKey]) -> list[list[answers.CodeFunction]]:
        found: dict[str, list[answers.CodeFunction]] = {}
        for key, ids in _by_snapshot(keys).items():
            for answer in await queries.functions(key, ids, await every.load(key)):
                found.setdefault(answer.module_id, []).append(answer)
        return [found.get(module_id, []) for *_, module_id in keys]

    async def dependencies(keys: list[_ModuleKey]) -> list[list[answers.ModuleDependency]]:
        found: dict[str, list[answers.ModuleDependency]] = {}
        for key, ids in _by_snapshot(keys).items():
            for module_id, answer in await queries.dependencies(key, ids):
                found.setdefault(module_id, []).append(answer)
        return [found.get(module_id, []) for *_, module_id in keys]

    return {
        "topology_loads": every,
        "module_functions": DataLoader(functions, max_batch_size=_MODULES_A_BATCH),
        "module_dependencies": DataLoader(dependencies, max_batch_size=_MODULES_A_BATCH),
    }


def _by_snapshot(keys: list[_ModuleKey]) -> dict[SnapshotKey, list[str]]:
    groups: dict[SnapshotKey, list[str]] = {}
    for snapshot_id, scanned_at, module_id in keys:
        groups.setdefault((snapshot_id, scanned_at), []).append(module_id)
    return groups
