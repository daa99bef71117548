"""Jaeger's remote storage over gRPC: what a Jaeger reads, it reads from our store.

Strategy: a trace is sent as the bytes that its spans arrived in, nested again, so nothing is lost
on the way. A chunk holds one trace and stays below gRPC's default limit of 4 MiB, unless one span
alone is larger.

Source: jaeger.storage.v2 (proto/); its semantics as Jaeger's own clients and stores have them.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from grpc import aio

from otel_llmops.api.doors import Keys
from otel_llmops.api.jaeger.messages import PACKAGE, message
from otel_llmops.errors import QueryError
from otel_llmops.otlp import nested
from otel_llmops.otlp.attributes import texts_of
from otel_llmops.storage.search import SpanSearch
from otel_llmops.storage.spans import SpanQueries, TraceSummary, WireSpan

__all__ = ["TRACES_MAX", "chunks", "remote_storage"]

_LOG = logging.getLogger(__name__)
_CHUNK_BYTES = 3 * 2**20 + 2**19
_DEPTH_DEFAULT = 100
TRACES_MAX = 1_000
"""Traces that one search gives at the most."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_S = 9_223_372_036
_REQUEST_BYTES_MAX = 2**20


def remote_storage(spans: SpanQueries, keys: Keys) -> Any:
    """A grpc.aio.Server, neither bound nor started, with the three services of the package."""
    server = aio.server(
        interceptors=[_Guard(keys)],
        options=(
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", _REQUEST_BYTES_MAX),
            ("grpc.max_send_message_length", -1),
        ),
    )
    reader = _Reader(spans)
    services = {
        "TraceReader": {
            "GetTraces": _stream(reader.get_traces, "GetTracesRequest", _same),
            "GetServices": _one(reader.get_services, "GetServicesRequest"),
            "GetOperations": _one(reader.get_operations, "GetOperationsRequest"),
            "FindTraces": _stream(reader.find_traces, "FindTracesRequest", _same),
            "FindTraceIDs": _one(reader.find_trace_ids, "FindTraceIDsRequest"),
            "FindTraceSummaries": _stream(
                reader.find_summaries, "FindTraceSummariesRequest", _serialized
            ),
        },
        "DependencyReader": {
            "GetDependencies": _one(reader.get_dependencies, "GetDependenciesRequest")
        },
        "Capabilities": {
            "GetCapabilities": _one(reader.get_capabilities, "GetCapabilitiesRequest")
        },
    }
    for name, methods in services.items():
        handler = grpc.method_handlers_generic_handler(f"{PACKAGE}.{name}", methods)
        server.add_generic_rpc_handlers((handler,))
    return server


def _same(chunk: bytes) -> bytes:
    return chunk


def _serialized(answer: Any) -> bytes:
    found: bytes = answer.SerializeToString()
    return found


def _one(answer: Callable[[Any], Awaitable[Any]], request: str) -> Any:
    async def call(asked: Any, context: Any) -> Any:
        try:
            return await answer(asked)
        except Exception as error:
            raise await context.abort(*_status(error)) from error

    return grpc.unary_unary_rpc_method_handler(call, message(request).FromString, _serialized)


