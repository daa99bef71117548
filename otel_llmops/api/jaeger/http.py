"""Jaeger's HTTP API over our store, so that its UI and Grafana's data source read it directly.

Both versions: /api/v3 as current UIs speak it, and the older one, whose searches newer Jaegers no
longer answer but Grafana still asks.

Source: Jaeger's jaegerquery (http_handler, apiv3).
"""

import base64
import binascii
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from otel_llmops.api.jaeger.asked import Asked, asked_v1, asked_v3, number
from otel_llmops.api.jaeger.remote import TRACES_MAX
from otel_llmops.api.jaeger.ui_json import otlp_document, ui_trace
from otel_llmops.errors import QueryError
from otel_llmops.storage.spans import SpanQueries, TraceSummary, WireSpan

__all__ = ["jaeger_routes"]

_LOG = logging.getLogger(__name__)
_HEX = re.compile(r"[0-9a-fA-F]{1,32}", re.ASCII)
_DAY_MS = 86_400_000
_OURS = "this could not be answered; the server's log says why"

_Answer = Callable[[Request], Awaitable[Any]]
_Failure = Callable[[int, str], Response]


class _NoTraceError(Exception):
    """No trace has that id."""


def jaeger_routes(spans: SpanQueries) -> list[Route]:
    """GET /api/services and so on, and /api/v3/..."""
    old, new = _Old(spans), _New(spans)
    answers: dict[str, tuple[_Answer, _Failure]] = {
        "/api/services": (old.services, _envelope),
        "/api/services/{service:path}/operations": (old.names, _envelope),
        "/api/operations": (old.operations, _envelope),
        "/api/traces": (old.traces, _envelope),
        "/api/traces/{trace_id}": (old.trace, _envelope),
        "/api/dependencies": (old.dependencies, _envelope),
        "/api/v3/services": (new.services, _error),
        "/api/v3/operations": (new.operations, _error),
        "/api/v3/traces": (new.traces, _error),
        "/api/v3/traces/{trace_id}": (new.trace, _error),
        "/api/v3/trace-summaries": (new.summaries, _error),
    }
    return [Route(path, _answered(*each)) for path, each in answers.items()]


def _answered(answer: _Answer, failure: _Failure) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await answer(request))
        except QueryError as error:
            return failure(400, str(error))
        except _NoTraceError:
            return failure(404, "trace not found")
        except Exception:  # noqa: BLE001 - the boundary of an api request
            _LOG.exception("jaeger: %s failed", request.scope["path"])
            return failure(500, _OURS)

    return endpoint


def _envelope(status: int, message: str) -> Response:
    errors = [{"code": status, "msg": message}]
    return JSONResponse(_listed(None, errors=errors), status_code=status)


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"httpCode": status, "message": message}}, status_code=status)


def _listed(data: Sequence[Any] | None, *, errors: Any = None) -> dict[str, Any]:
    total = len(data) if data else 0
    return {"data": data, "total": total, "limit": 0, "offset": 0, "errors": errors}


class _Common:
    def __init__(self, spans: SpanQueries) -> None:
        self._spans = spans

    async def _trace(self, trace_id: str) -> Sequence[WireSpan]:
        found = await self._spans.trace(trace_id)
        if not found:
            raise _NoTraceError
        return found

    async def _found(self, asked: Asked) -> list[str]:
        search, limit = asked
        found = await self._spans.find(search, limit=min(limit, TRACES_MAX))
        return [each.trace_id for each in found]


class _Old(_Common):
    """The API that Jaeger's UI spoke before /api/v3."""

    async def services(self, _request: Request) -> Any:
        return _listed(await self._spans.services())

    async def names(self, request: Request) -> Any:
        found = await self._spans.operations(request.path_params["service"])
        return _listed(list(dict.fromkeys(name for name, _ in found)))

    async def operations(self, request: Request) -> Any:
        given = request.query_params
        kind = given.get("spanKind", "").lower()
        found = await self._spans.operations(given.get("service", ""), kind)
        return _listed([{"name": name, "spanKind": kind} for name, kind in found])

    async def traces(self, request: Request) -> Any:
        wanted = [_trace_id(each) for each in request.query_params.getlist("traceID")]
        if not wanted:
            wanted = await self._found(asked_v1(request.query_params))
        found = [(each, await self._spans.trace(each)) for each in wanted[:TRACES_MAX]]
        return _listed([ui_trace(each, spans) for each, spans in found if spans])

    async def trace(self, request: Request) -> Any:
        trace_id = _trace_id(request.path_params["trace_id"])
        return _listed([ui_trace(trace_id, await self._trace(trace_id))])

    async def dependencies(self, request: Request) -> Any:
        given = request.query_params
        until = _moment_ms(number(given, "endTs", 0)) or datetime.now(UTC)
        lookback = timedelta(milliseconds=number(given, "lookback", _DAY_MS))
        found = await self._spans.dependencies(_before(until, lookback), until)
        calls = [
            {"parent": parent, "child": child, "callCount": count}
            for parent, child, count in found
            if given.get("service", "") in {"", parent, child}
        ]
        return _listed(calls)


class _New(_Common):
    """/api/v3."""

    async def services(self, _request: Request) -> Any:
        return {"services": await self._spans.services()}

    async def operations(self, request: Request) -> Any:
        given = request.query_params
        kind = given.get("spanKind", given.get("span_kind", "")).lower()
        found = await self._spans.operations(given.get("service", ""), kind)
        return {"operations": [{"name": n, "spanKind": k or "internal"} for n, k in found]}

    async def traces(self, request: Request) -> Any:
        found = await self._found(asked_v3(request.query_params))
        if not found:
            raise _NoTraceError  # as Jaeger has it, here alone
        return {"result": otlp_document([await self._spans.trace(each) for each in found])}

    async def trace(self, request: Request) -> Any:
        trace_id = _trace_id(request.path_params["trace_id"])
        return {"result": otlp_document([await self._trace(trace_id)])}

    async def summaries(self, request: Request) -> Any:
        found = await self._found(asked_v3(request.query_params))
        return {"summaries": [_summary(each) for each in await self._spans.summaries(found)]}


def _summary(found: TraceSummary) -> dict[str, Any]:
    return {
        "traceId": found.trace_id,
        "rootServiceName": found.root_service,
        "rootOperationName": found.root_operation,
        "minStartTimeUnixNano": str(max(0, found.start_ns)),
        "maxEndTimeUnixNano": str(max(0, found.end_ns)),
        "spanCount": found.spans,
        "errorSpanCount": found.errors,
        "orphanSpanCount": found.orphans,
        "services": [
            {"name": each.name, "spanCount": each.spans, "errorSpanCount": each.errors}
            for each in found.services
        ],
    }


def _trace_id(text: str) -> str:
    """32 hex digits; fewer are filled up, as Jaeger does, and base64 of 16 bytes is taken too."""
    if _HEX.fullmatch(text):
        return text.lower().rjust(32, "0")
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != 16:
        raise QueryError(f"malformed parameter trace_id: {text[:40]!r} is no trace id")
    return found.hex()


def _moment_ms(milliseconds: int) -> datetime | None:
    if not milliseconds:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(milliseconds, 2**42))


def _before(moment: datetime, length: timedelta) -> datetime:
    first = datetime(1970, 1, 1, tzinfo=UTC)
    return moment - min(length, moment - first)
