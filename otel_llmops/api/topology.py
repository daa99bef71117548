"""REST about code: snapshots in, and snapshots, calls, hotspots, pictures and differences out."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from otel_llmops.api.answering import NotFoundError, failure
from otel_llmops.api.documents import plain
from otel_llmops.api.operations import (
    LIMIT,
    PAGE,
    Body,
    Operation,
    text,
    whole,
    word_of,
)
from otel_llmops.api.parameters import DEPTH_DEFAULT, chain_depth
from otel_llmops.api.shapes import Shape
from otel_llmops.errors import DecodeError, LlmopsError, PermanentExport, RetryableExport
from otel_llmops.storage.calls import CHAIN_DEPTH_MAX
from otel_llmops.storage.snapshots import SNAPSHOT_TYPE, snapshot_id_of, snapshot_of_bytes
from otel_llmops.storage.topology import SnapshotKey, TopologyQueries, token_stats
from otel_llmops.storage.topology_answers import (
    CallEdge,
    CodeFunction,
    CodeModule,
    ComponentUsage,
    ModuleDependency,
    TokenStats,
    TopologySnapshot,
)
from otel_llmops.views import FORMATS
from otel_llmops.views.html import POLICY

__all__ = ["ReplaceSnapshot", "operations"]

ReplaceSnapshot = Callable[[str, Mapping[str, pa.Table]], None]
"""Exporter.replace_snapshot: blocks until durable."""

_BODY_BYTES_MAX = 512 * 2**20
"""A repository of 10,000 files makes some 200 MB."""

_PAGE_POLICY = f"{POLICY}; frame-ancestors 'none'"

_CHOSEN = (text("repository"), text("commit"))
_OBJECT = {"type": "object"}
_NO_SNAPSHOT = {404: "There is no such snapshot."}
_MODULE = Shape(
    "CodeModule",
    "A module of a snapshot with its metrics, and all that is known of it.",
    CodeModule,
    more={
        "functions": [CodeFunction],
        "dependencies": [ModuleDependency],
        "token_consumption": TokenStats,
    },
)
_SNAPSHOT = Shape(
    "SnapshotDetail",
    "One scan of a repository, and how the places of spans were laid onto it.",
    TopologySnapshot,
    more={"places": dict[str, int]},
)
_CALLS = Shape("Calls", "Call edges.", more={"calls": [CallEdge]})
_SIDE = Shape(
    "CommitSide",
    "What is known of a commit.",
    more={
        "commit": str,
        "snapshot_id": str | None,
        "scanned_at": datetime | None,
        "calls": int,
    },
)
_CHANGE = Shape(
    "TokenChange",
    "Tokens a call of one function, before and after.",
    more={
        "function": str,
        "before_calls": int,
        "after_calls": int,
        "before_tokens_per_call": float | None,
        "after_tokens_per_call": float | None,
        "before_sessions": int,
        "after_sessions": int,
        "before_sessions_effective": float,
        "after_sessions_effective": float,
        "before_variance": float,
        "after_variance": float,
        "before_mean_variance": float | None,
        "after_mean_variance": float | None,
        "difference": float | None,
        "low": float | None,
        "high": float | None,
        "certain": bool,
    },
)
_DIFFERENCE = Shape(
    "Difference",
    "What moved between two commits.",
    more={
        "before": _SIDE,
        "after": _SIDE,
        "structure": (_OBJECT, type(None)),
        "confidence": float,
        "calls_min": int,
        "tokens": [_CHANGE],
    },
)


def operations(
    queries: TopologyQueries, replace_snapshot: ReplaceSnapshot | None
) -> list[Operation]:
    """What is below /api/topology, and /api/hotspots."""
    rest = _Topology(queries)
    made = [*_of_snapshots(rest), *_of_calls(rest)]
    if replace_snapshot is not None:
        made.append(
            Operation(
                "/api/topology",
                "Store the tables of a scan; the same snapshot again takes the place of the first.",
                _Storing(replace_snapshot).store,
                Shape("Stored", "What was stored.", more={"snapshot_id": str}),
                method="POST",
                body=Body(SNAPSHOT_TYPE, {"type": "string", "format": "binary"}),
                status=201,
                refuses={
                    413: "It is too large.",
                    415: f"It is not {SNAPSHOT_TYPE}.",
                    503: "The store is not there for now.",
                },
            )
        )
    return made


def _of_snapshots(rest: "_Topology") -> list[Operation]:
    return [
        Operation(
            "/api/topology",
            "The newest scan, and how the places of spans were laid onto it.",
            rest.snapshot,
            _SNAPSHOT,
            _CHOSEN,
            refuses=_NO_SNAPSHOT,
        ),
        Operation(
            "/api/topology/snapshots",
            "Scans, newest first.",
            rest.snapshots,
            Shape("Snapshots", "A page of scans.", more={"snapshots": [TopologySnapshot]}),
            (*_CHOSEN, *PAGE),
        ),
        Operation(
            "/api/topology/modules",
            "Modules of the newest scan by name, then file, with all that is known of each.",
            rest.modules,
            Shape("Modules", "A page of modules.", more={"modules": [_MODULE]}),
            (*_CHOSEN, *PAGE),
            refuses=_NO_SNAPSHOT,
        ),
        Operation(
            "/api/topology/graph",
            "The newest scan as a picture; html is a page.",
            rest.graph,
            _OBJECT,
            (word_of("format", FORMATS, otherwise="d3"), text("repository")),
            also={"text/html": {"type": "string"}},
        ),
    ]


def _of_calls(rest: "_Topology") -> list[Operation]:
    depth = whole("depth", chain_depth, least=1, most=CHAIN_DEPTH_MAX, otherwise=DEPTH_DEFAULT)
    return [
        Operation(
            "/api/topology/calls",
            "Call edges, most tokens first; those that no span shows come last. As the newest scan "
            "has them, or the one that is chosen.",
            rest.calls,
            _CALLS,
            (*_CHOSEN, LIMIT),
        ),
        Operation(
            "/api/topology/call-chain",
            "Calls that lead from a function, nearest first, each once.",
            rest.call_chain,
            _CALLS,
            (text("entry_point", needed="package.module.function"), depth, *_CHOSEN),
        ),
        Operation(
            "/api/topology/diff",
            "What moved between two commits, in structure and in tokens a call.",
            rest.difference,
            _DIFFERENCE,
            tuple(text(name, needed="1f2e3d4c") for name in ("before", "after")),
            refuses={400: "It is not as this says, or nothing is known of one of the commits."},
        ),
        Operation(
            "/api/hotspots",
            "Functions, modules and calls, most tokens first, with what to do about them.",
            rest.hotspots,
            Shape("Hotspots", "Components.", more={"hotspots": [ComponentUsage]}),
            (LIMIT,),
        ),
    ]


class _Topology:
    """One method for each operation that reads."""

    def __init__(self, queries: TopologyQueries) -> None:
        self._queries = queries

    async def snapshot(self, **chosen: Any) -> object:
        found = await self._asked(**chosen)
        loads = await self._queries.loads(_key(found))
        return plain(found) | {"places": dict(loads.how)}

    async def snapshots(self, **given: Any) -> object:
        return {"snapshots": await self._queries.snapshots(**given)}

    async def modules(self, *, limit: int, offset: int, **chosen: Any) -> object:
        found = await self._asked(**chosen)
        key = _key(found)
        modules = await self._queries.modules(found.snapshot_id, limit=limit, offset=offset)
        ids = [module.module_id for module in modules]
        loads = await self._queries.loads(key)
        functions: dict[str, list[CodeFunction]] = {each: [] for each in ids}
        for function in await self._queries.functions(key, ids, loads):
            functions[function.module_id].append(function)
        imports: dict[str, list[ModuleDependency]] = {each: [] for each in ids}
        for module_id, dependency in await self._queries.dependencies(key, ids):
            imports[module_id].append(dependency)
        return {
            "modules": [
                plain(module)
                | {
                    "functions": plain(functions[module.module_id]),
                    "dependencies": plain(imports[module.module_id]),
                    "token_consumption": plain(token_stats(loads, module.module_id)),
                }
                for module in modules
            ]
        }

    async def graph(self, repository: str | None, **given: Any) -> object:
        name = given["format"]
        made = await self._queries.module_graph(name, repository=repository)
        if name == "html":
            return HTMLResponse(made, headers={"Content-Security-Policy": _PAGE_POLICY})
        return made

    async def calls(self, **given: Any) -> object:
        return {"calls": await self._queries.function_calls(**given)}

    async def call_chain(self, entry_point: str, **given: Any) -> object:
        return {"calls": await self._queries.call_chain(entry_point, **given)}

    async def difference(self, before: str, after: str) -> object:
        return await self._queries.difference(before, after)

    async def hotspots(self, limit: int) -> object:
        return {"hotspots": await self._queries.hotspots(limit=limit)}

    async def _asked(self, **chosen: Any) -> TopologySnapshot:
        found = await self._queries.snapshot(**chosen)
        if found is None:
            raise NotFoundError("there is no such snapshot", hint="otel-llmops scan makes one")
        return found


class _Storing:
    """Takes snapshots."""

    def __init__(self, replace_snapshot: ReplaceSnapshot) -> None:
        self._replace = replace_snapshot

    async def store(self, request: Request) -> Response:
        """Store the tables of a scan; the same snapshot again takes the place of the first."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != SNAPSHOT_TYPE:
            return failure(415, LlmopsError(f"not {kind!r}", hint=f"send {SNAPSHOT_TYPE}"))
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > _BODY_BYTES_MAX:
                limit = f"a snapshot has at most {_BODY_BYTES_MAX >> 20} MiB"
                return failure(413, LlmopsError(limit, hint="scan a part of the repository"))
        try:
            tables = await run_in_threadpool(snapshot_of_bytes, bytes(body))
            snapshot_id = snapshot_id_of(tables)
            await run_in_threadpool(self._replace, snapshot_id, tables)
        except (DecodeError, PermanentExport) as error:
            return failure(400, error)
        except RetryableExport as error:
            return failure(503, error)
        return JSONResponse({"snapshot_id": snapshot_id}, 201)


def _key(found: TopologySnapshot) -> SnapshotKey:
    return found.snapshot_id, found.scanned_at