def _stream(
    answer: Callable[[Any], AsyncIterator[Any]], request: str, serialize: Callable[[Any], bytes]
) -> Any:
    async def call(asked: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for chunk in answer(asked):
                yield chunk
        except Exception as error:
            raise await context.abort(*_status(error)) from error

    return grpc.unary_stream_rpc_method_handler(call, message(request).FromString, serialize)


def _status(error: Exception) -> tuple[grpc.StatusCode, str]:
    if isinstance(error, QueryError):
        return grpc.StatusCode.INVALID_ARGUMENT, str(error)
    _LOG.error("jaeger's storage: a call failed", exc_info=error)
    return grpc.StatusCode.INTERNAL, "this could not be answered; the server's log says why"


class _Guard(aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Asks for the tokens of readers."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        given = [each for each in map(_authorization, details.invocation_metadata) if each]
        if self._keys.may(given[0] if len(given) == 1 else None, change=False) == 200:
            return await continuation(details)

        async def refuse(_asked: Any, context: Any) -> None:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a bearer token is needed")

        return grpc.unary_unary_rpc_method_handler(refuse)


def _authorization(metadatum: tuple[str, Any]) -> str:
    """What an Authorization header would say; "" if this is of something else."""
    key, value = metadatum
    # Jaeger passes on the token of whoever asks it under a name of its own (bearertoken/grpc.go)
    return {"authorization": f"{value}", "bearer.token": f"Bearer {value}"}.get(key, "")


class _Reader:
    """One method for each of the package's."""

    def __init__(self, spans: SpanQueries) -> None:
        self._spans = spans

    async def get_traces(self, request: Any) -> AsyncIterator[bytes]:
        for wanted in request.query:
            for chunk in chunks(await self._spans.trace(wanted.trace_id.hex())):
                yield chunk

    async def get_services(self, _request: Any) -> Any:
        return message("GetServicesResponse")(services=await self._spans.services())

    async def get_operations(self, request: Any) -> Any:
        kind = request.span_kind.lower()
        found = await self._spans.operations(request.service, kind)
        return message("GetOperationsResponse")(
            operations=[{"name": name, "span_kind": kind} for name, kind in found]
        )

    async def find_traces(self, request: Any) -> AsyncIterator[bytes]:
        for found in await self._found(request):
            for chunk in chunks(await self._spans.trace(found.trace_id)):
                yield chunk

    async def find_trace_ids(self, request: Any) -> Any:
        return message("FindTraceIDsResponse")(
            trace_ids=[
                {
                    "trace_id": bytes.fromhex(found.trace_id),
                    "start": _split(found.start_ns),
                    "end": _split(found.end_ns),
                }
                for found in await self._found(request)
            ]
        )

    async def find_summaries(self, request: Any) -> AsyncIterator[Any]:
        found = await self._found(request)
        summaries = await self._spans.summaries([each.trace_id for each in found])
        if summaries:
            yield message("FindTraceSummariesResponse")(summaries=map(_summary, summaries))

    async def get_dependencies(self, request: Any) -> Any:
        found = await self._spans.dependencies(
            _moment(request.start_time) or _EPOCH,
            _moment(request.end_time) or datetime.now(UTC),
        )
        return message("GetDependenciesResponse")(
            dependencies=[
                {"parent": parent, "child": child, "call_count": count}
                for parent, child, count in found
            ]
        )

    async def get_capabilities(self, _request: Any) -> Any:
        search = {"without_service_name": True, "same_span_conjunction": True}
        return message("GetCapabilitiesResponse")(search=search)

    async def _found(self, request: Any) -> Sequence[Any]:
        depth = request.query.search_depth
        limit = min(depth if depth > 0 else _DEPTH_DEFAULT, TRACES_MAX)
        return await self._spans.find(_search(request.query), limit=limit)


def chunks(spans: Sequence[WireSpan]) -> Iterable[bytes]:
    """The spans of one trace as TracesData, in pieces that gRPC's default limit lets through."""
    part: list[WireSpan] = []
    size = 0
    for span in spans:
        added = sum(map(len, span))
        if part and size + added > _CHUNK_BYTES:
            yield nested(part)
            part, size = [], 0
        part.append(span)
        size += added
    if part:
        yield nested(part)


def _search(query: Any) -> SpanSearch:
    """Raises: QueryError, where a time or a duration is none."""
    return SpanSearch(
        service=query.service_name,
        operation=query.operation_name,
        attributes=texts_of(query.attributes),
        since=_moment(query.start_time_min),
        until=_moment(query.start_time_max),
        duration_ns_min=_nanoseconds(query.duration_min),
        duration_ns_max=_nanoseconds(query.duration_max),
    )


def _moment(stamp: Any) -> datetime | None:
    """A Timestamp, to the microsecond; the default value is none."""
    if not stamp.seconds and not stamp.nanos:
        return None
    seconds = min(max(stamp.seconds, 0), _LAST_S)
    return _EPOCH + timedelta(seconds=seconds, microseconds=stamp.nanos // 1000)


def _nanoseconds(duration: Any) -> int | None:
    found = int(duration.seconds) * 1_000_000_000 + int(duration.nanos)
    if abs(found) >= 2**63:
        raise QueryError(f"a duration of {duration.seconds} s is no duration")
    return found or None


def _split(nanoseconds: int) -> dict[str, int]:
    return {"seconds": nanoseconds // 1_000_000_000, "nanos": nanoseconds % 1_000_000_000}


def _summary(found: TraceSummary) -> Any:
    return message("TraceSummary")(
        trace_id=bytes.fromhex(found.trace_id),
        root_service_name=found.root_service,
        root_operation_name=found.root_operation,
        min_start_time_unix_nano=max(0, found.start_ns),
        max_end_time_unix_nano=max(0, found.end_ns),
        span_count=found.spans,
        error_span_count=found.errors,
        orphan_span_count=found.orphans,
        services=[
            {"name": each.name, "span_count": each.spans, "error_span_count": each.errors}
            for each in found.services
        ],
    )
