"""REST about code: snapshots in, and snapshots, calls, hotspots, pictures and differences out."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from otel_llmops.api.answering import NotFoundError, Parameters, answered, failure
from otel_llmops.api.documents import plain
from otel_llmops.api.parameters import chain_depth, page
from otel_llmops.errors import DecodeError, LlmopsError, PermanentExport, RetryableExport
from otel_llmops.storage.snapshots import SNAPSHOT_TYPE, snapshot_id_of, snapshot_of_bytes
from otel_llmops.storage.topology import SnapshotKey, TopologyQueries, token_stats
from otel_llmops.storage.topology_answers import TopologySnapshot

__all__ = ["ReplaceSnapshot", "routes"]

ReplaceSnapshot = Callable[[str, Mapping[str, pa.Table]], None]
"""Exporter.replace_snapshot: blocks until durable."""

_BODY_BYTES_MAX = 512 * 2**20
"""A repository of 10,000 files makes some 200 MB."""

_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "frame-ancestors 'none'"
)
"""For the page of views/html.py, whose program stands in it."""


def routes(queries: TopologyQueries, replace_snapshot: ReplaceSnapshot | None) -> list[Route]:
    """The routes below /api/topology, and /api/hotspots."""
    rest = _Topology(queries)
    made = [
        Route("/api/topology", answered(rest.snapshot)),
        Route("/api/topology/snapshots", answered(rest.snapshots)),
        Route("/api/topology/modules", answered(rest.modules)),
        Route("/api/topology/graph", answered(rest.graph)),
        Route("/api/topology/calls", answered(rest.calls)),
        Route("/api/topology/call-chain", answered(rest.call_chain)),
        Route("/api/topology/diff", answered(rest.difference)),
        Route("/api/hotspots", answered(rest.hotspots)),
    ]
    if replace_snapshot is not None:
        storing = _Storing(replace_snapshot)
        made.append(Route("/api/topology", answered(storing.store), methods=["POST"]))
    return made


class _Topology:
    """One method for each route that reads."""

    def __init__(self, queries: TopologyQueries) -> None:
        self._queries = queries

    async def snapshot(self, request: Request) -> object:
        """The newest snapshot, and how the places of spans were laid onto it."""
        found = await self._asked(Parameters(request, {"repository", "commit"}))
        loads = await self._queries.loads(_key(found))
        return plain(found) | {"places": dict(loads.how)}

    async def snapshots(self, request: Request) -> object:
        """All snapshots, newest first."""
        given = Parameters(request, {"repository", "commit", "limit", "offset"})
        limit, offset = given.page()
        rows = await self._queries.snapshots(
            repository=given.text("repository"),
            commit=given.text("commit"),
            limit=limit,
            offset=offset,
        )
        return {"snapshots": rows}

    async def modules(self, request: Request) -> object:
        """A page of a snapshot's modules with all that is known of each."""
        given = Parameters(request, {"repository", "commit", "limit", "offset"})
        limit, offset = given.page()
        found = await self._asked(given)
        key = _key(found)
        modules = await self._queries.modules(found.snapshot_id, limit=limit, offset=offset)
        ids = [module.module_id for module in modules]
        loads = await self._queries.loads(key)
        functions: dict[str, list[Any]] = {each: [] for each in ids}
        for function in await self._queries.functions(key, ids, loads):
            functions[function.module_id].append(_more(function, _AVERAGE))
        imports: dict[str, list[Any]] = {each: [] for each in ids}
        for module_id, dependency in await self._queries.dependencies(key, ids):
            imports[module_id].append(plain(dependency))
        return {
            "modules": [
                plain(module)
                | {
                    "functions": functions[module.module_id],
                    "dependencies": imports[module.module_id],
                    "token_consumption": _more(
                        token_stats(loads, module.module_id), (*_TOTAL, *_AVERAGE)
                    ),
                }
                for module in modules
            ]
        }

    async def graph(self, request: Request) -> object:
        """The newest snapshot as a picture; `format=html` is a page."""
        given = Parameters(request, {"format", "repository"})
        name = given.text("format") or "d3"
        made = await self._queries.module_graph(name, repository=given.text("repository"))
        if name == "html":
            return HTMLResponse(made, headers={"Content-Security-Policy": _PAGE_POLICY})
        return made

    async def calls(self, request: Request) -> object:
        """Call edges, most tokens first."""
        limit, _ = page(Parameters(request, {"limit"}).whole("limit"), None)
        rows = await self._queries.function_calls(limit=limit)
        return {"calls": [_more(row, _AVERAGE) for row in rows]}

    async def call_chain(self, request: Request) -> object:
        """Call edges that lead from a function."""
        given = Parameters(request, {"entry_point", "depth"})
        entry_point = given.needed("entry_point", "package.module.function")
        depth = chain_depth(given.whole("depth"))
        rows = await self._queries.call_chain(entry_point, depth=depth)
        return {"calls": [_more(row, _AVERAGE) for row in rows]}

    async def difference(self, request: Request) -> object:
        """What moved between two commits."""
        given = Parameters(request, {"before", "after"})
        before, after = (given.needed(name, "1f2e3d4c") for name in ("before", "after"))
        return await self._queries.difference(before, after)

    async def hotspots(self, request: Request) -> object:
        """Functions, modules and calls by tokens, with what stands out in each."""
        limit, _ = page(Parameters(request, {"limit"}).whole("limit"), None)
        rows = await self._queries.hotspots(limit=limit)
        return {"hotspots": [_more(row, (*_AVERAGE, "recommendation")) for row in rows]}

    async def _asked(self, given: Parameters) -> TopologySnapshot:
        found = await self._queries.snapshot(
            repository=given.text("repository"), commit=given.text("commit")
        )
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


_TOTAL = ("total_tokens",)
_AVERAGE = ("avg_tokens_per_call",)


def _more(answer: object, names: Iterable[str]) -> dict[str, Any]:
    """An answer as JSON with some of what it reckons."""
    made: dict[str, Any] = plain(answer)
    return made | {name: getattr(answer, name) for name in names}


def _key(found: TopologySnapshot) -> SnapshotKey:
    return found.snapshot_id, found.scanned_at
